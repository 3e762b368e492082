#!/usr/bin/env bash
# What build/libfpnas.so and build/fpnas need and hold: allowed libraries, no path into a
# toolchain, no Foundation, size, stack.
set -euo pipefail
cd "$(dirname "$0")/.."

largest=$((16 * 1000 * 1000))
allowed='libc.so.6 libm.so.6 libstdc++.so.6 libgcc_s.so.1 libopenblas.so.0 libpng16.so.16
    libz.so.1 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1'

# Mangled names of the module Foundation begin so; FoundationEssentials has another prefix. ICU's
# data comes with FoundationInternationalization.
foundation='/ (\$s10Foundation|\$s30FoundationInternationalization|icudt[0-9])/ && count++ < 3'

failed=0
fail() {
    echo "check_dependencies: $*" >&2
    failed=1
}

check_file() { # check_file FILE UNSTRIPPED
    local file=$1 dynamic name path found
    dynamic=$(readelf -dW "$file")
    for name in $(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$dynamic"); do
        [[ " $(echo $allowed) " == *" $name "* ]] || fail "$file needs $name"
    done
    path=$(sed -n 's/.*(R\(UN\)\{0,1\}PATH).*\[\(.*\)\]/\2/p' <<<"$dynamic")
    [[ -z $path || $path == '$ORIGIN' ]] || fail "$file searches for libraries in $path"
    ! grep -q '(TEXTREL)' <<<"$dynamic" || fail "$file has text relocations"
    grep -q 'GNU_STACK.* RW ' <<<"$(readelf -lW "$file")" || fail "$file has an executable stack"
    found=$(nm "$2" | awk "$foundation")
    [[ -z $found ]] || fail "$file holds Foundation; only FoundationEssentials may be imported: $found"
}

library=build/libfpnas.so
check_file $library .build/static/release/libfpnas.so
check_file build/fpnas .build/static/release/fpnas-tool

dynamic=$(readelf -dW $library)
grep -q '(SONAME).*\[libfpnas\.so\.0\]' <<<"$dynamic" || fail "$library lacks its SONAME"
grep -q 'FLAGS_1.*NODELETE' <<<"$dynamic" || fail "$library can be unloaded"
size=$(stat -Lc %s $library)
((size < largest)) || fail "$library has $size bytes, at most $largest allowed"
glibc=$(readelf -VW $library | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)
glibcxx=$(readelf -VW $library | grep -oE 'GLIBCXX_[0-9.]+' | sort -uV | tail -n 1)

((failed == 0)) || exit 1
echo "check_dependencies: ok, $size bytes, needs $glibc and $glibcxx"
