#!/usr/bin/env python3
"""FP-NAS against PARSEC on the digits: samples drawn, seconds, accuracy; with the control.

    make && python3 benchmarks/parsec_vs_fpnas.py --seeds 5

Both search the same space on the same images with the same options but for K: FP-NAS draws
K = floor(lambda * H), PARSEC keeps FP-NAS's first K; both switch to the joint form at the same
epoch, so the row shows adaptive sampling alone. The found networks are retrained alike. The
control is FP-NAS's distribution fed with constant likelihoods for as many steps: samples it saves
are drift of the estimator, not learning; once with the cost term, which is information of its own,
and once without. Every run is one row in results/parsec_vs_fpnas.csv; rows that are there already
are not run again.
"""
import argparse
import csv
import math
import platform
import statistics
import time
from pathlib import Path

import fpnas

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data" / "digits"
COLUMNS = ["system", "seed", "first_k", "samples_drawn", "evaluations", "search_seconds",
           "final_entropy", "macs", "test_accuracy", "test_log_likelihood"]


def search(algorithm: str, seed: int, epochs: int, retrain_epochs: int, threads: int) -> dict:
    first_k = fpnas.Search(fpnas.Space.preset("mbconv-small", 16, 16, 1, 10)).progress.next_sample_count
    options = dict(seed=seed, epochs=epochs, threads=threads)
    run = fpnas.Run(DATA, algorithm=algorithm, sample_count=first_k, **options)
    for progress in run.epochs():
        print(f"\r{algorithm} seed {seed}: epoch {progress.epoch}/{progress.epochs}, "
              f"{progress.entropy:.1f} nats, {progress.seconds_left:.0f} s left   ", end="", flush=True)
    print()
    network, _ = run.result()
    training = fpnas.Retraining(DATA, run.space, network, seed=seed, epochs=retrain_epochs, threads=threads)
    for _ in training:
        pass
    test = training.test()
    progress = run.progress
    return dict(system=algorithm, seed=seed, first_k=first_k, samples_drawn=progress.samples_drawn,
                evaluations=progress.evaluations, search_seconds=round(progress.seconds, 2),
                final_entropy=progress.entropy, macs=run.space.cost(network).macs,
                test_accuracy=test.accuracy, test_log_likelihood=test.log_likelihood)


def control(seed: int, epochs: int, with_cost: bool) -> dict:
    """FP-NAS on a flat likelihood, with the run's own options."""
    run = fpnas.Run(DATA, seed=seed, epochs=epochs)
    options, progress = run.options, run.progress
    per_epoch = progress.steps // epochs
    joint_epoch = options.joint_epoch if options.joint_epoch >= 0 else max(1, (epochs * 53 + 50) // 100)
    search = fpnas.Search(
        run.space, seed=seed, samples_per_nat=options.samples_per_nat,
        minimum_samples=options.minimum_samples, maximum_samples=options.maximum_samples,
        likelihood_scale=options.likelihood_scale, learning_rate=options.learning_rate,
        baseline=options.baseline, joint_step=joint_epoch * per_epoch,
        warm_up_steps=options.warm_up_epochs * per_epoch,
        cost_weight=options.cost_weight if with_cost else 0.0, cost_target=progress.cost_target)
    first_k = search.progress.next_sample_count
    start = time.perf_counter()
    for _ in range(progress.steps):
        ask = search.ask()
        search.tell(ask, [0.0] * len(ask.architectures))
    done = search.progress
    return dict(system="control" if with_cost else "control without cost", seed=seed, first_k=first_k,
                samples_drawn=done.samples_drawn, evaluations=done.evaluations,
                search_seconds=round(time.perf_counter() - start, 2), final_entropy=done.entropy,
                macs="", test_accuracy="", test_log_likelihood="")


def interval(differences: list[float]) -> tuple[float, float]:
    """Mean and half-width of the 95 % interval of paired differences (Student's t)."""
    quantile = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
    n = len(differences)
    if n < 2:
        return differences[0], math.nan
    return (statistics.mean(differences),
            quantile.get(n, 1.96) * statistics.stdev(differences) / math.sqrt(n))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=fpnas.RunOptions().epochs)
    parser.add_argument("--retrain-epochs", type=int, default=fpnas.RetrainOptions().epochs)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "parsec_vs_fpnas.csv")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)

    rows = []
    if arguments.out.exists():
        rows = list(csv.DictReader(arguments.out.open()))
    known = {(row["system"], int(row["seed"])) for row in rows}
    for seed in range(1, arguments.seeds + 1):
        for system in ("fp-nas", "parsec", "control", "control without cost"):
            if (system, seed) in known:
                continue
            if system.startswith("control"):
                row = control(seed, arguments.epochs, system == "control")
            else:
                row = search(system, seed, arguments.epochs, arguments.retrain_epochs, arguments.threads)
            rows.append(row)
            with arguments.out.open("w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows)

    def column(system: str, name: str) -> list[float]:
        chosen = sorted((r for r in rows if r["system"] == system and int(r["seed"]) <= arguments.seeds),
                        key=lambda r: int(r["seed"]))
        return [float(r[name]) for r in chosen]

    print(f"\n{platform.processor() or platform.machine()}, {fpnas.build_info()}")
    print(f"{arguments.seeds} seeds, {arguments.epochs} epochs of search, {arguments.retrain_epochs} of retraining\n")
    print(f"{'system':<22}{'first K':>8}{'samples':>10}{'evaluations':>13}{'seconds':>9}{'end H':>8}"
          f"{'MACs':>10}{'accuracy %':>12}")
    for system in ("fp-nas", "parsec", "control", "control without cost"):
        mean = lambda name: statistics.mean(column(system, name))
        tail = "" if system.startswith("control") else f"{mean('macs'):>10.0f}{100 * mean('test_accuracy'):>12.2f}"
        print(f"{system:<22}{mean('first_k'):>8.0f}{mean('samples_drawn'):>10.0f}{mean('evaluations'):>13.0f}"
              f"{mean('search_seconds'):>9.1f}{mean('final_entropy'):>8.2f}{tail}")
    ours, theirs = column("fp-nas", "samples_drawn"), column("parsec", "samples_drawn")
    saved = [100 * (1 - a / b) for a, b in zip(ours, theirs)]
    drift = [100 * (1 - a / b) for a, b in zip(column("control without cost", "samples_drawn"), theirs)]
    faster = [b / a for a, b in zip(column("fp-nas", "search_seconds"), column("parsec", "search_seconds"))]
    difference, width = interval([100 * (a - b) for a, b in
                                  zip(column("fp-nas", "test_accuracy"), column("parsec", "test_accuracy"))])
    print(f"\nFP-NAS draws {statistics.mean(saved):.1f} % fewer architectures than PARSEC "
          f"(a flat likelihood without cost term: {statistics.mean(drift):.1f} %), "
          f"{statistics.mean(faster):.2f} times as fast")
    print(f"accuracy, paired difference: {difference:+.2f} points, 95 % interval "
          f"[{difference - width:+.2f}, {difference + width:+.2f}]")


if __name__ == "__main__":
    main()
