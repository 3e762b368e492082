#!/usr/bin/env python3
"""Memory of a search over the number of choices a layer: one network at a time, or all mixed.

    make && python3 benchmarks/mixture_memory.py        # --picture docs/mixture-memory.png

Spaces of four MBConv layers on the digits that differ only in how many kernels and activations each
layer chooses among: 1, 2, 4 or 8 candidates, of the same widths. Peak bytes of the library's buffers
(weights, activations, images), counted exactly, over two steps of a run; each in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bindings" / "python"))
CANDIDATES = (1, 2, 4, 8)
ALGORITHMS = ("fp-nas", "darts", "fbnetv2")


def space(candidates: int):
    import fpnas

    kernels = [3, 5, 7, 9][: max(candidates // 2, 1)]
    activations = ["relu", "swish"][: min(candidates, 2)]
    layers = [
        {"name": f"mbconv{i}", "operation": "mbconv", "stride": 2 if i in (1, 3) else 1,
         "kernel": kernels, "activation": activations, "expansion": [2, 4],
         "channels": [8 * i, 16 * i]}
        for i in range(1, 5)]
    return fpnas.Space.build(
        f"mixed{candidates}",
        [{"name": "stem", "operation": "conv", "channels": 8}, *layers,
         {"name": "classifier", "operation": "classifier"}],
        input=(16, 16, 1), classes=10)


def measure(algorithm: str, candidates: int, queue) -> None:
    import fpnas

    fpnas.buffer_memory(reset_peak=True)
    run = fpnas.Run(
        ROOT / "data" / "digits", space(candidates), algorithm=algorithm, batch_size=64, threads=1,
        warm_up_epochs=0, epochs=2, cost_weight=0, seed=1)
    for _ in range(2):
        run.step()
    queue.put(fpnas.buffer_memory()[1])


def peak(algorithm: str, candidates: int) -> int:
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=measure, args=(algorithm, candidates, queue))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{algorithm} with {candidates} candidates failed")
    return queue.get()


def draw(found: dict[str, list[int]], path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    for (algorithm, row), line in zip(found.items(), ("o-", "s-", "x--")):
        axes.plot(CANDIDATES, [value / 2**20 for value in row], line, label=algorithm)
    axes.set_xlabel("candidates a layer")
    axes.set_ylabel("peak of buffers, MiB")
    axes.set_xticks(CANDIDATES)
    axes.set_ylim(bottom=0)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", help="a PNG to draw; needs matplotlib")
    arguments = parser.parse_args()
    found = {a: [peak(a, n) for n in CANDIDATES] for a in ALGORITHMS}
    print("| candidates a layer | " + " | ".join(map(str, CANDIDATES)) + " | 8 against 1 |")
    print("|---" * (len(CANDIDATES) + 2) + "|")
    for algorithm, row in found.items():
        print(f"| {algorithm}, MiB | " + " | ".join(f"{value / 2**20:.2f}" for value in row)
              + f" | {row[-1] / row[0]:.2f} |")
    if arguments.picture:
        draw(found, arguments.picture)


if __name__ == "__main__":
    main()
