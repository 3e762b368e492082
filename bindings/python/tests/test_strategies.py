"""Evolution and policy gradients."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import fpnas

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / "build" / "fpnas"


@pytest.fixture
def space():
    return fpnas.Space.build("flat", [{"name": f"l{i}", "op": [0, 1, 2, 3]} for i in range(8)])


def value(architectures):
    return (architectures.sum(axis=1) - 24) / 10


def test_evolution_finds_the_best(space):
    search = fpnas.Search(space, algorithm="evolution", sample_count=1, population_size=20,
                          tournament_size=8, maximum_steps=600, seed=3)
    for ask in search:
        ask.tell(value(ask.architectures))
    best, highest = search.best()
    assert best.tolist() == [3] * 8 and highest == 0
    assert not search.distribution.logits.any()


def test_evolution_with_several_asks_in_flight_resumes(space):
    search = fpnas.Search(space, algorithm="evolution", sample_count=4, population_size=12,
                          tournament_size=3, seed=5)
    waiting = []
    for step in range(40):
        waiting.append(search.ask().number)
        if step == 20:
            search = fpnas.Search.from_bytes(search.to_bytes())
        if len(waiting) == 3:
            ask = search.open_ask(waiting.pop(step % 3))
            ask.tell(value(ask.architectures))
    assert search.progress.open_asks == 2 and search.best()[1] > -0.5


def test_evolution_keeps_hard_budgets(space):
    search = fpnas.Search(space, algorithm="evolution", sample_count=2, population_size=10,
                          tournament_size=3, maximum_steps=100)
    cost = fpnas.AdditiveCost.choices(space, np.tile(np.arange(4), 8))
    search.add_budget(cost, 11)
    for ask in search:
        assert (ask.architectures.sum(axis=1) <= 11).all()
        ask.tell(value(ask.architectures))
    assert search.best()[0].sum() == 11


@pytest.mark.parametrize("changes", [
    {}, {"clip_range": 0.2}, {"reward": "product", "cost_target": 10.0, "reward_exponent": 0.1},
    {"entropy_weight": 0.001}, {"joint_step": 20},
])
def test_reinforce_learns(space, changes):
    search = fpnas.Search(space, algorithm="reinforce", sample_count=8, learning_rate=0.1,
                          maximum_steps=80, **changes)
    for ask in search:
        ask.tell(value(ask.architectures), costs=1 + ask.architectures.sum(axis=1))
    assert search.result()[0].sum() >= 23
    assert search.progress.entropy < search.progress.initial_entropy / 2


@pytest.mark.parametrize("option, bad", [
    ("population_size", 1), ("tournament_size", 0), ("reward", "accuracy"),
    ("reward_exponent", float("nan")), ("baseline_decay", -0.1), ("entropy_weight", -1),
    ("clip_range", 1.5), ("clip_epochs", 0),
])
def test_options_are_checked(space, option, bad):
    with pytest.raises(fpnas.InvalidError, match=option):
        fpnas.Search(space, algorithm="reinforce", **{option: bad})


@pytest.mark.skipif(not TOOL.exists(), reason="build/fpnas is not built")
@pytest.mark.parametrize("algorithm", ["evolution", "reinforce"])
def test_command_line(tmp_path, algorithm):
    digits = ROOT / "data" / "digits"
    done = subprocess.run(
        [TOOL, "search", "--data", digits, "--out", tmp_path, "--algorithm", algorithm, "--epochs",
         "1", "--batch-size", "150", "--warm-up-epochs", "0", "--sample-count", "6"],
        check=True, capture_output=True, text=True).stdout
    assert f"search    {algorithm}, seed 0" in done
    found = json.loads((tmp_path / "architecture.json").read_text())
    target = int(done.split("target ")[1].split(" MACs")[0])
    assert found["macs"] <= 1.02 * target
