#!/usr/bin/env bash
# Installs the Python binding into build/venv and runs its tests against build/libfpnas.so.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! build/venv/bin/python -c "import jsonschema, matplotlib, numpy, pytest" 2>/dev/null; then
    python3 -m venv build/venv
    build/venv/bin/pip install --quiet --disable-pip-version-check numpy pytest jsonschema matplotlib
fi
# Networks are compared with ONNX Runtime's where it can be had in a moment, and with PyTorch's where
# somebody has installed it in build/venv.
if ! build/venv/bin/python -c "import onnx, onnxruntime" 2>/dev/null; then
    timeout 60 build/venv/bin/pip install --quiet --disable-pip-version-check onnx onnxruntime ||
        echo "test_python: no onnx and onnxruntime here, their tests are left out" >&2
fi
build/venv/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps \
    ./bindings/python
FPNAS_LIBRARY="$PWD/build/libfpnas.so" build/venv/bin/python -m pytest -q bindings/python/tests
