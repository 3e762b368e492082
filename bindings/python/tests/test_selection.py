"""Runs of bignas: one trained supernet, networks for several budgets."""

from pathlib import Path

import numpy as np
import pytest

import fpnas
from fpnas import _call
from fpnas._library import lib

DIGITS = Path(__file__).resolve().parents[3] / "data" / "digits"
FAST = {
    "algorithm": "bignas", "epochs": 12, "batch_size": 25, "weight_rate": 0.3, "threads": 1, "seed": 3,
    "coarse_children": 6, "mutations": 6, "statistics_batches": 4, "selection_images": 200,
}

pytestmark = pytest.mark.skipif(not DIGITS.is_dir(), reason="needs data/digits of the checkout")


@pytest.fixture(scope="module")
def space():
    return fpnas.Space.build("stages", [
        {"name": "stem", "operation": "conv", "kernel": 3, "stride": 2, "channels": 8},
        {"name": "one", "operation": "mbconv", "repeats": [1, 2], "kernel": [3, 5],
         "expansion": [1, 2], "channels": [8, 12]},
        {"name": "two", "operation": "mbconv", "stride": 2, "repeats": [1, 2], "kernel": [3, 5],
         "expansion": [1, 2], "channels": [16, 24]},
        {"name": "head", "operation": "conv", "kernel": 1, "channels": 64},
        {"name": "classifier", "operation": "classifier"},
    ], input=(16, 16, 1), classes=10)


def finish(run):
    for _ in run:
        pass
    return run


@pytest.fixture(scope="module")
def run(space):
    return finish(fpnas.Run(DIGITS, space, **FAST))


def children(selected):
    return [(c.architecture.tolist(), c.macs, c.log_likelihood, c.measured) for c in selected]


def test_children_are_good_as_they_are(run):
    steps = 12 * 23  # 599 images of one half, by 25
    progress = run.progress
    assert progress.is_done and progress.epoch == 12 and progress.steps == steps + 12
    assert progress.sample_count == 4 and progress.samples_drawn == 4 * steps
    assert progress.entropy == progress.initial_entropy
    least, greatest = fpnas.AdditiveCost.metric(run.space).range
    budgets = [least, (least + greatest) // 3, greatest]
    selected = run.select(budgets)
    assert run.progress.steps == steps + 12 + 3 * 12 and run.progress.is_done
    assert [child.most_macs for child in selected] == budgets
    assert selected[0].macs == least and selected[0].measured >= 1
    for child in selected:
        assert run.space.cost(child.architecture).macs == child.macs <= child.most_macs
        test = run.test(child.architecture)
        assert 0.75 < child.accuracy <= 1 and 0.75 < test.accuracy <= 1
        assert abs(child.log_likelihood - test.log_likelihood) < 0.5
    values = [child.log_likelihood for child in selected]
    assert values == sorted(values)
    # A network of random choices, which no selection asked for.
    assert run.test(run.space.random_near(budgets[1], seed=1)).accuracy > 0.5


def test_the_result_is_the_selected_one(run, tmp_path):
    budget = int(1.02 * run.progress.cost_target)
    architecture, log_p = run.result()
    assert run.space.cost(architecture).macs <= budget
    assert log_p == pytest.approx(run.distribution.log_probability(architecture, canonical=True))
    run.report(tmp_path)
    space, stored = fpnas.load_architecture(tmp_path / "architecture.json")
    assert np.array_equal(stored, architecture)
    training = fpnas.Retraining(DIGITS, space, stored, epochs=2, threads=1)
    for _ in training:
        pass
    assert training.test().accuracy > 0.3


@pytest.mark.parametrize("stop", [1, 276, 282, 288])
def test_resume_is_exact(space, run, tmp_path, stop):
    """While training, at its end, while selecting, and when done."""
    part = fpnas.Run(DIGITS, space, **FAST)
    while part.progress.step < stop:
        part.step()
    part.save(tmp_path / "run.fpnas")
    resumed = finish(fpnas.Run.load(tmp_path / "run.fpnas", DIGITS))
    assert resumed.options == run.options
    assert resumed.result()[0].tolist() == run.result()[0].tolist()
    least, greatest = fpnas.AdditiveCost.metric(space).range
    budgets = [(least + greatest) // 2, greatest]
    selected = children(run.select(budgets))
    assert children(resumed.select(budgets)) == selected


def begin(run, budgets):
    array = np.array(budgets, np.int64)
    _call.check(lib.fpnas_run_select(run._handle, _call.pointer(array), array.size))


def test_a_later_selection_resumes(run, tmp_path):
    least, greatest = fpnas.AdditiveCost.metric(run.space).range
    budgets = [(least + greatest) // 2, greatest]
    expected = children(run.select(budgets))
    begin(run, budgets)
    for _ in range(9):
        run.step()
    run.save(tmp_path / "run.fpnas")
    assert not run.progress.is_done
    for one in (run, fpnas.Run.load(tmp_path / "run.fpnas", DIGITS)):
        finish(one)
        assert children([one.selected(most) for most in budgets]) == expected
    # One dropped half way leaves no trace.
    begin(run, [least])
    run.step()
    assert children(run.select(budgets)) == expected


def test_what_is_refused(space, run):
    fresh = fpnas.Run(DIGITS, space, **FAST)
    with pytest.raises(fpnas.StateError, match="step 0 of"):
        fresh.select([10**6])
    with pytest.raises(fpnas.StateError, match="has been measured yet"):
        fresh.selected(10**6)
    other = fpnas.Run(DIGITS, space, epochs=1, threads=1)
    with pytest.raises(fpnas.StateError, match="this is fp-nas"):
        other.select([10**6])
    assert 0 <= other.test(other.result()[0]).accuracy <= 1
    with pytest.raises(fpnas.InfeasibleError, match="the least costs"):
        run.select([10])
    with pytest.raises(fpnas.InvalidError, match="count"):
        run.select([])
    with pytest.raises(fpnas.InvalidError, match="coarse_children"):
        fpnas.Run(DIGITS, space, **{**FAST, "coarse_children": 0})
    with pytest.raises(fpnas.InvalidError, match="random_children"):
        fpnas.Run(DIGITS, space, **{**FAST, "random_children": 65})
    assert run.progress.is_done
