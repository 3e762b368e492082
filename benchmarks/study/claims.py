"""A claim: the runs it needs, and what they say of it. Rows in; a table, a verdict, a plot out."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from profiles import Profile
from rows import Job
from stats import geometric_mean, interval, spread, with_interval
from systems import key_of

MARGIN = 0.3
"""Points of accuracy: "not lower" is a paired mean difference of at least minus this."""


class Results:
    """The rows of one profile by system and setting."""

    def __init__(self, profile: Profile, rows: Mapping[str, dict]) -> None:
        self.profile, self.rows = profile, rows

    def of(self, system: str, seeds: int | None = None, **setting: object) -> Group:
        count = self.profile.headline_seeds if seeds is None else seeds
        found = {}
        for seed in range(1, count + 1):
            row = self.rows.get(key_of(self.profile, Job.of(system, seed, **setting)))
            if row is not None:
                found[seed] = row
        return Group(found)


@dataclass(frozen=True)
class Group:
    """The rows of one system in one setting by seed."""

    rows: dict[int, dict]

    def __len__(self) -> int:
        return len(self.rows)

    def values(self, column: str, seeds: Sequence[int] | None = None) -> list[float]:
        chosen = self.rows if seeds is None else seeds
        return [float(self.rows[seed][column]) for seed in chosen if self.rows[seed][column] != ""]

    @property
    def accuracies(self) -> list[float]:
        """In percent."""
        return [100 * value for value in self.values("test_accuracy")]

    def mean(self, column: str, digits: int = 0) -> str:
        """Mean and standard deviation, or a dash."""
        return spread(self.values(column), digits)


def common(*groups: Group) -> list[int]:
    """Seeds that all have."""
    return sorted(set.intersection(*(set(group.rows) for group in groups))) if groups else []


def difference(ours: Group, theirs: Group) -> list[float]:
    """Paired differences of accuracy in points."""
    seeds = common(ours, theirs)
    return [100 * (a - b) for a, b in zip(ours.values("test_accuracy", seeds),
                                          theirs.values("test_accuracy", seeds))]


def ratios(above: Group, below: Group, column: str) -> list[float]:
    seeds = common(above, below)
    pairs = zip(above.values(column, seeds), below.values(column, seeds))
    return [a / b for a, b in pairs if b > 0]


def saved(ours: Group, theirs: Group, column: str = "samples_drawn") -> list[float]:
    """Percent of the others' that ours did without, by seed."""
    return [100 * (1 - ratio) for ratio in ratios(ours, theirs, column)]


def not_lower(ours: Group, theirs: Group) -> tuple[bool | None, str]:
    values = difference(ours, theirs)
    if not values:
        return None, "no pair of rows"
    return interval(values)[0] >= -MARGIN, f"{with_interval(values)} points"


def higher(gains: Sequence[Sequence[float]]) -> bool | None:
    """Whether all paired differences are above 0: None where a mean is and its interval is not."""
    means = [interval(values) for values in gains]
    if any(mean <= 0 for mean, _ in means):
        return False
    return True if all(mean - width > 0 for mean, width in means) else None


@dataclass(frozen=True)
class Outcome:
    came_out: str
    """In one line, for the table of claims."""
    holds: bool | None
    """None: rows are missing, nothing is asked for, or the seeds do not decide it."""
    n: int
    """Seeds, the fewest of what is compared."""
    header: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()
    lines: Sequence[str] = ()
    """Sentences below the table."""
    plot: Callable | None = None
    """Draws on a figure of matplotlib."""


MISSING = Outcome("no rows yet", None, 0)


@dataclass(frozen=True)
class Claim:
    name: str
    title: str
    least: str
    """What the claim asks for."""
    jobs: Callable[[Profile], list[Job]] = field(repr=False)
    judge: Callable[[Results], Outcome] = field(repr=False)


CLAIMS: list[Claim] = []


def claim(name: str, title: str, least: str, jobs: Callable[[Profile], list[Job]]):
    """Registers a judge; claims are run and reported in the order of registration."""
    def register(judge: Callable[[Results], Outcome]):
        CLAIMS.append(Claim(name, title, least, jobs, judge))
        return judge
    return register


HEADER = ("", "seeds", "first K", "samples", "evaluations", "block evaluations", "search CPU s",
          "buffers MiB", "last H", "MACs", "test accuracy %")


def line(label: str, group: Group) -> list[str]:
    """A system's line of a table with HEADER: means ± standard deviations over seeds."""
    if not len(group):
        return [label, "0"] + ["–"] * (len(HEADER) - 2)
    buffers = [value / 2**20 for value in group.values("buffer_bytes")]
    return [label, str(len(group)), group.mean("first_k"), group.mean("samples_drawn"),
            group.mean("evaluations"), group.mean("block_evaluations"),
            group.mean("search_cpu_seconds", 1), spread(buffers, 1), group.mean("last_entropy", 1),
            group.mean("macs"), spread(group.accuracies)]


def factor(values: Sequence[float]) -> str:
    return f"{geometric_mean(values):.2f}×" if values else "–"
