#!/usr/bin/env bash
# study.sh [quick]: benchmarks/study in build/venv against build/libfpnas.so; goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ -e build/libfpnas.so ]] || scripts/build.sh
if ! build/venv/bin/python -c "import matplotlib, numpy" 2>/dev/null; then
    python3 -m venv build/venv
    build/venv/bin/pip install --quiet --disable-pip-version-check numpy matplotlib
fi
export FPNAS_LIBRARY=$PWD/build/libfpnas.so PYTHONPATH=$PWD/bindings/python
if [[ ${1:-} == quick ]]; then
    exec build/venv/bin/python benchmarks/study --profile quick --results runs/study/quick/rows \
        --docs runs/study/quick/docs
fi
exec build/venv/bin/python benchmarks/study "$@"
