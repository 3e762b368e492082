"""Budgets on FBNetV2-F++: what building, drawing and searching cost, and that all draws keep them.

    python benchmarks/budgets.py [--space fbnetv2-f++] [--size 224] [--macs 60e6]

Times are the best of five. Ends with status 1 if one of the 10^5 draws breaks a budget.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import fpnas


def timed(function: Callable[[], Any], repeats: int = 5) -> tuple[float, Any]:
    """The least time of some calls in ms, and the last result."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - start)
    return 1e3 * best, result


def step_time(space: fpnas.Space, budgets: list[tuple[fpnas.AdditiveCost, int]]) -> float:
    """One ask and tell of 15 samples in the joint form, in ms."""
    search = fpnas.Search(space, joint_step=0, minimum_samples=15, maximum_samples=15)
    for cost, most in budgets:
        search.add_budget(cost, most)

    def step() -> None:
        ask = search.ask()
        ask.tell(np.linspace(-1, 0, len(ask)))

    step()
    return timed(step, 20)[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", default="fbnetv2-f++")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--macs", type=float, default=60e6)
    arguments = parser.parse_args()

    space = fpnas.Space.preset(arguments.space, arguments.size, arguments.size, 3, 1000)
    joint = fpnas.Distribution(space, "joint")
    macs, parameters = (fpnas.AdditiveCost.metric(space, m) for m in ("macs", "parameters"))
    time_quantiles, quantiles = timed(lambda: macs.quantiles(joint, [0.5]))
    fewest = int(parameters.quantiles(joint, [0.2]).lower[0])
    budgets = [(macs, int(arguments.macs)), (parameters, fewest)]
    print(f"{arguments.space}: {joint.logits.size} joint logits, median of MACs "
          f"{quantiles.lower[0]} to {quantiles.upper[0]} (found in {time_quantiles:.0f} ms)")
    print("| | MACs | MACs and parameters |\n|---|---|---|")
    rows: dict[str, list[str]] = {}
    broken = 0
    for count in (1, 2):
        costs = [cost for cost, _ in budgets[:count]]
        most = [limit for _, limit in budgets[:count]]
        building, budget = timed(lambda: fpnas.Budget(joint, costs, most))  # noqa: B023
        few, _ = timed(lambda: budget.sample(15))  # noqa: B023
        many, drawn = timed(lambda: budget.sample(100_000))  # noqa: B023
        inside = np.all([cost.of(drawn) <= limit for cost, limit in budgets[:count]], axis=0)
        broken += int((~inside).sum())
        lower, upper = budget.bounds
        for name, value in {
            "budget": ", ".join(f"{limit:,}" for limit in most),
            "unit": ", ".join(f"{unit:,}" for unit in budget.resolutions),
            "P(budgets), certain bounds": f"{lower:.4f} to {upper:.4f}",
            "building, with its numbers (ms)": f"{building:.0f}",
            "15 draws (ms)": f"{few:.2f}",
            "10^5 draws (ms)": f"{many:.0f}",
            "draws that keep the budgets": f"{inside.mean():.2%}",
            "one step of a search, K = 15 (ms)": f"{step_time(space, budgets[:count]):.1f}",
        }.items():
            rows.setdefault(name, []).append(value)
    for name, values in rows.items():
        print(f"| {name} | {' | '.join(values)} |")
    print(f"a step without budgets takes {step_time(space, []):.2f} ms")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
