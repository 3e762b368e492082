"""FP-NAS against systems that train all networks from scratch: policy gradients, scaling."""
from __future__ import annotations

import statistics

from claims import (HEADER, MISSING, Outcome, Results, claim, difference, higher, line,
                    not_lower)
from plots import frontier
from profiles import Profile
from rows import Job
from stats import interval, with_interval


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


TIMES = (1.0, 2.0, 4.0)
"""Members of the family: the base, and what comes nearest to two and four times its MACs."""


def scaling_jobs(profile: Profile) -> list[Job]:
    return [Job.of(name, seed, times=times)
            for seed in range(1, profile.seeds + 1) for times in TIMES
            for name in ("compound", "equal-macs")]


@claim("scaling", "FP-NAS against compound scaling of a fixed base",
       "higher accuracy at equal MACs at each of three budgets", scaling_jobs)
def scaling(results: Results) -> Outcome:
    pairs = {times: tuple(results.of(name, results.profile.seeds, times=times)
                          for name in ("equal-macs", "compound")) for times in TIMES}
    pairs = {times: pair for times, pair in pairs.items() if all(map(len, pair))}
    if not pairs:
        return MISSING
    table, lines, gains = [], [], {}
    for times, (ours, theirs) in pairs.items():
        macs = statistics.fmean(theirs.values("macs"))
        gains[macs] = difference(ours, theirs)
        table += [line(f"{macs:,.0f}: FP-NAS", ours),
                  line(f"{macs:,.0f}: base × {times:.0f}", theirs)]
        lines.append(f"{macs:,.0f} MACs: {with_interval(gains[macs])} points.")
    note = next(iter(pairs[max(pairs)][1].rows.values()))["note"]
    lines.append(f"The grid's choice: {note} for the largest.")
    return Outcome(
        ", ".join(f"{interval(gain)[0]:+.2f}" for gain in gains.values())
        + " points at " + ", ".join(f"{macs:,.0f}" for macs in gains) + " MACs",
        higher(list(gains.values())) if len(pairs) == len(TIMES) else False,
        min(len(gain) for gain in gains.values()), HEADER, table, lines,
        lambda figure: frontier(figure, {
            label: [(statistics.fmean(pair[i].values("macs")), pair[i].accuracies)
                    for pair in pairs.values()]
            for i, label in enumerate(("FP-NAS", "compound scaling"))},
            "MACs of the result", "test accuracy after retraining, %"))
