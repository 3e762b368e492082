"""Costs and budgets against the list of all architectures, in NumPy."""

import numpy as np
import pytest
import reference

import fpnas

LAYERS, SKIP_COST = 8, 0


def macro_like(random):
    """8 layers of 3 operations, the shape of NAS-Bench-Macro, with costs of its order."""
    space = fpnas.Space.build("macro", [
        {"name": f"l{i}", "op": ["skip", "mb3", "mb6"]} for i in range(LAYERS)])
    costs = np.stack([np.zeros(LAYERS), random.integers(2_000_000, 9_000_000, LAYERS),
                      random.integers(9_000_000, 30_000_000, LAYERS)], axis=1).astype(np.int64)
    return space, costs.reshape(-1)


@pytest.mark.parametrize("form", ["factorised", "joint"])
def test_macro_against_enumeration(random, form):
    space, values = macro_like(random)
    cost = fpnas.AdditiveCost.choices(space, values)
    distribution = fpnas.Distribution(space, form)
    logits = random.normal(size=3 * LAYERS)
    distribution.logits = logits
    rows = reference.encodings([3] * LAYERS)
    assert len(rows) == 6561
    costs = values.reshape(LAYERS, 3)[np.arange(LAYERS), rows].sum(axis=1)
    assert np.array_equal(cost.of(rows), costs)
    assert cost.range == (costs.min(), costs.max())
    p = np.exp(distribution.log_probability(rows))
    mean, variance = cost.moments(distribution)
    assert mean == pytest.approx(p @ costs, rel=1e-12)
    assert variance == pytest.approx(p @ (costs - p @ costs) ** 2, rel=1e-11)

    order = np.argsort(costs, kind="stable")
    levels = [0.05, 0.5, 0.9]
    expected = costs[order][np.searchsorted(np.cumsum(p[order]), levels)]
    quantiles = cost.quantiles(distribution, levels)
    assert quantiles.resolution == 1
    assert np.array_equal(quantiles.lower, expected)
    assert np.array_equal(quantiles.upper, expected)

    least, most = np.quantile(costs, [0.1, 0.4]).astype(np.int64)
    inside = (costs >= least) & (costs <= most)
    total = p[inside].sum()
    budget = fpnas.Budget(distribution, cost, most=int(most), least=int(least))
    assert budget.exact and budget.bounds == (budget.probability, budget.probability)
    assert budget.probability == pytest.approx(total, abs=1e-12)
    q = p[inside] / total
    assert budget.entropy == pytest.approx(-(q * np.log(q)).sum(), abs=1e-12)
    log_q = budget.log_probabilities(rows)
    assert log_q[inside] == pytest.approx(np.log(q), abs=1e-12)
    assert np.isneginf(log_q[~inside]).all()
    marginals = np.zeros((LAYERS, 3))
    for v in range(LAYERS):
        np.add.at(marginals[v], rows[inside, v], q)
    assert budget.marginals() == pytest.approx(marginals.reshape(-1), abs=1e-12)
    mode, log_p, certain = budget.mode()
    best = np.flatnonzero(inside)[p[inside].argmax()]
    assert certain and np.array_equal(mode, rows[best])
    assert log_p == pytest.approx(np.log(p[best]), abs=1e-12)
    drawn = budget.sample(2000, seed=5)
    assert ((cost.of(drawn) >= least) & (cost.of(drawn) <= most)).all()
    assert np.array_equal(drawn[:10], budget.sample(10, seed=5))


def test_gradients_by_differences(conditional, random):
    values = [3, 10, 4, 7, 1, 0, 6]
    cost = fpnas.AdditiveCost.choices(conditional, values)
    for form in ("factorised", "joint"):
        distribution = fpnas.Distribution(conditional, form)
        logits = random.normal(size=distribution.logits.size)
        distribution.logits = logits
        most = 12
        mean = cost.expectation_gradient(distribution)
        budget = fpnas.Budget(distribution, cost, most).gradient()
        for i in range(logits.size):
            ends = []
            for step in (1e-5, -1e-5):
                moved = logits.copy()
                moved[i] += step
                distribution.logits = moved
                ends.append((cost.moments(distribution)[0],
                             fpnas.Budget(distribution, cost, most).log_probability))
            differences = (np.array(ends[0]) - ends[1]) / 2e-5
            assert (mean[i], budget[i]) == pytest.approx(tuple(differences), abs=1e-7)


def test_two_budgets(flat, random):
    sizes = [2, 3, 3, 3, 2]
    rows = reference.encodings(sizes)
    tables = random.integers(0, 50, (2, sum(sizes)))
    starts = np.cumsum([0, *sizes[:-1]])
    costs = tables[:, starts + rows].sum(axis=2)
    most = np.quantile(costs, 0.6, axis=1).astype(int)
    distribution = fpnas.Distribution(flat)
    handles = [fpnas.AdditiveCost.choices(flat, table) for table in tables]
    budget = fpnas.Budget(distribution, handles, most)
    inside = (costs <= most[:, None]).all(axis=0)
    assert budget.exact and budget.probability == pytest.approx(inside.mean(), abs=1e-13)
    coarse = fpnas.Budget(distribution, handles, most, resolutions=[7, 5])
    assert list(coarse.resolutions) == [7, 5]
    lower, upper = coarse.bounds
    assert lower <= inside.mean() <= upper
    for handle, limit in zip(handles, most):
        assert (handle.of(coarse.sample(500)) <= limit).all()


def chain_like_fbnet():
    """A network of the shape of FBNetV2-F++'s search: ten MBConv layers that change widths."""
    widths = [(16, 24, 4), (16, 24, 4), (16, 40, 8), (16, 40, 8), (48, 80, 8), (48, 80, 8),
              (72, 112, 8), (112, 184, 8), (112, 184, 8)]
    layers = [{"name": "stem", "operation": "conv", "stride": 2, "kernel": 3, "channels": 16}]
    for i, (low, high, step) in enumerate(widths):
        layers.append({
            "name": f"mb{i}", "operation": "mbconv", "stride": 2 if i in (0, 2, 4, 7) else 1,
            "repeats": 2 if i in (1, 3, 5) else 3 if i in (6, 8) else 1,
            "kernel": [0, 3, 5], "activation": ["relu", "swish"], "se": [0, 1],
            "expansion": [0.75, 1.5, 2.25, 3, 3.75, 4.5],
            "channels": list(range(low, high + 1, step))})
    layers += [{"name": "head", "operation": "conv", "kernel": 1, "channels": 1984},
               {"name": "classifier", "operation": "classifier"}]
    return fpnas.Space.build("fbnet-like", layers, input=(224, 224, 3), classes=1000)


def test_all_of_1e5_draws_of_a_large_space_keep_the_budget(random):
    space = chain_like_fbnet()
    cost = fpnas.AdditiveCost.metric(space, "macs")
    distribution = fpnas.Distribution(space, "joint")
    distribution.logits = random.normal(size=distribution.logits.size)
    quantiles = cost.quantiles(distribution, [0.02, 0.5])
    assert quantiles.resolution > 1
    assert (quantiles.lower <= quantiles.upper).all()
    assert (quantiles.upper - quantiles.lower < 0.02 * quantiles.upper).all()
    most = int(quantiles.lower[0])
    budget = fpnas.Budget(distribution, cost, most)
    lower, upper = budget.bounds
    assert 0.005 < lower <= upper < 0.03
    rows = budget.sample(100_000, seed=1)
    costs = cost.of(rows)
    assert (costs <= most).all()
    # Close below the budget, as rounding takes little of it.
    assert costs.max() > 0.99 * most
    mode, log_p, certain = budget.mode()
    assert certain and cost.of(mode) <= most
    assert log_p >= distribution.log_probability(rows[:2000], canonical=True).max()


def test_several_budgets_of_a_large_space(random):
    space = chain_like_fbnet()
    costs = [fpnas.AdditiveCost.metric(space, name) for name in ("macs", "parameters")]
    distribution = fpnas.Distribution(space)
    most = [int(cost.quantiles(distribution, [0.2]).lower[0]) for cost in costs]
    budget = fpnas.Budget(distribution, costs, most)
    lower, upper = budget.bounds
    assert 0 < lower <= upper <= 1
    rows = budget.sample(3000)
    for cost, limit in zip(costs, most):
        assert (cost.of(rows) <= limit).all()
    mode, _, _ = budget.mode()
    assert all(cost.of(mode) <= limit for cost, limit in zip(costs, most))


def test_bad_input_is_refused(flat, network):
    count = sum(len(choices) for choices in flat.choices)
    for bad in (-1, 2**60, 2**63 - 1):
        with pytest.raises(fpnas.InvalidError, match=str(bad)):
            fpnas.AdditiveCost.choices(flat, [1] * (count - 1) + [bad])
    with pytest.raises(fpnas.InvalidError, match="64 bits|integers"):
        fpnas.AdditiveCost.choices(flat, [1] * (count - 1) + [2**63])
    for bad in (float("nan"), float("inf"), -0.5, 1e300):
        with pytest.raises(fpnas.InvalidError, match=f"cost {count - 1} must be"):
            fpnas.AdditiveCost.choices(flat, [1.0] * (count - 1) + [bad], unit=0.5)
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(fpnas.InvalidError, match="unit must be > 0"):
            fpnas.AdditiveCost.choices(flat, [1.0] * count, unit=bad)
    with pytest.raises(fpnas.InvalidError, match=f"{count} values, got 2"):
        fpnas.AdditiveCost.choices(flat, [1, 2])
    with pytest.raises(fpnas.InvalidError, match="abstract"):
        fpnas.AdditiveCost.metric(flat)

    cost = fpnas.AdditiveCost.choices(flat, np.arange(count))
    distribution = fpnas.Distribution(flat)
    least = cost.range[0]
    with pytest.raises(fpnas.InfeasibleError, match=f"the least costs {least}"):
        fpnas.Budget(distribution, cost, least - 1)
    with pytest.raises(fpnas.InvalidError, match="in order"):
        fpnas.Budget(distribution, cost, most=5, least=6)
    with pytest.raises(fpnas.InvalidError, match="resolution must be"):
        fpnas.Budget(distribution, cost, most=100, resolutions=-3)
    with pytest.raises(fpnas.InvalidError, match=r"\[1, 8\], got 9"):
        fpnas.Budget(distribution, [cost] * 9, [100] * 9)
    with pytest.raises(fpnas.InvalidError, match=r"\[1, 8\], got 0"):
        fpnas.Budget(distribution, [], [])
    with pytest.raises(fpnas.InvalidError, match="another space"):
        fpnas.Budget(fpnas.Distribution(network), cost, most=100)
    with pytest.raises(fpnas.InvalidError, match="level must be"):
        cost.quantiles(distribution, [float("nan")])
    closed = fpnas.AdditiveCost.choices(flat, np.arange(count))
    closed.close()
    with pytest.raises(fpnas.HandleError):
        fpnas.Budget(distribution, [cost, closed], [100, 100])


def test_real_costs_round_up(flat):
    count = sum(len(choices) for choices in flat.choices)
    values = np.full(count, 1.1)
    values[0] = 1.11
    cost = fpnas.AdditiveCost.choices(flat, values, unit=0.1)
    assert cost.of([1, 0, 0, 0, 0]) == 55
    assert cost.of([0, 0, 0, 0, 0]) == 56


def test_handles_keep_what_they_need(flat):
    space = fpnas.Space.from_json(flat.to_json())
    cost = fpnas.AdditiveCost.choices(space, range(13))
    distribution = fpnas.Distribution(space)
    budget = fpnas.Budget(distribution, cost, 30)
    before = budget.sample(5)
    distribution.logits = np.arange(13.0)
    distribution.close()
    cost.close()
    space.close()
    assert np.array_equal(budget.sample(5), before)
    assert budget.space.name == "flat"


@pytest.mark.parametrize("objective", ["conditioned", "within"])
def test_searches_keep_hard_budgets(random, objective):
    space, values = macro_like(random)
    cost = fpnas.AdditiveCost.choices(space, values)
    rows = reference.encodings([3] * LAYERS)
    most = int(np.quantile(cost.of(rows), 0.3))
    liking = random.normal(size=(LAYERS, 3))

    def value(architectures):
        return liking[np.arange(LAYERS), architectures].sum(axis=1)

    search = fpnas.Search(
        space, seed=3, samples_per_nat=2, minimum_samples=8, likelihood_scale=2, joint_step=60,
        learning_rate=0.15, budget_objective=objective)
    search.add_budget(cost, most)
    assert search.options.budget_objective == objective
    inside = cost.of(rows) <= most
    assert search.progress.entropy == pytest.approx(np.log(inside.sum()), abs=1e-12)
    for step in range(150):
        if step % 50 == 20:
            search = fpnas.Search.from_bytes(search.to_bytes())
        ask = search.ask()
        assert (cost.of(ask.architectures) <= most).all()
        ask.tell(value(ask.architectures))
    architecture, log_p, certain = search.result()
    assert certain and cost.of(architecture) <= most
    assert log_p == pytest.approx(search.distribution.log_probability(architecture), abs=1e-12)
    # Among the best 2 % of what keeps the budget.
    assert value(architecture[None])[0] >= np.quantile(value(rows[inside]), 0.98)
    kept = fpnas.Budget(search.distribution, cost, most).log_probability
    assert search.progress.budget_log_probability == pytest.approx(kept, abs=1e-12)
    if objective == "within":  # P itself has moved into the budget
        assert kept > np.log(0.9)


def test_soft_budgets_push(random):
    space, values = macro_like(random)
    cost = fpnas.AdditiveCost.choices(space, values)
    count = fpnas.AdditiveCost.choices(space, [0, 1, 1] * LAYERS)
    search = fpnas.Search(space, seed=1, minimum_samples=12, learning_rate=0.1)
    start = cost.moments(search.distribution)[0]
    search.add_budget(cost, int(start / 2), mode="soft", weight=1.0)
    search.add_budget(count, 5, mode="soft", weight=0.5)
    for _ in range(150):
        ask = search.ask()
        ask.tell(np.zeros(len(ask)))
    assert cost.moments(search.distribution)[0] < 0.6 * start
    assert count.moments(search.distribution)[0] < 5.2
    with pytest.raises(fpnas.StateError, match="before the first ask"):
        search.add_budget(cost, 10**9)
    with pytest.raises(fpnas.InvalidError, match="mode must be one of"):
        fpnas.Search(space).add_budget(cost, 10**9, mode="firm")
    with pytest.raises(fpnas.InvalidError, match="-5 to -1"):
        fpnas.Search(space).add_budget(cost, -1, least=-5)


@pytest.mark.parametrize("form", ["factorised", "joint"])
def test_all_of_nas_bench_macro(random, form):
    """P(cost <= B) of the benchmark's own networks, counted one by one."""
    with fpnas.Space.preset("nas-bench-macro", 32, 32, 3, 10) as space:
        rows = reference.encodings([3] * len(space))
        costs = np.array([space.cost(row, "nas-bench").macs for row in rows])
        distribution = fpnas.Distribution(space, form)
        distribution.logits = random.normal(size=3 * len(space))
        p = np.exp(distribution.log_probability(rows))
        macs = fpnas.AdditiveCost.metric(space, "macs")
        assert np.array_equal(macs.of(rows), costs)
        for most in (costs.min(), 30_000_000, 60_000_000, costs.max()):
            budget = fpnas.Budget(distribution, macs, most=int(most))
            assert budget.exact
            assert budget.probability == pytest.approx(p[costs <= most].sum(), abs=1e-12)
            best = rows[costs <= most][np.argmax(p[costs <= most])]
            assert budget.mode()[0].tolist() == best.tolist()


def test_a_hundred_thousand_draws_keep_the_budget(random):
    with fpnas.Space.preset("fbnetv2-f++", 224, 224, 3, 1000) as space:
        distribution = fpnas.Distribution(space, "joint")
        distribution.logits = random.normal(size=7248)
        macs = fpnas.AdditiveCost.metric(space, "macs")
        budget = fpnas.Budget(distribution, macs, most=60_000_000)
        rows = budget.sample(100_000, seed=1)
        assert rows.shape == (100_000, len(space))
        costs = macs.of(rows)
        assert 55_000_000 < costs.max() <= 60_000_000
