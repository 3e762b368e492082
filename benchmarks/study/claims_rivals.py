"""FP-NAS against FBNetV2, DARTS-style mixtures and BigNAS on the same space."""
from __future__ import annotations

from claims import (HEADER, MISSING, Outcome, Results, claim, common, factor, line, not_lower,
                    ratios)
from distillation import TEACHINGS
from memory import ALGORITHMS, CANDIDATES
from plots import frontier, strips
from profiles import Profile
from rows import Job
from stats import geometric_mean


def mixture_jobs(profile: Profile) -> list[Job]:
    """DARTS, which no number is asked of, for the fewer seeds."""
    return [Job.of(name, seed) for seed in range(1, profile.headline_seeds + 1)
            for name in ("fp-nas", *profile.mixtures)
            if name != "darts" or seed <= profile.seeds]


@claim("fbnetv2", "FP-NAS against FBNetV2 on the same space",
       "3.5× faster, at most 1/3 of its memory, accuracy not lower", mixture_jobs)
def fbnetv2(results: Results) -> Outcome:
    groups = {"FP-NAS": results.of("fp-nas"), "FBNetV2": results.of("fbnetv2"),
              "DARTS": results.of("darts")}
    ours, theirs, darts = groups.values()
    n = len(common(ours, theirs))
    if not n:
        return MISSING
    faster = ratios(theirs, ours, "search_cpu_seconds")
    memory = geometric_mean(ratios(ours, theirs, "buffer_bytes"))
    holds, accuracy = not_lower(ours, theirs)
    lines = [f"FP-NAS is {factor(faster)} as fast in CPU time with {memory:.2f} of FBNetV2's "
             f"buffers; accuracy, paired: {accuracy}."]
    if len(common(ours, darts)):
        lines.append(
            f"Against DARTS: {factor(ratios(darts, ours, 'search_cpu_seconds'))} as fast, "
            f"{geometric_mean(ratios(ours, darts, 'buffer_bytes')):.2f} of its buffers, accuracy "
            f"{not_lower(ours, darts)[1]}.")
    return Outcome(
        f"{geometric_mean(faster):.2f}× faster, {memory:.2f} of its memory, accuracy {accuracy}",
        geometric_mean(faster) >= 3.5 and memory <= 1 / 3 and bool(holds), n, HEADER,
        [line(label, group) for label, group in groups.items()], lines,
        lambda figure: strips(figure, groups,
                              ("search_cpu_seconds", "buffer_bytes", "macs", "test_accuracy")))


DISTILLED = TEACHINGS["teacher of 2 budgets"]
"""The cheaper one: its training counts."""


def bignas_jobs(profile: Profile) -> list[Job]:
    jobs = []
    for seed in range(1, profile.seeds + 1):
        jobs += [Job.of("distil", seed, **DISTILLED), Job.of("bignas", seed),
                 Job.of("bignas-retrained", seed)]
    return jobs


@claim("bignas", "FP-NAS with simple distillation against BigNAS at equal MACs",
       "accuracy not lower, total time to the first network lower", bignas_jobs)
def bignas(results: Results) -> Outcome:
    ours = results.of("distil", **DISTILLED)
    theirs, plain = results.of("bignas"), results.of("fp-nas")
    again = results.of("bignas-retrained")
    n = len(common(ours, theirs))
    if not n:
        return MISSING
    holds, accuracy = not_lower(ours, theirs)

    def total(row: dict) -> float:
        """Search, teacher and one retraining; BigNAS's children come out trained."""
        used = float(row["search_cpu_seconds"])
        if row["system"] == "distil":
            used += float(row["note"].split()[1])
            used += float(row["retrain_cpu_seconds"]) / int(row["retrainings"])
        return used

    seeds = common(ours, theirs)
    faster = [total(theirs.rows[s]) / total(ours.rows[s]) for s in seeds]
    lines = [f"Time to the first network, search, teacher and retraining counted: FP-NAS is "
             f"{factor(faster)} as fast in CPU time; accuracy, paired: {accuracy}."]
    if len(common(ours, again)):
        lines.append(f"Against BigNAS's network trained from scratch: {not_lower(ours, again)[1]}; "
                     f"FP-NAS's not distilled: {not_lower(plain, again)[1]}.")
    return Outcome(
        f"accuracy {accuracy}, {geometric_mean(faster):.2f}× faster to the first network",
        bool(holds) and geometric_mean(faster) > 1, n, HEADER,
        [line("FP-NAS, distilled", ours), line("FP-NAS, not distilled", plain),
         line("BigNAS, shared weights as they are", theirs),
         line("BigNAS's network, trained from scratch", again)], lines,
        lambda figure: strips(
            figure, {"FP-NAS, distilled": ours, "FP-NAS": plain, "BigNAS": theirs,
                     "its network, from scratch": again},
            ("search_cpu_seconds", "macs", "test_accuracy")))


def memory_jobs(profile: Profile) -> list[Job]:
    if profile.name not in ("digits", "quick"):
        return []
    return [Job.of("memory", 1, algorithm=algorithm, candidates=candidates)
            for algorithm in ALGORITHMS for candidates in CANDIDATES]


@claim("memory", "Memory against DARTS-style mixtures over the number of choices a layer",
       "ours flat, theirs linear", memory_jobs)
def memory(results: Results) -> Outcome:
    peaks = {}
    for algorithm in ALGORITHMS:
        groups = {c: results.of("memory", 1, algorithm=algorithm, candidates=c) for c in CANDIDATES}
        if all(len(group) for group in groups.values()):
            peaks[algorithm] = [
                group.values("buffer_bytes")[0] / 2**20 for group in groups.values()]
    if len(peaks) < 2:
        return MISSING
    first, last = CANDIDATES[0], CANDIDATES[-1]
    growth = {name: values[-1] / values[0] for name, values in peaks.items()}
    # Linear: the second half of the candidates costs twice what the second quarter does.
    slopes = {name: (values[3] - values[2]) / (values[2] - values[1])
              for name, values in peaks.items() if values[2] > values[1]}
    mixtures = [name for name in peaks if name != "fp-nas"]
    table = [[name, *(f"{value:.2f}" for value in values), f"{growth[name]:.2f}"]
             for name, values in peaks.items()]
    return Outcome(
        f"from {first} to {last} candidates a layer buffers grow "
        + ", ".join(f"{name} ×{growth[name]:.2f}" for name in growth),
        growth["fp-nas"] <= 1.1 and all(
            growth[name] >= 2 and 1.5 <= slopes[name] <= 2.5 for name in mixtures),
        1, ["buffers, MiB; candidates:", *map(str, CANDIDATES), f"{last} against {first}"], table,
        (), lambda figure: frontier(
            figure, {name: [(c, [value]) for c, value in zip(CANDIDATES, values)]
                     for name, values in peaks.items()},
            "candidates a layer", "peak of buffers, MiB", log=False))
