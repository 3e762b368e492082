"""NAS-Bench-Macro: every algorithm that only asks and tells, in one harness.

The table [Su et al., CVPR 2021] holds the CIFAR-10 accuracy of 6,561 networks; a look-up stands
for training. Reported are means over 200 seeds, with standard errors: the best accuracy after 100
and after 200 distinct evaluations, and the accuracy of the distribution's mode at the end.

Rules, the same for all five: a network is a key of the table (no further equivalences are used);
a repeat is free; a run ends at 200 distinct networks or at 4,000 draws. A run that ends with fewer
distinct networks counts with the best it has. Only accuracies of drawn networks are seen.

The setting. The told value is the accuracy in [0, 1], so likelihood_scale 300 makes one point of
accuracy a factor of e^3 in the weights. samples_per_nat 1 with minimum_samples 4 lets K fall from
8 to 4: an ask gives one direction however many networks it has, so small asks make the most of
100 evaluations, and below 4 the directions are too noisy to be good at 200. Adam's rate 0.22 trades
100 against 200 (faster is better at 100, and settles too early to be better at 200); betas 0.5 and
0.99 are short memories for some hundred steps. What changing one thing does, on 60 tuning seeds:

    change                              after 100   after 200
    (the setting itself)                   93.099      93.116
    baseline "none" instead of "mean"      93.077      93.113
    likelihood_scale 100                   93.081      93.115
    likelihood_scale 30                    93.070      93.117
    samples_per_nat 0.25, minimum 2        93.104      93.107
    minimum_samples 8 (constant K = 8)     93.072      93.119
    Adam's betas 0.9 and 0.999             93.096      93.114
    learning_rate 0.11                     93.015      93.117
    learning_rate 0.44                     93.105      93.105

It was chosen among ten settings by seeds 50000 to 50159: of those clear of 93.06 and 93.11, one
whose K really adapts; the ten came from a random search over other seeds from 10000 on. The
reported seeds, 0 to 199, played no part. PARSEC has the same setting and keeps FP-NAS's first
K = 8. Evolution [Real et al. 2019] has population 50 and tournaments of 10, one network an ask. The
policy gradient has one network an ask too; its K, rate and first beta are the best at 200 of 18
settings (K of 1, 4, 8; rates of 0.05, 0.1, 0.22; betas of 0.5, 0.9) on seeds 50000 to 50039.

    FPNAS_DATA=folder python benchmarks/nas_bench_macro.py [--seeds 200] [--csv runs/...] [--plot FILE]

The table is read from $FPNAS_DATA/nas-bench-macro/nas-bench-macro_cifar10.json, by default from
../shared/data. Rows of every run go to a CSV file, and with matplotlib the mean regret against the
number of evaluations to a picture. It takes about a minute on two cores.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import time
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

import fpnas

ROOT = Path(__file__).resolve().parents[1]
LAYERS, BLOCKS = 8, 3
DISTINCT, DRAWS = 200, 4000

SETTING = dict(
    samples_per_nat=1.0, minimum_samples=4, likelihood_scale=300.0, baseline="mean",
    learning_rate=0.22, adam_beta1=0.5, adam_beta2=0.99)
OPTIONS = {
    "FP-NAS": dict(SETTING, algorithm="fp-nas"),
    "PARSEC": dict(SETTING, algorithm="parsec", sample_count=8),
    "REINFORCE": dict(
        algorithm="reinforce", sample_count=1, learning_rate=0.1, adam_beta1=0.5,
        adam_beta2=0.99),
    "evolution": dict(
        algorithm="evolution", sample_count=1, population_size=50, tournament_size=10),
    "random": dict(algorithm="random", sample_count=8),
}
METHODS = list(OPTIONS)
DISTRIBUTIONS = ("FP-NAS", "PARSEC", "REINFORCE")


@dataclass
class Row:
    method: str
    seed: int
    best_100: float
    best_200: float
    mode: float
    """NaN where there is no distribution that learns."""
    distinct: int
    draws: int


class Table:
    """Accuracies by key, and the record of one run."""

    def __init__(self, accuracies: np.ndarray) -> None:
        self.accuracies = accuracies
        self.seen: set[int] = set()
        self.best: list[float] = []
        self.draws = 0

    @staticmethod
    def key(architectures: np.ndarray) -> np.ndarray:
        return architectures @ BLOCKS ** np.arange(LAYERS - 1, -1, -1)

    def evaluate(self, architectures: np.ndarray, draws: int) -> np.ndarray:
        """Accuracies in percent; a network seen before costs nothing."""
        keys = self.key(architectures)
        values = self.accuracies[keys]
        self.draws += draws
        for key, value in zip(keys.tolist(), values.tolist()):
            if key not in self.seen:
                self.seen.add(key)
                self.best.append(max(value, self.best[-1] if self.best else value))
        return values

    @property
    def is_done(self) -> bool:
        return len(self.seen) >= DISTINCT or self.draws >= DRAWS

    def row(self, method: str, seed: int, mode: float) -> Row:
        # The last ask may go beyond the 200; what it found there does not count.
        after = [self.best[min(n, len(self.best)) - 1] for n in (100, DISTINCT)]
        return Row(method, seed, *after, mode, min(len(self.seen), DISTINCT), self.draws)


def search(table: Table, method: str, seed: int) -> Row:
    space = fpnas.Space.build("nas-bench-macro", [
        {"name": f"layer{i}", "block": ["identity", "mb3-k3", "mb6-k5"]} for i in range(LAYERS)
    ])
    options = OPTIONS[method]
    with fpnas.Search(space, seed=seed, **options) as run:
        while not table.is_done:
            ask = run.ask()
            ask.tell(table.evaluate(ask.architectures, ask.sample_count) / 100)
        mode = float("nan")
        if method in DISTRIBUTIONS:
            mode = float(table.accuracies[table.key(run.distribution.mode()[0])])
    return table.row(method, seed, mode)


def work(task: tuple[np.ndarray, str, range]) -> list[tuple[Row, np.ndarray]]:
    """Rows, and the regret after 1 to 200 evaluations: how far the best seen is from the best."""
    accuracies, method, seeds = task
    found = []
    for seed in seeds:
        table = Table(accuracies)
        row = search(table, method, seed)
        best = np.array([table.best[min(n, len(table.best) - 1)] for n in range(DISTINCT)])
        found.append((row, accuracies.max() - best))
    return found


def plot(regrets: dict[str, np.ndarray], path: Path) -> None:
    try:
        import matplotlib
    except ImportError:
        print("no matplotlib here: no picture")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.2), constrained_layout=True)
    evaluations = np.arange(1, DISTINCT + 1)
    seeds = len(next(iter(regrets.values())))
    for method, values in regrets.items():
        mean, error = values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values))
        line, = axes.plot(evaluations, mean, label=method)
        axes.fill_between(evaluations, mean - 2 * error, mean + 2 * error,
                          color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set(yscale="log", xlabel="distinct networks evaluated", xlim=(1, DISTINCT),
             ylabel="regret, points of accuracy",
             title=f"NAS-Bench-Macro, mean of {seeds} seeds ± 2 standard errors")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    print(f"picture in '{path}'")


def load() -> np.ndarray:
    folder = Path(os.environ.get("FPNAS_DATA", ROOT.parent / "shared" / "data"))
    path = folder / "nas-bench-macro" / "nas-bench-macro_cifar10.json"
    if not path.is_file():
        raise SystemExit(f"'{path}' does not exist: set FPNAS_DATA to the folder of the data")
    accuracies = np.empty(BLOCKS**LAYERS)
    for key, entry in json.loads(path.read_text()).items():
        accuracies[int(key, BLOCKS)] = entry["mean_acc"]
    return accuracies


def show(values: np.ndarray) -> str:
    if np.isnan(values).any():
        return f"{'-':>15}"
    error = values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():8.3f} ±{error:6.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200, help="seeds 0 to N - 1, N > 1")
    parser.add_argument("--csv", type=Path, default=ROOT / "runs" / "nas_bench_macro.csv")
    parser.add_argument("--plot", type=Path, default=ROOT / "runs" / "nas_bench_macro.png")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("at least 2 seeds are needed")
    accuracies = load()
    start = time.monotonic()
    chunk = 20
    tasks = [
        (accuracies, method, range(first, min(first + chunk, arguments.seeds)))
        for method in METHODS for first in range(0, arguments.seeds, chunk)
    ]
    with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
        found = [pair for part in pool.imap(work, tasks) for pair in part]
    rows = [row for row, _ in found]
    arguments.csv.parent.mkdir(parents=True, exist_ok=True)
    with arguments.csv.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([field.name for field in fields(Row)])
        writer.writerows(astuple(row) for row in rows)

    print(f"NAS-Bench-Macro, {arguments.seeds} seeds, accuracy in %, mean ± standard error; "
          f"best of all {accuracies.max():.3f}")
    print(f"{'':10}{'best after 100':>16}{'after 200':>16}{'mode':>16}{'distinct':>10}{'draws':>8}")
    for method in METHODS:
        own = [row for row in rows if row.method == method]
        columns = [show(np.array([getattr(row, name) for row in own]))
                   for name in ("best_100", "best_200", "mode")]
        print(f"{method:10}" + "".join(f"{column:>16}" for column in columns)
              + f"{np.mean([row.distinct for row in own]):10.1f}"
              + f"{np.mean([row.draws for row in own]):8.0f}")
    plot({method: np.array([curve for row, curve in found if row.method == method])
          for method in METHODS}, arguments.plot)
    print(f"{time.monotonic() - start:.0f} s; every run in '{arguments.csv}'")


if __name__ == "__main__":
    main()
