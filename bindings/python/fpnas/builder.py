"""Building a space step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from . import _call, _ffi
from ._library import lib
from .space import Choice, Space


class SpaceBuilder(_call.Handle):
    """Collects layers and variables; `finish()` checks the whole and makes the space.

    >>> with SpaceBuilder("toy") as builder:
    ...     builder.layer("a")
    ...     builder.choices("op", ["skip", "conv"])
    ...     builder.choices("kernel", [3, 5], when=("op", ["conv"]))
    ...     space = builder.finish()
    >>> space.count(canonical=False), space.count()
    (4, 3)
    """

    _free = lib.fpnas_space_builder_free
    _kind = "space builder"

    def __init__(self, name: str) -> None:
        super().__init__(_call.make(
            lib.fpnas_space_builder_create, _ffi.fpnas_space_builder, _call.text(name, "name")))
        self._variables: dict[str, list[Choice]] = {}

    def input(self, height: int, width: int, channels: int, classes: int) -> None:
        """Makes it a network space for images of that shape: all layers then have operations."""
        _call.check(lib.fpnas_space_builder_set_input(
            self._handle, _call.int32(height, "height"), _call.int32(width, "width"),
            _call.int32(channels, "channels"), _call.int32(classes, "classes")))

    def layer(
        self, name: str, operation: str | None = None, stride: int = 1,
        repeats: int | Sequence[int] = 1,
    ) -> None:
        """Adds a layer, of which the calls below speak.

        `operation` is "conv", "mbconv", "classifier" or another of docs/spaces.md, with the stride
        of its first block and the number of blocks that share one choice; several numbers are
        searched. Variables are then named after attributes: "kernel" (0 skips an mbconv),
        "activation", "se", "splits", "expansion", "channels" and others.
        """
        handle = self._handle
        encoded = _call.text(name, "name")
        if operation is None:
            _call.check(lib.fpnas_space_builder_add_layer(handle, encoded))
        else:
            kind = _call.text(operation, "operation")
            several = isinstance(repeats, (Sequence, np.ndarray))
            counts = np.array(
                [_call.int32(count, "repeats") for count in (repeats if several else [repeats])],
                np.int32)
            steps = _call.int32(stride, "stride"), 1 if several else int(counts[0])
            _call.check(lib.fpnas_space_builder_add_layer(handle, encoded))
            _call.check(lib.fpnas_space_builder_set_operation(handle, kind, *steps))
            if several:
                _call.check(lib.fpnas_space_builder_set_repeats(
                    handle, _call.pointer(counts), counts.size))
        self._variables = {}

    def choices(
        self, name: str, choices: Iterable[Choice],
        when: tuple[str, Iterable[Choice]] | None = None,
    ) -> None:
        """Adds a variable with 1 to 65536 distinct choices: all numbers, or all strings.

        `when` names an earlier variable of the layer and its choices under which this one exists.
        """
        values = list(choices)
        condition = None if when is None else self._condition(*when)
        handle = self._handle
        encoded = _call.text(name, "name")
        if all(isinstance(value, str) for value in values):
            texts = [_call.text(value, "a choice") for value in values]
            array = (_ffi.c_char_p * len(texts))(*texts)
            _call.check(
                lib.fpnas_space_builder_add_texts(handle, encoded, array, len(texts)))
        elif all(isinstance(value, Integral) for value in values):
            whole = np.array([_call.int64(value, "a choice") for value in values], np.int64)
            _call.check(lib.fpnas_space_builder_add_integers(
                handle, encoded, _call.pointer(whole), whole.size))
        elif all(isinstance(value, Real) for value in values):
            reals = np.array([_call.real(value, "a choice") for value in values], np.float64)
            _call.check(lib.fpnas_space_builder_add_reals(
                handle, encoded, _call.pointer(reals), reals.size))
        else:
            raise _call.InvalidError(
                f"choices of '{name}' must be all numbers or all strings, got {values!r}")
        self._variables[name] = values
        if condition is not None:
            parent, places = condition
            _call.check(lib.fpnas_space_builder_set_condition(
                handle, parent, _call.pointer(places), places.size))

    def _condition(
        self, variable: str, wanted: Iterable[Choice]
    ) -> tuple[bytes, np.ndarray]:
        parent = _call.text(variable, "the variable of a condition")
        known = self._variables.get(variable)
        if known is None:
            raise _call.InvalidError(f"the layer has no earlier variable '{variable}' to depend on")
        wanted = list(wanted)
        for value in wanted:
            if value not in known:
                raise _call.InvalidError(f"{value!r} is not a choice of '{variable}'")
        return parent, np.array([known.index(value) for value in wanted], np.int32)

    def fixed(self, attribute: str, value: Choice) -> None:
        """Fixes an attribute of the layer's operation."""
        encoded = _call.text(attribute, "attribute")
        if isinstance(value, str):
            _call.check(lib.fpnas_space_builder_fix_text(
                self._handle, encoded, _call.text(value, "value")))
        elif isinstance(value, Integral):
            _call.check(lib.fpnas_space_builder_fix_integer(
                self._handle, encoded, _call.int64(value, "value")))
        else:
            _call.check(lib.fpnas_space_builder_fix_real(
                self._handle, encoded, _call.real(value, "value")))

    def per_block(self, attribute: str) -> None:
        """Lets every block of the layer choose a searched attribute for itself."""
        _call.check(lib.fpnas_space_builder_set_per_block(
            self._handle, _call.text(attribute, "attribute")))

    def alternative(self, name: str, operation: str, **attributes: Choice) -> None:
        """Adds a whole block that the layer may choose by a variable "op"."""
        _call.check(lib.fpnas_space_builder_add_alternative(
            self._handle, _call.text(name, "name"), _call.text(operation, "operation")))
        for attribute, value in attributes.items():
            self.fixed(attribute, value)

    def add(self, layer: Mapping[str, Any]) -> None:
        """Adds a layer from a plain dict; see `Space.build`."""
        entries = dict(layer)
        if "name" not in entries:
            raise _call.InvalidError(f"a layer needs a name, got {entries!r}")
        name = entries.pop("name")
        blocks = entries.get("op", [])
        has_blocks = isinstance(blocks, Sequence) and bool(blocks) and all(
            isinstance(block, Mapping) for block in blocks)
        if "operation" in entries or has_blocks:
            if has_blocks:
                del entries["op"]
                if "operation" in entries:
                    raise _call.InvalidError(f"layer '{name}' has both an operation and an 'op'")
            kind = blocks[0].get("operation") if has_blocks else entries.pop("operation")
            self.layer(name, kind, entries.pop("stride", 1), entries.pop("repeats", 1))
            for attribute in entries.pop("per_block", []):
                self.per_block(attribute)
            for attribute, value in entries.items():
                if isinstance(value, str) or not isinstance(value, (Sequence, np.ndarray)):
                    self.fixed(attribute, value)
                else:
                    self.choices(attribute, value)
            for block in blocks if has_blocks else []:
                if not {"name", "operation"} <= set(block):
                    raise _call.InvalidError(
                        f"a block of layer '{name}' needs name and operation, got {block!r}")
                self.alternative(**block)
            return
        self.layer(name)
        for variable in entries.pop("variables", []):
            unknown = set(variable) - {"name", "choices", "when"}
            if unknown or "name" not in variable or "choices" not in variable:
                raise _call.InvalidError(
                    f"a variable of layer '{name}' needs name and choices, and may have when, "
                    f"got {variable!r}")
            when = variable.get("when")
            if when is not None and set(when) != {"variable", "in"}:
                raise _call.InvalidError(
                    f"the condition of '{name}.{variable['name']}' needs variable and in, "
                    f"got {when!r}")
            self.choices(
                variable["name"], variable["choices"],
                None if when is None else (when["variable"], when["in"]))
        for variable, values in entries.items():
            if isinstance(values, str) or not isinstance(values, (Sequence, np.ndarray)):
                raise _call.InvalidError(
                    f"'{name}.{variable}' needs a list of choices, got {values!r}")
            self.choices(variable, values)

    def finish(self) -> Space:
        """Checks the whole and makes the space; the builder may go on."""
        return Space._made(lib.fpnas_space_builder_finish, self._handle)
