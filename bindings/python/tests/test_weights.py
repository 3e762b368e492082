import pickle

import numpy as np
import pytest

import fpnas


def test_training_weights(random):
    values = random.normal(size=9) * 300
    counts = random.integers(1, 5, size=9)
    e = counts * np.exp(0.1 * (values - values.max()))
    assert fpnas.training_weights(values, counts, 0.1) == pytest.approx(e / e.sum(), abs=1e-14)
    e = np.exp(values - values.max())
    out = np.empty(9)
    assert fpnas.training_weights(values, out=out) is out
    assert out == pytest.approx(e / e.sum(), abs=1e-14)
    assert fpnas.training_weights([0, -np.inf]).tolist() == [1, 0]
    for bad in ([np.nan], [np.inf], ["x"]):
        with pytest.raises(fpnas.InvalidError):
            fpnas.training_weights(bad)
    with pytest.raises(fpnas.InvalidError):
        fpnas.training_weights([1.0], [0])
    with pytest.raises(fpnas.InvalidError):
        fpnas.training_weights([1.0, 2.0], [1])


def test_one_pass_equals_two(random):
    values = np.append(random.normal(size=20) * 40, -np.inf)
    counts = random.integers(1, 4, size=21)
    gradients = random.normal(size=(21, 3))
    expected = fpnas.training_weights(values, counts) @ gradients
    sums, accumulators = [fpnas.WeightedSum(), fpnas.WeightedSum()], np.zeros((2, 3))
    assert sums[0].is_empty
    for i in range(21):
        rank = i % 2
        factors = sums[rank].push(values[i], counts[i])
        accumulators[rank] = accumulators[rank] * factors.keep + gradients[i] * factors.add
    other = pickle.loads(pickle.dumps(sums[1]))
    factors = sums[0].merge(other)
    g = accumulators[0] * factors.keep + accumulators[1] * factors.add
    assert g / sums[0].total == pytest.approx(expected, rel=1e-12)
    assert sums[0].maximum == values.max() and not sums[0].is_empty


def test_refused():
    total = fpnas.WeightedSum()
    for bad in (float("nan"), float("inf"), "x"):
        with pytest.raises(fpnas.InvalidError):
            total.push(bad)
    with pytest.raises(fpnas.InvalidError):
        total.push(0.0, 0)
    assert total.is_empty and total.total == 0
