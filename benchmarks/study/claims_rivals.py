"""FP-NAS against FBNetV2, DARTS-style mixtures and BigNAS on the same space."""
from __future__ import annotations

import csv

from claims import (HEADER, MISSING, Outcome, Results, claim, common, factor, line, not_lower,
                    ratios)
from plots import frontier, strips
from profiles import Profile
from rows import ROOT, Job
from stats import geometric_mean

MEMORY_ROWS = ROOT / "benchmarks" / "results" / "mixture_memory.csv"


def mixture_jobs(profile: Profile) -> list[Job]:
    return [Job.of(name, seed) for seed in range(1, profile.seeds + 1)
            for name in ("fp-nas", "fbnetv2", "darts")]


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


def bignas_jobs(profile: Profile) -> list[Job]:
    jobs = []
    for seed in range(1, profile.seeds + 1):
        jobs += [Job.of("distil", seed, weight=0.5, temperature=2.0), Job.of("bignas", seed),
                 Job.of("bignas-retrained", seed)]
    return jobs


@claim("bignas", "FP-NAS with simple distillation against BigNAS at equal MACs",
       "accuracy not lower, total time to the first network lower", bignas_jobs)
def bignas(results: Results) -> Outcome:
    ours = results.of("distil", weight=0.5, temperature=2.0)
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


@claim("memory", "Memory against DARTS-style mixtures over the number of choices a layer",
       "ours flat, theirs linear", lambda profile: [])
def memory(results: Results) -> Outcome:
    """Rows of benchmarks/mixture_memory.py: choices, and bytes of buffers of each system."""
    if results.profile.name == "fashion" or not MEMORY_ROWS.exists():
        return MISSING
    with MEMORY_ROWS.open(newline="") as file:
        rows = list(csv.DictReader(file))
    systems = sorted({row["system"] for row in rows})
    choices = sorted({int(row["choices"]) for row in rows})
    of = {(row["system"], int(row["choices"])): float(row["buffer_bytes"]) / 2**20 for row in rows}
    growth = {name: of[name, choices[-1]] / of[name, choices[0]] for name in systems
              if (name, choices[0]) in of and (name, choices[-1]) in of}
    table = [[name] + [f"{of[name, c]:.2f}" if (name, c) in of else "–" for c in choices]
             for name in systems]
    text = ", ".join(f"{name} ×{growth[name]:.2f}" for name in growth)
    return Outcome(
        f"from {choices[0]} to {choices[-1]} choices buffers grow {text}",
        growth.get("fp-nas", 9) <= 1.1 and all(
            v >= 0.5 * choices[-1] / choices[0] for k, v in growth.items() if k != "fp-nas"),
        1, ["buffers, MiB", *map(str, choices)], table, (),
        lambda figure: frontier(
            figure, {name: [(c, [of[name, c]]) for c in choices if (name, c) in of]
                     for name in systems}, "choices a layer", "buffers, MiB", log=False))
