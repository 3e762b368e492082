#!/usr/bin/env bash
# include/fpnas.h alone compiles as C99 and as C++11 without a warning.
set -euo pipefail
cd "$(dirname "$0")/.."

strict=(-fsyntax-only -pedantic -Wall -Wextra -Werror)
# Compiled from a file that includes it: a header as the main file draws warnings of its own.
# The declaration keeps a header without functions from being an empty unit in C99.
source='#include "fpnas.h"
extern int fpnas_header_check;'
cc -std=c99 "${strict[@]}" -Wstrict-prototypes -Iinclude -x c - <<<"$source"
c++ -std=c++11 "${strict[@]}" -Iinclude -x c++ - <<<"$source"
echo "check_header: ok, C99 and C++11"
