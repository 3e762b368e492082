"""The examples and the table benchmark run."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fpnas

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("FPNAS_DATA", ROOT.parent / "shared" / "data"))
needs_table = pytest.mark.skipif(
    not (DATA / "nas-bench-macro").is_dir(), reason="needs the table in $FPNAS_DATA")
needs_checkout = pytest.mark.skipif(
    not (ROOT / "examples" / "python").is_dir(), reason="needs the checkout")
needs_images = pytest.mark.skipif(
    not (DATA / "fashion-mnist").is_dir(), reason="needs the images in $FPNAS_DATA")
pytestmark = needs_checkout


def run(script, *arguments):
    paths = [str(Path(fpnas.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *arguments], capture_output=True, text=True,
        timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "FPNAS_DATA": str(DATA),
             "FPNAS_LIBRARY": fpnas.library_path})
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def test_ask_tell():
    output = run("examples/python/ask_tell.py")
    assert "531,441 networks" in output and "log-likelihood 0.000:" in output
    assert output.count("conv 32") == 6


@needs_table
def test_nas_bench_macro_example():
    assert "mode 22212220: 93.127 % (rank 1 of 6561)" in run("examples/python/nas_bench_macro.py")


@needs_table
def test_nas_bench_macro_benchmark(tmp_path):
    table = tmp_path / "rows.csv"
    output = run("benchmarks/nas_bench_macro.py", "--seeds", "4", "--csv", str(table),
                 "--plot", str(tmp_path / "regret.png"))
    for method in ("FP-NAS", "PARSEC", "REINFORCE", "random", "evolution"):
        assert f"\n{method} " in output
    assert len(table.read_text().splitlines()) == 1 + 4 * 5


@needs_images
def test_fashion_mnist_benchmark(tmp_path):
    arguments = ("benchmarks/fashion_mnist.py", "--quick", "--threads", "1", "--out", str(tmp_path))
    output = run(*arguments)
    for method in ("FP-NAS", "PARSEC", "random", "flat likelihood"):
        assert f"\n| {method} |" in output
    with (tmp_path / "rows.csv").open(newline="") as file:
        rows = {row["system"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"fp-nas", "parsec", "random", "control"}
    for system in ("fp-nas", "parsec", "random"):
        closing = 16 if system == "random" else 0  # finalists
        assert int(rows[system]["steps"]) == 15 + closing
        assert int(rows[system]["macs"]) <= 800_000
        assert 0.1 < float(rows[system]["test_accuracy"]) < 1
        assert int(rows[system]["samples_drawn"]) >= int(rows[system]["evaluations"]) >= 30
    # Under a hard budget there is no cost term: equal likelihoods move nothing.
    first, last = (float(rows["control"][f"{end}_entropy"]) for end in ("first", "last"))
    assert last == pytest.approx(first, abs=1e-9)
    # Done runs stay; of one that was lost, the checkpoints do, and it ends in the same row.
    assert "test accuracy" not in run(*arguments).split("| | seeds")[0]
    kept = (tmp_path / "rows.csv").read_text().splitlines(keepends=True)
    (tmp_path / "rows.csv").write_text("".join(r for r in kept if ",parsec," not in r))
    assert "goes on at step 15 of the search" in run(*arguments)
    with (tmp_path / "rows.csv").open(newline="") as file:
        again = {row["system"]: row for row in csv.DictReader(file)}
    for column in ("network", "samples_drawn", "last_entropy", "test_log_likelihood"):
        assert again["parsec"][column] == rows["parsec"][column]
