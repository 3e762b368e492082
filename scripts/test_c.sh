#!/usr/bin/env bash
# test_c.sh [--valgrind]: compiles and runs every Tests/c/test_*.c against build/libfpnas.so; then,
# without valgrind, the tests that go over all functions of the header.
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
if ((${#runner[@]} == 0)); then
    # Over all functions of the header: bad arguments one by one, then random sequences of calls.
    python3 Tests/abi/test_refusals.py || failed=$((failed + 1))
    python3 Tests/fuzz/api_sequences.py || failed=$((failed + 1))
fi
echo "C tests: $count programs, $failed failed"
((failed == 0))
