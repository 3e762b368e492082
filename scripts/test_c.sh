#!/usr/bin/env bash
# test_c.sh [--valgrind]: compiles and runs every Tests/c/test_*.c against build/libfpnas.so.
set -euo pipefail
cd "$(dirname "$0")/.."

runner=()
if [[ ${1:-} == --valgrind ]]; then
    if ! command -v valgrind >/dev/null; then
        echo "test_c: no valgrind here" >&2
        exit 1
    fi
    runner=(valgrind --quiet --leak-check=full --error-exitcode=99
        --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect
        --suppressions=Tests/c/valgrind.supp)
fi

mkdir -p build/c
failed=0
count=0
for source in Tests/c/test_*.c; do
    name=$(basename "$source" .c)
    # A test that names no function of the library is not linked with it, and may load it itself.
    cc -std=c99 -D_POSIX_C_SOURCE=200809L -g -Wall -Wextra -Wpedantic -Werror \
        -Iinclude -ITests/c "$source" -o "build/c/$name" \
        -Wl,--as-needed -Lbuild -lfpnas -lm -ldl -lpthread -Wl,-rpath,"$PWD/build"
    FPNAS_LIBRARY="$PWD/build/libfpnas.so" "${runner[@]}" "build/c/$name" || failed=$((failed + 1))
    count=$((count + 1))
done
echo "C tests: $count programs, $failed failed"
((failed == 0))
