"""Compound scaling."""

import subprocess
from pathlib import Path

import pytest

import fpnas

ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / "build" / "fpnas"


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


@pytest.mark.skipif(not TOOL.exists(), reason="build/fpnas is not built")
def test_command_line(base, tmp_path):
    models = ROOT / "examples" / "models" / "torchvision.json"
    family = subprocess.run(
        [TOOL, "scale", models, "--model", "EfficientNet_B0"], check=True, capture_output=True,
        text=True).stdout
    for parameters in ("5,288,548", "7,794,184", "9,109,994", "12,233,232"):
        assert parameters in family
    grid = subprocess.run(
        [TOOL, "scale", models, "--model", "EfficientNet_B0", "--grid", "0.05"], check=True,
        capture_output=True, text=True).stdout
    assert len(grid.splitlines()) == 1 + len(fpnas.compound_candidates(0.05))
    path = tmp_path / "base.json"
    path.write_text(base.to_json())
    scaled = subprocess.run(
        [TOOL, "scale", path, "--phi", "1", "--json"], check=True, capture_output=True, text=True)
    expected = fpnas.CompoundScaling(1.2, 1.1, 1.15).apply(base, phi=1)
    assert fpnas.Space.from_json(scaled.stdout).cost([]) == expected.cost([])
    wrong = subprocess.run(
        [TOOL, "scale", models, "--model", "B9"], capture_output=True, text=True)
    assert wrong.returncode != 0 and "no model 'B9'" in wrong.stderr
