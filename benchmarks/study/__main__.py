#!/usr/bin/env python3
"""The study: every claim of the paper's comparisons, run here and printed as it comes out.

    make study                        digits, then Fashion-MNIST; goes on where it was stopped
    make study STUDY=quick            all parts in two minutes, meaningless numbers
    python3 benchmarks/study --profile digits --claims parsec parts
    python3 benchmarks/study --report          tables and plots of the rows that are there

A run is a process of its own and one row of benchmarks/results/study/PROFILE.csv; a row that is
there is not run again. Rows of headline claims come first, all systems of a seed before the next
seed; three seeds of all claims come before further seeds. Ctrl-C leaves checkpoints in runs/study,
from which the next call goes on within the run. A system that the library does not know is left out
with a note. Fashion-MNIST is read from $FPNAS_DATA/fashion-mnist.
"""
from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import claims
import claims_parsec, claims_rivals, claims_training  # noqa: E401, F401: they register claims
import claims_baselines, claims_sweeps  # noqa: E401, F401
import report
import tabular
from profiles import PROFILES
from rows import ROOT, Table
from runner import run, wanted

RESULTS = ROOT / "benchmarks" / "results" / "study"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", nargs="+", choices=list(PROFILES),
                        default=["digits", "digits-widths", "fashion"])
    parser.add_argument("--claims", nargs="+", default=[], metavar="NAME",
                        help="only these: the names in the table of claims")
    parser.add_argument("--systems", nargs="+", default=[], metavar="NAME",
                        help="only runs of these")
    parser.add_argument("--seeds", type=int, help="only seeds 1 to this")
    parser.add_argument("--threads", type=int, default=1, help="threads of a run")
    parser.add_argument("--share", nargs=2, type=int, default=(0, 1), metavar=("I", "N"),
                        help="every N-th run that is left from the I-th on, for N calls")
    parser.add_argument("--report", action="store_true", help="only tables and plots")
    parser.add_argument("--no-report", action="store_true", help="only runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the rows")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder of study.md")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "study",
                        help="checkpoints and trainings")
    arguments = parser.parse_args()
    unknown = set(arguments.claims) - {claim.name for claim in claims.CLAIMS}
    if unknown:
        parser.error(f"no claim '{min(unknown)}': {', '.join(c.name for c in claims.CLAIMS)}")

    tables = {}
    for name in arguments.profile:
        profile = PROFILES[name]
        table = tables[name] = Table(arguments.results / f"{name}.csv")
        if arguments.report:
            continue
        if not profile.data.is_dir():
            print(f"{name} is left out: '{profile.data}' does not exist, set FPNAS_DATA")
            continue
        folder = arguments.work / name
        folder.mkdir(parents=True, exist_ok=True)
        jobs = wanted(profile, arguments.claims, arguments.seeds, arguments.systems)
        run(profile, table, jobs, folder, arguments.threads, tuple(arguments.share))
        if name == "digits" and not arguments.claims:
            tabular.ensure(arguments.results)
    if not arguments.no_report:
        report.write(arguments.docs, arguments.results, [
            claims.Results(PROFILES[name], table.rows) for name, table in tables.items()])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped; the next call goes on from here")
        os._exit(130)
