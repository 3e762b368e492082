#!/usr/bin/env python3
"""FP-NAS, PARSEC and random search on Fashion-MNIST with the built-in supernet, and retraining.

    make && FPNAS_DATA=FOLDER benchmarks/fashion_mnist.py short --seeds 3 --jobs 2
    make && FPNAS_DATA=FOLDER benchmarks/fashion_mnist.py long --systems fp-nas

FOLDER/fashion-mnist holds the four idx files. The systems search the same space on the same halves
of the images with the same options, and train the shared weights for as many steps; only where
the draws come from and how many there are differs: FP-NAS draws K = floor(lambda * H), PARSEC keeps
FP-NAS's first K, random search draws as many uniformly and takes the best of its finalists. Each
found network is retrained alike from scratch, and then the test images are looked at, once.
`control` is FP-NAS's distribution fed with constant likelihoods: samples it saves are drift of the
estimator and the cost term's, not learning.

Every run is a process of its own, keeps its curves and checkpoints in OUT/PROFILE/SYSTEM-SEED and
goes on from them when it is started again after Ctrl-C or a kill; a finished one is a row of
OUT/rows.csv and is not run again. `--quick` is the smoke test: a few seconds, meaningless numbers.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import fashion_mnist_report as report

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = ("fp-nas", "parsec", "random", "control")

# Chosen on the training images alone, by the likelihood of the shared weights in uniform draws and
# the fall of entropy, with the last 10,000 of them as test; the same for every system and seed.
#
# The supernet has to learn something before the distribution may move, and it learns slowly where
# choices write what follows in bases of their own. So blocks of a stage keep their width, such that
# all have a shortcut to add to, and begin as nothing (`zero_last_gamma`); the two blocks that change
# shape have one kernel and no squeeze; and the weights' step hardly prefers the likelier of the drawn
# networks (`weight_likelihood_scale`). The budget is hard: a hinge moves the distribution at once.
SEARCH = dict(
    batch_size=64, maximum_shift=1, flip=True, warm_up_share=0.3, learning_rate=0.05,
    budget_mode="hard", weight_rate=0.4, weight_decay=1e-4, weight_likelihood_scale=1.0,
    zero_last_gamma=True)
# Small networks and a third of the images: 3 minutes of search and 2 of retraining at most, on
# one core.
SHORT = {
    "space": "fashion-small.json",
    "search": dict(
        SEARCH, epochs=6, joint_epoch=5, training_images=20_000, cost_target=800_000.0),
    "retrain": dict(
        epochs=12, batch_size=64, training_images=20_000, maximum_shift=1, flip=True,
        weight_rate=0.1, weight_decay=5e-4),
}
# Larger networks, retrained on all images: 20 minutes of search and 20 of retraining at most on two
# cores.
LONG = {
    "space": "fashion.json",
    "search": dict(
        SEARCH, epochs=5, joint_epoch=4, training_images=30_000, cost_target=4_000_000.0),
    "retrain": dict(
        epochs=18, batch_size=96, maximum_shift=1, flip=True, weight_rate=0.15,
        weight_decay=4e-4),
}
QUICK = {
    "space": "fashion-small.json",
    "search": {**SHORT["search"], "epochs": 3, "training_images": 400, "batch_size": 40},
    "retrain": {**SHORT["retrain"], "epochs": 2, "training_images": 400, "batch_size": 40},
}
PROFILES = {"short": SHORT, "long": LONG, "quick": QUICK}


def digest(profile: dict) -> str:
    """Rows and checkpoints of other settings are told apart by this."""
    space = (ROOT / "examples" / "spaces" / profile["space"]).read_text()
    text = json.dumps([profile["search"], profile["retrain"]], sort_keys=True) + space
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def run_one(name: str, system: str, seed: int, threads: int, data: Path, folder: Path) -> dict:
    """One row of the table; in a process of its own."""
    import fashion_mnist_run as runs

    profile = PROFILES[name]
    task = runs.Task(
        name, system, seed, threads, data, folder, ROOT / "examples" / "spaces" / profile["space"],
        profile["search"], profile["retrain"])
    row = dict(profile=name, settings=digest(profile), system=system, seed=seed, threads=threads)
    row |= report.provenance(ROOT)
    return row | (runs.control(task) if system == "control" else runs.search_and_retrain(task))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("profile", nargs="?", choices=("short", "long"), default="short")
    parser.add_argument("--quick", action="store_true", help="a smoke test of a few seconds")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--seeds", type=int, help="runs of each system (short 3, long 1)")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    parser.add_argument("--threads", type=int, help="threads of a run (cores / jobs)")
    parser.add_argument("--data", type=Path, default=Path(
        os.environ.get("FPNAS_DATA", ROOT.parent / "shared" / "data")) / "fashion-mnist")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "fashion_mnist")
    parser.add_argument("--report", action="store_true", help="only table and plot of what is there")
    arguments = parser.parse_args()
    name = "quick" if arguments.quick else arguments.profile
    seeds = arguments.seeds or {"short": 3}.get(name, 1)
    threads = arguments.threads or max(1, (os.cpu_count() or 1) // arguments.jobs)
    arguments.out.mkdir(parents=True, exist_ok=True)
    table = arguments.out / "rows.csv"

    settings = digest(PROFILES[name])
    rows = report.load_rows(table)
    known = {(r["settings"], r["system"], int(r["seed"])) for r in rows if r["profile"] == name}
    wanted = [] if arguments.report else [
        (system, seed) for seed in range(1, seeds + 1) for system in arguments.systems
        if (settings, system, seed) not in known]
    # A process for each run, so that one's peak of memory is its own.
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("spawn"),
                             max_tasks_per_child=1) as pool:
        futures = [pool.submit(
            run_one, name, system, seed, threads, arguments.data,
            arguments.out / name / f"{system}-{seed}-{settings}") for system, seed in wanted]
        try:
            for future in as_completed(futures):
                rows.append(future.result())
                report.save_rows(table, rows)
        except BaseException:
            for future in futures:
                future.cancel()
            raise

    mine = [r for r in rows if r["profile"] == name and r["settings"] == settings]
    text = report.table(mine)
    print(f"\n{text}", end="")
    (arguments.out / f"{name}.md").write_text(text)
    report.plot(arguments.out / f"{name}.png", [
        (r["system"], arguments.out / name / f"{r['system']}-{r['seed']}-{settings}" / "curve.csv")
        for r in mine if r["system"] != "control"])


if __name__ == "__main__":
    main()
