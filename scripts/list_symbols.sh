#!/usr/bin/env bash
# Prints the functions that include/fpnas.h declares, one a line, sorted.
set -euo pipefail
cd "$(dirname "$0")/.."

perl -0777 -ne '
    s{/\*.*?\*/}{}gs;
    s{//[^\n]*}{}g;
    print "$1\n" while /^\s*FPNAS_API\b[^;(]*?\b(fpnas_\w+)\s*\(/gm;
' include/fpnas.h | LC_ALL=C sort
