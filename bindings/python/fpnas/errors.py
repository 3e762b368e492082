"""What can go wrong: one class for each status of the C library."""

from __future__ import annotations

from . import _ffi


class FPNASError(Exception):
    """Any error of the library; the message holds the offending value.

    `status` is the C library's code, such as -1 for FPNAS_E_INVALID.
    """

    status: int = 0


class InvalidError(FPNASError, ValueError):
    """An argument is out of range or contradicts another."""

    status = _ffi.FPNAS_E_INVALID


class HandleError(FPNASError, ValueError):
    """The object is closed."""

    status = _ffi.FPNAS_E_HANDLE


class BufferTooSmallError(FPNASError, BufferError):
    """An output array is too small."""

    status = _ffi.FPNAS_E_BUFFER


class OutOfMemoryError(FPNASError, MemoryError):
    """There is not enough memory."""

    status = _ffi.FPNAS_E_NOMEM


class BusyError(FPNASError, RuntimeError):
    """Another thread is inside a call on the object."""

    status = _ffi.FPNAS_E_BUSY


class TextError(FPNASError, ValueError):
    """A string is not UTF-8."""

    status = _ffi.FPNAS_E_UTF8


class FileError(FPNASError, OSError):
    """A file cannot be read or written."""

    status = _ffi.FPNAS_E_IO


class FormatError(FPNASError, ValueError):
    """A file or text is not of the expected form."""

    status = _ffi.FPNAS_E_FORMAT


class StateError(FPNASError, RuntimeError):
    """The call does not fit the state of the object."""

    status = _ffi.FPNAS_E_STATE


class ForkedError(FPNASError, RuntimeError):
    """The object was made before a fork; make it anew in the child."""

    status = _ffi.FPNAS_E_FORKED


class InfeasibleError(FPNASError, ValueError):
    """A budget cannot be met."""

    status = _ffi.FPNAS_E_INFEASIBLE


BY_STATUS: dict[int, type[FPNASError]] = {
    kind.status: kind for kind in (
        InvalidError, HandleError, BufferTooSmallError, OutOfMemoryError, BusyError, TextError,
        FileError, FormatError, StateError, ForkedError, InfeasibleError)
}
