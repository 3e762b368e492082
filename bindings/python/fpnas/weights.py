"""Weights for trainers outside the library: the gradient of the shared weights of a supernet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib
from .distribution import Floats


def training_weights(
    log_likelihoods: npt.ArrayLike, multiplicities: npt.ArrayLike | None = None,
    scale: float = 1.0, out: Floats | None = None,
) -> Floats:
    """w_i = n_i exp(scale * l_i) / sum: the weight of network i's gradient.

    From log-likelihoods of the training batch (nats; -inf weighs 0, NaN and +inf are refused) and
    multiplicities (None: all 1).

    >>> training_weights([0.0, 0.0], [1, 3])
    array([0.25, 0.75])
    """
    values = _call.doubles(log_likelihoods, "log_likelihoods")
    counts = (
        None if multiplicities is None
        else _call.integers(multiplicities, "multiplicities").reshape(-1))
    if counts is not None and counts.size != values.size:
        raise _call.InvalidError(f"{values.size} multiplicities are needed, got {counts.size}")
    weights = _call.output(out, (values.size,), np.float64)
    _call.check(lib.fpnas_training_weights(
        _call.pointer(values), _call.pointer(counts), values.size, _call.real(scale, "scale"),
        _call.pointer(weights)))
    return weights


@dataclass(frozen=True)
class Factors:
    """What to do with the gradient accumulator: G = G * keep + gradient * add."""

    keep: float
    add: float


class WeightedSum:
    """The same weighted sum in one pass, with one gradient accumulator G.

    For every network `push`, then G = G * keep + gradient * add; at the end divide G by `total`.
    `merge` joins the sum of another rank in the same way. Plain values: it can be pickled.

    >>> total, g = WeightedSum(), 0.0
    >>> for log_likelihood, gradient in [(-1.0, 2.0), (0.0, 4.0)]:
    ...     factors = total.push(log_likelihood)
    ...     g = g * factors.keep + gradient * factors.add
    >>> round(g / total.total, 6)
    3.462117
    """

    def __init__(self) -> None:
        self._sum = _ffi.fpnas_weighted_sum(*_ffi.INITIAL_VALUES[_ffi.fpnas_weighted_sum])

    @property
    def maximum(self) -> float:
        """The highest scaled log-likelihood so far; 0 while empty."""
        return self._sum.maximum

    @property
    def total(self) -> float:
        """The sum of the weights relative to `maximum`."""
        return self._sum.total

    @property
    def is_empty(self) -> bool:
        """Whether nothing above -inf was pushed yet."""
        return bool(self._sum.is_empty)

    def push(self, log_likelihood: float, multiplicity: int = 1) -> Factors:
        """Adds a network; the log-likelihood is scaled already. NaN and +inf are refused."""
        keep, add = _ffi.c_double(), _ffi.c_double()
        _call.check(lib.fpnas_weighted_sum_push(
            _ffi.byref(self._sum), _call.real(log_likelihood, "log_likelihood"),
            _call.int64(multiplicity, "multiplicity"), _ffi.byref(keep), _ffi.byref(add)))
        return Factors(keep.value, add.value)

    def merge(self, other: WeightedSum) -> Factors:
        """Joins another sum: G = G * keep + other's G * add."""
        keep, add = _ffi.c_double(), _ffi.c_double()
        _call.check(lib.fpnas_weighted_sum_merge(
            _ffi.byref(self._sum), _ffi.byref(other._sum), _ffi.byref(keep), _ffi.byref(add)))
        return Factors(keep.value, add.value)

    def __getstate__(self) -> tuple[float, float, bool]:
        return self.maximum, self.total, self.is_empty

    def __setstate__(self, state: tuple[float, float, bool]) -> None:
        self._sum = _ffi.fpnas_weighted_sum(state[0], state[1], int(state[2]), 0)
