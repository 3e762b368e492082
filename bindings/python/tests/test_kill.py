"""Runs that are killed without warning go on as if nothing had happened."""

import csv
import json
import pathlib
import random
import signal
import subprocess
import time

import pytest

import fpnas

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


RETRAIN = [
    "--data", str(ROOT / "data" / "digits"), "--epochs", "12", "--training-images", "300",
    "--batch-size", "20", "--threads", "2", "--weight-averaging", "0.9", "--dropout", "0.1",
    "--teacher-weight", "0.7", "--temperature", "2",
]


def write_network(folder: pathlib.Path, seed: int) -> None:
    """A network as a search leaves it."""
    space = fpnas.Space.preset("mbconv-small", 16, 16, 1, 10)
    folder.mkdir(exist_ok=True)
    (folder / "architecture.json").write_text(json.dumps({
        "format": "fpnas-architecture", "version": 1, "space": json.loads(space.to_json()),
        "encoding": space.random_near(300000, seed).tolist()}))


@pytest.mark.skipif(not TOOL.exists(), reason="the tool is not built")
def test_killed_retrainings_take_the_same_way(tmp_path: pathlib.Path) -> None:
    run, whole, killed = (tmp_path / name for name in ("run", "whole", "killed"))
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    write_network(run, 1)
    retrain = [str(TOOL), "retrain", str(run)]
    # The first teaches the others.
    subprocess.run([*retrain, *RETRAIN[:2], "--epochs", "1", "--no-random"], **quiet)
    retrain += [*RETRAIN, "--teacher", str(run)]
    started = time.monotonic()
    subprocess.run([*retrain, "--out", str(whole)], **quiet)
    length = time.monotonic() - started
    moments, kills = random.Random(6), 0
    for attempt in range(12):
        process = subprocess.Popen(
            [*retrain, "--out", str(killed), "--resume"], stdout=subprocess.DEVNULL)
        patience = length * (0.2 + 0.1 * attempt) * (0.5 + moments.random())
        try:
            assert process.wait(timeout=patience) == 0
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    else:
        subprocess.run([*retrain, "--out", str(killed), "--resume"], **quiet)
    assert kills >= 2
    name = "network.safetensors"
    assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert (run / name).read_bytes() != (whole / name).read_bytes()
    results = []
    for folder in (whole, killed):
        with open(folder / "retrain.csv", newline="") as file:
            results.append([row[:-1] for row in csv.reader(file)])
        assert not list(folder.glob("retrain-*.fpnas"))
    assert results[0] == results[1] and [row[0] for row in results[0][1:]] == ["found", "random"]


@pytest.mark.skipif(not TOOL.exists(), reason="the tool is not built")
def test_interrupted_retrainings_say_how_to_go_on(tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    write_network(run, 1)
    retrain = [str(TOOL), "retrain", str(run), "--data", str(ROOT / "data" / "digits")]
    process = subprocess.Popen(
        [*retrain, "--epochs", "100000"], stdout=subprocess.PIPE, text=True)
    while not (run / "retrain-found.fpnas").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate()
    assert process.returncode == 130 and "go on with: fpnas retrain" in text
    refused = subprocess.run(retrain, capture_output=True, text=True)
    assert refused.returncode != 0 and "--resume goes on from it" in refused.stderr
    architecture = run / "architecture.json"
    write_network(run, 2)
    refused = subprocess.run([*retrain, "--resume"], capture_output=True, text=True)
    assert refused.returncode != 0 and "trains another network" in refused.stderr
    refused = subprocess.run(
        [*retrain[:2], str(architecture), *retrain[3:], "--resume"], capture_output=True,
        text=True)
    assert refused.returncode != 0 and "--out" in refused.stderr
