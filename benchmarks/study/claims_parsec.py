"""FP-NAS against PARSEC, and what adaptive sampling and coarse-to-fine contribute."""
from __future__ import annotations

from claims import (HEADER, MISSING, Group, Outcome, Results, claim, common, factor, line,
                    not_lower, ratios, saved)
from plots import strips
from profiles import Profile
from rows import Job
from stats import geometric_mean, interval, with_interval


PUBLISHED = {"evaluate_each_draw": True}
"""As the papers count: every draw is run by itself. Ours runs equal draws and beginnings once."""


def headline_jobs(profile: Profile) -> list[Job]:
    jobs = []
    for seed in range(1, profile.headline_seeds + 1):
        jobs += [Job.of(system, seed, **how) for how in (PUBLISHED, {})
                 for system in ("fp-nas", "parsec")]
        jobs += [Job.of("control", seed), Job.of("control", seed, cost_weight=0.0)]
    return jobs


def compared(ours: Group, theirs: Group) -> str:
    """How much cheaper ours is, in one sentence."""
    return (f"{with_interval(saved(ours, theirs), 1)} % fewer samples, "
            f"{factor(ratios(theirs, ours, 'search_cpu_seconds'))} faster in CPU time, "
            f"{factor(ratios(theirs, ours, 'block_evaluations'))} in block evaluations; "
            f"accuracy {not_lower(ours, theirs)[1]}.")


@claim("parsec", "FP-NAS against PARSEC, the same K at the start",
       "64 % fewer samples, 2.1× faster, accuracy not lower", headline_jobs)
def parsec(results: Results) -> Outcome:
    ours, theirs = results.of("fp-nas", **PUBLISHED), results.of("parsec", **PUBLISHED)
    shared, theirs_shared = results.of("fp-nas"), results.of("parsec")
    control, flat = results.of("control"), results.of("control", cost_weight=0.0)
    n = len(common(ours, theirs))
    if not n:
        return MISSING
    fewer, faster = saved(ours, theirs), ratios(theirs, ours, "search_cpu_seconds")
    holds, accuracy = not_lower(ours, theirs)
    mean, speed = interval(fewer)[0], geometric_mean(faster)
    table = [line("FP-NAS, each draw", ours), line("PARSEC, each draw", theirs),
             line("FP-NAS, shared passes", shared), line("PARSEC, shared passes", theirs_shared),
             line("flat likelihood", control), line("flat likelihood, no cost term", flat)]
    lines = [f"Each draw run by itself: {compared(ours, theirs)}"]
    if common(shared, theirs_shared):
        lines += [f"With shared passes, for both: {compared(shared, theirs_shared)}",
                  "What sharing saves: FP-NAS "
                  f"{factor(ratios(ours, shared, 'search_cpu_seconds'))}, PARSEC "
                  f"{factor(ratios(theirs, theirs_shared, 'search_cpu_seconds'))} CPU time."]
    if len(control) and len(flat):
        lines += [
            "The flat likelihood draws fewer samples than PARSEC by "
            f"{with_interval(saved(control, theirs), 1)} % with the cost term, "
            f"{with_interval(saved(flat, theirs), 1)} % without."]
    return Outcome(
        f"{mean:.1f} % fewer samples, {speed:.2f}× faster, accuracy {accuracy}",
        mean >= 64 and speed >= 2.1 and bool(holds), n, HEADER, table, lines,
        lambda figure: strips(figure, {"FP-NAS": ours, "PARSEC": theirs, "flat": control},
                              ("samples_drawn", "search_cpu_seconds", "test_accuracy")))


def parts_jobs(profile: Profile) -> list[Job]:
    jobs = []
    for seed in range(1, profile.headline_seeds + 1):
        jobs += [Job.of("fp-nas", seed, joint_epoch=0, **PUBLISHED),
                 Job.of("parsec", seed, joint_epoch=profile.theta, **PUBLISHED)]
    return jobs


@claim("parts", "Adaptive sampling alone, and coarse-to-fine on top",
       "60 % fewer samples and 1.8× faster alone; 1.2× more on top", parts_jobs)
def parts(results: Results) -> Outcome:
    whole, theirs = results.of("fp-nas", **PUBLISHED), results.of("parsec", **PUBLISHED)
    alone, coarse = (
        results.of("fp-nas", joint_epoch=0, **PUBLISHED),
        results.of("parsec", joint_epoch=results.profile.theta, **PUBLISHED))
    n = len(common(whole, theirs, alone))
    if not n:
        return MISSING
    fewer = interval(saved(alone, theirs))[0]
    speed = geometric_mean(ratios(theirs, alone, "search_cpu_seconds"))
    more = geometric_mean(ratios(alone, whole, "search_cpu_seconds"))
    labels = {"PARSEC": theirs, "adaptive K": alone, "F then J": coarse, "both: FP-NAS": whole}
    lines = [
        f"Adaptive K alone (joint form throughout): {with_interval(saved(alone, theirs), 1)} % "
        f"fewer samples, {speed:.2f}× faster; accuracy against PARSEC "
        f"{not_lower(alone, theirs)[1]}.",
        f"Coarse-to-fine on top: {more:.2f}× faster, "
        f"{with_interval(saved(whole, alone), 1)} % fewer samples still; accuracy against the "
        f"joint form alone {not_lower(whole, alone)[1]}."]
    return Outcome(
        f"{fewer:.1f} % fewer and {speed:.2f}× alone; {more:.2f}× more on top",
        fewer >= 60 and speed >= 1.8 and more >= 1.2, n, HEADER,
        [line(label, group) for label, group in labels.items()], lines,
        lambda figure: strips(figure, labels,
                              ("samples_drawn", "search_cpu_seconds", "test_accuracy")))
