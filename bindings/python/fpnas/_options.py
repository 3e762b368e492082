"""What the option classes share: dataclasses that become C structs and back."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from . import _call, _ffi

ALGORITHMS = {
    "fp-nas": _ffi.FPNAS_ALGORITHM_FP_NAS,
    "parsec": _ffi.FPNAS_ALGORITHM_PARSEC,
    "random": _ffi.FPNAS_ALGORITHM_RANDOM,
    "evolution": _ffi.FPNAS_ALGORITHM_EVOLUTION,
    "reinforce": _ffi.FPNAS_ALGORITHM_REINFORCE,
    "bignas": _ffi.FPNAS_ALGORITHM_BIGNAS,
    "darts": _ffi.FPNAS_ALGORITHM_DARTS,
    "fbnetv2": _ffi.FPNAS_ALGORITHM_FBNETV2,
}
BASELINES = {"none": _ffi.FPNAS_BASELINE_NONE, "mean": _ffi.FPNAS_BASELINE_MEAN}
OBJECTIVES = {
    "conditioned": _ffi.FPNAS_OBJECTIVE_CONDITIONED,
    "within": _ffi.FPNAS_OBJECTIVE_WITHIN,
}
BUDGET_MODES = {"soft": _ffi.FPNAS_BUDGET_SOFT, "hard": _ffi.FPNAS_BUDGET_HARD}
REWARDS = {"told": _ffi.FPNAS_REWARD_TOLD, "product": _ffi.FPNAS_REWARD_PRODUCT}
OPTIMISERS = {
    "sgd": _ffi.FPNAS_OPTIMISER_SGD,
    "rmsprop": _ffi.FPNAS_OPTIMISER_RMSPROP,
    "adam": _ffi.FPNAS_OPTIMISER_ADAM,
}
WORDS = {
    "algorithm": ALGORITHMS,
    "baseline": BASELINES,
    "budget_objective": OBJECTIVES,
    "budget_mode": BUDGET_MODES,
    "optimiser": OPTIMISERS,
    "reward": REWARDS,
}
FLAGS = ("stops_on_collapse", "flip", "resize_unequal", "check_files", "zero_last_gamma",
         "second_order", "evaluate_each_draw")

Self = TypeVar("Self", bound="Options")


def spoken(name: str, value: Any) -> Any:
    """A C value as Python shows it: constants as words, flags as bools."""
    if name in FLAGS:
        return bool(value)
    for word, number in WORDS.get(name, {}).items():
        if number == value:
            return word
    return value


class Options:
    """Base of the frozen option dataclasses, whose fields are named as those of `_struct`."""

    _struct: Any = None

    def replace(self: Self, **changes: Any) -> Self:
        """The same options with some changed."""
        known = [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]
        for name in changes:
            if name not in known:
                raise TypeError(f"there is no option '{name}'; there are: {', '.join(known)}")
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def _to_c(self) -> Any:
        raw = self._struct(struct_size=_ffi.sizeof(self._struct))
        kinds = dict(self._struct._fields_)
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            name = field.name
            value = getattr(self, name)
            if name in WORDS:
                value = _call.word(value, WORDS[name], name)
            elif kinds[name] is _ffi.c_double:
                value = _call.real(value, name)
            elif kinds[name] is _ffi.c_uint64:
                value = _call.uint64(value, name)
            elif kinds[name] is _ffi.c_int64:
                value = _call.int64(value, name)
            else:
                value = _call.int32(value, name)
            setattr(raw, name, value)
        return raw

    @classmethod
    def _from_c(cls: type[Self], raw: Any) -> Self:
        return cls(**{
            field.name: spoken(field.name, getattr(raw, field.name))
            for field in dataclasses.fields(cls)  # type: ignore[arg-type]
        })


def defaults(struct: Any, initialise: Any = None) -> dict[str, Any]:
    """The library's own defaults: of the struct's _INIT macro, or of its _init function."""
    names = [name for name, _ in struct._fields_]
    if initialise is None:
        values = dict(zip(names, _ffi.INITIAL_VALUES[struct]))
    else:
        raw = struct()
        _call.check(initialise(_ffi.byref(raw), _ffi.sizeof(struct)))
        values = {name: getattr(raw, name) for name in names}
    return {name: spoken(name, value) for name, value in values.items()}
