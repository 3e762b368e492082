import numpy as np
import pytest
import reference

import fpnas

SIZES = [2, 3, 3, 3, 2]


def test_starts_uniform(flat):
    distribution = fpnas.Distribution(flat)
    assert distribution.form == "factorised" and distribution.space is flat
    assert distribution.entropy() == pytest.approx(np.log(flat.count()), abs=1e-13)
    assert not distribution.logits.any()


def test_queries_against_enumeration(flat, random):
    logits = random.normal(size=sum(SIZES)) * 2
    distribution = fpnas.Distribution(flat)
    distribution.logits = logits
    assert np.array_equal(distribution.logits, logits)
    probabilities = reference.softmaxes(logits, SIZES)
    rows = reference.encodings(SIZES)
    log_p = sum(np.log(probabilities[v][rows[:, v]]) for v in range(5))
    assert distribution.log_probability(rows) == pytest.approx(log_p, abs=1e-12)
    assert distribution.log_probability(rows[5]) == pytest.approx(log_p[5], abs=1e-12)
    assert distribution.entropy() == pytest.approx(-(np.exp(log_p) * log_p).sum(), abs=1e-12)
    assert distribution.marginals() == pytest.approx(np.concatenate(probabilities), abs=1e-14)
    order = np.argsort(-log_p)
    top, values = distribution.top(10)
    assert np.array_equal(top, rows[order[:10]])
    assert values == pytest.approx(log_p[order[:10]], abs=1e-12)
    mode, value = distribution.mode()
    assert np.array_equal(mode, top[0]) and value == values[0]
    assert len(distribution.top(1000)[0]) == flat.count()


def test_canonical_queries(conditional, random):
    sizes = [2, 3, 2]
    logits = random.normal(size=7)
    distribution = fpnas.Distribution(conditional)
    distribution.logits = logits
    probabilities = reference.softmaxes(logits, sizes)
    mass: dict[tuple, float] = {}
    for row in reference.encodings(sizes):
        network = (row[0], row[1] if row[0] == 1 else 0, row[2])
        mass[network] = mass.get(network, 0) + np.prod(
            [probabilities[v][row[v]] for v in range(3)])
    rows = np.array(list(mass), np.int32)
    p = np.array(list(mass.values()))
    assert np.exp(distribution.log_probability(rows, canonical=True)) == pytest.approx(p)
    assert distribution.entropy(canonical=True) == pytest.approx(-(p * np.log(p)).sum())
    top, values = distribution.top(8)
    assert np.exp(values) == pytest.approx(np.sort(p)[::-1])
    marginals = conditional.split(distribution.marginals(canonical=True))
    assert marginals[1] == pytest.approx(probabilities[0][1] * probabilities[1])
    assert conditional.split(distribution.marginals())[1] == pytest.approx(probabilities[1])


def test_joint_form_is_the_same_distribution(flat, random):
    distribution = fpnas.Distribution(flat)
    distribution.logits = random.normal(size=sum(SIZES)) * 3
    joint = distribution.to_joint()
    assert joint.form == "joint" and joint.logits.size == 6 + 3 + 6
    rows = reference.encodings(SIZES)
    assert joint.log_probability(rows) == pytest.approx(
        distribution.log_probability(rows), abs=1e-12)
    assert joint.entropy() == pytest.approx(distribution.entropy(), abs=1e-12)
    p = reference.softmaxes(distribution.logits, SIZES)
    first = np.log(np.outer(p[0], p[1])).ravel()  # the layer's last variable fastest
    assert joint.logits[:6] == pytest.approx(first, abs=1e-12)
    assert joint.kl(distribution) == pytest.approx(0, abs=1e-12)


def test_kl(flat, random):
    a, b = random.normal(size=(2, sum(SIZES)))
    p, q = fpnas.Distribution(flat), fpnas.Distribution(flat)
    p.logits, q.logits = a, b
    expected = sum(
        (x * np.log(x / y)).sum()
        for x, y in zip(reference.softmaxes(a, SIZES), reference.softmaxes(b, SIZES)))
    assert p.kl(q) == pytest.approx(expected, abs=1e-12)
    assert p.kl(p) == 0
    copy = p.copy()
    copy.logits = b
    assert p.kl(copy) == pytest.approx(expected, abs=1e-12)


def test_philox_known_answers():
    """From the authors' kat_vectors of Random123."""
    assert reference.philox((0, 0, 0, 0), (0, 0)) == [
        0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    ones = 0xFFFFFFFF
    assert reference.philox((ones,) * 4, (ones, ones)) == [
        0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


@pytest.mark.parametrize("seed, step", [(0, 0), (2**64 - 1, 2**40 + 3), (12345678901234567, 9)])
def test_sampling_bit_for_bit(flat, random, seed, step):
    logits = random.normal(size=sum(SIZES))
    distribution = fpnas.Distribution(flat)
    distribution.logits = logits
    rows = distribution.sample(200, seed=seed, step=step)
    assert np.array_equal(rows, reference.draw(logits, SIZES, seed, step, 200))
    assert np.array_equal(rows[:50], distribution.sample(50, seed=seed, step=step))


def test_sampling_the_joint_form(flat, random):
    logits = random.normal(size=15)
    joint = fpnas.Distribution(flat, "joint")
    joint.logits = logits
    drawn = reference.draw(logits, [6, 3, 6], 3, 4, 100)
    rows = joint.sample(100, seed=3, step=4)
    assert np.array_equal(rows[:, 0] * 3 + rows[:, 1], drawn[:, 0])
    assert np.array_equal(rows[:, 3] * 2 + rows[:, 4], drawn[:, 2])


def test_costs(network, random):
    distribution = fpnas.Distribution(network)
    logits = random.normal(size=7)
    distribution.logits = logits
    probabilities = reference.softmaxes(logits, [2, 3, 2])
    rows = reference.encodings([2, 3, 2])
    p = np.array([np.prod([probabilities[v][row[v]] for v in range(3)]) for row in rows])
    costs = [network.cost(row) for row in rows]
    for metric in ("macs", "parameters"):
        values = np.array([getattr(cost, metric) for cost in costs])
        assert distribution.expected_cost(metric) == pytest.approx((p * values).sum(), rel=1e-12)
        budget = int(np.median(values))
        row, log_p = distribution.best_within(budget, metric)
        assert getattr(network.cost(row), metric) <= budget
        canonical = np.exp(distribution.log_probability(rows, canonical=True))
        assert np.exp(log_p) == pytest.approx(canonical[values <= budget].max(), rel=1e-9)
        with pytest.raises(fpnas.InfeasibleError, match=str(values.min())):
            distribution.best_within(int(values.min()) - 1, metric)


def test_out(flat):
    distribution = fpnas.Distribution(flat)
    out = np.full(sum(SIZES), 7.0)
    assert distribution.get_logits(out=out) is out and not out.any()
    assert distribution.marginals(out=out) is out and out[0] == 0.5
    rows = np.empty((4, 5), np.int32)
    assert distribution.sample(4, out=rows) is rows
    values = np.empty(4)
    assert distribution.log_probability(rows, out=values) is values
    for bad in (np.empty(3), np.empty(sum(SIZES), np.float32), [0.0] * 13,
                np.empty(2 * sum(SIZES))[::2]):
        with pytest.raises(fpnas.InvalidError, match="out"):
            distribution.marginals(out=bad)
    out.flags.writeable = False
    with pytest.raises(fpnas.InvalidError, match="writeable"):
        distribution.get_logits(out=out)


def test_results_are_copies(flat):
    distribution = fpnas.Distribution(flat)
    logits = distribution.logits
    logits[:] = 9
    assert not distribution.logits.any()


def test_refused(flat):
    distribution = fpnas.Distribution(flat)
    before = distribution.logits
    for bad in ([0.0], [float("nan")] * 13, [2e6] * 13, ["x"] * 13, [1j] * 13, None):
        with pytest.raises(fpnas.InvalidError):
            distribution.logits = bad
    assert np.array_equal(distribution.logits, before)
    for call in (
        lambda: distribution.sample(0), lambda: distribution.sample(1, seed=-1),
        lambda: distribution.sample(2**25), lambda: distribution.top(0),
        lambda: distribution.log_probability([0] * 4),
        lambda: distribution.log_probability([9] * 5), lambda: distribution.expected_cost(),
        lambda: fpnas.Distribution(flat, "both"),
    ):
        with pytest.raises(fpnas.InvalidError):
            call()
    other = fpnas.Space.build("other", [{"name": "a", "k": [1, 2]}])
    with pytest.raises(fpnas.InvalidError, match="one space"):
        distribution.kl(fpnas.Distribution(other))
    wide = fpnas.Space.build("wide", [{"name": "a", "variables": [
        {"name": str(i), "choices": [1, 2]} for i in range(27)]}])
    with pytest.raises(fpnas.InvalidError, match="logits"):
        fpnas.Distribution(wide, "joint")
