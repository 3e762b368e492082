"""Mixtures for outside trainers: DARTS and FBNetV2 run all choices weighted by coefficients."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib
from .cost import AdditiveCost
from .distribution import Architectures, Distribution
from .space import Space

Reals = npt.NDArray[np.float64]

MIXTURES = {"darts": _ffi.FPNAS_MIXTURE_DARTS, "fbnetv2": _ffi.FPNAS_MIXTURE_FBNETV2}
SHAPES = {"expected": _ffi.FPNAS_SHAPES_EXPECTED, "effective": _ffi.FPNAS_SHAPES_EFFECTIVE}
DARTS_OPERATIONS = (
    "none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5",
    "dil_conv_3x3", "dil_conv_5x5",
)


@dataclass(frozen=True, eq=False)
class Coefficients:
    """The mixture of one step."""

    step: int
    temperature: float
    """1 in darts."""
    values: Reals
    """One a choice, variable after variable; a variable's sum to 1. `Space.split` parts them."""


class Mixture(_call.Handle):
    """Mixture coefficients of every variable, learned from the loss's gradient by Adam.

    None is the algorithm's default. The noise of "fbnetv2" is a pure function of the seed, the
    step, the variable and the choice.

    >>> space = Space.build("toy", [{"name": "a", "op": [0, 1, 2]}, {"name": "b", "op": [0, 1]}])
    >>> mixture = Mixture(space, "darts", learning_rate=0.1)
    >>> for _ in range(50):  # a loss that falls with the shares of a's last and b's first choice
    ...     mixture.tell(mixture.coefficients(), [0, 0, -1, -1, 0])
    >>> mixture.result().tolist()
    [2, 0]
    """

    _free = lib.fpnas_mixture_free
    _kind = "mixture"

    def __init__(
        self, space: Space, algorithm: str = "darts", *, seed: int = 0,
        learning_rate: float | None = None, adam_beta1: float | None = None,
        adam_beta2: float | None = None, adam_epsilon: float | None = None,
        weight_decay: float | None = None, initial_temperature: float | None = None,
        temperature_decay: float | None = None, minimum_temperature: float | None = None,
        steps_per_epoch: int | None = None,
    ) -> None:
        def real(value: float | None, name: str, default: float = 0.0) -> float:
            if value is None:
                return default
            number = _call.real(value, name)
            if number == default or number < 0:  # would mean the default in C
                raise _call.InvalidError(f"{name} must be > {default:g}, got {number}")
            return number

        raw = _ffi.fpnas_mixture_options(
            struct_size=_ffi.sizeof(_ffi.fpnas_mixture_options),
            algorithm=_call.word(algorithm, MIXTURES, "algorithm"),
            seed=_call.uint64(seed, "seed"), learning_rate=real(learning_rate, "learning_rate"),
            adam_beta1=real(adam_beta1, "adam_beta1", -1.0),
            adam_beta2=real(adam_beta2, "adam_beta2"),
            adam_epsilon=real(adam_epsilon, "adam_epsilon"),
            weight_decay=real(weight_decay, "weight_decay", -1.0),
            initial_temperature=real(initial_temperature, "initial_temperature"),
            temperature_decay=real(temperature_decay, "temperature_decay"),
            minimum_temperature=real(minimum_temperature, "minimum_temperature"),
            steps_per_epoch=0 if steps_per_epoch is None else _call.integer(
                steps_per_epoch, "steps_per_epoch", 1, 2**62))
        super().__init__(_call.make(
            lib.fpnas_mixture_create, _ffi.fpnas_mixture, space._handle, _ffi.byref(raw)))
        self._space: Space | None = space

    @property
    def options(self) -> dict[str, Any]:
        """The options in use, defaults filled in."""
        raw = _ffi.fpnas_mixture_options(struct_size=_ffi.sizeof(_ffi.fpnas_mixture_options))
        _call.check(lib.fpnas_mixture_options_get(self._handle, _ffi.byref(raw)))
        found = {name: getattr(raw, name) for name, _ in raw._fields_ if name != "struct_size"}
        found["algorithm"] = next(w for w, n in MIXTURES.items() if n == raw.algorithm)
        return found

    def coefficients(self) -> Coefficients:
        """The coefficients of the present step."""
        step, temperature = _ffi.c_uint64(), _ffi.c_double()
        values = _call.get_array(
            lib.fpnas_mixture_coefficients, self._handle, _ffi.byref(step),
            _ffi.byref(temperature), dtype=np.float64)
        return Coefficients(step.value, temperature.value, values)

    def tell(
        self, coefficients: Coefficients | int, gradients: npt.ArrayLike,
        logit_gradients: npt.ArrayLike | None = None,
    ) -> None:
        """Tells the gradient of the loss with respect to the coefficients of a step (or its
        number), and moves the logits. `logit_gradients` are added as they are, such as a factor
        times those of `cost`. `StateError` for another step than the present one."""
        step = coefficients.step if isinstance(coefficients, Coefficients) else coefficients
        values = _call.doubles(gradients, "gradients")
        own = None if logit_gradients is None else _call.doubles(
            logit_gradients, "logit_gradients")
        if own is not None and own.size != values.size:
            raise _call.InvalidError(f"{values.size} logit_gradients are needed, got {own.size}")
        _call.check(lib.fpnas_mixture_tell(
            self._handle, _call.uint64(step, "step"), _call.pointer(values), _call.pointer(own),
            values.size))

    def cost(self, cost: AdditiveCost, shapes: str = "expected") -> tuple[float, Reals]:
        """A cost under the present coefficients, and its gradient with respect to the logits:
        "expected", when choices are drawn by them, exact, or "effective", FBNetV2's mean costs at
        mean input widths."""
        value = _ffi.c_double()
        gradient = _call.get_array(
            lib.fpnas_mixture_cost, self._handle, cost._handle,
            _call.word(shapes, SHAPES, "shapes"), _ffi.byref(value), dtype=np.float64)
        return value.value, gradient

    def result(self) -> Architectures:
        """The choice of the largest logit of every variable, canonical."""
        row = np.empty(len(self._known_space()), np.int32)
        _call.check(lib.fpnas_mixture_result(self._handle, _call.pointer(row), row.size))
        return row

    def _known_space(self) -> Space:
        if self._space is None or self._space.closed:
            self._space = self._copy().space
        return self._space

    def _copy(self) -> Distribution:
        handle = _call.make(
            lib.fpnas_mixture_distribution, _ffi.fpnas_distribution, self._handle)
        space = Space._made(lib.fpnas_distribution_space, handle)
        return Distribution._wrap(handle, space)

    @property
    def distribution(self) -> Distribution:
        """A copy of softmax(logits)."""
        return self._copy()

    def set_logits(self, logits: npt.ArrayLike) -> None:
        """Sets the logits; Adam's moments start again."""
        array = _call.doubles(logits, "logits")
        _call.check(lib.fpnas_mixture_set_logits(self._handle, _call.pointer(array), array.size))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the exact state with the space; the file is replaced as a whole."""
        _call.check(lib.fpnas_mixture_save(self._handle, _call.file_path(path)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Mixture:
        """A mixture that goes on exactly where the saved one stood."""
        return cls._wrap(
            _call.make(lib.fpnas_mixture_load, _ffi.fpnas_mixture, _call.file_path(path)))

    def to_bytes(self) -> bytes:
        """What `save` writes."""
        return _call.get_array(
            lib.fpnas_mixture_to_bytes, self._handle, dtype=np.uint8).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Mixture:
        """A mixture from `to_bytes`, which goes on exactly."""
        array = np.frombuffer(data, np.uint8)
        return cls._wrap(_call.make(
            lib.fpnas_mixture_from_bytes, _ffi.fpnas_mixture, _call.pointer(array), array.size))

    @classmethod
    def _wrap(cls, handle: Any) -> Mixture:
        made = cls.__new__(cls)
        _call.Handle.__init__(made, handle)
        made._space = None
        return made


def darts_discretise(weights: npt.ArrayLike) -> Architectures:
    """DARTS's rule: every node keeps the two inputs whose strongest operation, none apart, is
    strongest. `weights` are of the normal and the reduction cell, of their 14 edges, of
    `DARTS_OPERATIONS`; the result is an architecture of the space "darts".

    >>> darts_discretise(np.zeros((2, 14, 8)))[:3].tolist()
    [0, 0, 0]
    """
    values = _call.doubles(weights, "weights")
    return _call.get_array(
        lib.fpnas_darts_discretise, _call.pointer(values), values.size, dtype=np.int32)


def second_order_gradient(
    validation: npt.ArrayLike, plus: npt.ArrayLike, minus: npt.ArrayLike, rate: float,
    epsilon: float,
) -> Reals:
    """DARTS's second-order gradient from three of the trainer's first-order ones.

    With v the gradient of the validation loss with respect to the weights at w' = w - rate *
    (gradient of the training loss), and epsilon = 0.01 / |v|: `validation` is the validation
    loss's gradient with respect to the coefficients at w', `plus` and `minus` are the training
    loss's at w + epsilon * v and w - epsilon * v.
    """
    parts = [_call.doubles(x, "gradients") for x in (validation, plus, minus)]
    if not epsilon > 0:
        raise _call.InvalidError(f"epsilon must be > 0, got {epsilon}")
    return parts[0] - rate * (parts[1] - parts[2]) / (2 * epsilon)
