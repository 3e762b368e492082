"""Honest baselines, Split-Attention and distillation."""
from __future__ import annotations

from claims import (HEADER, MISSING, Outcome, Results, claim, common, difference, higher, line,
                    not_lower)
from distillation import TEACHINGS
from plots import strips
from profiles import Profile
from rows import Job
from stats import interval, with_interval

BASELINES = {"FP-NAS": "fp-nas", "random search": "random", "evolution": "evolution",
             "policy gradient, shared weights": "reinforce", "drawn at random": "random-network"}


def baseline_jobs(profile: Profile) -> list[Job]:
    return [Job.of(name, seed) for seed in range(1, profile.seeds + 1)
            for name in BASELINES.values()]


@claim("baselines", "FP-NAS beside random search, evolution and no search at all",
       "(no number is asked for)", baseline_jobs)
def baselines(results: Results) -> Outcome:
    groups = {label: results.of(name) for label, name in BASELINES.items()}
    ours = groups["FP-NAS"]
    rivals = {label: group for label, group in groups.items() if group is not ours and len(group)}
    if not rivals or not len(ours):
        return MISSING
    lines = [f"FP-NAS less {label}: {not_lower(ours, group)[1]}."
             for label, group in rivals.items()]
    text = ", ".join(f"{interval(difference(ours, group))[0]:+.2f} against {label}"
                     for label, group in rivals.items())
    return Outcome(
        f"accuracy in points: {text}", None, min(len(common(ours, g)) for g in rivals.values()),
        HEADER, [line(label, group) for label, group in groups.items()], lines,
        lambda figure: strips(figure, groups, ("block_evaluations", "macs", "test_accuracy")))


SPLITS = ("searched", 0, 1, 2, 4)


def split_jobs(profile: Profile) -> list[Job]:
    return [Job.of("splits", seed, uniform=kind) for seed in range(1, profile.seeds + 1)
            for kind in SPLITS]


@claim("splits", "Split-Attention searched against uniform splits",
       "searched higher than each uniform (paper: 70.0 against 68.6, 69.3, 69.5)", split_jobs)
def splits(results: Results) -> Outcome:
    groups = {"searched" if kind == "searched" else f"all {kind}":
              results.of("splits", uniform=kind) for kind in SPLITS}
    ours = groups["searched"]
    rivals = {label: group for label, group in groups.items() if label != "searched" and len(group)}
    if not len(ours) or not rivals:
        return MISSING
    gains = [difference(ours, group) for group in rivals.values()]
    lines = [f"searched less {label}: {with_interval(difference(ours, group))} points."
             for label, group in rivals.items()]
    return Outcome(
        ", ".join(f"{interval(gain)[0]:+.2f} against {label}" for gain, label in zip(gains, rivals))
        + " points", higher(gains),
        min(len(common(ours, g)) for g in rivals.values()), HEADER,
        [line(label, group) for label, group in groups.items()], lines,
        lambda figure: strips(figure, groups, ("macs", "test_accuracy")))


def distil_jobs(profile: Profile) -> list[Job]:
    return [Job.of("distil", seed, **how)
            for seed in range(1, profile.seeds + 1) for how in TEACHINGS.values()]


@claim("distillation", "Simple distillation against none", "higher with it (paper: +0.9)",
       distil_jobs)
def distillation(results: Results) -> Outcome:
    plain = results.of("fp-nas")
    groups = {label: results.of("distil", **how) for label, how in TEACHINGS.items()}
    known = {label: group for label, group in groups.items() if len(common(group, plain))}
    if not known:
        return MISSING
    gains = {label: difference(group, plain) for label, group in known.items()}
    return Outcome(
        ", ".join(f"{interval(v)[0]:+.2f} ({label})" for label, v in gains.items()) + " points",
        higher(list(gains.values())),
        min(len(v) for v in gains.values()), HEADER,
        [line("alone", plain)] + [line(label, group) for label, group in known.items()],
        [f"{label}: {with_interval(v)} points." for label, v in gains.items()],
        lambda figure: strips(figure, {"alone": plain, **known}, ("test_accuracy",)))
