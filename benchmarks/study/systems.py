"""The systems of the comparison: each turns a job into what a row says of its search.

A system is a function of a `Bench` and a job that returns the columns it knows and the network that
it found as (space, architecture). What the loaded library does not know raises `NotThere`.
"""
from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import fpnas
import images
from profiles import Profile
from rows import Job, digest, provenance
from trainings import Ledger, Trainer, steer


class NotThere(Exception):
    """The loaded library does not have this system."""


@dataclass(frozen=True)
class Bench:
    """What a run needs: settings, a folder of its own, and the memory of trainings."""

    profile: Profile
    folder: Path
    threads: int

    @property
    def trainer(self) -> Trainer:
        return Trainer(self.folder / "trained", self.threads)

    @property
    def space(self) -> fpnas.Space:
        return fpnas.Space.load(self.profile.space)

    def validation(self, seed: int) -> Path:
        limit = self.profile.child.get("training_images", 0)
        return images.validation_folder(self.profile.data, self.folder, limit, seed)

    @property
    def child_options(self) -> dict:
        return {k: v for k, v in self.profile.child.items() if k != "training_images"}

    def first_k(self, space: fpnas.Space, options: dict) -> int:
        """What FP-NAS draws at first, within a hard budget too: the constant K of the others."""
        chosen = fpnas.RunOptions(**options)
        with fpnas.Search(space, samples_per_nat=chosen.samples_per_nat,
                          minimum_samples=chosen.minimum_samples,
                          maximum_samples=chosen.maximum_samples) as search:
            add_hard_budget(search, chosen, chosen.cost_target)
            return search.progress.next_sample_count


def add_hard_budget(search: fpnas.Search, options: fpnas.RunOptions, target: float) -> bool:
    """The built-in run's budget for a search by itself; False where that is soft or off."""
    if options.budget_mode != "hard" or options.cost_weight == 0:
        return False
    search.add_budget(fpnas.AdditiveCost.metric(search.space, "macs"), int(target))
    return True


Found = tuple[dict, fpnas.Space, np.ndarray]
SYSTEMS: dict[str, Callable[[Bench, Job], Found]] = {}


def system(*names: str):
    """Registers a system under its names."""
    def register(function):
        for name in names:
            SYSTEMS[name] = function
        return function
    return register


def finish(bench: Bench, job: Job) -> dict:
    """The whole row: search, equal retraining, where and of what."""
    load = os.getloadavg()[1]
    row, space, network = SYSTEMS[job.system](bench, job)
    row = dict(key=key_of(bench.profile, job), profile=bench.profile.name, system=job.system,
               setting=job.setting_text, seed=job.seed, load=round(load, 1)) | row
    if space is not None:
        row |= cost_columns(space, network)
        if "test_accuracies" not in row:
            row |= retrained(bench, space, network, job.seed)
    return row | provenance()


def key_of(profile: Profile, job: Job) -> str:
    return digest(profile.settings, job.system, job.setting, job.seed)


def cost_columns(space: fpnas.Space, network: np.ndarray) -> dict:
    cost = space.cost(network)
    return dict(macs=cost.macs, parameters=cost.parameters,
                network=" ".join(str(choice) for choice in network))


def retrained(bench: Bench, space: fpnas.Space, network: np.ndarray, seed: int,
              teacher=None, **changes) -> dict:
    """Equal retraining on all training images, and the one look at the test images."""
    results = [
        bench.trainer.train(bench.profile.data, space, network, bench.profile.retrain | changes,
                            1000 * seed + i, teacher)
        for i in range(bench.profile.retrain_seeds)]
    return dict(
        retrainings=len(results),
        retrain_cpu_seconds=round(sum(r.cpu_seconds for r in results), 2),
        test_accuracy=round(float(np.mean([r.accuracy for r in results])), 6),
        test_accuracies=" ".join(f"{r.accuracy:.6f}" for r in results),
        test_log_likelihood=round(float(np.mean([r.log_likelihood for r in results])), 6))


MIXTURE = {"learning_rate": -1.0, "joint_epoch": -1, "zero_last_gamma": False}
DEFINITIONS: dict[str, Callable[[Profile], dict]] = {
    "fp-nas": lambda profile: {},
    # PARSEC's distribution is one categorical a layer, and its K constant.
    "parsec": lambda profile: {"joint_epoch": 0},
    "random": lambda profile: {},
    "evolution": lambda profile: {},
    "reinforce": lambda profile: {},
    # Mixtures have rates of their own, and a shortcut is a term of a mixture.
    "darts": lambda profile: MIXTURE,
    # 80 % of the images move the weights: as many steps are fewer epochs. FBNet's temperature ends
    # near 0.1 whatever the length.
    "fbnetv2": lambda profile: {
        **MIXTURE, "epochs": max(1, round(profile.search["epochs"] * 0.5 / 0.8)),
        "temperature_decay": 0.02 ** (0.8 / (0.5 * profile.search["epochs"]))},
    "bignas": lambda profile: {},
}
"""What defines a system beside its name; everything else is the profile's."""


def knows(algorithm: str) -> bool:
    try:
        fpnas.RunOptions(algorithm=algorithm)._to_c()
    except fpnas.FPNASError:
        return False
    return True


@system(*DEFINITIONS)
def shared_weights(bench: Bench, job: Job) -> Found:
    """A search in the built-in supernet."""
    if not knows(job.system):
        raise NotThere(f"the library has no '{job.system}' in its supernet yet")
    changes = job.changes
    space = bench.space
    if "splits" in changes:
        space = with_splits(space, changes.pop("splits"))
    options = bench.profile.search | DEFINITIONS[job.system](bench.profile) | changes
    first = bench.first_k(space, bench.profile.search | {
        name: value for name, value in changes.items() if name != "sample_count"})
    options = {"sample_count": first} | options
    folder = bench.folder / "searches"
    folder.mkdir(parents=True, exist_ok=True)
    name = key_of(bench.profile, job)
    checkpoint, done = folder / f"{name}.fpnas", folder / f"{name}.done.json"
    if done.exists():
        kept = json.loads(done.read_text())
        network = np.array(kept["network"], np.int32)
        return kept["row"], fpnas.Space.from_json(kept["space"]), network
    ledger = Ledger(folder / f"{name}.json", not checkpoint.exists())
    if checkpoint.exists():
        run = fpnas.Run.load(checkpoint, bench.profile.data, bench.threads)
    else:
        run = fpnas.Run(bench.profile.data, space, algorithm=job.system, seed=job.seed,
                        threads=bench.threads, **options)
    with run:
        used = steer(run, folder, name, ledger)
        network, _ = run.result()
        progress, space = run.progress, run.space
        # What BigNAS promises: the network with the shared weights as they are.
        own = run.test(network) if job.system == "bignas" else None
    row = dict(
        first_k=first if job.system == "fp-nas" else options["sample_count"],
        steps=progress.steps, samples_drawn=progress.samples_drawn,
        evaluations=progress.evaluations, block_evaluations=progress.block_evaluations,
        blocks_drawn=progress.blocks_drawn, search_seconds=round(progress.seconds, 2),
        search_cpu_seconds=round(used["cpu"], 2), buffer_bytes=int(used["buffers"]),
        resident_bytes=int(used["resident"]), first_entropy=round(progress.initial_entropy, 4),
        last_entropy=round(progress.entropy, 4),
        validation_accuracy=round(progress.validation_accuracy, 6))
    if own is not None:
        row |= dict(
            retrainings=0, retrain_cpu_seconds=0.0, test_accuracy=round(own.accuracy, 6),
            test_accuracies=f"{own.accuracy:.6f}", test_log_likelihood=round(own.log_likelihood, 6))
    new = done.with_suffix(".new")
    new.write_text(json.dumps(dict(row=row, space=space.to_json(), network=network.tolist())))
    os.replace(new, done)
    for left in (checkpoint, folder / f"{name}.json"):
        left.unlink(missing_ok=True)
    return row, space, network


def with_splits(space: fpnas.Space, splits: Sequence[int]) -> fpnas.Space:
    """The space with Split-Attention in place of squeeze-and-excitation."""
    document = json.loads(space.to_json())
    for layer in document["layers"]:
        if "se" in layer:
            del layer["se"]
            layer["splits"] = list(splits)
    return fpnas.Space.from_json(document)


@system("control")
def control(bench: Bench, job: Job) -> Found:
    """FP-NAS's distribution on a flat likelihood: samples it saves are drift, not learning.
    `cost_weight` = 0: without the budget, which is information of its own."""
    settings = bench.profile.search | job.changes
    with fpnas.Run(bench.profile.data, bench.space, seed=job.seed, threads=bench.threads,
                   **settings) as run:
        options, progress, space = run.options, run.progress, run.space
    per_epoch = progress.steps // options.epochs
    joint = options.joint_epoch
    if joint < 0:
        joint = max(1, (options.epochs * 53 + 50) // 100)
    warm_up = options.warm_up_epochs * per_epoch
    if options.warm_up_share >= 0:
        warm_up = int(options.warm_up_share * progress.steps)
    is_soft = options.budget_mode == "soft"
    with fpnas.Search(
            space, seed=job.seed, samples_per_nat=options.samples_per_nat,
            minimum_samples=options.minimum_samples, maximum_samples=options.maximum_samples,
            likelihood_scale=options.likelihood_scale, learning_rate=options.learning_rate,
            baseline=options.baseline, joint_step=joint * per_epoch, warm_up_steps=warm_up,
            cost_weight=options.cost_weight if is_soft else 0.0,
            cost_target=progress.cost_target) as search:
        add_hard_budget(search, options, progress.cost_target)
        first = search.progress.next_sample_count
        for _ in range(progress.steps):
            ask = search.ask()
            ask.tell([0.0] * len(ask.architectures))
        done = search.progress
    return dict(first_k=first, steps=progress.steps, samples_drawn=done.samples_drawn,
                evaluations=done.evaluations, first_entropy=round(done.initial_entropy, 4),
                last_entropy=round(done.entropy, 4)), None, None


@system("random-network")
def random_network(bench: Bench, job: Job) -> Found:
    """No search: a network drawn uniformly among those of about the target's cost."""
    space = bench.space
    target = job.changes.get("cost_target", bench.profile.target)
    return {}, space, space.random_near(int(target / 1.02), job.seed)
