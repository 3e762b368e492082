"""FP-NAS against systems that train all networks from scratch: policy gradients, scaling."""
from __future__ import annotations

import statistics

from claims import (HEADER, MARGIN, MISSING, Outcome, Results, claim, difference, line, not_lower)
from plots import frontier
from profiles import Profile
from rows import Job
from stats import interval, spread, with_interval


def policy_jobs(profile: Profile) -> list[Job]:
    return [Job.of("mnasnet", seed, children=count)
            for seed in range(1, profile.seeds + 1) for count in profile.children]


@claim("reinforce", "FP-NAS against reinforcement learning with children trained from scratch",
       "≥ 5× fewer block evaluations in training until the found network's retrained quality is "
       "reached", policy_jobs)
def reinforce(results: Results) -> Outcome:
    profile, ours = results.profile, results.of("fp-nas", results.profile.seeds)
    groups = {count: results.of("mnasnet", profile.seeds, children=count)
              for count in profile.children}
    known = {count: group for count, group in groups.items() if len(group)}
    if not known or not len(ours):
        return MISSING
    spent = statistics.fmean(ours.values("block_evaluations"))
    goal = statistics.fmean(ours.accuracies)
    reached = [count for count, group in known.items()
               if statistics.fmean(group.accuracies) >= goal]
    n = min(len(group) for group in [ours, *known.values()])
    table = [line("FP-NAS", ours)]
    table += [line(f"policy gradient, {count} children", group) for count, group in known.items()]
    lines = [f"{count} children: accuracy FP-NAS less policy gradient "
             f"{not_lower(ours, group)[1]}, at "
             f"{statistics.fmean(group.values('block_evaluations')) / spent:.2f}× the block "
             f"evaluations." for count, group in known.items()]
    if reached:
        factor = statistics.fmean(known[reached[0]].values("block_evaluations")) / spent
        text = f"reached with {reached[0]} children at {factor:.2f}× FP-NAS's block evaluations"
    else:
        factor = statistics.fmean(known[max(known)].values("block_evaluations")) / spent
        text = f"not reached with {max(known)} children at {factor:.2f}× the block evaluations"
    return Outcome(
        text, factor >= 5, n, HEADER, table, lines,
        lambda figure: frontier(figure, {
            "policy gradient, children from scratch": [
                (statistics.fmean(group.values("block_evaluations")), group.accuracies)
                for group in known.values()],
            "FP-NAS": [(spent, ours.accuracies)]},
            "block evaluations in training, search only", "test accuracy after retraining, %"))


BUDGETS = (0.75, 1.0, 1.5)
"""Of the profile's target."""


def budgets(profile: Profile) -> list[float]:
    return [round(part * profile.target) for part in BUDGETS]


def at(profile: Profile, name: str, budget: float) -> dict:
    """The setting of a system at a budget; FP-NAS's at the profile's own is the headline's."""
    is_own = name == "fp-nas" and budget == profile.target
    return {} if is_own else {"cost_target": float(budget)}


def scaling_jobs(profile: Profile) -> list[Job]:
    return [Job.of(name, seed, **at(profile, name, budget))
            for seed in range(1, profile.seeds + 1) for budget in budgets(profile)
            for name in ("fp-nas", "compound")]


@claim("scaling", "FP-NAS against compound scaling of a fixed base",
       "higher accuracy at equal MACs at each of three budgets", scaling_jobs)
def scaling(results: Results) -> Outcome:
    profile = results.profile
    pairs = {budget: tuple(results.of(name, profile.seeds, **at(profile, name, budget))
                           for name in ("fp-nas", "compound")) for budget in budgets(profile)}
    pairs = {budget: pair for budget, pair in pairs.items() if all(map(len, pair))}
    if not pairs:
        return MISSING
    table, lines, higher = [], [], []
    for budget, (ours, theirs) in pairs.items():
        table += [line(f"{budget:,.0f}: FP-NAS", ours), line(f"{budget:,.0f}: scaled base", theirs)]
        values = difference(ours, theirs)
        higher.append(interval(values)[0] > 0)
        lines.append(f"{budget:,.0f} MACs: {with_interval(values)} points.")
    row = next(iter(pairs.values()))[1].rows
    lines.append(f"Scaling: {next(iter(row.values()))['note']}.")
    return Outcome(
        ", ".join(f"{interval(difference(*pair))[0]:+.2f}" for pair in pairs.values())
        + " points at " + ", ".join(f"{b:,.0f}" for b in pairs) + " MACs",
        all(higher) and len(pairs) == len(BUDGETS),
        min(len(group) for pair in pairs.values() for group in pair), HEADER, table, lines,
        lambda figure: frontier(figure, {
            label: [(statistics.fmean(pair[i].values("macs")), pair[i].accuracies)
                    for pair in pairs.values()]
            for i, label in enumerate(("FP-NAS", "compound scaling"))},
            "MACs of the result", "test accuracy after retraining, %"))
