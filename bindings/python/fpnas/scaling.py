"""Compound scaling: one network, made larger in depth, width and resolution together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib
from .space import Space


@dataclass(frozen=True)
class CompoundScaling:
    """Depth alpha^phi, width beta^phi, resolution gamma^phi [Tan & Le 2019].

    >>> space = Space.preset("mbconv-small", 32, 32, 3, 10)
    >>> base = space.random_near(400_000)
    >>> larger = CompoundScaling(1.2, 1.1, 1.15).apply(space, base, phi=1, size_step=4)
    >>> larger.cost([]).macs > 1.5 * space.cost(base).macs
    True
    """

    alpha: float
    beta: float
    gamma: float

    @property
    def cost_factor(self) -> float:
        """alpha * beta^2 * gamma^2, the factor on MACs at phi = 1."""
        return self.alpha * self.beta**2 * self.gamma**2

    def factors(
        self, space: Space, phi: float, *, coefficient_step: float = 0.1, size_step: int = 20
    ) -> tuple[float, float, tuple[int, int]]:
        """Factors of depth and width and the images' (rows, columns) for `phi`.

        Factors are rounded to multiples of `coefficient_step` (0: not at all), sizes to multiples
        of `size_step` (0: to pixels); the defaults are EfficientNet's.
        """
        depth, width = _ffi.c_double(), _ffi.c_double()
        rows, columns = _ffi.c_int32(), _ffi.c_int32()
        _call.check(lib.fpnas_compound_scaling(
            space._handle, _call.real(self.alpha, "alpha"), _call.real(self.beta, "beta"),
            _call.real(self.gamma, "gamma"), _call.real(phi, "phi"),
            _call.real(coefficient_step, "coefficient_step"), _call.int32(size_step, "size_step"),
            _ffi.byref(depth), _ffi.byref(width), _ffi.byref(rows), _ffi.byref(columns)))
        return depth.value, width.value, (rows.value, columns.value)

    def apply(
        self, space: Space, architecture: npt.ArrayLike | None = None, *, phi: float,
        coefficient_step: float = 0.1, size_step: int = 20,
    ) -> Space:
        """The scaled network, a space without variables."""
        depth, width, size = self.factors(
            space, phi, coefficient_step=coefficient_step, size_step=size_step)
        return space.scaled(architecture, depth=depth, width=width, size=size)


def compound_candidates(
    step: float = 0.05, product: float = 2.0, tolerance: float = 0.1
) -> list[CompoundScaling]:
    """The grid of the search at phi = 1: all alpha, beta, gamma >= 1 in steps of `step` with
    |alpha * beta^2 * gamma^2 - product| <= tolerance. Evaluate the networks they make of the base
    and keep the best.

    >>> CompoundScaling(1.2, 1.1, 1.15) in compound_candidates()
    True
    """
    rows = _call.get_array(
        lib.fpnas_compound_candidates, _call.real(step, "step"), _call.real(product, "product"),
        _call.real(tolerance, "tolerance"), dtype=np.float64)
    return [CompoundScaling(*row) for row in rows.reshape(-1, 3).tolist()]
