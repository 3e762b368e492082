"""Rows of the study: one run each, in a CSV file that is the study's only memory."""
from __future__ import annotations

import csv
import hashlib
import json
import os
import platform
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = [
    "key", "profile", "system", "setting", "seed", "first_k", "steps", "samples_drawn",
    "evaluations", "block_evaluations", "blocks_drawn", "search_seconds", "search_cpu_seconds",
    "buffer_bytes", "resident_bytes", "first_entropy", "last_entropy", "macs", "parameters",
    "validation_accuracy", "retrainings", "retrain_cpu_seconds", "test_accuracy",
    "test_accuracies", "test_log_likelihood", "network", "note", "load", "machine", "library",
    "commit", "date"]


def digest(*parts: object) -> str:
    """What stands for settings: rows of others are told apart by it."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Job:
    """One run: a system of the comparison, what is changed of the profile's settings, a seed."""

    system: str
    seed: int
    setting: tuple[tuple[str, object], ...] = field(default=())

    @classmethod
    def of(cls, system: str, seed: int, **setting: object) -> Job:
        return cls(system, seed, tuple(sorted(setting.items())))

    @property
    def setting_text(self) -> str:
        return " ".join(f"{name}={value}" for name, value in self.setting)

    @property
    def changes(self) -> dict:
        return dict(self.setting)

    def __str__(self) -> str:
        return f"{self.system} {self.setting_text} seed {self.seed}".replace("  ", " ")


def provenance() -> dict:
    """Where and of what a row is."""
    import fpnas

    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    # What the library is made of counts; rows and documents change while the study runs.
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "Sources", "include")
    commit = git("rev-parse", "--short", "HEAD") or "unknown"
    return dict(machine=f"{model}, {os.cpu_count()} cores", library=fpnas.build_info(),
                commit=commit + ("+" if changed else ""),
                date=time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()))


class Table:
    """The rows of one profile by key. A file that is replaced as a whole after every run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, dict] = {}
        self.read()

    def read(self) -> None:
        if self.path.exists():
            with self.path.open(newline="") as file:
                self.rows |= {row["key"]: row for row in csv.DictReader(file)}

    def add(self, row: dict) -> None:
        self.read()  # rows that another process added meanwhile
        self.rows[row["key"]] = {name: str(row.get(name, "")) for name in COLUMNS}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(f".{os.getpid()}.new")
        with new.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows.values())
        os.replace(new, self.path)
