"""The options of a search; the defaults and the checks are the C library's."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from . import _call, _ffi

ALGORITHMS = {
    "fp-nas": _ffi.FPNAS_ALGORITHM_FP_NAS,
    "parsec": _ffi.FPNAS_ALGORITHM_PARSEC,
    "random": _ffi.FPNAS_ALGORITHM_RANDOM,
}
BASELINES = {"none": _ffi.FPNAS_BASELINE_NONE, "mean": _ffi.FPNAS_BASELINE_MEAN}
_WORDS = {"algorithm": ALGORITHMS, "baseline": BASELINES}

_STRUCT = _ffi.fpnas_search_options
_TYPES = dict(_STRUCT._fields_)
_DEFAULTS = dict(zip(_TYPES, _ffi.INITIAL_VALUES[_STRUCT]))


def _default(name: str) -> Any:
    value = _DEFAULTS[name]
    for word, number in _WORDS.get(name, {}).items():
        if number == value:
            return word
    return value


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Everything that steers a search.

    >>> SearchOptions(learning_rate=0.1).replace(seed=7).seed
    7
    """

    algorithm: str = _default("algorithm")
    """"fp-nas" (K = floor(samples_per_nat * entropy), clamped), "parsec" (K = sample_count) or
    "random" (K = sample_count, and the distribution never moves)."""
    seed: int = _default("seed")
    """0 to 2^64 - 1."""
    samples_per_nat: float = _default("samples_per_nat")
    """Lambda, > 0."""
    sample_count: int = _default("sample_count")
    """K of parsec and random, 2 to 65536."""
    minimum_samples: int = _default("minimum_samples")
    """Bounds of the adaptive K."""
    maximum_samples: int = _default("maximum_samples")
    likelihood_scale: float = _default("likelihood_scale")
    """Factor on the told means, >= 0."""
    effective_sample_share: float = _default("effective_sample_share")
    """In (0, 1]: the factor is chosen so that the effective sample size is this share of K;
    0 = off."""
    learning_rate: float = _default("learning_rate")
    """Adam's, on the logits."""
    adam_beta1: float = _default("adam_beta1")
    adam_beta2: float = _default("adam_beta2")
    adam_epsilon: float = _default("adam_epsilon")
    cost_weight: float = _default("cost_weight")
    """Beta of equation 7; 0 = off."""
    cost_target: float = _default("cost_target")
    """TAR, in the unit of the costs (MACs where the library computes them)."""
    joint_step: int = _default("joint_step")
    """Theta in tells; 0 = joint from the start, -1 = never."""
    warm_up_steps: int = _default("warm_up_steps")
    """Tells that do not move the distribution."""
    maximum_steps: int = _default("maximum_steps")
    """Stop reasons; 0 = off."""
    stop_entropy: float = _default("stop_entropy")
    """In nats."""
    baseline: str = _default("baseline")
    """"mean" (weights minus their mean) or "none" (equation 7 as printed)."""
    stops_on_collapse: bool = bool(_default("stops_on_collapse"))
    """Stop when every layer that can be skipped is, with more than even odds."""

    def replace(self, **changes: Any) -> SearchOptions:
        """The same options with some changed."""
        unknown = sorted(set(changes) - set(self.__dataclass_fields__))
        if unknown:
            raise TypeError(f"there is no option '{unknown[0]}'")
        return dataclasses.replace(self, **changes)

    def _to_c(self) -> Any:
        raw = _STRUCT(struct_size=_ffi.sizeof(_STRUCT))
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            kind = _TYPES[name]
            if name in _WORDS:
                value = _call.word(value, _WORDS[name], name)
            elif kind is _ffi.c_double:
                value = _call.real(value, name)
            elif kind is _ffi.c_uint64:
                value = _call.uint64(value, name)
            elif kind is _ffi.c_int64:
                value = _call.int64(value, name)
            else:
                value = _call.int32(value, name)
            setattr(raw, name, value)
        return raw

    @classmethod
    def _from_c(cls, raw: Any) -> SearchOptions:
        values = {name: getattr(raw, name) for name in cls.__dataclass_fields__}
        for name, words in _WORDS.items():
            values[name] = next(word for word, number in words.items() if number == values[name])
        values["stops_on_collapse"] = bool(values["stops_on_collapse"])
        return cls(**values)
