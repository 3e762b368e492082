"""The study runs from the first job to the last plot, goes on, and judges rows rightly."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fpnas

ROOT = Path(__file__).resolve().parents[3]
STUDY = ROOT / "benchmarks" / "study"
pytestmark = pytest.mark.skipif(not STUDY.is_dir(), reason="needs the checkout")


def study(folder, *arguments):
    paths = [str(Path(fpnas.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(STUDY), "--profile", "quick", "--results", str(folder / "rows"),
         "--docs", str(folder / "docs"), "--work", str(folder / "work"), *arguments],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths),
             "FPNAS_LIBRARY": fpnas.library_path})
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(folder):
    with (folder / "rows" / "quick.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_quick_study(tmp_path):
    """All systems that the library has, all claims, tables, plots; then nothing is run again."""
    output = study(tmp_path)
    assert "quick: 0 of" in output
    first = rows(tmp_path)
    systems = {row["system"] for row in first}
    assert {"fp-nas", "parsec", "control", "mnasnet", "compound", "equal-macs", "random",
            "evolution", "reinforce", "random-network", "splits", "distil"} <= systems
    for row in first:
        assert row["commit"] and row["machine"] and row["date"]
        if row["system"] not in ("control", "memory"):
            assert 0 <= float(row["test_accuracy"]) <= 1 and int(row["macs"]) > 0
    text = (tmp_path / "docs" / "study.md").read_text()
    for name in ("PARSEC", "compound scaling", "reinforcement", "Split-Attention", "λ", "θ"):
        assert name in text
    pictures = list((tmp_path / "docs" / "study").glob("*.png"))
    assert all(p.stat().st_size < 60_000 for p in pictures)
    assert {p.stem for p in pictures} >= {"parsec-quick", "parts-quick", "scaling-quick"}

    again = study(tmp_path)
    assert f"{len(first)} of" in again and "%\n" not in again.split("parsec ")[0]
    assert rows(tmp_path) == first
    assert (tmp_path / "docs" / "study.md").read_text() == text


def test_a_row_that_is_gone_is_run_again_alike(tmp_path):
    """What a run finds is a function of its settings: only times differ."""
    study(tmp_path, "--claims", "parsec", "--no-report")
    before = rows(tmp_path)
    table = tmp_path / "rows" / "quick.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:1] + lines[2:]))
    for path in (tmp_path / "work").rglob("*.json*"):
        path.unlink()
    study(tmp_path, "--claims", "parsec", "--no-report")
    after = {row["key"]: row for row in rows(tmp_path)}
    assert len(after) == len(before)
    fixed = ("samples_drawn", "evaluations", "block_evaluations", "network", "test_accuracies")
    assert all(after[row["key"]][name] == row[name] for row in before for name in fixed)


@pytest.fixture
def modules(monkeypatch):
    """The study's own modules, and none of them left behind."""
    monkeypatch.syspath_prepend(str(STUDY))
    before = set(sys.modules)
    import claims
    import stats
    import systems

    yield claims, stats, systems
    for name in set(sys.modules) - before:
        if str(STUDY) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


def test_intervals(modules):
    _, stats, _ = modules
    # NumPy and a table of Student's t: mean 2, deviation 1, 3 values.
    mean, width = stats.interval([1.0, 2.0, 3.0])
    assert mean == 2 and width == pytest.approx(4.303 / 3**0.5)
    assert stats.geometric_mean([2.0, 8.0]) == pytest.approx(4)
    assert "one seed" in stats.with_interval([1.0])


def test_not_lower_pairs_by_seed(modules):
    claims, _, _ = modules

    def group(accuracies):
        return claims.Group({seed: {"test_accuracy": str(value)}
                             for seed, value in accuracies.items()})

    ours, theirs = group({1: 0.90, 2: 0.95, 3: 0.5}), group({1: 0.902, 2: 0.953, 4: 0.9})
    assert claims.difference(ours, theirs) == pytest.approx([-0.2, -0.3])  # seeds 1 and 2 only
    assert claims.not_lower(ours, theirs)[0] is True
    assert claims.not_lower(group({1: 0.90}), group({1: 0.904}))[0] is False
    assert claims.not_lower(group({1: 0.9}), group({2: 0.9}))[0] is None
    assert claims.saved(
        claims.Group({1: {"samples_drawn": "36"}}), claims.Group({1: {"samples_drawn": "100"}})
    ) == pytest.approx([64])


def test_unknown_systems_are_left_out(modules, tmp_path):
    _, _, systems = modules
    from profiles import PROFILES
    from rows import Job

    systems.DEFINITIONS["no-such-system"] = lambda profile: {}
    job = Job.of("no-such-system", 1)
    with pytest.raises(systems.NotThere, match="no-such-system"):
        systems.shared_weights(systems.Bench(PROFILES["quick"], tmp_path, 1), job)


def test_keys_tell_settings_apart(modules):
    _, _, systems = modules
    from profiles import PROFILES
    from rows import Job

    jobs = [Job.of("fp-nas", 1), Job.of("fp-nas", 2), Job.of("parsec", 1),
            Job.of("fp-nas", 1, joint_epoch=0)]
    keys = {systems.key_of(PROFILES[name], job) for job in jobs for name in PROFILES}
    assert len(keys) == len(jobs) * len(PROFILES)
