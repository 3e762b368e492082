"""Rows, table and plot of fashion_mnist.py."""
from __future__ import annotations

import csv
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

COLUMNS = [
    "profile", "settings", "system", "seed", "threads", "first_k", "steps", "samples_drawn",
    "evaluations", "block_evaluations", "blocks_drawn",
    "search_seconds", "search_cpu_seconds", "search_buffer_bytes", "search_resident_bytes",
    "first_entropy", "last_entropy", "macs", "parameters", "probability", "retrain_seconds",
    "retrain_cpu_seconds", "test_accuracy", "test_log_likelihood", "load_at_start", "load_at_end",
    "network", "machine", "library", "commit", "date"]
NAMES = {"fp-nas": "FP-NAS", "parsec": "PARSEC", "random": "random", "control": "flat likelihood"}
COLOURS = {"fp-nas": "tab:blue", "parsec": "tab:orange", "random": "tab:green"}


def provenance(root: Path) -> dict:
    """Where and of what a row is."""
    import fpnas

    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = "+" if git("status", "--porcelain", "--untracked-files=no") else ""
    return dict(machine=f"{model}, {os.cpu_count()} cores", library=fpnas.build_info(),
                commit=(git("rev-parse", "--short", "HEAD") or "unknown") + changed,
                date=time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()))


def load_rows(path: Path) -> list[dict]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def save_rows(path: Path, rows: list[dict]) -> None:
    """Replaces the file as a whole."""
    new = path.with_suffix(".new")
    with new.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(new, path)


HEADERS = ("seeds", "first K", "samples", "evaluations", "blocks", "of K·L",
           "search s, CPU / wall", "buffers MiB", "last H", "MACs", "parameters",
           "retraining s, CPU / wall", "test accuracy %")


def table(rows: list[dict]) -> str:
    """Markdown: a line a system, means over its seeds; of the accuracy every seed's, too."""
    lines = ["| | " + " | ".join(HEADERS) + " |", "|---|" + "---|" * len(HEADERS)]
    for system, name in NAMES.items():
        mine = sorted((r for r in rows if r["system"] == system), key=lambda r: int(r["seed"]))
        if not mine:
            continue

        def mean(column: str) -> float:
            return statistics.fmean(float(r[column]) for r in mine)

        cells = [name, f"{len(mine)}", f"{mean('first_k'):.0f}", f"{mean('samples_drawn'):,.0f}"]
        if system == "control":
            cells += ["–"] * 5 + [f"{mean('last_entropy'):.1f}"] + ["–"] * 4
        else:
            accuracies = [100 * float(r["test_accuracy"]) for r in mine]
            each = ", ".join(f"{a:.2f}" for a in accuracies)
            cells += [
                f"{mean('evaluations'):,.0f}", f"{mean('block_evaluations'):,.0f}",
                f"{mean('block_evaluations') / mean('blocks_drawn'):.2f}",
                f"{mean('search_cpu_seconds'):,.0f} / {mean('search_seconds'):,.0f}",
                f"{mean('search_buffer_bytes') / 2**20:.0f}", f"{mean('last_entropy'):.1f}",
                f"{mean('macs'):,.0f}", f"{mean('parameters'):,.0f}",
                f"{mean('retrain_cpu_seconds'):,.0f} / {mean('retrain_seconds'):,.0f}",
                each if len(mine) == 1 else f"{statistics.fmean(accuracies):.2f} ({each})"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def plot(path: Path, curves: list[tuple[str, Path]]) -> None:
    """Entropy, K and validation accuracy over the CPU seconds of the searches."""
    try:
        import matplotlib
    except ImportError:
        print("no matplotlib: no plot")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 3, figsize=(12, 3.6), constrained_layout=True)
    wanted = [("entropy", "entropy (nats)"), ("sample_count", "K"),
              ("validation_accuracy", "accuracy of the draws (validation)")]
    named = set()
    for system, file in curves:
        if not file.exists():
            continue
        with file.open(newline="") as source:
            rows = list(csv.DictReader(source))
        seconds = [float(r["cpu_seconds"]) for r in rows]
        for panel, (column, title) in zip(panels, wanted):
            panel.plot(seconds, [float(r[column]) for r in rows], color=COLOURS[system], linewidth=1,
                       label=None if system in named else NAMES[system])
            panel.set_xlabel("CPU seconds of search")
            panel.set_ylabel(title)
        named.add(system)
    if named:
        panels[0].legend()
        for panel in panels[:2]:
            panel.set_ylim(bottom=0)
        figure.savefig(path, dpi=120)
    pyplot.close(figure)
