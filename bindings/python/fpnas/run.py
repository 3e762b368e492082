"""The built-in run: a search on images with the CPU supernet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib
from .distribution import Architectures, Distribution
from .retraining import TestResult
from .run_options import RunOptions
from .search import STOP_REASONS
from .space import Space


@dataclass(frozen=True)
class RunProgress:
    """Where a run stands. Entropies and log-likelihoods are in nats, times in seconds."""

    is_done: bool
    is_joint: bool
    stop_reason: str | None
    """As in `Progress`."""
    epoch: int
    """Finished epochs."""
    epochs: int
    step: int
    """Finished steps."""
    steps: int
    sample_count: int
    """K of the last step."""
    samples_drawn: int
    evaluations: int
    initial_entropy: float
    entropy: float
    expected_macs: float
    """Exact, as of the last epoch's end."""
    cost_target: float
    train_log_likelihood: float
    """Mean per image over the epoch's samples, as the two below."""
    validation_log_likelihood: float
    validation_accuracy: float
    """In [0, 1]."""
    effective_samples: float
    skip_probability: float
    seconds: float
    seconds_left: float
    block_evaluations: int
    """Blocks evaluated while weights were trained: networks that begin alike share them."""
    blocks_drawn: int
    """The same without sharing: the sum of K times L over the steps."""


@dataclass(frozen=True)
class Child:
    """A network of a run of "bignas", measured with the shared weights as they are."""

    most_macs: int
    """The budget it was selected for."""
    architecture: Architectures
    macs: int
    log_likelihood: float
    """On the validation images, in nats per image."""
    accuracy: float
    """On those, in [0, 1]."""
    measured: int
    """Networks measured that keep the budget."""


class Run(_call.Handle):
    """FP-NAS on a folder of images with weight sharing on the CPU. One thread at a time.

    `data_folder` holds IDX files under MNIST's names, the binary version of CIFAR-10 or CIFAR-100,
    or one folder of PNGs for each class, which are decoded when they are needed.
    `space` (None: the preset mbconv-small) is adapted to the images. Options are keyword
    arguments, those of `RunOptions`. A step takes some 10 to 1000 ms, so that a loop over the run
    can be interrupted:

        for progress in fpnas.Run("data/digits", epochs=60):
            print(progress.epoch, progress.entropy)
    """

    _free = lib.fpnas_run_free
    _kind = "run"

    def __init__(
        self, data_folder: str | os.PathLike[str], space: Space | None = None,
        options: RunOptions | None = None, **changes: Any,
    ) -> None:
        raw = (options or RunOptions()).replace(**changes)._to_c()
        super().__init__(_call.make(
            lib.fpnas_run_create, _ffi.fpnas_run, _call.file_path(data_folder),
            None if space is None else space._handle, _ffi.byref(raw)))
        self._space: Space | None = None

    @property
    def space(self) -> Space:
        """The space, adapted to the images."""
        if self._space is None or self._space.closed:
            self._space = Space._made(lib.fpnas_run_space, self._handle)
        return self._space

    @property
    def options(self) -> RunOptions:
        """The options in use."""
        raw = _ffi.fpnas_run_options(struct_size=_ffi.sizeof(_ffi.fpnas_run_options))
        _call.check(lib.fpnas_run_options_get(self._handle, _ffi.byref(raw)))
        return RunOptions._from_c(raw)

    @property
    def class_weights(self) -> npt.NDArray[np.float64]:
        """The loss weight of every class, of mean 1 over the training images (`class_balance`): losses
        and likelihoods of the run are means weighted by them."""
        return _call.get_array(lib.fpnas_run_class_weights, self._handle, dtype=np.float64)

    def step(self) -> None:
        """K networks on a training and on a validation batch; `StateError` when done.

        Where an image cannot be read, `FileError` or `FormatError` names its file; the run is as it
        was before, and can be saved or go on.
        """
        _call.check(lib.fpnas_run_step(self._handle))

    @property
    def progress(self) -> RunProgress:
        """Where the run stands."""
        raw = _ffi.fpnas_run_progress(struct_size=_ffi.sizeof(_ffi.fpnas_run_progress))
        _call.check(lib.fpnas_run_progress_get(self._handle, _ffi.byref(raw)))
        values = {field.name: getattr(raw, field.name) for field in fields(RunProgress)}
        values["is_done"], values["is_joint"] = bool(raw.is_done), bool(raw.is_joint)
        values["stop_reason"] = STOP_REASONS[raw.stop_reason]
        return RunProgress(**values)

    def __iter__(self) -> Iterator[RunProgress]:
        """Steps until done; the progress after every step."""
        progress = self.progress
        while not progress.is_done:
            self.step()
            progress = self.progress
            yield progress

    def epochs(self) -> Iterator[RunProgress]:
        """Steps until done; the progress after every epoch."""
        epoch = self.progress.epoch
        for progress in self:
            if progress.epoch > epoch:
                epoch = progress.epoch
                yield progress

    @property
    def distribution(self) -> Distribution:
        """A copy of the present distribution."""
        handle = _call.make(lib.fpnas_run_distribution, _ffi.fpnas_distribution, self._handle)
        return Distribution._wrap(handle, self.space)

    def result(self) -> tuple[Architectures, float]:
        """The most probable network of at most 1.02 * cost_target MACs (under a hard budget,
        cost_target; without one, the mode), and its log P. Of "bignas", the one it selected. Of
        "random" and "evolution", the best on all validation images of 16 finalists, those that
        did best on the batch they met; the last 16 steps measure one each. In the middle of a
        run the best so far."""
        row = np.empty(len(self.space), np.int32)
        value = _ffi.c_double()
        _call.check(lib.fpnas_run_result(
            self._handle, _call.pointer(row), row.size, _ffi.byref(value)))
        return row, value.value

    def select(self, most_macs: Sequence[int]) -> list[Child]:
        """The best networks of at most so many MACs each from the weights of a done run of
        "bignas", as they are: skeletons, whose layers of one stage share their choices, then
        mutations of the best, `coarse_children` and `mutations` for each budget.

        A loop over steps that can be interrupted; going on with the run finishes it, and a
        checkpoint holds its state. `StateError` before the run is done, `InfeasibleError` for
        a budget below the least network.
        """
        budgets = _call.integers(most_macs, "most_macs")
        _call.check(lib.fpnas_run_select(self._handle, _call.pointer(budgets), budgets.size))
        for _ in self:
            pass
        return [self.selected(most) for most in budgets.tolist()]

    def selected(self, most_macs: int) -> Child:
        """The best network of at most so many MACs that was measured so far; `StateError` where
        there is none."""
        row = np.empty(len(self.space), np.int32)
        raw = _ffi.fpnas_child(struct_size=_ffi.sizeof(_ffi.fpnas_child))
        _call.check(lib.fpnas_run_selected(
            self._handle, _call.int64(most_macs, "most_macs"), _call.pointer(row), row.size,
            _ffi.byref(raw)))
        return Child(most_macs, row, raw.macs, raw.log_likelihood, raw.accuracy, raw.measured)

    def test(self, architecture: npt.ArrayLike) -> TestResult:
        """Accuracy and log-likelihood of any network of the space on the test images with the
        shared weights as they are; normalisation statistics are estimated on training images."""
        row = self.space._one(architecture)
        accuracy, log_likelihood = _ffi.c_double(), _ffi.c_double()
        _call.check(lib.fpnas_run_test(
            self._handle, _call.pointer(row), _ffi.byref(accuracy), _ffi.byref(log_likelihood)))
        return TestResult(accuracy.value, log_likelihood.value)

    def report(self, folder: str | os.PathLike[str]) -> None:
        """Writes architecture.json, history.csv, history.png, distribution.png into a folder,
        which is made where missing."""
        _call.check(lib.fpnas_run_report(self._handle, _call.file_path(folder)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a checkpoint; the file is replaced as a whole."""
        _call.check(lib.fpnas_run_save(self._handle, _call.file_path(path)))

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], data_folder: str | os.PathLike[str], threads: int = 0
    ) -> Run:
        """Goes on from a checkpoint with the same images; threads = 0 keeps the stored number."""
        made = cls.__new__(cls)
        _call.Handle.__init__(made, _call.make(
            lib.fpnas_run_load, _ffi.fpnas_run, _call.file_path(path),
            _call.file_path(data_folder), _call.int64(threads, "threads")))
        made._space = None
        return made

    def __repr__(self) -> str:
        if self.closed:
            return "<closed Run>"
        progress = self.progress
        return (
            f"<Run: epoch {progress.epoch} of {progress.epochs}, "
            f"{progress.entropy:.4g} of {progress.initial_entropy:.4g} nats>")
