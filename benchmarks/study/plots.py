"""Two kinds of plots: a point a seed beside each other, and curves over a setting."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NAMES = {"samples_drawn": "architectures sampled", "search_cpu_seconds": "search, CPU s",
         "test_accuracy": "test accuracy, %", "macs": "MACs of the result",
         "block_evaluations": "block evaluations", "buffer_bytes": "buffers, MiB"}
SCALES = {"test_accuracy": 100.0, "buffer_bytes": 2.0**-20}


def strips(figure, groups: dict, columns: Sequence[str]) -> None:
    """A panel a column: every seed a point, the mean a bar."""
    groups = {label: group for label, group in groups.items() if len(group)}
    for panel, column in zip(np.atleast_1d(figure.subplots(1, len(columns))), columns):
        for place, (label, group) in enumerate(groups.items()):
            values = np.array(group.values(column)) * SCALES.get(column, 1.0)
            if not len(values):
                continue
            colour = f"C{place}"
            offsets = np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else [0.0]
            panel.plot(place + np.array(offsets), values, "o", color=colour, markersize=4,
                       alpha=0.7)
            panel.plot([place - 0.3, place + 0.3], [values.mean()] * 2, color=colour, linewidth=2)
        panel.set_xticks(range(len(groups)), list(groups), rotation=25, ha="right", fontsize=8)
        panel.set_title(NAMES.get(column, column), fontsize=9)
        if column != "test_accuracy":
            panel.set_ylim(bottom=0)
        panel.grid(axis="y", alpha=0.3)


def sweep(figure, points: Sequence[tuple[object, object]], columns: Sequence[str], label: str,
          reference: dict | None = None) -> None:
    """A panel a column over the settings of a sweep: means with standard errors; `reference` are
    groups drawn as level lines."""
    points = [(name, group) for name, group in points if len(group)]
    for panel, column in zip(np.atleast_1d(figure.subplots(1, len(columns))), columns):
        scale = SCALES.get(column, 1.0)
        data = [np.array(group.values(column)) * scale for _, group in points]
        errors = [v.std(ddof=1) / np.sqrt(len(v)) if len(v) > 1 else 0.0 for v in data]
        panel.errorbar(range(len(points)), [v.mean() for v in data], errors, marker="o",
                       markersize=4, capsize=3)
        for place, (name, group) in enumerate((reference or {}).items()):
            values = group.values(column)
            if values:
                panel.axhline(np.mean(values) * scale, color=f"C{place + 1}", linestyle="--",
                              linewidth=1, label=name)
        panel.set_xticks(range(len(points)), [str(name) for name, _ in points], fontsize=8)
        panel.set_xlabel(label, fontsize=9)
        panel.set_title(NAMES.get(column, column), fontsize=9)
        panel.grid(alpha=0.3)
        if reference:
            panel.legend(fontsize=7)


def frontier(figure, curves: dict[str, Sequence[tuple[float, Sequence[float]]]], x: str, y: str,
             log: bool = True) -> None:
    """Curves of (x, values): means with standard errors."""
    panel = figure.subplots()
    for name, points in curves.items():
        points = [(place, np.array(values)) for place, values in points if len(values)]
        if not points:
            continue
        panel.errorbar(
            [place for place, _ in points], [v.mean() for _, v in points],
            [v.std(ddof=1) / np.sqrt(len(v)) if len(v) > 1 else 0.0 for _, v in points],
            marker="o", markersize=4, capsize=3, label=name)
    if log:
        panel.set_xscale("log")
    panel.set_xlabel(x)
    panel.set_ylabel(y)
    panel.grid(alpha=0.3, which="both")
    panel.legend(fontsize=8)
