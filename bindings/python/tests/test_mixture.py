"""Mixtures for outside trainers."""

import numpy as np
import pytest

import fpnas


@pytest.fixture
def space():
    return fpnas.Space.build("toy", [{"name": f"l{i}", "op": [0, 1, 2]} for i in range(4)])


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return (e / e.sum(axis=1, keepdims=True)).reshape(-1)


def test_darts_is_a_softmax(space):
    mixture = fpnas.Mixture(space)
    logits = np.linspace(-1, 1, 12)
    mixture.set_logits(logits)
    found = mixture.coefficients()
    assert (found.step, found.temperature) == (0, 1.0)
    assert np.allclose(found.values, softmax(logits.reshape(4, 3)), atol=1e-15)
    assert mixture.options["learning_rate"] == 3e-4 and mixture.options["adam_beta1"] == 0.5


def test_noise_is_a_function_of_seed_and_step(space):
    a, b, c = (fpnas.Mixture(space, "fbnetv2", seed=seed) for seed in (1, 1, 2))
    x, y, z = (m.coefficients().values for m in (a, b, c))
    assert (x == y).all() and (x != z).any() and (x != 1 / 3).any()
    a.tell(0, np.zeros(12))
    assert (a.coefficients().values != x).any()


@pytest.mark.parametrize("algorithm", ["darts", "fbnetv2"])
def test_mixtures_learn_and_resume(space, algorithm, tmp_path):
    path = tmp_path / "mixture.fpnas"
    mixture = fpnas.Mixture(space, algorithm, learning_rate=0.1)
    for step in range(200):
        now = mixture.coefficients()
        mixture.tell(now, np.tile([0.0, -1.0, 0.5], 4))
        if step == 100:
            mixture.save(path)
            loaded = fpnas.Mixture.load(path)
            assert loaded.to_bytes() == mixture.to_bytes() == path.read_bytes()
            mixture = fpnas.Mixture.from_bytes(loaded.to_bytes())
    assert mixture.result().tolist() == [1] * 4
    assert mixture.distribution.mode()[0].tolist() == [1] * 4


def test_files_that_are_no_mixtures_are_refused(space, tmp_path):
    path = tmp_path / "search"
    fpnas.Search(space).save(path)
    with pytest.raises(fpnas.FormatError, match="holds a search alone, not a mixture"):
        fpnas.Mixture.load(path)
    with pytest.raises(fpnas.FileError, match="no-such-file"):
        fpnas.Mixture.load(tmp_path / "no-such-file")
    with pytest.raises(fpnas.FileError, match="no-folder"):
        fpnas.Mixture(space).save(tmp_path / "no-folder" / "x")


def test_a_cost_alone_finds_the_cheapest(space):
    mixture = fpnas.Mixture(space, learning_rate=0.1)
    cost = fpnas.AdditiveCost.choices(space, [3, 1, 2] * 4)
    for step in range(100):
        value, gradient = mixture.cost(cost)
        mixture.tell(step, np.zeros(12), gradient)
    assert mixture.result().tolist() == [1] * 4 and value < 5
    assert np.isclose(mixture.cost(cost, "effective")[0], mixture.cost(cost)[0])


def test_effective_shapes_differ_where_costs_are_not_linear():
    space = fpnas.Space.preset("mbconv-small", 16, 16, 1, 10)
    mixture = fpnas.Mixture(space, "fbnetv2")
    cost = fpnas.AdditiveCost.metric(space)
    expected, effective = (mixture.cost(cost, shapes)[0] for shapes in ("expected", "effective"))
    assert expected != effective and abs(expected / effective - 1) < 0.05


def test_second_order_of_a_quadratic():
    """L_train = (w - m)^2 / 2 and L_val = (w - 1)^2 / 2 in one weight: the chain through one step
    of w is exact."""
    w, m, rate = 0.3, 0.7, 0.1
    after = w - rate * (w - m)
    v = after - 1
    epsilon = 0.01 / abs(v)
    train = [-(w + sign * epsilon * v - m) for sign in (1, -1)]  # dL_train / dm
    found = fpnas.second_order_gradient([0.0], [train[0]], [train[1]], rate, epsilon)
    assert np.allclose(found, [v * rate])  # dL_val(w - rate (w - m)) / dm


def test_darts_discretise():
    weights = np.zeros((2, 14, 8))
    weights[..., 0] = 9  # none never stays
    weights[0, 10, 7] = weights[0, 12, 1] = 2  # node 3 of the normal cell: inputs 1 and 3
    row = fpnas.darts_discretise(weights)
    fpnas.Space.preset("darts", 32, 32, 3, 10).validate(row)
    pairs = [(a, b) for b in range(1, 5) for a in range(b)]
    assert pairs[row[9]] == (1, 3) and row[10:12].tolist() == [6, 0]


def test_what_cannot_be_is_refused(space):
    mixture = fpnas.Mixture(space)
    with pytest.raises(fpnas.StateError, match="step 1"):
        mixture.tell(1, np.zeros(12))
    with pytest.raises(fpnas.InvalidError, match="got 11"):
        mixture.tell(0, np.zeros(11))
    with pytest.raises(fpnas.InvalidError):
        mixture.tell(0, np.full(12, np.nan))
    for option, bad in (("learning_rate", -1), ("weight_decay", -0.5), ("seed", -1),
                        ("initial_temperature", 0), ("steps_per_epoch", 0)):
        with pytest.raises(fpnas.InvalidError, match=option):
            fpnas.Mixture(space, "fbnetv2", **{option: bad})
