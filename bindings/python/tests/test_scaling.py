"""Compound scaling."""

import pytest

import fpnas


@pytest.fixture
def base():
    layers = [{"name": "stem", "operation": "conv", "channels": 16, "stride": 2},
              {"name": "stage", "operation": "mbconv", "channels": 24, "repeats": 2,
               "expansion": 4, "stride": 2},
              {"name": "classifier", "operation": "classifier"}]
    return fpnas.Space.from_json({
        "format": "fpnas-space", "version": 1, "name": "base", "classes": 10,
        "input": {"height": 64, "width": 48, "channels": 3}, "layers": layers})


def test_a_network_is_scaled(base):
    larger = base.scaled(depth=1.2, width=1.4, size=(80, 60))
    expected = fpnas.Space.from_json({
        "format": "fpnas-space", "version": 1, "name": "expected", "classes": 10,
        "input": {"height": 80, "width": 60, "channels": 3}, "layers": [
            {"name": "stem", "operation": "conv", "channels": 24, "stride": 2},
            {"name": "stage", "operation": "mbconv", "channels": 32, "repeats": 3,
             "expansion": 4, "stride": 2},
            {"name": "classifier", "operation": "classifier"}]})
    assert len(larger) == 0 and larger.cost([]) == expected.cost([])


def test_phi_multiplies_macs(base):
    rule = fpnas.CompoundScaling(1.2, 1.1, 1.15)
    assert rule.factors(base, 0.5) == (1.1, 1.0, (60, 60))
    larger = rule.apply(base, phi=2, coefficient_step=0, size_step=4)
    assert 2.5 < larger.cost([]).macs / base.cost([]).macs < 6


def test_the_best_candidate_is_the_caller_s(base):
    candidates = fpnas.compound_candidates(0.1)
    assert all(abs(c.cost_factor - 2) <= 0.1 + 1e-9 for c in candidates)
    # A quality that likes depth finds the deepest.
    best = max(candidates, key=lambda c: c.alpha)
    assert best.alpha == 2.1 or best.alpha == 2.0


def test_what_cannot_be_is_refused(base):
    with pytest.raises(fpnas.InvalidError, match="depth"):
        base.scaled(depth=-1)
    with pytest.raises(fpnas.InvalidError, match="variables"):
        fpnas.Space.preset("mbconv-small", 32, 32, 3, 10).scaled()
    with pytest.raises(fpnas.InvalidError, match="gamma"):
        fpnas.CompoundScaling(1, 1, 0.5).factors(base, 1)
    with pytest.raises(fpnas.InvalidError, match="step"):
        fpnas.compound_candidates(0)
