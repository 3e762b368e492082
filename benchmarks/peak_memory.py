#!/usr/bin/env python3
"""Peak memory of a search against that of training the largest network of the space alone.

    make && python3 benchmarks/peak_memory.py

Same images, batch and threads; each measured in a process of its own. `buffers` counts the bytes
of weights, gradients, momentum, activations, images and logits exactly; `resident` is the
process's peak as the system reports it, less what it had before the run was made.
"""
import argparse
import multiprocessing
import resource
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data" / "digits"


def resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(kind: str, steps: int, batch_size: int, threads: int, queue) -> None:
    import fpnas

    before = resident()
    fpnas.buffer_memory(reset_peak=True)
    if kind == "search":
        work = fpnas.Run(DATA, batch_size=batch_size, threads=threads, warm_up_epochs=0)
    else:
        space = fpnas.Space.preset("mbconv-small", 16, 16, 1, 10)
        largest = [max(range(len(v.choices)), key=lambda c: number(v.choices[c])) for v in space.variables]
        work = fpnas.Retraining(DATA, space, largest, batch_size=batch_size, threads=threads)
    for _ in range(steps):
        work.step()
    queue.put((fpnas.buffer_memory()[1], resident() - before))


def number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    peaks = {}
    for kind in ("largest network", "search"):
        queue = context.Queue()
        process = context.Process(target=measure, args=(
            kind, arguments.steps, arguments.batch_size, arguments.threads, queue))
        process.start()
        peaks[kind] = queue.get()
        process.join()
    print(f"{'':<18}{'buffers':>14}{'resident':>14}   (bytes)")
    for kind, (buffers, extra) in peaks.items():
        print(f"{kind:<18}{buffers:>14,}{extra:>14,}")
    ratios = [peaks["search"][i] / peaks["largest network"][i] for i in (0, 1)]
    print(f"{'ratio':<18}{ratios[0]:>14.3f}{ratios[1]:>14.3f}")


if __name__ == "__main__":
    main()
