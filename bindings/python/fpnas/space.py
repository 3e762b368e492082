"""Search spaces: layers of categorical variables."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib

Choice = int | float | str
METRICS = {
    "macs": _ffi.FPNAS_COST_MACS,
    "parameters": _ffi.FPNAS_COST_PARAMETERS,
    "activations": _ffi.FPNAS_COST_ACTIVATIONS,
}
CONVENTIONS = {
    "torch": _ffi.FPNAS_COUNT_TORCH,
    "mobile-vision": _ffi.FPNAS_COUNT_MOBILE_VISION,
    "nas-bench": _ffi.FPNAS_COUNT_NAS_BENCH,
}


@dataclass(frozen=True)
class Variable:
    """One categorical variable: its place, its name, and its choices as text."""

    index: int
    layer: int
    layer_name: str
    name: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """One layer: its place, its name, and its variables (none if nothing is searched)."""

    index: int
    name: str
    variables: tuple[Variable, ...]


@dataclass(frozen=True)
class Cost:
    """Costs of one image: multiply-accumulates, parameters, and bytes of all operators' results as
    32-bit floats (0 where they were not asked for)."""

    macs: int
    parameters: int
    activations: int = 0


class Space(_call.Handle):
    """A search space; it never changes and any threads may share it.

    An architecture is an int32 array of V choice indices, one per variable. Make a space with
    `Space.build`, `SpaceBuilder`, `Space.preset`, `Space.from_json` or `Space.load`.

    >>> space = Space.build("toy", [{"name": "a", "kernel": [3, 5]}, {"name": "b", "op": ["x", "y"]}])
    >>> space.count(), [v.name for v in space.variables]
    (4, ['kernel', 'op'])
    >>> space.describe([1, 0])
    {'a': {'kernel': 5}, 'b': {'op': 'x'}}
    """

    _free = lib.fpnas_space_free
    _kind = "space"

    # ---- Making ----

    @classmethod
    def _made(cls, function: Any, *inputs: Any) -> Space:
        return cls(_call.make(function, _ffi.fpnas_space, *inputs))

    @classmethod
    def build(
        cls, name: str, layers: Iterable[Mapping[str, Any]],
        input: tuple[int, int, int] | None = None, classes: int | None = None,
    ) -> Space:
        """Builds a space from plain dicts, one for each layer.

        With an "operation" ("conv", "mbconv", "classifier"...; also "stride", "repeats",
        "per_block") or whole blocks as "op", a list is a searched attribute and a single value a
        fixed one, as in the JSON form (docs/spaces.md); `input` is then (height, width, channels).
        Without, every further key is a variable and its list the choices; or "variables" lists
        dicts of "name", "choices" and optionally "when": {"variable": name, "in": choices under
        which it exists}.
        """
        from .builder import SpaceBuilder

        with SpaceBuilder(name) as builder:
            if input is not None or classes is not None:
                height, width, channels = input if input is not None else (0, 0, 0)
                builder.input(height, width, channels, classes if classes is not None else 0)
            for layer in layers:
                builder.add(layer)
            return builder.finish()

    @classmethod
    def preset(cls, name: str, height: int, width: int, channels: int, classes: int) -> Space:
        """A space that comes with the library (`Space.preset_names()`) for images of that shape.

        >>> Space.preset("nas-bench-201", 32, 32, 3, 10).cost([3] * 6, "nas-bench").macs
        220119680
        """
        return cls._made(
            lib.fpnas_space_preset, _call.text(name, "name"), _call.int32(height, "height"),
            _call.int32(width, "width"), _call.int32(channels, "channels"),
            _call.int32(classes, "classes"))

    @staticmethod
    def preset_names() -> tuple[str, ...]:
        """The names of all presets."""
        return tuple(_call.get_text(lib.fpnas_space_preset_names).splitlines())

    @classmethod
    def of_cells(
        cls, network: str, channels: int, cells: int, height: int, width: int,
        image_channels: int, classes: int,
    ) -> Space:
        """A network of copies of searched cells: "nas-bench-201" or "darts"."""
        return cls._made(
            lib.fpnas_space_cells, _call.text(network, "network"),
            _call.int32(channels, "channels"), _call.int32(cells, "cells"),
            _call.int32(height, "height"), _call.int32(width, "width"),
            _call.int32(image_channels, "image_channels"), _call.int32(classes, "classes"))

    @classmethod
    def from_json(cls, source: str | bytes | Mapping[str, Any]) -> Space:
        """A space from its JSON text, or from the dict that the text stands for."""
        if isinstance(source, Mapping):
            source = json.dumps(source)
        data = source.encode() if isinstance(source, str) else bytes(source)
        return cls._made(lib.fpnas_space_from_json, data, len(data))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Space:
        """A space from a JSON file."""
        return cls._made(lib.fpnas_space_load, _call.file_path(path))

    def to_json(self) -> str:
        """The space as JSON text."""
        return _call.get_text(lib.fpnas_space_to_json, self._handle)

    # ---- Names and sizes ----

    @cached_property
    def name(self) -> str:
        return _call.get_text(lib.fpnas_space_name, self._handle)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """All layers in order."""
        handle = self._handle
        members: list[list[Variable]] = [[] for _ in range(self._layer_count)]
        names = [
            _call.get_text(lib.fpnas_space_layer_name, handle, layer)
            for layer in range(self._layer_count)
        ]
        for index in range(len(self)):
            layer = _call.get_value(
                lib.fpnas_space_variable_layer, _ffi.c_size_t, handle, index)
            count = _call.get_value(
                lib.fpnas_space_choice_count, _ffi.c_size_t, handle, index)
            choices = tuple(
                _call.get_text(lib.fpnas_space_choice_label, handle, index, choice)
                for choice in range(count))
            name = _call.get_text(lib.fpnas_space_variable_name, handle, index)
            members[layer].append(Variable(index, layer, names[layer], name, choices))
        return tuple(
            Layer(index, name, tuple(members[index])) for index, name in enumerate(names))

    @cached_property
    def _layer_count(self) -> int:
        return _call.get_value(lib.fpnas_space_layer_count, _ffi.c_size_t, self._handle)

    @cached_property
    def _variable_count(self) -> int:
        return _call.get_value(lib.fpnas_space_variable_count, _ffi.c_size_t, self._handle)

    def __len__(self) -> int:
        """V, the number of variables."""
        return self._variable_count

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """All V variables in the order of an architecture's choices."""
        return tuple(variable for layer in self.layers for variable in layer.variables)

    @property
    def choices(self) -> tuple[tuple[str, ...], ...]:
        """The choices of every variable, as text."""
        return tuple(variable.choices for variable in self.variables)

    def split(self, values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
        """Views of a flat array of one value per choice (marginals, factorised logits), one view
        per variable."""
        ends = np.cumsum([len(choices) for choices in self.choices])
        if values.shape[-1] != ends[-1]:
            raise _call.InvalidError(f"values must have {ends[-1]} entries, got {values.shape[-1]}")
        return tuple(np.split(values, ends[:-1], axis=-1))

    def count(self, canonical: bool = True) -> int:
        """The exact number of networks, or of encodings (canonical=False)."""
        return int(_call.get_text(lib.fpnas_space_count, self._handle, int(bool(canonical))))

    @property
    def logit_counts(self) -> tuple[int, int | None]:
        """Numbers of logits of the factorised and the joint form; None where that is refused."""
        factorised, joint = _ffi.c_int64(), _ffi.c_int64()
        _call.check(lib.fpnas_space_logit_counts(
            self._handle, _ffi.byref(factorised), _ffi.byref(joint)))
        return factorised.value, joint.value if joint.value >= 0 else None

    # ---- Architectures ----

    def validate(self, architectures: npt.ArrayLike) -> None:
        """Raises InvalidError, naming row and variable, unless all rows are encodings."""
        rows = _call.architectures(architectures, len(self))
        count = 1 if rows.ndim == 1 else rows.shape[0]
        _call.check(lib.fpnas_space_validate(self._handle, _call.pointer(rows), count))

    def network_hash(self, architecture: npt.ArrayLike) -> int:
        """A number that is equal for architectures whose networks compute the same."""
        row = self._one(architecture)
        return _call.get_value(
            lib.fpnas_space_network_hash, _ffi.c_uint64, self._handle, _call.pointer(row))

    def canonicalise(
        self, architectures: npt.ArrayLike, out: npt.NDArray[np.int32] | None = None
    ) -> npt.NDArray[np.int32]:
        """Architectures with 0 in variables that do not exist; a copy, or written to `out`."""
        rows = _call.architectures(architectures, len(self))
        target = _call.output(out, rows.shape, np.int32)
        checked = rows.copy()  # so that nothing is written to `out` on an error
        count = 1 if rows.ndim == 1 else rows.shape[0]
        _call.check(lib.fpnas_space_canonicalise(self._handle, _call.pointer(checked), count))
        target[...] = checked
        return target

    def _one(self, architecture: npt.ArrayLike) -> npt.NDArray[np.int32]:
        row = _call.architectures(architecture, len(self))
        if row.ndim != 1:
            raise _call.InvalidError(f"one architecture is needed, got shape {row.shape}")
        return row

    def architecture_to_json(self, architecture: npt.ArrayLike) -> str:
        """The architecture as a file that stands alone: space, encoding, choices, costs."""
        row = self._one(architecture)
        return _call.get_text(
            lib.fpnas_space_architecture_to_json, self._handle, _call.pointer(row))

    def describe(self, architecture: npt.ArrayLike) -> dict[str, dict[str, Choice]]:
        """Layer to variable to choice, of the variables that exist."""
        document = json.loads(self.architecture_to_json(architecture))
        return {
            entry["layer"]: {
                variable.name: entry["choices"][variable.name]
                for variable in self._layer_of_name[entry["layer"]].variables
                if variable.name in entry["choices"]
            }
            for entry in document["choices"]
        }

    @cached_property
    def _layer_of_name(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.layers}

    # ---- Cost ----

    def cost(self, architecture: npt.ArrayLike, convention: str = "torch") -> Cost:
        """Exact cost of one network, counted as "torch", "mobile-vision" or "nas-bench" do; for
        spaces with operations."""
        row = self._one(architecture)
        values = np.empty(len(METRICS), np.int64)
        _call.check(lib.fpnas_space_costs(
            self._handle, _call.pointer(row), _call.word(convention, CONVENTIONS, "convention"),
            _call.pointer(values), values.size, None))
        return Cost(*(int(value) for value in values))

    def layer_costs(self, architecture: npt.ArrayLike) -> tuple[Cost, ...]:
        """MACs and parameters of every layer; last what no layer of a space of cells chooses."""
        row = self._one(architecture)
        macs = np.empty(self._layer_count + 1, np.int64)
        parameters = np.empty_like(macs)
        needed = _ffi.c_size_t()
        _call.check(lib.fpnas_space_layer_costs(
            self._handle, _call.pointer(row), _call.pointer(macs), _call.pointer(parameters),
            macs.size, _ffi.byref(needed)))
        return tuple(
            Cost(int(m), int(p))
            for m, p in zip(macs[:needed.value], parameters[:needed.value]))

    def cost_range(self, metric: str = "macs") -> tuple[int, int]:
        """The least and the greatest cost ("macs", "parameters", "activations") of any network."""
        least, greatest = _ffi.c_int64(), _ffi.c_int64()
        _call.check(lib.fpnas_space_cost_range(
            self._handle, _call.word(metric, METRICS, "metric"), _ffi.byref(least),
            _ffi.byref(greatest)))
        return least.value, greatest.value

    def scaled(
        self, architecture: npt.ArrayLike | None = None, *, depth: float = 1.0,
        width: float = 1.0, size: tuple[int, int] | None = None,
    ) -> Space:
        """One network of the space (None where it has no variables), made larger, as a space
        without variables: blocks of residual layers times `depth`, rounded up, all widths times
        `width`, rounded to multiples of 8, on images of `size` (rows, columns)."""
        row = None if architecture is None else self._one(architecture)
        if row is None and len(self):
            raise _call.InvalidError("an architecture is needed: the space has variables")
        rows, columns = (0, 0) if size is None else size
        return Space._made(
            lib.fpnas_space_scaled, self._handle, _call.pointer(row),
            _call.real(depth, "depth"), _call.real(width, "width"),
            _call.int32(rows, "rows"), _call.int32(columns, "columns"))

    def random_near(self, macs: int, seed: int = 0) -> npt.NDArray[np.int32]:
        """A network drawn uniformly among those of 0.9 to 1.02 times `macs`: the honest rival of a
        found one."""
        row = np.empty(len(self), np.int32)
        _call.check(lib.fpnas_space_random_near(
            self._handle, _call.int64(macs, "macs"), _call.uint64(seed, "seed"),
            _call.pointer(row), row.size))
        return row

    def __repr__(self) -> str:
        if self.closed:
            return "<closed Space>"
        return f"<Space '{self.name}': {self._layer_count} layers, {len(self)} variables>"


def load_architecture(path: str | os.PathLike[str]) -> tuple[Space, npt.NDArray[np.int32]]:
    """The space and the canonical architecture of an architecture file."""
    name = _call.file_path(path)
    capacity = 256
    while True:
        row = np.empty(capacity, np.int32)
        handle = _ffi.POINTER(_ffi.fpnas_space)()
        needed = _ffi.c_size_t()
        status = lib.fpnas_architecture_load(
            name, _ffi.byref(handle), _call.pointer(row), capacity, _ffi.byref(needed))
        if status != _ffi.FPNAS_E_BUFFER:
            _call.check(status)
            return Space(handle), row[:needed.value].copy()
        capacity = needed.value
