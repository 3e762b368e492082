#!/usr/bin/env python3
"""What lets shared weights learn: the first steps of uniform draws, on Fashion-MNIST.

    make && FPNAS_DATA=FOLDER benchmarks/shared_weights.py

A search can only be as good as its likelihoods. Each row is `fashion-small` with one more of its
properties, trained on uniform draws; printed are the mean validation accuracy over all networks and
all of the first 156 steps (an epoch of batches of 64). The test images are not looked at.
"""
from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import fpnas

ROOT = Path(__file__).resolve().parents[1]
SPACE = json.loads((ROOT / "examples" / "spaces" / "fashion-small.json").read_text())
WIDTHS = {12: [8, 12, 16], 24: [18, 24, 30]}


def space(*, keeps_width: bool, one_kernel: bool, shortcut: str = "auto") -> fpnas.Space:
    """The space, or with three widths in every block, or kernel and squeeze searched in `down`, or
    another shortcut in blocks of stride 1."""
    described = json.loads(json.dumps(SPACE))
    for layer in described["layers"]:
        if layer["operation"] != "mbconv":
            continue
        if not keeps_width:
            layer["channels"] = WIDTHS[layer["channels"]]
        if layer.get("stride", 1) == 1:
            layer["shortcut"] = shortcut
        if layer.get("stride") == 2 and not one_kernel:
            layer |= {"kernel": [3, 5], "se": [0, 1]}
    return fpnas.Space.from_json(described)


def accuracy(data: Path, searched: fpnas.Space, seed: int, **options) -> float:
    with fpnas.Run(
        data, searched, algorithm="random", sample_count=5, seed=seed, threads=1, epochs=8,
        batch_size=64, training_images=20_000, maximum_shift=1, flip=True, cost_weight=0.0,
        weight_rate=0.4, weight_decay=1e-4, **options,
    ) as run:
        while run.progress.epoch < 1:
            run.step()
        return run.progress.validation_accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--data", type=Path, default=Path(
        os.environ.get("FPNAS_DATA", ROOT.parent / "shared" / "data")) / "fashion-mnist")
    arguments = parser.parse_args()
    wide = space(keeps_width=False, one_kernel=False)
    even = space(keeps_width=True, one_kernel=False)
    last = space(keeps_width=True, one_kernel=True)
    leading = space(keeps_width=False, one_kernel=False, shortcut="leading")
    best = space(keeps_width=False, one_kernel=True, shortcut="leading")
    print("| | mean validation accuracy of the first epoch, % |\n|---|---|")
    for name, searched, scale, zero in (
        ("three widths in every block, likelihood scale 30", wide, 30.0, False),
        ("... scale 1 in the weights' step", wide, 1.0, False),
        ("... one width a stage", even, 1.0, False),
        ("... blocks begin as nothing", even, 1.0, True),
        ("... one kernel, no squeeze where the shape changes", last, 1.0, True),
        ("the last, with scale 30", last, 30.0, True),
        ("three widths in every block, leading shortcuts, scale 1", leading, 1.0, False),
        ("... blocks begin as nothing", leading, 1.0, True),
        ("... one kernel, no squeeze where the shape changes", best, 1.0, True),
    ):
        values = [
            accuracy(arguments.data, searched, seed, likelihood_scale=30.0,
                     weight_likelihood_scale=scale, zero_last_gamma=zero)
            for seed in range(1, arguments.seeds + 1)]
        print(f"| {name} | " + ", ".join(f"{100 * v:.1f}" for v in values) + " |", flush=True)


if __name__ == "__main__":
    main()
