#!/usr/bin/env bash
# Installs into build/install and builds a program that names every function of the header, with
# the flags of pkg-config.
set -euo pipefail
cd "$(dirname "$0")/.."

rm -rf build/install
scripts/install.sh "" "$PWD/build/install"
export PKG_CONFIG_PATH=$PWD/build/install/lib/pkgconfig
[[ $(pkg-config --modversion fpnas) == "$(scripts/version.sh)" ]]
{
    echo '#include <fpnas.h>'
    echo 'typedef void (*function)(void);'
    echo 'static function volatile functions[] = {'
    scripts/list_symbols.sh | sed 's/.*/    (function)&,/'
    echo '    0};'
    echo 'int main(void) { return functions[0] == 0; }'
} >build/install/program.c
read -ra flags <<<"$(pkg-config --cflags --libs fpnas)"
cc -std=c99 -Wall -Werror build/install/program.c -o build/install/program "${flags[@]}"
LD_LIBRARY_PATH=build/install/lib build/install/program
echo "test_install: ok, a program of $(scripts/list_symbols.sh | wc -l) functions links and runs"

# The examples as their first lines say; the first prints what its comment shows.
for example in examples/c/*.c; do
    cc -std=c99 -Wall -Werror "$example" -o "build/install/$(basename "$example" .c)" "${flags[@]}"
done
LD_LIBRARY_PATH=build/install/lib build/install/ask_tell >build/install/ask_tell.txt
sed -n 's/^ \*     \(step.*\|[0-9]* samples.*\)/\1/p' examples/c/ask_tell.c |
    diff - build/install/ask_tell.txt
echo "test_install: ok, the examples compile, ask_tell prints what it says"

# The loop on the header's first page, as printed, with what it leaves to the reader around it.
{
    echo '#include <fpnas.h>'
    echo 'enum { capacity = 4096 };'
    echo 'static double evaluate(const int32_t *row) { return -row[0]; }'
    echo 'int main(void) {'
    echo '    static int32_t rows[capacity]; double values[64]; size_t width;'
    sed -n '/^ \*     fpnas_space \*space;/,/^ \*     }$/s/^ \*     //p' include/fpnas.h |
        sed 's|\(.*create.*search);\)|\1 fpnas_space_variable_count(space, \&width);|'
    echo '    return progress.stop_reason != FPNAS_STOP_STEPS;'
    echo '}'
} >build/install/header.c
cc -std=c99 -Wall -Werror build/install/header.c -o build/install/header "${flags[@]}"
LD_LIBRARY_PATH=build/install/lib build/install/header
echo "test_install: ok, the loop of the header compiles and runs"
