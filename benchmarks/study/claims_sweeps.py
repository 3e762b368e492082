"""Settings that the paper sweeps, or leaves open."""
from __future__ import annotations

import statistics

from claims import HEADER, MISSING, Outcome, Results, claim, line
from plots import sweep
from profiles import Profile
from rows import Job

# Default settings are the headline's rows: no change.
LAMBDAS = {"1/16": {"samples_per_nat": 0.0625}, "1/8": {"samples_per_nat": 0.125}, "1/4": {},
           "1/2": {"samples_per_nat": 0.5}}
CONSTANT = {str(k): {"sample_count": k} for k in (2, 4)}
SCALES = {str(s): {"likelihood_scale": float(s)} for s in (1, 3, 10, 30, 100, 300)}


def thetas(profile: Profile) -> dict[str, dict]:
    epochs = profile.search["epochs"]
    return {"J only": {"joint_epoch": 0}, "27 %": {"joint_epoch": round(0.27 * epochs)},
            "53 %": {}, "80 %": {"joint_epoch": round(0.8 * epochs)},
            "F only": {"joint_epoch": epochs}}


def scales(profile: Profile) -> dict[str, dict]:
    default = profile.search.get("likelihood_scale", 30.0)
    return {name: {} if change["likelihood_scale"] == default else change
            for name, change in SCALES.items()}


def jobs_of(settings, system: str = "fp-nas"):
    def jobs(profile: Profile) -> list[Job]:
        table = settings(profile) if callable(settings) else settings
        return [Job.of(system, seed, **change) for seed in range(1, profile.seeds + 1)
                for change in table.values()]
    return jobs


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


@claim("lambda", "Samples per nat, λ", "(a plot) the paper: 1/16 67.0, 1/8 68.2, 1/4 68.6, 1/2 68.8",
       lambda profile: jobs_of(LAMBDAS)(profile) + jobs_of(CONSTANT, "parsec")(profile))
def samples_per_nat(results: Results) -> Outcome:
    constant = {f"PARSEC, K = {name}": results.of("parsec", results.profile.seeds, **change)
                for name, change in CONSTANT.items()}
    return judged(results, LAMBDAS, "λ", constant, "λ = ")


@claim("theta", "When the joint form begins, θ",
       "(a plot) the paper: J only 68.6, F only 67.6, 80 of 150 epochs 68.6, 150 68.2",
       jobs_of(thetas))
def theta(results: Results) -> Outcome:
    return judged(results, thetas(results.profile), "θ")


@claim("likelihood", "The likelihood's scale s", "(a plot) open in the paper: 1 = mean, batch = sum",
       jobs_of(scales))
def likelihood(results: Results) -> Outcome:
    return judged(results, scales(results.profile), "s")
