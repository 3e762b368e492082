"""Calls into C: statuses become exceptions, outputs become Python values.

The rest of the package goes through these helpers.
"""

from __future__ import annotations

import operator
import os
import weakref
from typing import Any

import numpy as np

from . import _ffi
from ._library import lib
from .errors import BY_STATUS, FPNASError, HandleError, InvalidError

_POINTERS: dict[np.dtype[Any], Any] = {
    np.dtype(np.float64): _ffi.POINTER(_ffi.c_double),
    np.dtype(np.float32): _ffi.POINTER(_ffi.c_float),
    np.dtype(np.int32): _ffi.POINTER(_ffi.c_int32),
    np.dtype(np.int64): _ffi.POINTER(_ffi.c_int64),
    np.dtype(np.uint64): _ffi.POINTER(_ffi.c_uint64),
    np.dtype(np.uint8): _ffi.POINTER(_ffi.c_uint8),
}

# Arrays of no elements, which ctypes takes for pointers.
_WINDOWS: dict[np.dtype[Any], Any] = {
    dtype: pointer._type_ * 0 for dtype, pointer in _POINTERS.items()
}


def check(status: int) -> None:
    """Raises the status's exception with the message of the failed call."""
    if status == _ffi.FPNAS_OK:
        return
    message = lib.fpnas_last_error().decode("utf-8", "replace")
    kind = BY_STATUS.get(status)
    if kind is None:
        name = lib.fpnas_status_name(status).decode()
        raise FPNASError(f"{message} (status {status}, {name})")
    raise kind(message)


# ---- Inputs ---------------------------------------------------------------------------------------


def integer(value: Any, name: str, low: int, high: int) -> int:
    """A Python integer that the C type can hold; C would wrap it silently."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidError(f"{name} must be an integer, got {value!r}") from None
    if not low <= number <= high:
        raise InvalidError(f"{name} must be in [{low}, {high}], got {number}")
    return number


def int32(value: Any, name: str) -> int:
    return integer(value, name, -(2**31), 2**31 - 1)


def int64(value: Any, name: str) -> int:
    return integer(value, name, -(2**63), 2**63 - 1)


def uint64(value: Any, name: str) -> int:
    return integer(value, name, 0, 2**64 - 1)


def size(value: Any, name: str) -> int:
    return integer(value, name, 0, 2**63 - 1)


def real(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidError(f"{name} must be a number, got {value!r}") from None


def text(value: Any, name: str) -> bytes:
    """UTF-8 bytes of a string without NUL."""
    if not isinstance(value, str):
        raise InvalidError(f"{name} must be a string, got {value!r}")
    if "\0" in value:
        raise InvalidError(f"{name} holds a NUL character: {value!r}")
    return value.encode("utf-8", "surrogateescape")


def file_path(value: str | os.PathLike[str]) -> bytes:
    path = os.fsencode(value)
    if b"\0" in path:
        raise InvalidError(f"the path holds a NUL character: {value!r}")
    return path


def word(value: Any, words: dict[str, int], name: str) -> int:
    """The C constant of a word."""
    if not isinstance(value, str) or value not in words:
        raise InvalidError(f"{name} must be one of {', '.join(words)}, got {value!r}")
    return words[value]


def doubles(value: Any, name: str) -> np.ndarray:
    """A flat float64 array: the array itself where it is one and contiguous, else one copy."""
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fiu":
            raise InvalidError(f"{name} must be real numbers, got an array of {array.dtype}")
        array = np.ascontiguousarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        if isinstance(error, FPNASError):
            raise
        raise InvalidError(f"{name} must be real numbers: {error}") from None
    return array.reshape(-1)


def integers(value: Any, name: str, dtype: type = np.int64) -> np.ndarray:
    """A contiguous array of that integer type: the array itself where it is one, else one copy.

    Values that the type cannot hold are refused.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InvalidError(f"{name} must be an array of integers: {error}") from None
    if array.dtype == dtype:
        return np.ascontiguousarray(array)
    if array.size == 0 and array.dtype.kind == "f":  # np.asarray([]) is a float array
        return array.astype(dtype)
    if array.dtype.kind not in "iu":
        raise InvalidError(f"{name} must be integers, got an array of {array.dtype}")
    limits = np.iinfo(dtype)
    if array.size and (int(array.min()) < limits.min or int(array.max()) > limits.max):
        raise InvalidError(f"{name} holds values beyond {limits.bits} bits")
    return np.ascontiguousarray(array, dtype=dtype)


def architectures(value: Any, width: int) -> np.ndarray:
    """int32 architectures, one of V choices or rows of them; no copy where they are so already."""
    array = integers(value, "architectures", np.int32)
    if array.ndim not in (1, 2) or array.shape[-1] != width:
        raise InvalidError(
            f"architectures must have shape ({width},) or (count, {width}), got {array.shape}")
    return array


def pointer(array: np.ndarray | None) -> Any:
    """A C pointer to an array's memory; the array must outlive the call."""
    if array is None:
        return None
    try:
        return _WINDOWS[array.dtype].from_buffer(array)  # some times as fast as what follows
    except (TypeError, ValueError):  # not writeable, or not contiguous
        return array.ctypes.data_as(_POINTERS[array.dtype])


# ---- Outputs --------------------------------------------------------------------------------------


def output(out: Any, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """The caller's array after a check, or a new one."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray) or out.dtype != dtype or out.shape != shape:
        got = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise InvalidError(f"out must be a {np.dtype(dtype)} array of shape {shape}, got {got}")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise InvalidError("out must be C-contiguous and writeable")
    return out


def get_text(function: Any, *inputs: Any) -> str:
    """The text that a function writes."""
    capacity = 256
    while True:
        buffer = _ffi.create_string_buffer(capacity)
        needed = _ffi.c_size_t()
        status = function(*inputs, buffer, capacity, _ffi.byref(needed))
        if status != _ffi.FPNAS_E_BUFFER:
            check(status)
            return buffer.value.decode("utf-8")
        capacity = needed.value


def get_array(function: Any, *inputs: Any, dtype: type, out: Any = None) -> np.ndarray:
    """The flat array that a function writes, of the size it needs."""
    needed = _ffi.c_size_t()
    status = function(*inputs, None, 0, _ffi.byref(needed))
    if status != _ffi.FPNAS_E_BUFFER:
        check(status)
    values = output(out, (needed.value,), dtype)
    check(function(*inputs, pointer(values), values.size, _ffi.byref(needed)))
    return values


def get_value(function: Any, kind: Any, *inputs: Any) -> Any:
    """The single value that a function writes last."""
    value = kind()
    check(function(*inputs, _ffi.byref(value)))
    return value.value


# ---- Handles --------------------------------------------------------------------------------------


def make(function: Any, kind: Any, *inputs: Any) -> Any:
    """The handle that a function makes."""
    handle = _ffi.POINTER(kind)()
    check(function(*inputs, _ffi.byref(handle)))
    return handle


class Handle:
    """Owns one C handle: freed by `close()`, at the end of a `with`, or with the last reference.

    Use after `close()` raises `HandleError`; closing twice does nothing.
    """

    _free: Any = None
    _kind: str = "object"

    def __init__(self, handle: Any) -> None:
        self.__handle = handle
        # The finaliser must not hold the object itself.
        self.__finalizer = weakref.finalize(self, type(self)._free, handle)

    @property
    def _handle(self) -> Any:
        try:
            finalizer = self.__finalizer
        except AttributeError:
            raise HandleError(f"the {self._kind} was never made") from None
        if not finalizer.alive:
            raise HandleError(f"the {self._kind} is closed")
        return self.__handle

    @property
    def closed(self) -> bool:
        """Whether the object can no longer be used."""
        return not self.__finalizer.alive

    def close(self) -> None:
        """Frees the object now."""
        self.__finalizer()

    def __enter__(self):
        self._handle  # noqa: B018  raises if closed
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self):
        raise TypeError(f"a {self._kind} cannot be pickled: use its text or bytes form")
