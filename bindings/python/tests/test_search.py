import dataclasses

import numpy as np
import pytest
import reference

import fpnas

SIZES = [2, 3, 3, 3, 2]


def value(rows):
    """A toy log-likelihood with an interaction."""
    rows = np.atleast_2d(rows)
    return 0.3 * rows.sum(axis=1) - 0.5 * (rows[:, 0] == rows[:, 4]) - 1.0


def draws(search, ask):
    """The K draws of an ask that is the search's latest."""
    logits = search.distribution.logits
    return reference.draw(logits, SIZES, search.options.seed, ask.number, ask.sample_count)


@pytest.mark.parametrize("baseline, weight", [("mean", 0.0), ("none", 0.0), ("mean", 0.7)])
def test_equation_7_and_adam(flat, baseline, weight):
    search = fpnas.Search(
        flat, seed=5, samples_per_nat=3, learning_rate=0.1, likelihood_scale=4,
        baseline=baseline, cost_weight=weight, cost_target=3.0)
    trainer = reference.Trainer(SIZES, 0.1, 4, baseline == "mean", weight, 3.0)
    for _ in range(12):
        ask = search.ask()
        expected = reference.draw(trainer.logits, SIZES, 5, ask.number, ask.sample_count)
        networks, first, counts = np.unique(
            expected, axis=0, return_index=True, return_counts=True)
        order = np.argsort(first)
        assert np.array_equal(ask.architectures, networks[order])
        assert np.array_equal(ask.multiplicities, counts[order])
        assert ask.sample_count == int(3 * reference.entropy(trainer.logits, SIZES))
        costs = ask.architectures.sum(axis=1)
        ask.tell(value(ask.architectures), costs=costs if weight else None)
        trainer.step(expected, value(expected), expected.sum(axis=1))
        assert search.distribution.logits == pytest.approx(trainer.logits, abs=1e-12)
    progress = search.progress
    assert progress.steps == progress.asks == 12 and progress.open_asks == 0
    assert progress.entropy == pytest.approx(reference.entropy(trainer.logits, SIZES), abs=1e-12)
    assert progress.initial_entropy == pytest.approx(np.log(108))


def test_progress_of_a_step(flat):
    search = fpnas.Search(flat, seed=1, algorithm="parsec", sample_count=9, likelihood_scale=2)
    ask = search.ask()
    assert ask.sample_count == 9 == ask.multiplicities.sum() and len(ask) == len(ask.architectures)
    values = value(ask.architectures)
    ask.tell(values)
    w = np.repeat(np.exp(2 * values), ask.multiplicities)
    w /= w.sum()
    progress = search.progress
    assert progress.effective_samples == pytest.approx(1 / (w**2).sum())
    assert progress.mean_log_likelihood == pytest.approx(
        np.repeat(values, ask.multiplicities).mean())
    assert progress.samples_drawn == 9 and progress.evaluations == len(ask)
    assert progress.likelihood_scale == 2 and progress.best_log_likelihood == values.max()
    assert progress.form == "factorised" and progress.stop_reason is None


def test_it_finds_the_best(flat):
    search = fpnas.Search(flat, seed=3, minimum_samples=8, likelihood_scale=8, learning_rate=0.15,
                          stop_entropy=0.2, maximum_steps=400)
    for ask in search:
        ask.tell(value(ask.architectures))
    assert search.progress.stop_reason == "entropy"
    everything = reference.encodings(SIZES)
    best = everything[value(everything).argmax()]
    mode, _ = search.distribution.mode()
    assert value(mode)[0] == pytest.approx(value(best)[0])
    architecture, told = search.best()
    assert told == pytest.approx(value(best)[0]) == value(architecture)[0]


def test_partial_late_and_closed_asks(flat):
    one, other = (fpnas.Search(flat, seed=2, minimum_samples=8) for _ in range(2))
    a, b = one.ask(), one.ask()
    assert one.open_asks == (0, 1)
    one.tell(b, value(b.architectures[:3]), networks=[0, 1, 2])
    assert one.progress.steps == 0
    one.tell(b.number, value(b.architectures[3:]), networks=np.arange(3, len(b)))
    assert one.progress.steps == 1
    a.close()
    assert one.open_asks == () and one.progress.steps == 1

    other.ask(), other.ask()
    second = other.open_ask(1)
    assert np.array_equal(second.architectures, b.architectures)
    second.tell(value(second.architectures))
    assert np.array_equal(one.distribution.logits, other.distribution.logits)
    third = other.ask()
    third.tell([0.0], networks=[0])
    third.close()  # the told one moves the distribution
    assert other.progress.steps == 2


def test_bad_tells_change_nothing(flat):
    search = fpnas.Search(flat, seed=2, minimum_samples=8, cost_weight=0.5, cost_target=1)
    ask = search.ask()
    good = value(ask.architectures)
    costs = np.ones(len(ask))
    before = search.to_bytes()
    nan, infinite = good.copy(), good.copy()
    nan[1], infinite[0] = np.nan, np.inf
    for arguments in (
        (nan, costs), (infinite, costs), (good[:-1], costs[:-1]), (good, -costs), (good, costs[:-1]),
        (good, None), (["x"] * len(ask), costs), (good[:2], costs[:2], [0, 0]),
        (good[:1], costs[:1], [99]), (good[:1], costs[:1], [0.0]),
    ):
        with pytest.raises(fpnas.InvalidError):
            ask.tell(*arguments)
    for number in (1, 2**63, -1, "0"):
        with pytest.raises(fpnas.InvalidError):
            search.tell(number, good, costs)
    assert search.to_bytes() == before
    good[0] = -np.inf
    ask.tell(good, costs)
    with pytest.raises(fpnas.InvalidError, match="closed already"):
        ask.tell(good, costs)


def test_exact_macs_of_a_network_space(network):
    macs = [fpnas.Search(network, seed=4, minimum_samples=8, cost_weight=1, cost_target=3000)
            for _ in range(2)]
    for _ in range(5):
        for search, given in zip(macs, (False, True)):
            ask = search.ask()
            costs = [network.cost(row).macs for row in ask.architectures] if given else None
            ask.tell(np.zeros(len(ask)), costs=costs)
    assert np.array_equal(macs[0].distribution.logits, macs[1].distribution.logits)
    assert macs[0].distribution.logits.any()


def test_resume_is_exact(flat, tmp_path):
    options = fpnas.SearchOptions(seed=9, minimum_samples=6, joint_step=8, learning_rate=0.2)
    whole = fpnas.Search(flat, options)
    part = fpnas.Search(flat, options)

    def go(search, steps):
        for _ in range(steps):
            ask = search.ask()
            ask.tell(value(ask.architectures))

    go(whole, 16)
    go(part, 5)
    pending = part.ask()
    path = tmp_path / "search.fpnas"
    part.save(path)
    part.close()
    resumed = fpnas.Search.load(path)
    assert resumed.open_asks == (pending.number,) and resumed.options == options
    again = resumed.open_ask(5)
    assert np.array_equal(again.architectures, pending.architectures)
    again.tell(value(again.architectures))
    resumed = fpnas.Search.from_bytes(resumed.to_bytes())
    go(resumed, 10)
    assert resumed.distribution.form == "joint"
    assert np.array_equal(resumed.distribution.logits, whole.distribution.logits)
    assert resumed.to_bytes() == whole.to_bytes() and resumed.progress == whole.progress
    assert resumed.space.to_json() == flat.to_json()


def test_damaged_checkpoints(flat, tmp_path):
    data = fpnas.Search(flat).to_bytes()
    for bad in (b"", data[:-1], data[: len(data) // 2], data[:40] + b"\xff" + data[41:]):
        with pytest.raises(fpnas.FormatError):
            fpnas.Search.from_bytes(bad)
    path = tmp_path / "broken.fpnas"
    path.write_bytes(data[:-3])
    with pytest.raises(fpnas.FormatError, match="broken.fpnas"):
        fpnas.Search.load(path)
    with pytest.raises(fpnas.FileError, match="no-folder"):
        fpnas.Search(flat).save(tmp_path / "no-folder" / "x")


def test_warm_start(flat):
    search = fpnas.Search(flat)
    logits = np.linspace(-1, 1, sum(SIZES))
    search.set_logits(logits)
    assert np.array_equal(search.distribution.logits, logits)
    with pytest.raises(fpnas.InvalidError):
        search.set_logits(logits[:-1])
    assert search.distribution.space is flat


def test_random_never_moves(flat):
    search = fpnas.Search(flat, algorithm="random", sample_count=5, maximum_steps=6)
    for ask in search:
        ask.tell(value(ask.architectures))
    assert search.progress.stop_reason == "steps" and not search.distribution.logits.any()


def test_best_before_any_tell(flat):
    with pytest.raises(fpnas.StateError):
        fpnas.Search(flat).best()


def test_defaults_are_the_library_s(flat):
    assert fpnas.Search(flat).options == fpnas.SearchOptions()
    changed = fpnas.SearchOptions(seed=2**64 - 1, algorithm="parsec", baseline="none",
                                  stops_on_collapse=True, joint_step=0)
    search = fpnas.Search(flat, changed, learning_rate=0.5)
    assert search.options == dataclasses.replace(changed, learning_rate=0.5)
    assert search.progress.form == "joint"


@pytest.mark.parametrize("option, bad", [
    ("algorithm", "darts"), ("baseline", 1), ("seed", -1), ("seed", 2**64), ("seed", 1.5),
    ("samples_per_nat", 0), ("samples_per_nat", float("nan")), ("sample_count", 1),
    ("sample_count", 2**70), ("minimum_samples", 0), ("maximum_samples", 1),
    ("likelihood_scale", -1), ("effective_sample_share", 1.5), ("learning_rate", -0.1),
    ("adam_beta1", 1), ("adam_beta2", float("inf")), ("adam_epsilon", 0), ("cost_weight", 1),
    ("cost_target", -1), ("joint_step", -2), ("warm_up_steps", -1), ("maximum_steps", -1),
    ("stop_entropy", -1), ("stops_on_collapse", 2), ("learning_rate", "fast"),
])
def test_options_are_checked(flat, option, bad):
    with pytest.raises(fpnas.InvalidError, match=option if option != "cost_weight" else "cost"):
        fpnas.Search(flat, **{option: bad})


def test_unknown_options(flat):
    with pytest.raises(TypeError, match="lambda_"):
        fpnas.Search(flat, lambda_=1)


def test_too_many_open_asks(flat):
    search = fpnas.Search(flat)
    for _ in range(4096):
        search.ask()
    with pytest.raises(fpnas.StateError, match="4096"):
        search.ask()
