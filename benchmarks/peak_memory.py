#!/usr/bin/env python3
"""Peak memory of a search against that of training the largest network of its space alone.

    make && python3 benchmarks/peak_memory.py            # with PyTorch installed: its memory too

Same images, batch and threads; each measured in a process of its own. `buffers` counts the bytes
of weights, gradients, momentum, activations, images and logits exactly; `resident` is the
process's peak as the system reports it, less what it had before the work was made (PyTorch: after
a step on two images, so that what its libraries set up once does not count).

The last line is an estimate of what a differentiable supernet holds, which runs all choices at
once: for every choice of kernel, activation, squeeze-and-excitation and expansion at the widest
channels, what the backward pass reads (the results of three convolutions), and four copies' worth
of weights (value, gradient, momentum, and the choice's own).
"""
from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import resource
import sys
from pathlib import Path

from mbconv_network import Block, Design, torch_module

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data" / "digits"
SIZE, CHANNELS = 16, 1


def resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return 0.0


def preset():
    sys.path.insert(0, str(ROOT / "bindings" / "python"))
    import fpnas

    return fpnas.Space.preset("mbconv-small", SIZE, SIZE, CHANNELS, 10)


def measure(kind: str, steps: int, batch_size: int, threads: int, queue) -> None:
    """Buffers (0 if unknown) and resident bytes of `steps` steps."""
    try:
        if kind == "PyTorch":
            queue.put((0, measure_torch(steps, batch_size, threads)))
            return
        space = preset()
        import fpnas

        before = resident()
        fpnas.buffer_memory(reset_peak=True)
        if kind == "search":
            work = fpnas.Run(DATA, batch_size=batch_size, threads=threads, warm_up_epochs=0)
        else:
            largest = [max(range(len(v.choices)), key=lambda c: number(v.choices[c]))
                       for v in space.variables]
            work = fpnas.Retraining(
                DATA, space, largest, batch_size=batch_size, threads=threads)
        for _ in range(steps):
            work.step()
        queue.put((fpnas.buffer_memory()[1], resident() - before))
    except Exception as error:  # the parent waits for an answer
        queue.put(f"{type(error).__name__}: {error}")


def measure_torch(steps: int, batch_size: int, threads: int) -> int:
    import torch

    torch.set_num_threads(threads)
    model = torch_module(largest_design(json.loads(preset().to_json())), CHANNELS)
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def step(count: int) -> None:
        images = torch.randn(count, CHANNELS, SIZE, SIZE)
        optimiser.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(images), torch.zeros(count).long()).backward()
        optimiser.step()

    step(2)
    before = resident()
    for _ in range(steps):
        step(batch_size)
    return resident() - before


def values(layer: dict, name: str, default) -> list:
    value = layer.get(name, default)
    return value if isinstance(value, list) else [value]


def largest_design(space: dict) -> Design:
    stem, *blocks, head, _ = space["layers"]
    return Design(
        SIZE, 0, (stem["channels"], stem.get("stride", 1)), tuple(
            Block(max(values(b, "kernel", 3)), b.get("stride", 1), max(values(b, "expansion", 1)),
                  max(values(b, "channels", 0)), "relu", bool(max(values(b, "se", 0))))
            for b in blocks), head["channels"])


def differentiable_bytes(space: dict, batch_size: int) -> int:
    stem, *blocks, head, _ = space["layers"]
    size, width = -(-SIZE // stem.get("stride", 1)), stem["channels"]
    kept, weights = size * size * width, 9 * CHANNELS * width
    for layer in blocks:
        out = -(-size // layer.get("stride", 1))
        channels = max(values(layer, "channels", 0))
        options = itertools.product(
            values(layer, "kernel", 3), values(layer, "activation", "relu"),
            values(layer, "se", 0), values(layer, "expansion", 1))
        for kernel, _, squeezes, expansion in options:
            if kernel == 0:
                continue
            hidden = round(width * expansion)
            kept += size * size * hidden + out * out * (hidden + channels)
            weights += hidden * (width + kernel * kernel + channels)
            weights += 2 * hidden * ((hidden + 3) // 4) * squeezes
        size, width = out, channels
    kept += size * size * head["channels"]
    weights += width * head["channels"]
    return 4 * (batch_size * kept + 4 * weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    peaks = {}
    for kind in ("largest network", "search", "PyTorch"):
        queue = context.Queue()
        process = context.Process(target=measure, args=(
            kind, arguments.steps, arguments.batch_size, arguments.threads, queue))
        process.start()
        peaks[kind] = queue.get()
        process.join()
        if isinstance(peaks[kind], str):
            if kind != "PyTorch":
                sys.exit(f"{kind}: {peaks[kind]}")
            print(f"{kind}: left out ({peaks.pop(kind)})")
    print(f"{'':<28}{'buffers':>14}{'resident':>14}   (bytes)")
    for kind, (buffers, extra) in peaks.items():
        print(f"{kind:<28}{buffers or '':>14}{extra:>14,}")
    alone, search = peaks["largest network"], peaks["search"]
    print(f"{'search / largest network':<28}{search[0] / alone[0]:>14.3f}"
          f"{search[1] / alone[1]:>14.3f}")
    if "PyTorch" in peaks:
        print(f"{'search / PyTorch':<28}{'':>14}{search[1] / peaks['PyTorch'][1]:>14.3f}")
    space = json.loads(preset().to_json())
    print(f"{'differentiable, estimated':<28}"
          f"{differentiable_bytes(space, arguments.batch_size):>14,}")


if __name__ == "__main__":
    main()
