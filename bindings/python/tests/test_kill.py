"""Runs that are killed without warning go on as if nothing had happened."""

import csv
import pathlib
import random
import signal
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOOL = ROOT / "build" / "fpnas"
SEARCH = [
    str(TOOL), "search", "--data", str(ROOT / "data" / "digits"), "--epochs", "8",
    "--training-images", "240", "--warm-up-epochs", "1", "--batch-size", "20", "--seed", "3",
    "--threads", "2", "--checkpoint-every", "1", "--weight-averaging", "0.9", "--dropout", "0.1",
]


def trajectory(folder: pathlib.Path) -> list[list[str]]:
    """Everything of the history but the times."""
    with open(folder / "history.csv", newline="") as file:
        rows = list(csv.reader(file))
    seconds = rows[0].index("seconds")
    return [row[:seconds] + row[seconds + 1:] for row in rows]


BIGNAS = ["--algorithm", "bignas", "--coarse-children", "20", "--mutations", "20"]


@pytest.mark.skipif(not TOOL.exists(), reason="the tool is not built")
@pytest.mark.parametrize("more", [[], BIGNAS], ids=["fp-nas", "bignas"])
def test_killed_runs_take_the_same_way(tmp_path: pathlib.Path, more: list[str]) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    started = time.monotonic()
    subprocess.run([*SEARCH, *more, "--out", str(whole)], check=True, stdout=subprocess.DEVNULL)
    length = time.monotonic() - started
    moments, kills = random.Random(5), 0
    for attempt in range(12):
        ready = (killed / "checkpoint.fpnas").exists()
        command = [*SEARCH, *more, "--out", str(killed), "--resume" if ready else "--overwrite"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        # Later attempts get more time, so that the run ends on any machine.
        patience = length * (0.2 + 0.1 * attempt) * (0.5 + moments.random())
        try:
            assert process.wait(timeout=patience) == 0
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    else:
        subprocess.run([*SEARCH, *more, "--out", str(killed), "--resume"], check=True)
    assert kills >= 2
    assert trajectory(killed) == trajectory(whole)
    names = "architecture.json", "distribution.png", "history.png"
    for name in names:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
