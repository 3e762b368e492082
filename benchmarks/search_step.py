"""One step of a search without evaluation: fpnas beside NumPy, PyTorch and Optuna, in one run.

A step is: ask for K = 15 networks, tell 15 values, entropy, next K; on `fbnetv2-f++` in joint form,
10 categoricals with 7,248 logits. All rivals do the same work on the same sizes: softmax, 15 draws,
importance weights, the likelihood-ratio gradient, Adam, entropy.

    NumPy, layer by layer   a loop over the layers, vectorised inside each
    NumPy, all at once      all layers in flat arrays, in place, `reduceat` and one `searchsorted`:
                            the fastest the author could write
    PyTorch                 torch.distributions.Categorical and torch.optim.Adam, one thread
    Optuna                  one trial (not 15) of its default sampler after 1,000 trials
    fpnas, C                the loop of search_step.c; also with FPNAS_KERNELS=baseline
    fpnas, Python           the same through ctypes, with arrays

Medians, and first deciles for a busy machine; a ratio is a rival's over fpnas's from C. Then: growth
with the number of layers (50 choices each, factorised; a step takes K·V + number of logits), and
resident memory over many steps. PyTorch and Optuna are left out where they cannot be imported. One core.

    python benchmarks/search_step.py [--quick] [--library build/libfpnas.so]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Settings of the built-in supernet's BLAS would slow the rivals down.
for _name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(_name, None)

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
K = 15
CHANNELS = (3, 3, 4, 4, 5, 5, 6, 10, 10)  # the first row has expansion 1 and two widths
SIZES = np.array([3 * 2 * 4 * 2] + [3 * 2 * 4 * 6 * c for c in CHANNELS])
CHOICES = [[3, 2, 4, 2]] + [[3, 2, 4, 6, c] for c in CHANNELS]
RATE, BETA1, BETA2, EPSILON = 0.05, 0.9, 0.999, 1e-8


def told(rows: np.ndarray) -> np.ndarray:
    """Nothing that can be learnt, so that the entropy stays high and draws hard to predict."""
    return -(rows.sum(axis=1) * 2654435761 % 97) / 97.0


def coefficients(values: np.ndarray) -> np.ndarray:
    weights = np.exp(values - values.max())
    return weights / weights.sum() - 1 / K


class LayerByLayer:
    """What one writes first."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        self.logits = [np.zeros(n) for n in SIZES]
        self.first = [np.zeros(n) for n in SIZES]
        self.second = [np.zeros(n) for n in SIZES]
        self.steps = 0

    def step(self) -> float:
        probabilities = []
        for z in self.logits:
            e = np.exp(z - z.max())
            probabilities.append(e / e.sum())
        rows = np.stack(
            [self.random.choice(p.size, K, p=p) for p in probabilities], axis=1)
        m = coefficients(told(rows))
        self.steps += 1
        entropy = 0.0
        for i, p in enumerate(probabilities):
            g = m.sum() * p
            np.subtract.at(g, rows[:, i], m)
            self.first[i] = BETA1 * self.first[i] + (1 - BETA1) * g
            self.second[i] = BETA2 * self.second[i] + (1 - BETA2) * g * g
            mean = self.first[i] / (1 - BETA1**self.steps)
            spread = np.sqrt(self.second[i] / (1 - BETA2**self.steps))
            z = self.logits[i] = self.logits[i] - RATE * mean / (spread + EPSILON)
            d = z - z.max()
            e = np.exp(d)
            entropy += np.log(e.sum()) - (e * d).sum() / e.sum()
        return entropy + max(2, int(0.25 * entropy))


class AllAtOnce:
    """Flat, in place, few calls."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        n = int(SIZES.sum())
        self.starts = np.concatenate([[0], np.cumsum(SIZES)[:-1]])
        self.z, self.m, self.v, self.g, self.b = (np.zeros(n) for _ in range(5))
        self.d, self.p, self.running = (np.empty(n) for _ in range(3))
        self.slices = [slice(a, a + s) for a, s in zip(self.starts, SIZES)]
        self.layers = np.arange(len(SIZES), dtype=float)
        self.steps = 0
        self.normalise()

    def normalise(self) -> None:
        peaks = np.maximum.reduceat(self.z, self.starts)
        np.subtract(self.z, np.repeat(peaks, SIZES), out=self.d)
        np.exp(self.d, out=self.p)
        sums = np.add.reduceat(self.p, self.starts)
        for part, scale in zip(self.slices, 1 / sums):
            self.p[part] *= scale
        self.entropy = float(np.log(sums).sum() - np.dot(self.p, self.d))
        np.cumsum(self.p, out=self.running)

    def step(self) -> float:
        u = self.random.random((K, len(SIZES))) + self.layers
        places = np.searchsorted(self.running, u, side="right")
        places = np.clip(places, self.starts, self.starts + SIZES - 1)
        m = coefficients(told(places - self.starts))
        g, b = self.g, self.b
        np.multiply(self.p, m.sum(), out=g)
        np.subtract.at(g, places.ravel(), np.repeat(m, len(SIZES)))
        self.steps += 1
        self.m *= BETA1
        np.multiply(g, 1 - BETA1, out=b)
        self.m += b
        self.v *= BETA2
        np.multiply(g, g, out=b)
        b *= 1 - BETA2
        self.v += b
        np.sqrt(self.v, out=b)
        b *= 1 / np.sqrt(1 - BETA2**self.steps)
        b += EPSILON
        np.divide(self.m, b, out=b)
        b *= RATE / (1 - BETA1**self.steps)
        self.z -= b
        self.normalise()
        return self.entropy + max(2, int(0.25 * self.entropy))


class Torch:
    def __init__(self) -> None:
        import torch

        torch.set_num_threads(1)
        self.torch = torch
        self.logits = [
            torch.zeros(int(n), dtype=torch.float64, requires_grad=True) for n in SIZES]
        self.adam = torch.optim.Adam(
            self.logits, lr=RATE, betas=(BETA1, BETA2), eps=EPSILON)
        self.steps = 0

    def step(self) -> float:
        torch = self.torch
        layers = [torch.distributions.Categorical(logits=z) for z in self.logits]
        draws = [layer.sample((K,)) for layer in layers]
        m = torch.from_numpy(coefficients(told(torch.stack(draws, 1).numpy())))
        loss = -sum((m * layer.log_prob(draw)).sum() for layer, draw in zip(layers, draws))
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        with torch.no_grad():
            entropy = float(sum(
                torch.distributions.Categorical(logits=z).entropy() for z in self.logits))
        return entropy + max(2, int(0.25 * entropy))


class Optuna:
    """One trial, with 1,000 behind it."""

    def __init__(self) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.spaces = {
            f"{i}.{j}": optuna.distributions.CategoricalDistribution(list(range(count)))
            for i, counts in enumerate(CHOICES) for j, count in enumerate(counts)}
        self.study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
        random = np.random.default_rng(0)
        for _ in range(1000):
            chosen = {
                name: int(random.integers(len(space.choices)))
                for name, space in self.spaces.items()}
            self.study.add_trial(optuna.trial.create_trial(
                params=chosen, distributions=self.spaces, value=-float(sum(chosen.values()) % 97)))

    def step(self) -> float:
        trial = self.study.ask(self.spaces)
        self.study.tell(trial, -float(sum(trial.params.values()) % 97))
        return 0.0


class Ours:
    def __init__(self) -> None:
        import fpnas

        space = fpnas.Space.preset("fbnetv2-f++", 128, 128, 3, 1000)
        self.search = fpnas.Search(space, joint_step=0, minimum_samples=K, maximum_samples=K)

    def step(self) -> float:
        ask = self.search.ask()
        ask.tell(told(ask.architectures))
        progress = self.search.progress
        return progress.entropy + progress.next_sample_count


def measure(rival: object, steps: int) -> list[float]:
    """Median and first decile of the microseconds of a step, after some to warm up."""
    times = []
    for i in range(steps + steps // 5):
        begin = time.perf_counter()
        rival.step()
        if i >= steps // 5:
            times.append(time.perf_counter() - begin)
    times.sort()
    return [statistics.median(times) * 1e6, times[len(times) // 10] * 1e6]


def from_c(library: Path, argument: str, kernels: str | None) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "search_step"
        subprocess.run(
            ["cc", "-O2", "-std=c99", "-D_POSIX_C_SOURCE=200809L", f"-I{ROOT / 'include'}",
             str(ROOT / "benchmarks" / "search_step.c"), "-o", str(program), str(library),
             f"-Wl,-rpath,{library.parent}"], check=True)
        environment = dict(os.environ)
        if kernels:
            environment["FPNAS_KERNELS"] = kernels
        output = subprocess.run(
            [program, argument], check=True, env=environment, capture_output=True, text=True)
    lines = [line.split() for line in output.stdout.splitlines()]
    return {name: [float(value) for value in values] for name, *values in lines}


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer steps, no Optuna")
    parser.add_argument("--library", type=Path, default=ROOT / "build" / "libfpnas.so")
    arguments = parser.parse_args()
    library = arguments.library.resolve()
    os.environ["FPNAS_LIBRARY"] = str(library)
    sys.path.insert(0, str(ROOT / "bindings" / "python"))
    import fpnas

    quick = arguments.quick
    versions = [f"fpnas {fpnas.__version__}", f"NumPy {np.__version__}"]
    ours = from_c(library, "quick" if quick else "all", None)
    fast = ours["joint"]
    rows = [("fpnas, C", fast)]
    for kernels in ("avx2", "baseline"):
        try:
            rows.append((f"fpnas, C, {kernels} kernels", from_c(library, "steps", kernels)["joint"]))
        except subprocess.CalledProcessError:
            pass  # a CPU without them
    rows.append(("fpnas, Python", measure(Ours(), 500 if quick else 5000)))
    rows.append(("NumPy, all at once", measure(AllAtOnce(), 300 if quick else 2000)))
    rows.append(("NumPy, layer by layer", measure(LayerByLayer(), 100 if quick else 1000)))
    try:
        rows.append(("PyTorch", measure(Torch(), 50 if quick else 500)))
        import torch

        versions.append(f"PyTorch {torch.__version__}")
    except ImportError:
        print("PyTorch is left out: it cannot be imported", file=sys.stderr)
    if not quick:
        try:
            rows.append(("Optuna, one trial", measure(Optuna(), 10)))
            import optuna

            versions.append(f"Optuna {optuna.__version__}")
        except ImportError:
            print("Optuna is left out: it cannot be imported", file=sys.stderr)

    print(f"{processor()}, Python {platform.python_version()}, {', '.join(versions)}\n")
    print("| one step, K = 15, 7,248 joint logits | median | ratio | first decile | ratio |")
    print("|---|---|---|---|---|")
    for name, (middle, tenth) in rows:
        print(f"| {name} | {middle:,.1f} µs | {middle / fast[0]:,.1f} "
              f"| {tenth:,.1f} µs | {tenth / fast[1]:,.1f} |")
    print(f"\nfactorised (197 logits), C: {ours['factorised'][0]:.1f} µs")
    print("\n| layers of 50 choices | a step | a logit |\n|---|---|---|")
    for layers in (10, 100, 1000, 10000):
        value = ours[f"layers-{layers}"][0]
        print(f"| {layers:,} | {value:,.0f} µs | {value * 1000 / (50 * layers):.2f} ns |")
    print("\n| steps | resident |\n|---|---|")
    for name, values in ours.items():
        if name.startswith("resident-"):
            print(f"| {int(name.split('-')[1]):,} | {values[0]:,.0f} KiB |")


if __name__ == "__main__":
    main()
