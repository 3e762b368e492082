"""docs/study.md: the table of claims, then a section a claim with table, plot and reading."""
from __future__ import annotations

import re
from pathlib import Path

import tabular
from claims import CLAIMS, Claim, Outcome, Results

READINGS = Path(__file__).with_name("readings.md")
TITLES = {"digits": "Digits", "digits-widths": "Digits, widths", "fashion": "Fashion-MNIST",
          "quick": "Quick (meaningless numbers)"}


def readings() -> dict[str, str]:
    """What a person says of a claim, by its name: sections of readings.md."""
    parts = re.split(r"^# (.+)\n", READINGS.read_text(), flags=re.MULTILINE)
    return {name.strip(): text.strip() for name, text in zip(parts[1::2], parts[2::2])}


def verdict(claim: Claim, outcome: Outcome) -> str:
    if outcome.n == 0:
        return "no rows"
    if outcome.holds is None:
        return "–" if claim.least.startswith("(") else "**not decided**"
    return "**holds**" if outcome.holds else "**does not hold**"


def markdown(header, table) -> list[str]:
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header),
            *("| " + " | ".join(row) + " |" for row in table)]


def draw(path: Path, outcome: Outcome) -> bool:
    """A PNG of some 20 kB; False where there is no matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(8.0, 2.9), constrained_layout=True)
    outcome.plot(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without its version of the software a plot of the same rows is the same file.
    figure.savefig(path, dpi=80, metadata={"Software": None})
    pyplot.close(figure)
    return True


def section(claim: Claim, outcomes: dict[str, Outcome], docs: Path, text: str) -> list[str]:
    lines = [f"## {claim.title}", "", f"Asked for: {claim.least}.", ""]
    for name, outcome in outcomes.items():
        if outcome.n == 0:
            continue
        word = "" if claim.least.startswith("(") else f", {verdict(claim, outcome).strip('*')}"
        lines += [f"**{TITLES[name]}**{word}: {outcome.came_out}.", ""]
        lines += markdown(outcome.header, outcome.table) + [""]
        lines += [f"* {line}" for line in outcome.lines if line] + [""]
        picture = docs / "study" / f"{claim.name}-{name}.png"
        if outcome.plot is not None and draw(picture, outcome):
            lines += [f"![{claim.title}, {TITLES[name]}](study/{picture.name})", ""]
    if text:
        lines += [text, ""]
    missing = [TITLES[name] for name, outcome in outcomes.items() if outcome.n == 0]
    if missing:
        lines += [f"No rows yet: {', '.join(missing)}.", ""]
    lines += [f"`python3 benchmarks/study --claims {claim.name}`", ""]
    return lines


def write(docs: Path, results: Path, studies: list[Results]) -> None:
    """`docs`/study.md and `docs`/study/*.png of the rows that are there."""
    texts = readings()
    outcomes = {
        claim: {study.profile.name: claim.judge(study) for study in studies
                if not study.profile.claims or claim.name in study.profile.claims}
        for claim in CLAIMS}
    lines = ["# The study", "", texts.get("introduction", ""), "",
             "| claim | asked for | data | what came out | seeds | |", "|---|---|---|---|---|---|"]
    for claim, by_profile in outcomes.items():
        for name, outcome in by_profile.items():
            lines.append(
                f"| [{claim.title}](#{anchor(claim.title)}) | {claim.least} | {TITLES[name]} | "
                f"{outcome.came_out} | {outcome.n} | {verdict(claim, outcome)} |")
    lines += [""]
    for claim, by_profile in outcomes.items():
        lines += section(claim, by_profile, docs, texts.get(claim.name, ""))
    table = tabular.table(results)
    if table:
        lines += ["## NAS-Bench-Macro, 200 seeds", "", texts.get("tabular", ""), "", *table, ""]
    docs.mkdir(parents=True, exist_ok=True)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"
    (docs / "study.md").write_text(text)
    for claim, by_profile in outcomes.items():
        for name, outcome in by_profile.items():
            word = verdict(claim, outcome).strip("*")
            print(f"{claim.name:14}{name:13}{word:16}n={outcome.n}  "
                  f"{outcome.came_out}")
    print(f"tables and plots in '{docs / 'study.md'}'")


def anchor(title: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
