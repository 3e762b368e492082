"""The search: ask for architectures, evaluate them, tell their log-likelihoods."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib
from ._options import BUDGET_MODES
from .cost import AdditiveCost
from .distribution import FORM_NAMES, Architectures, Distribution
from .options import SearchOptions
from .space import Space

STOP_REASONS = {
    _ffi.FPNAS_STOP_NONE: None,
    _ffi.FPNAS_STOP_STEPS: "steps",
    _ffi.FPNAS_STOP_ENTROPY: "entropy",
    _ffi.FPNAS_STOP_COLLAPSE: "collapse",
}


@dataclass(frozen=True)
class Progress:
    """Where a search stands. Entropies and log-likelihoods are in nats."""

    form: str
    """"factorised" or "joint"."""
    stop_reason: str | None
    """"steps", "entropy", "collapse", or None while it should go on."""
    steps: int
    """Completed asks."""
    asks: int
    open_asks: int
    samples_drawn: int
    """Sum of K over all asks."""
    evaluations: int
    """Sum of the distinct networks told."""
    sample_count: int
    """K of the last ask."""
    next_sample_count: int
    initial_entropy: float
    entropy: float
    """Over encodings; under hard budgets that of q, which is drawn from."""
    effective_samples: float
    """Of the last completed ask: 1 / sum of squared weights."""
    likelihood_scale: float
    """The factor on the log-likelihoods of the last completed ask."""
    mean_log_likelihood: float
    """Over the K samples of the last completed ask."""
    gradient_norm: float
    best_log_likelihood: float
    """Highest told so far; -inf before any."""
    skip_probability: float
    """Mean over the layers that can be skipped."""
    budget_log_probability: float
    """log P(hard budgets) in nats; 0 without."""


_PROGRESS_NAMES = tuple(field.name for field in fields(Progress))


@dataclass(frozen=True, eq=False)
class Ask:
    """K draws, which are U distinct networks to evaluate."""

    search: Search
    number: int
    architectures: Architectures
    """int32, U rows of V choices, canonical."""
    multiplicities: npt.NDArray[np.int64]
    """How often each was drawn; they sum to `sample_count`."""
    sample_count: int
    """K."""

    def __len__(self) -> int:
        """U, the number of distinct networks."""
        return len(self.architectures)

    def tell(
        self, log_likelihoods: npt.ArrayLike, costs: npt.ArrayLike | None = None,
        networks: npt.ArrayLike | None = None,
    ) -> None:
        """Tells this ask's log-likelihoods; see `Search.tell`."""
        self.search.tell(self, log_likelihoods, costs, networks)

    def close(self) -> None:
        """Closes this ask without those not told."""
        self.search.close_ask(self)


class Search(_call.Handle):
    """FP-NAS, PARSEC or random search as one ask/tell object. One thread at a time.

    Options are keyword arguments, those of `SearchOptions`. The trajectory depends only on them
    and on the values told.

    >>> space = Space.build("toy", [{"name": "a", "k": [3, 5]}, {"name": "b", "k": [1, 3, 5]}])
    >>> search = Search(space, seed=1, minimum_samples=8, likelihood_scale=4, maximum_steps=100)
    >>> for ask in search:
    ...     ask.tell(ask.architectures.sum(axis=1))
    >>> search.progress.stop_reason, search.best()[0].tolist()
    ('steps', [1, 2])
    """

    _free = lib.fpnas_search_free
    _kind = "search"

    def __init__(
        self, space: Space, options: SearchOptions | None = None, **changes: Any
    ) -> None:
        if options is None and not changes:
            raw = None
        else:
            raw = _ffi.byref((options or SearchOptions()).replace(**changes)._to_c())
        super().__init__(
            _call.make(lib.fpnas_search_create, _ffi.fpnas_search, space._handle, raw))
        self._space: Space | None = space

    @classmethod
    def _wrap(cls, handle: Any) -> Search:
        made = cls.__new__(cls)
        _call.Handle.__init__(made, handle)
        made._space = None
        return made

    @property
    def space(self) -> Space:
        """The space; it lives as long as the search, even if the one given was closed."""
        if self._space is None or self._space.closed:
            self._space = Space._made(lib.fpnas_search_space, self._handle)
        return self._space

    @property
    def options(self) -> SearchOptions:
        """The options in use."""
        raw = _ffi.fpnas_search_options(struct_size=_ffi.sizeof(_ffi.fpnas_search_options))
        _call.check(lib.fpnas_search_options_get(self._handle, _ffi.byref(raw)))
        return SearchOptions._from_c(raw)

    # ---- Ask ----

    def ask(self) -> Ask:
        """Draws the next architectures; several asks may be open at once (at most 4096)."""
        raw = _ffi.fpnas_ask()
        _call.check(lib.fpnas_search_ask(self._handle, _ffi.byref(raw)))
        counts = np.empty(raw.network_count, np.int64)
        _call.check(lib.fpnas_search_ask_multiplicities(
            self._handle, raw.number, _call.pointer(counts), counts.size, None))
        return Ask(self, raw.number, self._rows(raw.number, counts.size), counts, raw.sample_count)

    def _rows(self, number: int, count: int) -> Architectures:
        rows = np.empty((count, len(self.space)), np.int32)
        _call.check(lib.fpnas_search_ask_architectures(
            self._handle, number, _call.pointer(rows), rows.size, None))
        return rows

    def open_ask(self, number: int) -> Ask:
        """The open ask of that number, as after a resume."""
        number = _call.uint64(number, "number")
        counts = _call.get_array(
            lib.fpnas_search_ask_multiplicities, self._handle, number, dtype=np.int64)
        return Ask(self, number, self._rows(number, counts.size), counts, int(counts.sum()))

    @property
    def open_asks(self) -> tuple[int, ...]:
        """Numbers of the open asks, ascending."""
        numbers = _call.get_array(lib.fpnas_search_open_asks, self._handle, dtype=np.uint64)
        return tuple(int(number) for number in numbers)

    def __iter__(self) -> Iterator[Ask]:
        """Asks until there is a stop reason (`maximum_steps`, `stop_entropy`, ...); the body of
        the loop tells."""
        while self.progress.stop_reason is None:
            yield self.ask()

    # ---- Tell ----

    @staticmethod
    def _number(ask: Ask | int) -> int:
        return ask.number if isinstance(ask, Ask) else _call.uint64(ask, "ask")

    def tell(
        self, ask: Ask | int, log_likelihoods: npt.ArrayLike, costs: npt.ArrayLike | None = None,
        networks: npt.ArrayLike | None = None,
    ) -> None:
        """Tells the mean log-likelihood per validation example (nats) of an ask's networks.

        -inf is a likelihood of zero; NaN and +inf are refused. `costs` (>= 0, in the unit of
        `cost_target`) replace the exact MACs, which only a space with operations has. `networks`
        are the indices of those told, default all, in order. The distribution moves when the last
        network of the ask is told. On an error nothing has changed.
        """
        number = self._number(ask)
        values = _call.doubles(log_likelihoods, "log_likelihoods")
        prices = None if costs is None else _call.doubles(costs, "costs")
        indices = (
            None if networks is None else _call.integers(networks, "networks").reshape(-1))
        for name, array in (("costs", prices), ("networks", indices)):
            if array is not None and array.size != values.size:
                raise _call.InvalidError(f"{values.size} {name} are needed, got {array.size}")
        if prices is None and indices is None:
            _call.check(lib.fpnas_search_tell(
                self._handle, number, _call.pointer(values), values.size))
        else:
            _call.check(lib.fpnas_search_tell_some(
                self._handle, number, _call.pointer(indices), _call.pointer(values),
                _call.pointer(prices), values.size))

    def close_ask(self, ask: Ask | int) -> None:
        """Closes an ask without those not told; the told ones move the distribution."""
        _call.check(lib.fpnas_search_close(self._handle, self._number(ask)))

    # ---- Budgets ----

    def add_budget(
        self, cost: AdditiveCost, most: int, *, least: int = 0, mode: str = "hard",
        weight: float = 1.0, resolution: int = 0,
    ) -> None:
        """Adds a budget on a cost, before the first ask.

        "hard": least <= cost <= most; nothing else is ever drawn, and all hard budgets are kept
        together. "soft": a further hinge term of equation 7, weight * max(0, cost / most - 1).
        Raises `InfeasibleError` at once, stating the least possible cost.
        """
        raw = _ffi.fpnas_search_budget(
            struct_size=_ffi.sizeof(_ffi.fpnas_search_budget),
            mode=_call.word(mode, BUDGET_MODES, "mode"), least=_call.int64(least, "least"),
            most=_call.int64(most, "most"), weight=_call.real(weight, "weight"),
            resolution=_call.int64(resolution, "resolution"))
        _call.check(lib.fpnas_search_add_budget(
            self._handle, cost._handle, _ffi.byref(raw)))

    # ---- Results ----

    def result(self) -> tuple[Architectures, float, bool]:
        """The most probable network, of those that keep all hard budgets, its log P, and whether
        that is certain in spite of rounded costs."""
        row = np.empty(len(self.space), np.int32)
        value, exact = _ffi.c_double(), _ffi.c_int32()
        _call.check(lib.fpnas_search_result(
            self._handle, _call.pointer(row), row.size, _ffi.byref(value), _ffi.byref(exact)))
        return row, value.value, bool(exact.value)

    @property
    def progress(self) -> Progress:
        """Where the search stands."""
        raw = _ffi.fpnas_progress(struct_size=_ffi.sizeof(_ffi.fpnas_progress))
        _call.check(lib.fpnas_search_progress(self._handle, _ffi.byref(raw)))
        values = {name: getattr(raw, name) for name in _PROGRESS_NAMES}
        values["form"] = FORM_NAMES[raw.form]
        values["stop_reason"] = STOP_REASONS[raw.stop_reason]
        return Progress(**values)

    @property
    def distribution(self) -> Distribution:
        """A copy of the present distribution."""
        handle = _call.make(
            lib.fpnas_search_distribution, _ffi.fpnas_distribution, self._handle)
        return Distribution._wrap(handle, self.space)

    def set_logits(self, logits: npt.ArrayLike) -> None:
        """Warm start: sets the logits of the present form; Adam's moments start again."""
        array = _call.doubles(logits, "logits")
        _call.check(lib.fpnas_search_set_logits(self._handle, _call.pointer(array), array.size))

    def best(self) -> tuple[Architectures, float]:
        """The network of the highest log-likelihood told; `StateError` before any tell."""
        row = np.empty(len(self.space), np.int32)
        value = _ffi.c_double()
        _call.check(lib.fpnas_search_best(
            self._handle, _call.pointer(row), row.size, _ffi.byref(value)))
        return row, value.value

    # ---- Checkpoints ----

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the exact state, the space and open asks included; the file is replaced as a
        whole."""
        _call.check(lib.fpnas_search_save(self._handle, _call.file_path(path)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Search:
        """A search that goes on exactly where the saved one stood."""
        return cls._wrap(
            _call.make(lib.fpnas_search_load, _ffi.fpnas_search, _call.file_path(path)))

    def to_bytes(self) -> bytes:
        """What `save` writes."""
        return _call.get_array(
            lib.fpnas_search_to_bytes, self._handle, dtype=np.uint8).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Search:
        """A search from `to_bytes`."""
        array = np.frombuffer(data, np.uint8)
        return cls._wrap(_call.make(
            lib.fpnas_search_from_bytes, _ffi.fpnas_search, _call.pointer(array), array.size))

    def __repr__(self) -> str:
        if self.closed:
            return "<closed Search>"
        progress = self.progress
        return (
            f"<Search of '{self.space.name}': {progress.steps} steps, "
            f"{progress.entropy:.4g} of {progress.initial_entropy:.4g} nats>")
