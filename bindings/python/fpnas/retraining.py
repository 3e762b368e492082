"""Training one network from scratch on the CPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _call, _ffi
from ._library import lib
from .network import Network
from .run_options import RetrainOptions
from .space import Space


@dataclass(frozen=True)
class RetrainProgress:
    """Where a training stands."""

    is_done: bool
    step: int
    steps: int
    train_log_likelihood: float
    """Of the last batch, nats per image."""
    seconds: float


@dataclass(frozen=True)
class TestResult:
    """On the test images."""

    accuracy: float
    """In [0, 1]."""
    log_likelihood: float
    """Mean, nats per image."""

    __test__ = False  # no test of pytest's


class Retraining(_call.Handle):
    """Trains one network of a space on all training images of a folder. One thread at a time.

    Options are keyword arguments, those of `RetrainOptions`:

        training = fpnas.Retraining("data/digits", run.space, run.result()[0])
        for progress in training:
            pass
        print(training.test().accuracy)
    """

    _free = lib.fpnas_retrain_free
    _kind = "retraining"

    def __init__(
        self, data_folder: str | os.PathLike[str], space: Space, architecture: npt.ArrayLike,
        options: RetrainOptions | None = None, **changes: Any,
    ) -> None:
        raw = (options or RetrainOptions()).replace(**changes)._to_c()
        row = space._one(architecture)
        super().__init__(_call.make(
            lib.fpnas_retrain_create, _ffi.fpnas_retrain, _call.file_path(data_folder),
            space._handle, _call.pointer(row), _ffi.byref(raw)))

    def distil(
        self, logits: npt.ArrayLike | Network, weight: float = 0.5, temperature: float = 1.0
    ) -> None:
        """Learns from now on from a teacher too: (1 - weight) CE + weight T^2 KL(teacher || this).

        `logits` has a row of classes for every image of the training set in the order of its files,
        for example those of another retraining on the same images:

            training.distil(teacher.logits(), weight=0.7, temperature=2)

        A `Network` in their place may be of any space and see the images at another size.
        """
        if isinstance(logits, Network):
            _call.check(lib.fpnas_retrain_distil_network(
                self._handle, logits._handle, _call.real(weight, "weight"),
                _call.real(temperature, "temperature")))
            return
        values = np.ascontiguousarray(logits, np.float32).reshape(-1)
        _call.check(lib.fpnas_retrain_distil(
            self._handle, _call.pointer(values), values.size, _call.real(weight, "weight"),
            _call.real(temperature, "temperature")))

    def logits(self) -> npt.NDArray[np.float32]:
        """The network's logits of every training image, flat; of those not trained on too."""
        return _call.get_array(lib.fpnas_retrain_logits, self._handle, dtype=np.float32)

    def step(self, count: int = 1) -> None:
        """Trains on the next batches, `count` of them or what is left; `StateError` when done.

        Where a batch takes a millisecond, several a call are some percent faster.
        """
        _call.check(lib.fpnas_retrain_step(self._handle, _call.int64(count, "count")))

    @property
    def progress(self) -> RetrainProgress:
        """Where the training stands."""
        raw = _ffi.fpnas_retrain_progress(struct_size=_ffi.sizeof(_ffi.fpnas_retrain_progress))
        _call.check(lib.fpnas_retrain_progress_get(self._handle, _ffi.byref(raw)))
        return RetrainProgress(
            bool(raw.is_done), raw.step, raw.steps, raw.train_log_likelihood, raw.seconds)

    def __iter__(self) -> Iterator[RetrainProgress]:
        """Steps until done; the progress after every step."""
        progress = self.progress
        while not progress.is_done:
            self.step()
            progress = self.progress
            yield progress

    def test(self) -> TestResult:
        """Tests the network with normalisation statistics re-estimated on the training images."""
        accuracy, log_likelihood = _ffi.c_double(), _ffi.c_double()
        _call.check(lib.fpnas_retrain_test(
            self._handle, _ffi.byref(accuracy), _ffi.byref(log_likelihood)))
        return TestResult(accuracy.value, log_likelihood.value)

    def network(self) -> Network:
        """The network by itself, as `test` measures it; the training may go on without it."""
        return Network._made(lib.fpnas_retrain_network, self._handle)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a checkpoint; the file is replaced as a whole."""
        _call.check(lib.fpnas_retrain_save(self._handle, _call.file_path(path)))

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], data_folder: str | os.PathLike[str], threads: int = 0
    ) -> Retraining:
        """Goes on from a checkpoint with the same images; threads = 0 keeps the stored number."""
        made = cls.__new__(cls)
        _call.Handle.__init__(made, _call.make(
            lib.fpnas_retrain_load, _ffi.fpnas_retrain, _call.file_path(path),
            _call.file_path(data_folder), _call.int64(threads, "threads")))
        return made

    def __repr__(self) -> str:
        if self.closed:
            return "<closed Retraining>"
        progress = self.progress
        return f"<Retraining: step {progress.step} of {progress.steps}>"
