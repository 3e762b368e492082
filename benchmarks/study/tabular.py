"""NAS-Bench-Macro as a tabular study: rows of benchmarks/nas_bench_macro.py, 200 seeds a system."""
from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from profiles import DATA
from rows import ROOT

NAME = "nas_bench_macro.csv"


def ensure(results: Path) -> None:
    """Runs the benchmark, some two minutes, unless its rows or its table are not there."""
    rows = results / NAME
    if rows.exists():
        return
    if not (DATA / "nas-bench-macro").is_dir():
        print("NAS-Bench-Macro is left out: its table is not in FPNAS_DATA")
        return
    subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "nas_bench_macro.py"), "--processes", "1",
         "--csv", str(rows), "--plot", str(ROOT / "runs" / "nas_bench_macro.png")],
        check=True, env={**os.environ, "FPNAS_DATA": str(DATA)})


def table(results: Path) -> list[str]:
    """Markdown: regret in points of accuracy, mean ± standard error."""
    path = results / NAME
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    best = 93.12666  # of all 6,561 networks, the mean of three trainings
    lines = ["| | seeds | regret after 100 | after 200 | regret of the mode | distinct networks |",
             "|---|---|---|---|---|---|"]
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        cells = [method, str(len(mine))]
        for column in ("best_100", "best_200", "mode"):
            values = best - np.array([float(row[column]) for row in mine])
            cells.append("–" if np.isnan(values).any() else
                         f"{values.mean():.3f} ± {values.std(ddof=1) / len(values) ** 0.5:.3f}")
        cells.append(f"{np.mean([float(row['distinct']) for row in mine]):.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines
