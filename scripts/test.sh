#!/usr/bin/env bash
# test.sh [debug|release]: all tests and checks, one section after another, until one fails.
set -euo pipefail
cd "$(dirname "$0")/.."

configuration=${1:-debug}
section=setup
trap 'echo "FAILED in section: $section" >&2' ERR
begin() {
    section=$1
    printf '\n== %s\n' "$section"
}

begin "Library and tool"
scripts/build.sh

begin "Checks"
scripts/check_sources.sh
scripts/check_header.sh
scripts/check_symbols.sh
scripts/check_dependencies.sh

begin "Swift tests ($configuration)"
options=(-c "$configuration" --disable-xctest)
# `@testable import` needs a testable build, which release is not by itself.
if [[ $configuration == release ]]; then options+=(-Xswiftc -enable-testing); fi
swift test "${options[@]}"

begin "C tests"
scripts/test_c.sh

begin "Installed library"
scripts/test_install.sh

begin "Python tests"
scripts/test_python.sh

printf '\nall sections passed\n'
