import json

import numpy as np
import pytest

import fpnas


def test_layers_and_variables(flat):
    assert flat.name == "flat" and len(flat) == 5
    assert [layer.name for layer in flat.layers] == ["a", "b", "c"]
    assert [(v.index, v.layer_name, v.name) for v in flat.variables] == [
        (0, "a", "k"), (1, "a", "e"), (2, "b", "op"), (3, "c", "k"), (4, "c", "n")]
    assert flat.choices == (
        ("3", "5"), ("0.5", "1.5", "3"), ("x", "y", "z"), ("1", "3", "5"), ("1", "2"))


def test_counts_are_exact(flat, conditional):
    assert flat.count() == flat.count(canonical=False) == 2 * 3 * 3 * 3 * 2
    assert conditional.count(canonical=False) == 12
    assert conditional.count() == (1 + 3) * 2
    big = fpnas.Space.build("big", [{"name": str(i), "c": list(range(10))} for i in range(40)])
    assert big.count() == 10**40


def test_canonicalise(conditional):
    rows = [[0, 2, 1], [1, 2, 1]]
    assert conditional.canonicalise(rows).tolist() == [[0, 0, 1], [1, 2, 1]]
    assert conditional.canonicalise(rows[0]).tolist() == [0, 0, 1]
    array = np.array(rows, np.int32)
    out = np.empty_like(array)
    assert conditional.canonicalise(array, out=out) is out
    assert array.tolist() == rows
    with pytest.raises(fpnas.InvalidError, match="variable 'a.k'|3"):
        conditional.canonicalise([[1, 0, 0], [0, 3, 0]], out=out)
    assert out.tolist() == [[0, 0, 1], [1, 2, 1]]


def test_describe_and_split(conditional):
    assert conditional.describe([1, 2, 0]) == {"a": {"op": "conv", "k": 7}, "b": {"op": 1}}
    assert conditional.describe([0, 2, 1]) == {"a": {"op": "skip"}, "b": {"op": 2}}
    parts = conditional.split(np.arange(7))
    assert [part.tolist() for part in parts] == [[0, 1], [2, 3, 4], [5, 6]]


def test_json_round_trip(conditional, network, tmp_path):
    for space in (conditional, network):
        again = fpnas.Space.from_json(space.to_json())
        assert again.to_json() == space.to_json()
        assert fpnas.Space.from_json(json.loads(space.to_json())).count() == space.count()
    path = tmp_path / "räum.json"
    path.write_text(network.to_json())
    assert fpnas.Space.load(path).layers == network.layers


def test_architecture_files(network, conditional, tmp_path):
    path = tmp_path / "architecture.json"
    path.write_text(conditional.architecture_to_json([0, 2, 1]))
    space, architecture = fpnas.load_architecture(path)
    assert space.to_json() == conditional.to_json() and architecture.tolist() == [0, 0, 1]
    document = json.loads(network.architecture_to_json([1, 1, 1]))
    assert document["macs"] == network.cost([1, 1, 1]).macs
    wide = fpnas.Space.build("wide", [{"name": "a", "variables": [
        {"name": str(i), "choices": [1, 2]} for i in range(300)]}])
    path.write_text(wide.architecture_to_json(np.ones(300, int)))
    assert fpnas.load_architecture(path)[1].tolist() == [1] * 300


def test_costs_by_hand(network):
    # conv 3x3 1->4 at 8x8, then mbconv 4->8 stride 2 kernel 3 expansion 2, then 8->10 classes
    row = [0, 1, 1]
    cost = network.cost(row)
    layers = network.layer_costs(row)
    assert layers[0].macs == 8 * 8 * 9 * 4
    assert layers[1].macs == 8 * 8 * 4 * 8 + 4 * 4 * 9 * 8 + 4 * 4 * 8 * 8
    assert layers[2] == fpnas.Cost(80, 90)
    assert cost.macs == sum(c.macs for c in layers)
    assert cost.parameters == sum(c.parameters for c in layers)
    everything = [
        network.cost([a, b, c]) for a in range(2) for b in range(3) for c in range(2)]
    for metric in ("macs", "parameters"):
        values = [getattr(c, metric) for c in everything]
        assert network.cost_range(metric) == (min(values), max(values))


def leading(**last):
    """Widths 4 and 8 in front of a block whose shortcut is leading channels."""
    return fpnas.Space.build("leading", [
        {"name": "stem", "operation": "conv", "channels": [4, 8]},
        {"name": "block", "operation": "mbconv", "kernel": [0, 3], "channels": [6, 8],
         "shortcut": "leading", **last},
        {"name": "classifier", "operation": "classifier"}], input=(6, 6, 1), classes=3)


def test_leading_channels_cost_no_macs_and_no_parameters():
    space = leading()
    for stem in (0, 1):
        wide, narrow = [4, 8][stem], 6
        # A block of kernel 0 is nothing where widths are equal, else its leading channels alone.
        skipped = space.layer_costs([stem, 0, 0])[1]
        assert skipped.macs == skipped.parameters == 0
        # depthwise 3x3 and 1x1, each with scale and shift
        block = space.layer_costs([stem, 1, 0])[1]
        assert block.macs == 36 * wide * (9 + narrow)
        assert block.parameters == wide * (9 + narrow) + 2 * (wide + narrow)
        # results of the stem, the skip, the pool and the classifier
        result = space.cost([stem, 0, 0]).activations
        assert result == 4 * (36 * (wide + narrow) + narrow + 3)
        # in place of the skip's: the two convolutions', the leading channels, the sum
        added = space.cost([stem, 1, 0]).activations - result
        assert added == 4 * 36 * (wide + 2 * narrow)
    strided = leading(stride=2)
    assert strided.layer_costs([0, 0, 1])[1].macs == 0
    assert strided.layer_costs([0, 1, 1])[1].macs == 9 * 4 * (9 + 8)


def test_leading_channels_in_a_row_are_one():
    def space(*widths):
        blocks = [{"name": f"b{i}", "operation": "mbconv", "kernel": 0, "channels": width,
                   "shortcut": "leading"} for i, width in enumerate(widths)]
        return fpnas.Space.build("row", [
            {"name": "stem", "operation": "conv", "channels": 8}, *blocks,
            {"name": "classifier", "operation": "classifier"}], input=(6, 6, 1), classes=3)

    hashes = {widths: space(*widths).network_hash([]) for widths in [
        (8,), (12, 8), (12, 12, 8), (6,), (8, 6), (12, 6), (6, 8), (4, 8), (12, 4, 8)]}
    assert hashes[8,] == hashes[12, 8] == hashes[12, 12, 8]
    assert hashes[6,] == hashes[8, 6] == hashes[12, 6]
    assert hashes[4, 8] == hashes[12, 4, 8]
    assert len({hashes[8,], hashes[6,], hashes[6, 8], hashes[4, 8]}) == 4


def test_builder_agrees_with_build(network):
    with fpnas.SpaceBuilder("network") as builder:
        builder.input(8, 8, 1, 10)
        builder.layer("stem", "conv")
        builder.fixed("kernel", 3)
        builder.choices("channels", [4, 8])
        builder.layer("block", "mbconv", stride=2)
        builder.choices("kernel", np.array([0, 3, 5]))
        builder.fixed("activation", "relu")
        builder.choices("expansion", [1.0, 2])
        builder.fixed("channels", 8)
        builder.layer("classifier", "classifier")
        space = builder.finish()
    assert builder.closed
    assert space.count() == network.count() == 2 * (1 + 2 * 2)
    assert space.cost([1, 2, 1]) == network.cost([1, 2, 1])


def test_fixed_reals():
    layers = [{"name": "m", "operation": "mbconv", "kernel": [3, 5], "expansion": 1.5,
               "channels": 4, "activation": "swish"},
              {"name": "f", "operation": "classifier"}]
    space = fpnas.Space.build("s", layers, input=(4, 4, 1), classes=2)
    assert space.describe([1]) == {"m": {"kernel": 5}}


def test_preset():
    space = fpnas.Space.preset("mbconv-small", 16, 16, 1, 10)
    assert len(space.layers) == 12 and len(space) == 45
    assert np.log(float(space.count(canonical=False))) > 40
    assert "mbconv-small" in repr(space)


@pytest.mark.parametrize("make, message", [
    (lambda: fpnas.Space.preset("x", 16, 16, 1, 10), "'x'"),
    (lambda: fpnas.Space.preset("mbconv-small", 2**32 + 16, 16, 1, 10), "4294967312"),
    (lambda: fpnas.Space.preset("mbconv-small", 1.5, 16, 1, 10), "1.5"),
    (lambda: fpnas.Space.preset("mb\0", 16, 16, 1, 10), "NUL"),
    (lambda: fpnas.Space.build("s", []), "no layers"),
    (lambda: fpnas.Space.build("s", [{"op": [1]}]), "name"),
    (lambda: fpnas.Space.build("s", [{"name": "a", "op": 3}]), "list"),
    (lambda: fpnas.Space.build("s", [{"name": "a", "op": [1, "x"]}]), "all numbers"),
    (lambda: fpnas.Space.build("s", [{"name": "a", "op": [1, 1]}]), "1"),
    (lambda: fpnas.Space.build("s", [{"name": "a", "op": []}]), "op"),
    (lambda: fpnas.Space.build("s", [{"name": "a", "op": [2**63]}]), "9223372036854775808"),
    (lambda: fpnas.Space.build("s", [{"name": "a", "op": [1, float("nan")]}]), "nan"),
    (lambda: fpnas.Space.build("s", [{"name": "a", "operation": "blur"}]), "blur"),
    (lambda: fpnas.Space.build("s", [{"name": "a", "variables": [
        {"name": "x", "choices": [1], "when": {"variable": "y", "in": [1]}}]}]), "'y'"),
    (lambda: fpnas.Space.build("s", [{"name": "a", "variables": [
        {"name": "y", "choices": [1]},
        {"name": "x", "choices": [1], "when": {"variable": "y", "in": [2]}}]}]), "2"),
    (lambda: fpnas.Space.build("s", [{"name": "a", "variables": [{"nome": "x"}]}]), "nome"),
])
def test_refused(make, message):
    with pytest.raises(fpnas.InvalidError, match=message) as caught:
        make()
    assert isinstance(caught.value, ValueError) and caught.value.status == -1
    assert "\n" not in str(caught.value)


def test_bad_text_and_files(tmp_path):
    with pytest.raises(fpnas.FormatError):
        fpnas.Space.from_json("{")
    with pytest.raises(fpnas.FormatError, match="json"):
        fpnas.Space.from_json({"format": "fpnas-space", "version": 1, "name": "x", "layers": []})
    missing = tmp_path / "missing.json"
    with pytest.raises(fpnas.FileError, match="missing.json") as caught:
        fpnas.Space.load(missing)
    assert isinstance(caught.value, OSError)
    with pytest.raises(fpnas.FileError):
        fpnas.load_architecture(missing)
    with pytest.raises(fpnas.TextError):
        fpnas.Space.load(b"\xff\xfe")
    with pytest.raises(fpnas.TextError):
        fpnas.Space.build("\udcff", [{"name": "a", "op": [1]}])


def test_architectures_are_checked(flat):
    for bad in ([0, 0], [[0] * 4], np.zeros((1, 1, 5), int), [0.0] * 5, [0, 0, 0, 0, 2**40],
                [0, 0, 0, 0, -1], [0, 0, 0, 0, 2], ["a"] * 5, [[0], [0, 0]]):
        with pytest.raises(fpnas.InvalidError):
            flat.canonicalise(bad)
    with pytest.raises(fpnas.InvalidError, match="abstract|operation|network"):
        flat.cost([0, 0, 0, 0, 0])
    with pytest.raises(fpnas.InvalidError, match="one architecture"):
        flat.describe([[0, 0, 0, 0, 0]])
    with pytest.raises(fpnas.InvalidError, match="metric"):
        flat.cost_range("flops")


def test_a_builder_says_what_is_missing():
    with fpnas.SpaceBuilder("s") as builder:
        with pytest.raises(fpnas.StateError):
            builder.choices("x", [1])
        builder.layer("a")
        with pytest.raises(fpnas.InvalidError, match="no earlier variable"):
            builder.choices("x", [1], when=("y", [1]))
        builder.choices("x", [1, 2])
        assert builder.finish().count() == 2
        builder.layer("b")
        builder.choices("y", ["p", "q", "r"])
        assert builder.finish().count() == 6
