#!/usr/bin/env bash
# Prints the version that include/fpnas.h states: 100 is 0.1.0.
set -euo pipefail
cd "$(dirname "$0")/.."

number=$(sed -n 's/^#define FPNAS_VERSION_NUMBER \([0-9]*\).*/\1/p' include/fpnas.h)
if [[ -z $number ]]; then
    echo "include/fpnas.h does not define FPNAS_VERSION_NUMBER" >&2
    exit 1
fi
echo "$((number / 10000)).$((number / 100 % 100)).$((number % 100))"
