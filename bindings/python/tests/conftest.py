import numpy as np
import pytest

import fpnas


@pytest.fixture
def flat():
    """Three layers of several variables, all of which always exist."""
    return fpnas.Space.build("flat", [
        {"name": "a", "k": [3, 5], "e": [0.5, 1.5, 3]},
        {"name": "b", "op": ["x", "y", "z"]},
        {"name": "c", "k": [1, 3, 5], "n": [1, 2]},
    ])


@pytest.fixture
def conditional():
    """A layer whose second variable exists under one choice of the first."""
    return fpnas.Space.build("conditional", [
        {"name": "a", "variables": [
            {"name": "op", "choices": ["skip", "conv"]},
            {"name": "k", "choices": [3, 5, 7], "when": {"variable": "op", "in": ["conv"]}}]},
        {"name": "b", "op": [1, 2]},
    ])


@pytest.fixture
def network():
    """A small network space with costs."""
    return fpnas.Space.build("network", [
        {"name": "stem", "operation": "conv", "kernel": 3, "channels": [4, 8]},
        {"name": "block", "operation": "mbconv", "stride": 2, "kernel": [0, 3, 5],
         "expansion": [1, 2], "channels": 8},
        {"name": "classifier", "operation": "classifier"},
    ], input=(8, 8, 1), classes=10)


@pytest.fixture
def random():
    return np.random.default_rng(7)


@pytest.fixture(autouse=True)
def no_leaks():
    """Every test frees the handles it makes."""
    import gc

    gc.collect()
    before = fpnas.live_handles()
    yield
    gc.collect()
    assert fpnas.live_handles() <= before + 3  # the fixtures' own go after this
