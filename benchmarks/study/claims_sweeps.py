"""Settings that the paper sweeps, or leaves open."""
from __future__ import annotations

import statistics

import fpnas
from claims import HEADER, MISSING, Outcome, Results, claim, line
from plots import sweep
from profiles import Profile
from rows import Job

LAMBDAS = {"1/16": 0.0625, "1/8": 0.125, "1/4": 0.25, "1/2": 0.5}
CONSTANT = {str(k): {"sample_count": k} for k in (2, 4, 8)}
SCALES = {str(s): float(s) for s in (1, 3, 10, 30, 100, 300)}


def thetas(profile: Profile) -> dict[str, dict]:
    """Parts of the run in factorised form; the profile's own is the headline's."""
    epochs = profile.search["epochs"]
    own = 53 if profile.theta < 0 else round(100 * profile.theta / epochs)
    table = {part: {"joint_epoch": round(part * epochs / 100)} for part in (0, 27, 80, 100)}
    table[own] = {}
    names = {0: "J only", 100: "F only"}
    return {names.get(part, f"{part} %"): table[part] for part in sorted(table)}


def changes(profile: Profile, option: str, values: dict[str, float]) -> dict[str, dict]:
    """One option's values; the profile's own is no change, so that its rows are the headline's."""
    default = profile.search.get(option, getattr(fpnas.RunOptions(), option))
    return {name: {} if value == default else {option: value} for name, value in values.items()}


def lambdas(profile: Profile) -> dict[str, dict]:
    return changes(profile, "samples_per_nat", LAMBDAS)


def scales(profile: Profile) -> dict[str, dict]:
    return changes(profile, "likelihood_scale", SCALES)


def jobs_of(settings):
    def jobs(profile: Profile) -> list[Job]:
        return [Job.of("fp-nas", seed, **change) for seed in range(1, profile.seeds + 1)
                for change in settings(profile).values()]
    return jobs


def lambda_jobs(profile: Profile) -> list[Job]:
    return jobs_of(lambdas)(profile) + [
        Job.of("parsec", seed, **change) for seed in range(1, profile.seeds + 1)
        for change in CONSTANT.values()]


def judged(results: Results, settings: dict[str, dict], label: str, reference=None,
           prefix: str = "") -> Outcome:
    groups = {name: results.of("fp-nas", results.profile.seeds, **change)
              for name, change in settings.items()}
    known = {name: group for name, group in groups.items() if len(group)}
    if len(known) < 2:
        return MISSING
    best = max(known, key=lambda name: statistics.fmean(known[name].accuracies))
    text = "; ".join(f"{name}: {statistics.fmean(group.accuracies):.2f} % from "
                     f"{statistics.fmean(group.values('samples_drawn')):,.0f} samples"
                     for name, group in known.items())
    table = [line(f"{prefix}{name}", group) for name, group in groups.items()]
    table += [line(name, group) for name, group in (reference or {}).items()]
    return Outcome(f"best {label} {best}. {text}", None, min(map(len, known.values())), HEADER,
                   table, (), lambda figure: sweep(
                       figure, list(known.items()), ("samples_drawn", "macs", "test_accuracy"),
                       label, reference))


@claim("lambda", "Samples per nat, λ",
       "(a plot) the paper: 1/16 67.0, 1/8 68.2, 1/4 68.6, 1/2 68.8",
       lambda_jobs)
def samples_per_nat(results: Results) -> Outcome:
    constant = {f"PARSEC, K = {name}": results.of("parsec", results.profile.seeds, **change)
                for name, change in CONSTANT.items()}
    return judged(results, lambdas(results.profile), "λ", constant, "λ = ")


@claim("theta", "When the joint form begins, θ",
       "(a plot) the paper: J only 68.6, F only 67.6, 80 of 150 epochs 68.6, 150 68.2",
       jobs_of(thetas))
def theta(results: Results) -> Outcome:
    return judged(results, thetas(results.profile), "θ")


@claim("likelihood", "The likelihood's scale s",
       "(a plot) open in the paper: 1 = mean, batch = sum",
       jobs_of(scales))
def likelihood(results: Results) -> Outcome:
    return judged(results, scales(results.profile), "s")
