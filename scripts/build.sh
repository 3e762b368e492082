#!/usr/bin/env bash
# Builds build/libfpnas.so and build/fpnas, each with its own copy of the Swift runtime inside.
#
# SwiftPM decides what is stale, so a run with nothing to do takes about a second. The release
# build has a scratch folder of its own: it and `swift test` never rebuild each other's modules.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=.build/static
products=$scratch/release
soname=libfpnas.so.0
version=$(scripts/version.sh)
# `--static-swift-stdlib` does nothing for a dynamic library product; -static-stdlib does.
# lld comes with the toolchain; gold would leave names of hidden symbols in the dynamic table.
build=(swift build -c release --scratch-path "$scratch"
    -Xswiftc -static-stdlib -Xswiftc -use-ld=lld)

mkdir -p build

# The version script exports what the header declares and hides all else: Swift's runtime and the
# C shims must not meet those of the host.
{
    echo '{'
    symbols=$(scripts/list_symbols.sh)
    if [[ -n $symbols ]]; then
        echo '    global:'
        sed 's/.*/        &;/' <<<"$symbols"
    fi
    echo '    local: *;'
    echo '};'
} >build/fpnas.map.new
if ! cmp -s build/fpnas.map.new build/fpnas.map; then
    mv build/fpnas.map.new build/fpnas.map
    rm -f $products/libfpnas.so # SwiftPM does not know the map: make it link again.
fi
rm -f build/fpnas.map.new

# Relative relocations take 16 bytes each unless packed, in all near a megabyte; glibc 2.36 (Debian 12)
# reads them. Swift's runtime cannot be unloaded, hence nodelete. A function that is declared and not defined
# passes here and is named by check_symbols.sh.
"${build[@]}" --product fpnas \
    -Xlinker --version-script="$PWD/build/fpnas.map" \
    -Xlinker --undefined-version \
    -Xlinker -soname -Xlinker $soname \
    -Xlinker -z -Xlinker pack-relative-relocs \
    -Xlinker -z -Xlinker nodelete

# Only the library gets those linker flags.
"${build[@]}" --product fpnas-tool

# The unstripped library stays in $products for debuggers.
library=build/libfpnas.so.$version
if [[ ! -e $library || $products/libfpnas.so -nt $library ]]; then
    rm -f build/libfpnas.so*
    strip --strip-unneeded -o "$library" $products/libfpnas.so
fi
ln -sf "libfpnas.so.$version" build/$soname
ln -sf $soname build/libfpnas.so
if [[ ! -e build/fpnas || $products/fpnas-tool -nt build/fpnas ]]; then
    strip -o build/fpnas $products/fpnas-tool
fi
echo "built $library ($(stat -c %s "$library") bytes) and build/fpnas"
