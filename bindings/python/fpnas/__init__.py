"""fpnas: probabilistic neural architecture search (FP-NAS, CVPR 2021).

A program describes a search space, then loops: ask for architectures, evaluate them in its own
training code, tell their log-likelihoods; and at any time query the distribution.

>>> import fpnas
>>> space = fpnas.Space.build("toy", [{"name": f"layer{i}", "op": ["skip", "a", "b"]}
...                                   for i in range(4)])
>>> search = fpnas.Search(space, seed=1, minimum_samples=8, learning_rate=0.2, maximum_steps=60)
>>> for ask in search:
...     ask.tell([(row == 2).sum() for row in ask.architectures])
>>> architecture, log_probability = search.distribution.mode()
>>> space.describe(architecture)["layer0"]
{'op': 'b'}
"""

from __future__ import annotations

from . import _call, _ffi, onnx, torch
from ._library import lib as _lib
from ._library import path as library_path
from .budget import Budget
from .builder import SpaceBuilder
from .cost import AdditiveCost, Quantiles
from .distribution import Distribution
from .errors import (
    BufferTooSmallError,
    BusyError,
    FileError,
    ForkedError,
    FormatError,
    FPNASError,
    HandleError,
    InfeasibleError,
    InvalidError,
    OutOfMemoryError,
    StateError,
    TextError,
)
from .latency import LatencyTable
from .mixture import (
    DARTS_OPERATIONS,
    Coefficients,
    Mixture,
    darts_discretise,
    second_order_gradient,
)
from .network import Network
from .options import SearchOptions
from .retraining import Retraining, RetrainProgress, TestResult
from .run import Child, Run, RunProgress
from .run_options import RetrainOptions, RunOptions
from .scaling import CompoundScaling, compound_candidates
from .search import Ask, Progress, Search
from .space import Cost, Layer, Space, Variable, load_architecture
from .weights import Factors, WeightedSum, training_weights

__version__: str = _lib.fpnas_version_string().decode()
"""The version of the library that is loaded."""


def build_info() -> str:
    """Compiler, kernels in use, BLAS and its kernels, in one line."""
    return _lib.fpnas_build_info().decode()


def live_handles() -> int:
    """Number of C handles not freed yet, for leak checks in tests."""
    return _lib.fpnas_debug_live_handles()


def buffer_memory(reset_peak: bool = False) -> tuple[int, int]:
    """Bytes of the library's large buffers now, and at most since the last reset of the peak."""
    current, peak = _ffi.c_int64(), _ffi.c_int64()
    _call.check(_lib.fpnas_debug_memory(
        int(bool(reset_peak)), _ffi.byref(current), _ffi.byref(peak)))
    return current.value, peak.value


__all__ = [
    "AdditiveCost", "Ask", "Budget", "BufferTooSmallError", "BusyError", "Child", "Coefficients",
    "CompoundScaling", "Cost", "DARTS_OPERATIONS", "Distribution", "FPNASError", "Factors",
    "FileError", "ForkedError", "FormatError", "HandleError", "InfeasibleError", "InvalidError",
    "LatencyTable", "Layer", "Mixture", "Network", "OutOfMemoryError", "Progress", "Quantiles",
    "RetrainOptions", "RetrainProgress", "Retraining", "Run", "RunOptions", "RunProgress",
    "Search", "SearchOptions", "Space", "SpaceBuilder", "StateError", "TestResult", "TextError",
    "Variable", "WeightedSum", "__version__", "buffer_memory", "build_info",
    "compound_candidates", "darts_discretise", "library_path", "live_handles",
    "load_architecture", "onnx", "second_order_gradient", "torch", "training_weights",
]
