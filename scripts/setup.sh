#!/usr/bin/env bash
# setup.sh [test]: installs what building (and testing) needs and this machine lacks.
#
# Debian and Ubuntu only; elsewhere it names what is missing. Swift itself is never installed.
set -euo pipefail

least_swift=6.2
if ! command -v swift >/dev/null; then
    echo "setup: no 'swift' on the PATH: install Swift $least_swift or newer from swift.org" >&2
    exit 1
fi
swift_version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*[0-9]\).*/\1/p')
oldest=$(printf '%s\n' "$least_swift" "${swift_version:-0}" | sort -V | head -n 1)
if [[ $oldest != "$least_swift" ]]; then
    echo "setup: Swift ${swift_version:-of unknown version} found, $least_swift or newer needed" >&2
    exit 1
fi

missing=()
need() { # need PACKAGE PROBE...: notes the package if the probe fails
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}
need make command -v make
need gcc command -v cc
need binutils command -v strip
need perl command -v perl
need pkg-config command -v pkg-config
need libopenblas-dev pkg-config --exists openblas
need libpng-dev pkg-config --exists libpng
need zlib1g-dev pkg-config --exists zlib
if [[ ${1:-} == test ]]; then
    need g++ command -v c++
    need python3 command -v python3
    need python3-venv python3 -c 'import ensurepip, venv'
fi
if ((${#missing[@]} == 0)); then exit 0; fi

if ! command -v apt-get >/dev/null; then
    echo "setup: missing, by their Debian names: ${missing[*]}" >&2
    echo "setup: there is no apt-get here to install them; please install their like" >&2
    exit 1
fi
as_root=()
if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
        echo "setup: missing: ${missing[*]}; neither root nor sudo here to install them" >&2
        echo "setup: ask an administrator for: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
