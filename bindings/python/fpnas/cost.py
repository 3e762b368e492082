"""Additive costs over a space: exact moments, quantiles and gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib
from .distribution import Distribution, Floats
from .space import METRICS, Space

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Quantiles:
    """Certain bounds of quantiles; equal where `resolution` is 1."""

    lower: Integers
    upper: Integers
    resolution: int


class AdditiveCost(_call.Handle):
    """An integer for every architecture of a space, the sum of what its layers cost. It never
    changes and any threads may share it.

    Make one with `metric` or `choices`. All of it is exact, without sampling.

    >>> space = Space.build("toy", [{"name": "a", "k": [3, 5]}, {"name": "b", "k": [1, 3, 5]}])
    >>> cost = AdditiveCost.choices(space, [9, 25, 1, 9, 25])
    >>> cost.range, cost.of([1, 0])
    ((10, 50), 26)
    >>> round(cost.moments(Distribution(space))[0], 4)
    28.6667
    """

    _free = lib.fpnas_cost_free
    _kind = "cost"

    def __init__(self, handle: Any, space: Space) -> None:
        super().__init__(handle)
        self._space = space

    @classmethod
    def metric(cls, space: Space, metric: str = "macs") -> AdditiveCost:
        """A built-in cost of a network space, named as in `METRICS`."""
        return cls(_call.make(
            lib.fpnas_cost_create_metric, _ffi.fpnas_cost, space._handle,
            _call.word(metric, METRICS, "metric")), space)

    @classmethod
    def choices(
        cls, space: Space, values: npt.ArrayLike, unit: float | None = None
    ) -> AdditiveCost:
        """The sum, over the variables that exist, of a value of their choice.

        `values` has one entry a choice, variable after variable: integers in [0, 2^60), or with a
        `unit` real numbers, each rounded up to whole units, in which all that follows counts.
        """
        if unit is None:
            numbers = _call.integers(values, "values")
            handle = _call.make(
                lib.fpnas_cost_create_choices, _ffi.fpnas_cost, space._handle,
                _call.pointer(numbers), numbers.size)
        else:
            reals = _call.doubles(values, "values")
            handle = _call.make(
                lib.fpnas_cost_create_reals, _ffi.fpnas_cost, space._handle,
                _call.pointer(reals), reals.size, _call.real(unit, "unit"))
        return cls(handle, space)

    @property
    def space(self) -> Space:
        """The space; it lives as long as the cost, even if the one given was closed."""
        if self._space.closed:
            self._space = Space._made(lib.fpnas_cost_space, self._handle)
        return self._space

    def of(self, architectures: npt.ArrayLike) -> Any:
        """The cost of one architecture, or an int64 array for rows of them."""
        rows = _call.architectures(architectures, len(self.space))
        count = 1 if rows.ndim == 1 else rows.shape[0]
        values = np.empty(count, np.int64)
        _call.check(lib.fpnas_cost_of(
            self._handle, _call.pointer(rows), count, _call.pointer(values)))
        return int(values[0]) if rows.ndim == 1 else values

    @property
    def range(self) -> tuple[int, int]:
        """The least and the greatest cost of any architecture."""
        least, greatest = _ffi.c_int64(), _ffi.c_int64()
        _call.check(lib.fpnas_cost_range(
            self._handle, _ffi.byref(least), _ffi.byref(greatest)))
        return least.value, greatest.value

    def moments(self, distribution: Distribution) -> tuple[float, float]:
        """Mean and variance under a distribution."""
        mean, variance = _ffi.c_double(), _ffi.c_double()
        _call.check(lib.fpnas_cost_moments(
            self._handle, distribution._handle, _ffi.byref(mean), _ffi.byref(variance)))
        return mean.value, variance.value

    def expectation_gradient(
        self, distribution: Distribution, out: Floats | None = None
    ) -> Floats:
        """Gradient of the mean with respect to the distribution's logits."""
        return _call.get_array(
            lib.fpnas_cost_expectation_gradient, self._handle, distribution._handle,
            dtype=np.float64, out=out)

    def quantiles(self, distribution: Distribution, levels: npt.ArrayLike) -> Quantiles:
        """For each level in [0, 1] the least c with P(cost <= c) >= level."""
        wanted = _call.doubles(levels, "levels")
        lower = np.empty(wanted.size, np.int64)
        upper = np.empty(wanted.size, np.int64)
        resolution = _ffi.c_int64()
        _call.check(lib.fpnas_cost_quantiles(
            self._handle, distribution._handle, _call.pointer(wanted), wanted.size,
            _call.pointer(lower), _call.pointer(upper), _ffi.byref(resolution)))
        return Quantiles(lower, upper, resolution.value)

    def __repr__(self) -> str:
        if self.closed:
            return "<closed AdditiveCost>"
        least, greatest = self.range
        return f"<AdditiveCost over '{self.space.name}', {least} to {greatest}>"
