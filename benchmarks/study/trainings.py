"""Training a network from scratch, once: the same network, images, options, seed are looked up."""
from __future__ import annotations

import fcntl
import json
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import fpnas
from rows import digest

CHECKPOINT_SECONDS = 30


def cpu_seconds() -> float:
    """What the process has used on all cores: unlike a clock, other work does not stretch it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Ledger:
    """What a piece of work has used, also before the checkpoint it goes on from."""

    def __init__(self, path: Path, is_new: bool) -> None:
        self.path = path
        self.before = {} if is_new or not path.exists() else json.loads(path.read_text())
        self.cpu, self.resident = cpu_seconds(), resident()
        fpnas.buffer_memory(reset_peak=True)

    def now(self) -> dict:
        return dict(
            cpu=self.before.get("cpu", 0.0) + cpu_seconds() - self.cpu,
            buffers=max(self.before.get("buffers", 0), fpnas.buffer_memory()[1]),
            resident=max(self.before.get("resident", 0), resident() - self.resident))

    def save(self) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.now()))
        os.replace(new, self.path)


def steer(work, folder: Path, name: str, ledger: Ledger) -> dict:
    """Steps a run or a retraining to its end, with a checkpoint each half minute and at Ctrl-C."""
    progress, saved = work.progress, time.monotonic()

    def save() -> None:
        work.save(folder / f"{name}.fpnas")
        ledger.save()

    try:
        while not progress.is_done:
            work.step()
            progress = work.progress
            if time.monotonic() - saved >= CHECKPOINT_SECONDS:
                save()
                saved = time.monotonic()
    except BaseException:
        if 0 < progress.step < progress.steps:
            save()
        raise
    return ledger.now()


@dataclass(frozen=True)
class Trained:
    accuracy: float
    log_likelihood: float
    seconds: float
    cpu_seconds: float
    steps: int
    buffer_bytes: int = 0


class Trainer:
    """Trains networks and remembers the outcome in `folder`/trained.jsonl."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.folder, self.threads = folder, threads
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "trained.jsonl"

    def _known(self) -> dict[str, dict]:
        if not self.path.exists():
            return {}
        lines = self.path.read_text().splitlines()
        return {entry["key"]: entry["result"] for entry in map(json.loads, lines)}

    def train(self, data: Path, space: fpnas.Space, network, options: dict, seed: int,
              teacher: tuple[np.ndarray, float, float] | None = None) -> Trained:
        """`teacher`: logits of all training images, weight and temperature of the distillation."""
        network = space.canonicalise(network) if len(space) else np.zeros(0, np.int32)
        key = digest(data.name, space.to_json(), network.tolist(), options, seed,
                     teacher and [digest(teacher[0].tobytes().hex()), *teacher[1:]])
        known = self._known()
        if key in known:
            return Trained(**known[key])
        checkpoint = self.folder / f"{key}.fpnas"
        ledger = Ledger(self.folder / f"{key}.json", not checkpoint.exists())
        if checkpoint.exists():
            training = fpnas.Retraining.load(checkpoint, data, self.threads)
        else:
            training = fpnas.Retraining(
                data, space, network, seed=seed, threads=self.threads, **options)
            if teacher is not None:
                training.distil(*teacher)
        with training:
            used = steer(training, self.folder, key, ledger)
            test, progress = training.test(), training.progress
        result = Trained(test.accuracy, test.log_likelihood, round(progress.seconds, 3),
                         round(used["cpu"], 3), progress.steps, int(used["buffers"]))
        with self.path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(dict(key=key, result=result.__dict__)) + "\n")
        for left in (checkpoint, self.folder / f"{key}.json"):
            left.unlink(missing_ok=True)
        return result

    def logits(self, data: Path, space: fpnas.Space, network, options: dict,
               seed: int) -> tuple[np.ndarray, float]:
        """A trained teacher's logits of all training images, and the CPU seconds it took."""
        network = space.canonicalise(network)
        key = digest("logits", data.name, space.to_json(), network.tolist(), options, seed)
        path = self.folder / f"{key}.npz"
        if not path.exists():
            start = cpu_seconds()
            with fpnas.Retraining(
                    data, space, network, seed=seed, threads=self.threads, **options) as training:
                for _ in training:
                    pass
                values = training.logits()
            np.savez(path, logits=values, cpu=cpu_seconds() - start)
        with np.load(path) as kept:
            return kept["logits"], float(kept["cpu"])
