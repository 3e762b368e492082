"""One run of fashion_mnist.py: a search and a retraining, each resumable at its last checkpoint."""
from __future__ import annotations

import csv
import math
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import fpnas

CHECKPOINT_SECONDS = 30


@dataclass(frozen=True)
class Task:
    profile: str
    system: str
    seed: int
    threads: int
    data: Path
    folder: Path
    space: Path
    search: dict
    retrain: dict

    def say(self, text: str) -> None:
        print(f"{self.profile} {self.system} {self.seed}: {text}", flush=True)


def cpu_seconds() -> float:
    """What the process has used on all cores: unlike a clock, other work does not stretch it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Curve:
    """A CSV that grows by rows and, on resume, forgets those after the checkpoint."""

    def __init__(self, path: Path, columns: list[str], step: int) -> None:
        self.columns, self.rows = columns, []
        if step > 0 and path.exists():
            with path.open() as file:
                # A row cut off by a kill is after the checkpoint, as rows are flushed before.
                self.rows = [r for r in csv.DictReader(file)
                             if r["step"].isdigit() and int(r["step"]) <= step]
        self.file = path.open("w", newline="")
        self.writer = csv.DictWriter(self.file, columns)
        self.writer.writeheader()
        self.writer.writerows(self.rows)
        self.flush()

    def last(self, column: str) -> float:
        return float(self.rows[-1][column]) if self.rows else 0.0

    def add(self, **row) -> None:
        self.rows.append(row)
        self.writer.writerow(row)

    def flush(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())


def steer(task: Task, work, curve: Curve, checkpoint: Path, row_of) -> None:
    """Steps to the end: some 400 rows of curve, a checkpoint each half minute and at Ctrl-C."""
    before, start = curve.last("cpu_seconds"), cpu_seconds()
    base, peak = curve.last("resident_bytes"), resident()
    progress = work.progress
    every, saved, said = max(1, progress.steps // 400), time.monotonic(), time.monotonic()

    def note() -> None:
        curve.add(step=progress.step, seconds=round(progress.seconds, 3),
                  cpu_seconds=round(before + cpu_seconds() - start, 3),
                  buffer_bytes=max(int(curve.last("buffer_bytes")), fpnas.buffer_memory()[1]),
                  resident_bytes=int(max(base, resident() - peak)), **row_of(progress))

    def save() -> None:
        if not curve.rows or int(curve.rows[-1]["step"]) < progress.step:
            note()
        curve.flush()
        work.save(checkpoint)

    try:
        while not progress.is_done:
            work.step()
            progress = work.progress
            if progress.step % every == 0:
                note()
            now = time.monotonic()
            if now - said >= 20:
                said = now
                task.say(f"step {progress.step}/{progress.steps}, {progress.seconds:.0f} s  "
                         + "  ".join(f"{k} {v:.4g}" for k, v in row_of(progress).items()))
            if now - saved >= CHECKPOINT_SECONDS:
                save()
                saved = time.monotonic()
    finally:
        if progress.step > 0:
            save()


def bare_search(task: Task, space: fpnas.Space, **more) -> fpnas.Search:
    """The distribution's part of an FP-NAS run, without images and weights."""
    options = fpnas.RunOptions(**task.search)
    hard = options.budget_mode == "hard"
    search = fpnas.Search(
        space, seed=task.seed, samples_per_nat=options.samples_per_nat,
        minimum_samples=options.minimum_samples, maximum_samples=options.maximum_samples,
        likelihood_scale=options.likelihood_scale, learning_rate=options.learning_rate,
        baseline=options.baseline, cost_weight=0.0 if hard else options.cost_weight,
        cost_target=options.cost_target, **more)
    if hard:
        search.add_budget(fpnas.AdditiveCost.metric(space), int(options.cost_target))
    return search


def first_sample_count(task: Task, space: fpnas.Space) -> int:
    """What FP-NAS draws at first: PARSEC's constant K."""
    return bare_search(task, space).progress.next_sample_count


def search(task: Task) -> tuple[fpnas.Run, Curve, int]:
    space = fpnas.Space.load(task.space)
    count = first_sample_count(task, space)
    checkpoint = task.folder / "search.fpnas"
    fpnas.buffer_memory(reset_peak=True)
    if checkpoint.exists():
        run = fpnas.Run.load(checkpoint, task.data, task.threads)
        task.say(f"goes on at step {run.progress.step} of the search")
    else:
        run = fpnas.Run(task.data, space, algorithm=task.system, sample_count=count,
                        seed=task.seed, threads=task.threads, **task.search)
    names = ["entropy", "sample_count", "samples_drawn", "evaluations", "expected_macs",
             "validation_log_likelihood", "validation_accuracy"]
    curve = Curve(task.folder / "curve.csv", ["step", "seconds", "cpu_seconds", "buffer_bytes",
                  "resident_bytes", *names], run.progress.step)
    steer(task, run, curve, checkpoint, lambda p: {name: getattr(p, name) for name in names})
    return run, curve, count


def retrain(task: Task, space: fpnas.Space, network: np.ndarray) -> tuple[fpnas.Retraining, Curve]:
    checkpoint = task.folder / "retraining.fpnas"
    if checkpoint.exists():
        training = fpnas.Retraining.load(checkpoint, task.data, task.threads)
        task.say(f"goes on at step {training.progress.step} of the retraining")
    else:
        training = fpnas.Retraining(
            task.data, space, network, seed=task.seed, threads=task.threads, **task.retrain)
    curve = Curve(task.folder / "retraining.csv", ["step", "seconds", "cpu_seconds", "buffer_bytes",
                  "resident_bytes", "train_log_likelihood"], training.progress.step)
    steer(task, training, curve, checkpoint,
          lambda p: {"train_log_likelihood": p.train_log_likelihood})
    return training, curve


def search_and_retrain(task: Task) -> dict:
    task.folder.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[1]
    run, curve, count = search(task)
    run.report(task.folder)
    network, log_probability = run.result()
    progress, cost = run.progress, run.space.cost(network)
    row = dict(
        first_k=count, steps=progress.steps, samples_drawn=progress.samples_drawn,
        evaluations=progress.evaluations,
        block_evaluations=progress.block_evaluations, blocks_drawn=progress.blocks_drawn,
        search_seconds=round(progress.seconds, 1),
        search_cpu_seconds=round(curve.last("cpu_seconds"), 1),
        search_buffer_bytes=int(curve.last("buffer_bytes")),
        search_resident_bytes=int(curve.last("resident_bytes")),
        first_entropy=progress.initial_entropy, last_entropy=progress.entropy,
        macs=cost.macs, parameters=cost.parameters, probability=math.exp(log_probability),
        network=" ".join(str(choice) for choice in network))
    space = run.space
    run.close()
    training, curve = retrain(task, space, network)
    test = training.test()
    row |= dict(
        retrain_seconds=round(training.progress.seconds, 1),
        retrain_cpu_seconds=round(curve.last("cpu_seconds"), 1),
        test_accuracy=test.accuracy, test_log_likelihood=test.log_likelihood,
        load_at_start=round(load, 1), load_at_end=round(os.getloadavg()[1], 1))
    task.say(f"{cost.macs:,} MACs, test accuracy {100 * test.accuracy:.2f} %")
    return row


def control(task: Task) -> dict:
    """FP-NAS's search of the same options and steps, told zeros."""
    run = fpnas.Run(task.data, fpnas.Space.load(task.space), seed=task.seed, threads=task.threads,
                    **task.search)
    options, steps, space = run.options, run.progress.steps, run.space
    run.close()
    search = bare_search(
        task, space, joint_step=options.joint_epoch * (steps // options.epochs),
        warm_up_steps=int(steps * options.warm_up_share))
    first = search.progress
    for _ in range(steps):
        ask = search.ask()
        ask.tell([0.0] * len(ask.architectures))
    return dict(
        first_k=first.next_sample_count, steps=steps,
        samples_drawn=search.progress.samples_drawn, first_entropy=first.entropy,
        last_entropy=search.progress.entropy)
