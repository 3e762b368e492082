"""Searches the 6,561 networks of NAS-Bench-Macro [Su et al., CVPR 2021] through ask/tell.

The table holds the CIFAR-10 accuracy of every network of 8 layers x {identity, MBConv 3x3
expansion 3, MBConv 5x5 expansion 6}; a look-up stands for training. It is read from
$FPNAS_DATA/nas-bench-macro/nas-bench-macro_cifar10.json (default: ../shared/data).

    python examples/python/nas_bench_macro.py [seed]
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

import fpnas

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("FPNAS_DATA", ROOT.parent / "shared" / "data"))
TABLE = DATA / "nas-bench-macro" / "nas-bench-macro_cifar10.json"

if not TABLE.is_file():
    raise SystemExit(f"'{TABLE}' does not exist: set FPNAS_DATA to the folder of the data")
accuracies = {key: entry["mean_acc"] for key, entry in json.loads(TABLE.read_text()).items()}


def accuracy(architecture):
    """Mean test accuracy of three trainings, in percent."""
    return accuracies["".join(map(str, architecture))]


space = fpnas.Space.build("nas-bench-macro", [
    {"name": f"layer{i + 1}", "block": ["identity", "mb3-k3", "mb6-k5"]} for i in range(8)
])
seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
search = fpnas.Search(
    space, seed=seed, samples_per_nat=0.5, likelihood_scale=300, learning_rate=0.15,
    stop_entropy=0.5, maximum_steps=1000)

evaluated = set()
for ask in search:
    evaluated.update(map(tuple, ask.architectures.tolist()))
    # The told value is the accuracy in [0, 1]; likelihood_scale sets how strongly it counts.
    ask.tell([accuracy(row) / 100 for row in ask.architectures])
    progress = search.progress
    if progress.steps % 50 == 0 or progress.stop_reason:
        best, value = search.best()
        print(f"step {progress.steps:4}  K {progress.sample_count}  distinct {len(evaluated):3}  "
              f"entropy {progress.entropy:5.2f} nats  best so far {100 * value:.3f} %")

mode, log_probability = search.distribution.mode()
rank = 1 + sum(value > accuracy(mode) for value in accuracies.values())
print(f"mode {''.join(map(str, mode))}: {accuracy(mode):.3f} % (rank {rank} of {len(accuracies)}), "
      f"P = {np.exp(log_probability):.2f}")
