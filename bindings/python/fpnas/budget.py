"""Distributions given that costs keep budgets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib
from .cost import AdditiveCost, Integers
from .distribution import Architectures, Distribution, Floats
from .space import Space


class Budget(_call.Handle):
    """q(A) = P(A) / P(budgets) on the architectures that keep all budgets,
    least <= cost <= most, as the distribution was when this was made. One thread at a time.

    Exact while the sums of costs that can occur are few; otherwise costs are counted in units of
    `resolutions`, rounded up, so that whatever q knows of keeps the budgets. Raises
    `InfeasibleError` at once where nothing does, stating the least possible cost.

    >>> space = Space.build("toy", [{"name": "a", "k": [3, 5]}, {"name": "b", "k": [1, 3, 5]}])
    >>> cost = AdditiveCost.choices(space, [9, 25, 1, 9, 25])
    >>> budget = Budget(Distribution(space), cost, most=26)
    >>> budget.exact, round(budget.probability, 4), round(float(np.exp(budget.entropy)), 4)
    (True, 0.5, 3.0)
    """

    _free = lib.fpnas_budget_free
    _kind = "budget"

    def __init__(
        self, distribution: Distribution, costs: AdditiveCost | Sequence[AdditiveCost],
        most: int | Sequence[int], least: int | Sequence[int] | None = None,
        resolutions: int | Sequence[int] | None = None,
    ) -> None:
        """`costs` may be one or up to 8, and `most`, `least` and `resolutions` then have one entry
        each. A resolution of 0 chooses, 1 insists on exact sums, a greater one is the unit."""
        several = [costs] if isinstance(costs, AdditiveCost) else list(costs)

        def column(values: int | Sequence[int] | None, name: str) -> Integers | None:
            if values is None:
                return None
            array = np.atleast_1d(_call.integers(values, name))
            if array.shape != (len(several),):
                raise _call.InvalidError(
                    f"{name} must have {len(several)} entries, got {array.size}")
            return array

        ceilings, floors = column(most, "most"), column(least, "least")
        units = column(resolutions, "resolutions")
        handles = (_ffi.POINTER(_ffi.fpnas_cost) * max(len(several), 1))(
            *(cost._handle for cost in several))
        super().__init__(_call.make(
            lib.fpnas_budget_create, _ffi.fpnas_budget, distribution._handle, handles,
            _call.pointer(floors), _call.pointer(ceilings), _call.pointer(units), len(several)))
        self._space = distribution.space

    @property
    def space(self) -> Space:
        """The space; it lives as long as the budget, even if the one given was closed."""
        if self._space.closed:
            self._space = Space._made(lib.fpnas_budget_space, self._handle)
        return self._space

    # ---- Probabilities ----

    @property
    def resolutions(self) -> Integers:
        """The unit every cost is rounded up to, 1 where it is exact."""
        return _call.get_array(lib.fpnas_budget_resolutions, self._handle, dtype=np.int64)

    @property
    def exact(self) -> bool:
        """Whether no cost is rounded."""
        return bool((self.resolutions == 1).all())

    @property
    def log_probability(self) -> float:
        """log P(budgets) in nats of what q knows of: a lower bound unless exact."""
        return _call.get_value(lib.fpnas_budget_log_probability, _ffi.c_double, self._handle)

    @property
    def probability(self) -> float:
        """P(budgets) of what q knows of: a lower bound unless exact."""
        return float(np.exp(self.log_probability))

    @property
    def bounds(self) -> tuple[float, float]:
        """Certain bounds of P(budgets), equal where exact."""
        lower, upper = _ffi.c_double(), _ffi.c_double()
        _call.check(lib.fpnas_budget_bounds(
            self._handle, _ffi.byref(lower), _ffi.byref(upper)))
        return lower.value, upper.value

    @property
    def entropy(self) -> float:
        """Entropy of q in nats, over encodings."""
        return _call.get_value(lib.fpnas_budget_entropy, _ffi.c_double, self._handle)

    def marginals(self, out: Floats | None = None) -> Floats:
        """q's probability of every choice, where its variable exists."""
        return _call.get_array(
            lib.fpnas_budget_marginals, self._handle, dtype=np.float64, out=out)

    def log_probabilities(self, architectures: npt.ArrayLike, canonical: bool = False) -> Floats:
        """log q of rows of encodings, or of their networks; -inf outside of the budgets."""
        rows = np.atleast_2d(_call.architectures(architectures, len(self.space)))
        values = np.empty(rows.shape[0], np.float64)
        _call.check(lib.fpnas_budget_log_probabilities(
            self._handle, _call.pointer(rows), rows.shape[0], int(bool(canonical)),
            _call.pointer(values)))
        return values

    def gradient(self, out: Floats | None = None) -> Floats:
        """Gradient of log P(budgets) with respect to the distribution's logits."""
        return _call.get_array(
            lib.fpnas_budget_gradient, self._handle, dtype=np.float64, out=out)

    # ---- Architectures ----

    def sample(
        self, count: int, seed: int = 0, step: int = 0, out: Architectures | None = None
    ) -> Architectures:
        """Draws `count` (1 to 2^24) rows of encodings from q, all within the budgets; row k is a
        pure function of (logits, budgets, seed, step, k)."""
        count = _call.integer(count, "count", 1, 2**24)
        rows = _call.output(out, (count, len(self.space)), np.int32)
        _call.check(lib.fpnas_budget_sample(
            self._handle, _call.uint64(seed, "seed"), _call.uint64(step, "step"), count,
            _call.pointer(rows), rows.size, None))
        return rows

    def mode(self) -> tuple[Architectures, float, bool]:
        """The most probable network within the budgets, its log P (not log q), and whether that is
        certain in spite of rounded costs."""
        row = np.empty(len(self.space), np.int32)
        value, exact = _ffi.c_double(), _ffi.c_int32()
        _call.check(lib.fpnas_budget_mode(
            self._handle, _call.pointer(row), row.size, _ffi.byref(value), _ffi.byref(exact)))
        return row, value.value, bool(exact.value)

    def __repr__(self) -> str:
        if self.closed:
            return "<closed Budget>"
        return f"<Budget of P {self.probability:.4g}, {self.entropy:.4g} nats>"
