"""The examples and the table benchmark run."""

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
