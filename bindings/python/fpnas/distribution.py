"""Probability distributions over the architectures of a space."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib
from .space import METRICS, Space

FORMS = {"factorised": _ffi.FPNAS_FORM_FACTORISED, "joint": _ffi.FPNAS_FORM_JOINT}
FORM_NAMES = {number: name for name, number in FORMS.items()}

Floats = npt.NDArray[np.float64]
Architectures = npt.NDArray[np.int32]


class Distribution(_call.Handle):
    """P(A) as a product of softmaxes, one for each variable ("factorised") or one for each layer
    over the product of its variables ("joint"). It starts uniform. One thread at a time.

    Logits are contiguous: variable after variable, or layer after layer with the layer's last
    variable fastest. Where a method takes `canonical`, False speaks of encodings and True of
    networks, the sum over their encodings.

    >>> space = Space.build("toy", [{"name": "a", "k": [3, 5]}, {"name": "b", "k": [1, 3, 5]}])
    >>> distribution = Distribution(space)
    >>> round(distribution.entropy(), 4)  # ln 6
    1.7918
    >>> distribution.logits = [0, 2, 0, 0, 4]
    >>> distribution.mode()[0]
    array([1, 2], dtype=int32)
    """

    _free = lib.fpnas_distribution_free
    _kind = "distribution"

    def __init__(self, space: Space, form: str = "factorised") -> None:
        super().__init__(_call.make(
            lib.fpnas_distribution_create, _ffi.fpnas_distribution, space._handle,
            _call.word(form, FORMS, "form")))
        self._space: Space | None = space

    @classmethod
    def _wrap(cls, handle: Any, space: Space | None) -> Distribution:
        made = cls.__new__(cls)
        _call.Handle.__init__(made, handle)
        made._space = space
        return made

    def _derive(self, function: Any) -> Distribution:
        handle = _call.make(function, _ffi.fpnas_distribution, self._handle)
        return Distribution._wrap(handle, self._space)

    def copy(self) -> Distribution:
        """An independent copy."""
        return self._derive(lib.fpnas_distribution_copy)

    def to_joint(self) -> Distribution:
        """The same distribution in joint form: every architecture keeps its probability."""
        return self._derive(lib.fpnas_distribution_to_joint)

    @property
    def space(self) -> Space:
        """The space; it lives as long as the distribution, even if the one given was closed."""
        if self._space is None or self._space.closed:
            self._space = Space._made(lib.fpnas_distribution_space, self._handle)
        return self._space

    @property
    def form(self) -> str:
        """"factorised" or "joint"."""
        return FORM_NAMES[
            _call.get_value(lib.fpnas_distribution_form, _ffi.c_int32, self._handle)]

    # ---- Logits ----

    @property
    def logits(self) -> Floats:
        """All logits, float64, a copy; assign to replace them all (finite, within +-1e6)."""
        return self.get_logits()

    @logits.setter
    def logits(self, values: npt.ArrayLike) -> None:
        array = _call.doubles(values, "logits")
        _call.check(
            lib.fpnas_distribution_set_logits(self._handle, _call.pointer(array), array.size))

    def get_logits(self, out: Floats | None = None) -> Floats:
        """All logits, in a new array or in `out`."""
        return _call.get_array(
            lib.fpnas_distribution_get_logits, self._handle, dtype=np.float64, out=out)

    # ---- Queries ----

    def entropy(self, canonical: bool = False) -> float:
        """Entropy in nats; the one over encodings sets the number of samples of FP-NAS."""
        return _call.get_value(
            lib.fpnas_distribution_entropy, _ffi.c_double, self._handle, int(bool(canonical)))

    def log_probability(
        self, architectures: npt.ArrayLike, canonical: bool = False, out: Floats | None = None
    ) -> Any:
        """log P in nats: a float for one architecture, an array for rows of them."""
        rows = _call.architectures(architectures, len(self.space))
        count = 1 if rows.ndim == 1 else rows.shape[0]
        values = _call.output(out, (count,), np.float64)
        _call.check(lib.fpnas_distribution_log_probability(
            self._handle, _call.pointer(rows), count, int(bool(canonical)),
            _call.pointer(values)))
        return float(values[0]) if rows.ndim == 1 and out is None else values

    def marginals(self, canonical: bool = False, out: Floats | None = None) -> Floats:
        """Probability of every choice, variable after variable (`Space.split` takes it apart).

        Canonical ones count a choice only where its variable exists.
        """
        values = _call.output(out, (self._choice_total,), np.float64)
        _call.check(lib.fpnas_distribution_marginals(
            self._handle, int(bool(canonical)), _call.pointer(values), values.size, None))
        return values

    @property
    def _choice_total(self) -> int:
        return sum(len(choices) for choices in self.space.choices)

    def sample(
        self, count: int, seed: int = 0, step: int = 0, out: Architectures | None = None
    ) -> Architectures:
        """Draws `count` (1 to 2^24) rows of encodings; row k is a pure function of
        (logits, seed, step, k)."""
        count = _call.integer(count, "count", 1, 2**24)
        rows = _call.output(out, (count, len(self.space)), np.int32)
        _call.check(lib.fpnas_distribution_sample(
            self._handle, _call.uint64(seed, "seed"), _call.uint64(step, "step"), count,
            _call.pointer(rows), rows.size, None))
        return rows

    def top(self, count: int) -> tuple[Architectures, Floats]:
        """The `count` (1 to 2^20) most probable networks, most probable first, and their log P.

        Fewer where the space has fewer.
        """
        count = _call.integer(count, "count", 1, 2**20)
        rows = np.empty((count, len(self.space)), np.int32)
        values = np.empty(count, np.float64)
        found = _ffi.c_size_t()
        _call.check(lib.fpnas_distribution_top(
            self._handle, count, _call.pointer(rows), _call.pointer(values), _ffi.byref(found)))
        return rows[:found.value].copy(), values[:found.value].copy()

    def mode(self) -> tuple[Architectures, float]:
        """The most probable network and its log P."""
        rows, values = self.top(1)
        return rows[0], float(values[0])

    def kl(self, other: Distribution) -> float:
        """KL(self || other) in nats, over one space."""
        return _call.get_value(
            lib.fpnas_distribution_divergence, _ffi.c_double, self._handle, other._handle)

    def expected_cost(self, metric: str = "macs") -> float:
        """The exact expectation of a cost ("macs" or "parameters"), without sampling."""
        return _call.get_value(
            lib.fpnas_distribution_expected_cost, _ffi.c_double, self._handle,
            _call.word(metric, METRICS, "metric"))

    def best_within(self, budget: int, metric: str = "macs") -> tuple[Architectures, float]:
        """The most probable network that costs at most `budget`, and its log P.

        Raises `InfeasibleError`, stating the least possible cost.
        """
        row = np.empty(len(self.space), np.int32)
        value = _ffi.c_double()
        _call.check(lib.fpnas_distribution_best_within(
            self._handle, _call.word(metric, METRICS, "metric"), _call.int64(budget, "budget"),
            _call.pointer(row), row.size, _ffi.byref(value)))
        return row, value.value

    def __repr__(self) -> str:
        if self.closed:
            return "<closed Distribution>"
        return f"<Distribution over '{self.space.name}', {self.form}, {self.entropy():.4g} nats>"
