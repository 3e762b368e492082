"""Presets, general layers, cells, costs by convention, hashes, the JSON Schema."""

import itertools
import json
import time
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import fpnas

ROOT = Path(__file__).resolve().parents[3]

GENERAL = [
    {"name": "stem", "operation": "conv", "channels": 8},
    {"name": "stage", "operation": "mbconv", "stride": 2, "repeats": [1, 2],
     "per_block": ["kernel"], "kernel": [0, 3], "splits": [0, 1, 2], "channels": [8, 12]},
    {"name": "either", "channels": 16, "op": [
        {"name": "skip", "operation": "skip"},
        {"name": "wide", "operation": "basic", "kernel": 3},
        {"name": "narrow", "operation": "bottleneck", "expansion": 0.5, "groups": 2}]},
    {"name": "classifier", "operation": "classifier"},
]


@pytest.fixture(scope="module")
def schema():
    document = json.loads((ROOT / "docs" / "fpnas-space.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


@pytest.fixture
def general():
    with fpnas.Space.build("general", GENERAL, input=(8, 8, 3), classes=4) as space:
        yield space


@pytest.mark.parametrize("name", fpnas.Space.preset_names())
def test_presets_round_trip_and_keep_the_schema(name, schema):
    with fpnas.Space.preset(name, 32, 32, 3, 10) as space:
        text = space.to_json()
        schema.validate(json.loads(text))
        with fpnas.Space.from_json(text) as again:
            assert again.to_json() == text and again.choices == space.choices
        assert space.count() <= space.count(canonical=False)
        space.cost([0] * len(space))


def test_published_logit_counts():
    for name, counts in [
        ("fbnetv2-f", (177, 3624)), ("fbnetv2-f-fine", (312, 6792)), ("fbnetv2-f++", (197, 7248)),
    ]:
        with fpnas.Space.preset(name, 128, 128, 3, 1000) as space:
            assert space.logit_counts == counts


def test_builder_and_json_are_one(general, schema):
    document = {
        "format": "fpnas-space", "version": 1, "name": "general",
        "input": {"height": 8, "width": 8, "channels": 3}, "classes": 4, "layers": GENERAL,
    }
    schema.validate(document)
    with fpnas.Space.from_json(document) as other:
        assert other.to_json() == general.to_json()
    assert [v.name for v in general.variables] == [
        "repeats", "kernel.1", "kernel.2", "splits", "channels", "op"]


def test_splits_shared_over_blocks_of_their_own_kernels_are_refused():
    layers = [dict(layer) for layer in GENERAL]
    layers[1]["kernel"] = [0, 3]
    layers[1]["per_block"] = ["splits"]
    with pytest.raises(fpnas.InvalidError, match="let each block choose its kernel"):
        fpnas.Space.build("x", layers, input=(8, 8, 3), classes=4)


def test_order_of_variables_survives(schema):
    layers = [
        {"name": "a", "operation": "mbconv", "channels": [8, 16], "expansion": [1, 2],
         "kernel": [3, 5]},
        {"name": "classifier", "operation": "classifier"},
    ]
    with fpnas.Space.build("ordered", layers, input=(8, 8, 3), classes=4) as space:
        assert [v.name for v in space.variables] == ["kernel", "channels", "expansion"]
        document = json.loads(space.to_json())
        schema.validate(document)
        with fpnas.Space.from_json(document) as again:
            assert again.variables == space.variables


def test_shortcuts_are_what_the_schema_says(schema):
    def document(shortcut):
        layers = [
            {"name": "a", "operation": "mbconv", "channels": [8, 16], "shortcut": shortcut},
            {"name": "classifier", "operation": "classifier"},
        ]
        return {"format": "fpnas-space", "version": 1, "name": "s", "layers": layers,
                "input": {"height": 8, "width": 8, "channels": 3}, "classes": 4}

    for shortcut in ("auto", "none", "conv", "pool", "leading", ["none", "leading"]):
        schema.validate(document(shortcut))
        with fpnas.Space.from_json(document(shortcut)) as space:
            assert space.cost([0] * len(space)).macs > 0
    for shortcut in ("trailing", 1, ["leading", "trailing"]):
        assert not schema.is_valid(document(shortcut))
        with pytest.raises(fpnas.FPNASError, match="shortcut"):
            fpnas.Space.from_json(document(shortcut))


def test_conventions_differ(general):
    row = general.canonicalise([1, 1, 1, 2, 0, 1])
    torch = general.cost(row)
    mobile = general.cost(row, "mobile-vision")
    assert torch == general.cost(row, "nas-bench")
    # Split-Attention pools 16 pixels of 8 and of 8 channels, the classifier 16 of 16.
    assert mobile.macs - torch.macs == 2 * 16 * 8 + 16 * 16
    assert mobile.parameters < torch.parameters
    assert torch.activations % 4 == 0 and torch.activations > 0
    assert sum(cost.macs for cost in general.layer_costs(row)) == torch.macs
    low, high = general.cost_range("activations")
    assert low <= torch.activations <= high
    with pytest.raises(fpnas.InvalidError, match="flops"):
        general.cost(row, "flops")


def test_cells():
    with fpnas.Space.of_cells("nas-bench-201", 4, 1, 8, 8, 3, 10) as space:
        assert len(space.layer_costs([3] * 6)) == 7
        assert sum(c.macs for c in space.layer_costs([3] * 6)) == space.cost([3] * 6).macs
        rows = list(itertools.product(range(5), repeat=3))
        hashes = {space.network_hash([0, 0, 0, *row]) for row in rows}
        # Node 1 and 2 are zero: edges 1-3 and 2-3 of zero, "#" and "#+#" as the benchmark writes.
        assert len(hashes) < len(rows)
        assert space.network_hash([1, 0, 0, 3, 0, 0]) == space.network_hash([1, 0, 0, 0, 3, 0])
    with pytest.raises(fpnas.InvalidError, match="nas-bench-201, darts"):
        fpnas.Space.of_cells("x", 4, 1, 8, 8, 3, 10)


def test_equal_networks_have_equal_hashes():
    with fpnas.Space.preset("nas-bench-macro", 32, 32, 3, 10) as space:
        first = space.network_hash([0, 0, 0, 1, 0, 0, 0, 2])
        assert first == space.network_hash([0, 0, 0, 0, 1, 0, 2, 0])
        assert first != space.network_hash([0, 0, 0, 2, 0, 0, 0, 1])


def test_validate(general):
    general.validate(np.zeros((3, len(general)), np.int32))
    with pytest.raises(fpnas.InvalidError, match="row 1: 'stage.splits' must be in 0..<3, got 3"):
        general.validate([[0] * 6, [0, 0, 0, 3, 0, 0]])


@pytest.mark.parametrize("path, value", [
    (["layers", 0, "colour"], "red"), (["layers", 0, "operation"], "wave"),
    (["layers", 1, "repeats"], [0, 1]), (["input", "height"], 0), (["classes"], 1),
    (["layers", 2, "op", 0, "name"], None), (["version"], 2), (["layers"], []),
])
def test_schema_and_library_refuse_the_same(path, value, schema):
    document = json.loads(json.dumps({
        "format": "fpnas-space", "version": 1, "name": "general",
        "input": {"height": 8, "width": 8, "channels": 3}, "classes": 4, "layers": GENERAL,
    }))
    place = document
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    assert list(schema.iter_errors(document))
    with pytest.raises(fpnas.FPNASError):
        fpnas.Space.from_json(document)


@pytest.mark.parametrize("text, message", [
    ('{"a":' * 10**6 + "1" + "}" * 10**6, "not valid JSON"),
    ('{"layers":' + "[" * 10**6 + "]" * 10**6 + "}", "not valid JSON"),
    (b" " * (17 << 20), "17825792 bytes, more than the limit of 16777216"),
], ids=["objects", "arrays", "size"])
def test_monstrous_json_is_refused_at_once(text, message):
    start = time.monotonic()
    with pytest.raises(fpnas.FormatError, match=message):
        fpnas.Space.from_json(text)
    assert time.monotonic() - start < 1


def test_costs_beyond_integers_are_refused():
    layers = [
        {"name": "a", "operation": "conv", "kernel": 15, "channels": 65536, "repeats": 1024},
        {"name": "classifier", "operation": "classifier"},
    ]
    with fpnas.Space.build("huge", layers, input=(4096, 4096, 64), classes=65536) as space:
        with pytest.raises(fpnas.InvalidError, match="2\\^63"):
            space.cost([])
