#!/usr/bin/env bash
# install.sh DESTDIR PREFIX: installs the library, header, pkg-config file and tool.
set -euo pipefail
cd "$(dirname "$0")/.."

prefix=$2
root=$1$prefix
version=$(scripts/version.sh)
if [[ $prefix != /* ]]; then
    echo "PREFIX must be an absolute path, got '$prefix'" >&2
    exit 1
fi

install -d "$root/lib/pkgconfig" "$root/include" "$root/bin"
install -m 755 "build/libfpnas.so.$version" "$root/lib/"
cp -P build/libfpnas.so.0 build/libfpnas.so "$root/lib/"
install -m 644 include/fpnas.h "$root/include/"
install -m 755 build/fpnas "$root/bin/"
sed -e "s|@PREFIX@|$prefix|" -e "s|@VERSION@|$version|" fpnas.pc.in \
    >"$root/lib/pkgconfig/fpnas.pc"
chmod 644 "$root/lib/pkgconfig/fpnas.pc"
echo "installed fpnas $version in $root"
# The loader finds new libraries in its default folders only after ldconfig.
if [[ -z $1 && $EUID -eq 0 && $prefix =~ ^/usr(/local)?$ ]]; then ldconfig; fi
