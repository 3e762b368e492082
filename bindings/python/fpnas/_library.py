"""Finds and opens the shared library."""

from __future__ import annotations

import os
from pathlib import Path

from . import _ffi

_NAME = "libfpnas.so"
_SONAME = f"{_NAME}.{_ffi.FPNAS_ABI_VERSION}"


def _candidates() -> list[tuple[str, str]]:
    """Where the library may be, as (why, path), in order."""
    named = os.environ.get("FPNAS_LIBRARY")
    if named:
        return [("FPNAS_LIBRARY", named)]  # said explicitly: nothing else will do
    package = Path(__file__).resolve().parent
    found = [("the package", str(package / _NAME))]
    root = package.parents[2] if len(package.parents) > 2 else package
    if (root / "include" / "fpnas.h").is_file():
        found.append(("the checkout", str(root / "build" / _NAME)))
    found += [("the system's loader", _SONAME), ("the system's loader", _NAME)]
    return found


def _check(library, path: str) -> None:
    """Refuses a library of another ABI."""
    version = library.fpnas_abi_version()
    if version != _ffi.FPNAS_ABI_VERSION:
        raise ImportError(
            f"'{path}': ABI version {version}, this package needs {_ffi.FPNAS_ABI_VERSION}")
    number = library.fpnas_version_number()
    if number < _ffi.FPNAS_VERSION_NUMBER:
        raise ImportError(
            f"'{path}': version {number}, this package needs {_ffi.FPNAS_VERSION_NUMBER} or later")
    for struct, size in _ffi.SIZES.items():
        if _ffi.sizeof(struct) != size:
            raise ImportError(
                f"{struct.__name__} has {_ffi.sizeof(struct)} bytes on this machine, not {size}")


def open_library():
    """The library with its functions declared, and its path; ImportError lists what was tried."""
    tried = []
    for why, path in _candidates():
        if os.sep in path and not os.path.exists(path):
            tried.append(f"  {why}: '{path}': no such file")
            continue
        try:
            library = _ffi.load(path)
        except (OSError, AttributeError) as error:
            tried.append(f"  {why}: {error}")
            continue
        _check(library, path)
        return library, path
    raise ImportError(
        f"{_NAME} was not found; tried\n" + "\n".join(tried)
        + "\nBuild it with 'make' and install the package again, or set FPNAS_LIBRARY to its path.")


lib, path = open_library()
