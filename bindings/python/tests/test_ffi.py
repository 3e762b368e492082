import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fpnas
from fpnas import _ffi

PACKAGE = Path(fpnas.__file__).parent
SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "generate_ffi.py"


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang")
def test_ffi_fits_the_header():
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_function_is_used():
    text = "".join(
        path.read_text() for path in PACKAGE.glob("*.py") if path.name != "_ffi.py")
    unused = [name for name in _ffi.SIGNATURES if not re.search(rf"\b{name}\b", text)]
    assert not unused


def test_every_status_has_its_class():
    statuses = {
        value for name, value in vars(_ffi).items() if name.startswith("FPNAS_E_")}
    from fpnas.errors import BY_STATUS

    assert set(BY_STATUS) == statuses
    for kind in BY_STATUS.values():
        assert issubclass(kind, fpnas.FPNASError)


def test_only_ffi_speaks_of_ctypes():
    for path in PACKAGE.glob("*.py"):
        if path.name != "_ffi.py":
            assert not re.search(r"^\s*(import|from) ctypes", path.read_text(), re.M), path.name


def test_version():
    assert fpnas.__version__ == "0.1.0"
    assert "OpenBLAS" in fpnas.build_info()


def test_unknown_status():
    from fpnas import _call

    with pytest.raises(fpnas.FPNASError, match="status -99, unknown"):
        _call.check(-99)
