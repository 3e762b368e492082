"""Tables of latencies: how long the parts of networks take on some device."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib
from .cost import AdditiveCost
from .space import Space

INTERPOLATIONS = {"none": _ffi.FPNAS_INTERPOLATE_NONE, "macs": _ffi.FPNAS_INTERPOLATE_MACS}


class LatencyTable(_call.Handle):
    """Whole nanoseconds by what a block computes, or by layer and option. A network takes the sum
    of its parts. A table never changes and any threads may share it.

    `interpolation` is "none", where a missing key is an error that lists all of them, or "macs",
    which draws a line between blocks that differ in nothing but widths.

    >>> table = LatencyTable.from_entries(
    ...     {"layer=0 option=0": 300, "layer=0 option=1": 700}, device="x", source="made up")
    >>> space = Space.build("toy", [{"name": "a", "k": [3, 5]}])
    >>> table.of(space, [[0], [1]]).tolist(), table.cost(space).range
    ([300, 700], (300, 700))
    >>> table.missing(Space.build("more", [{"name": "a", "k": [1, 3, 5]}]))
    ['layer=0 option=2']
    """

    _free = lib.fpnas_latency_free
    _kind = "latency table"

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> LatencyTable:
        """A table in the library's own form."""
        return cls(_call.make(
            lib.fpnas_latency_load, _ffi.fpnas_latency, _call.file_path(path)))

    @classmethod
    def from_json(cls, text: str) -> LatencyTable:
        """The same from text."""
        data = _call.text(text, "text")
        return cls(_call.make(
            lib.fpnas_latency_from_json, _ffi.fpnas_latency, data, len(data)))

    @classmethod
    def from_entries(
        cls, entries: dict[str, int], *, device: str, source: str, base: int = 0
    ) -> LatencyTable:
        """A table of nanoseconds by key: blocks ("conv in=8x8x1 out=8x8x8 kernel=3 act=relu") or
        options ("layer=0 option=3"). `base` is what every network takes besides."""
        basis = "option" if any(key.startswith("layer=") for key in entries) else "block"
        return cls.from_json(json.dumps({
            "format": "fpnas-latency", "version": 1, "unit": "ns", "basis": basis,
            "device": device, "source": source, "base": base,
            "entries": [{"key": key, "ns": value} for key, value in entries.items()]}))

    @classmethod
    def import_from(
        cls, path: str | os.PathLike[str], format: str, device: str
    ) -> LatencyTable:
        """A table of others': `format` is "once-for-all" or "fbnet". `device` says what was
        measured, which such files do not."""
        return cls(_call.make(
            lib.fpnas_latency_import, _ffi.fpnas_latency, _call.file_path(path),
            _call.text(format, "format"), _call.text(device, "device")))

    def to_json(self) -> str:
        """The table in the library's own form."""
        return _call.get_text(lib.fpnas_latency_to_json, self._handle)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Replaces the file as a whole."""
        _call.check(lib.fpnas_latency_save(self._handle, _call.file_path(path)))

    def missing(self, space: Space, interpolation: str = "none") -> list[str]:
        """All keys that networks of the space need and the table has not."""
        return _call.get_text(
            lib.fpnas_latency_missing, self._handle, space._handle,
            _call.word(interpolation, INTERPOLATIONS, "interpolation")).splitlines()

    def of(
        self, space: Space, architectures: npt.ArrayLike, interpolation: str = "none"
    ) -> Any:
        """Nanoseconds of one architecture, or an int64 array for rows of them."""
        rows = _call.architectures(architectures, len(space))
        count = 1 if rows.ndim == 1 else rows.shape[0]
        values = np.empty(count, np.int64)
        _call.check(lib.fpnas_latency_of(
            self._handle, space._handle,
            _call.word(interpolation, INTERPOLATIONS, "interpolation"),
            _call.pointer(rows), count, _call.pointer(values)))
        return int(values[0]) if rows.ndim == 1 else values

    def cost(self, space: Space, interpolation: str = "none") -> AdditiveCost:
        """Latency as a cost in nanoseconds; whatever the space can build has to be in the table."""
        return AdditiveCost(_call.make(
            lib.fpnas_cost_create_latency, _ffi.fpnas_cost, space._handle, self._handle,
            _call.word(interpolation, INTERPOLATIONS, "interpolation")), space)
