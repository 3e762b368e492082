import itertools
import json
import os
from pathlib import Path

import numpy as np
import pytest

import fpnas

DATA = Path(os.environ.get("FPNAS_DATA", "../shared/data")) / "latency"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no {DATA}: set FPNAS_DATA to the folder of data")


@pytest.fixture
def fbnet(tmp_path):
    rows = [None, [10.5, 20.25], [1, 2, 3]]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    return fpnas.LatencyTable.import_from(tmp_path / "rows.json", "fbnet", device="a board")


@pytest.fixture
def chain():
    return fpnas.Space.build("chain", [{"name": "a", "op": [0, 1]}, {"name": "b", "op": [0, 1, 2]}])


def test_options_by_hand(fbnet, chain):
    rows = np.array(list(itertools.product(range(2), range(3))), np.int32)
    wanted = [(10500, 20250)[a] + (1000, 2000, 3000)[b] for a, b in rows]
    assert fbnet.of(chain, rows).tolist() == wanted
    assert fbnet.of(chain, rows[4]) == wanted[4]
    cost = fbnet.cost(chain)
    assert cost.of(rows).tolist() == wanted and cost.range == (min(wanted), max(wanted))
    mean, variance = cost.moments(fpnas.Distribution(chain))
    assert mean == pytest.approx(np.mean(wanted)) and variance == pytest.approx(np.var(wanted))
    budget = fpnas.Budget(fpnas.Distribution(chain), [cost], [wanted[2]])
    assert all(fbnet.of(chain, row) <= wanted[2] for row in budget.sample(100))


def test_missing(fbnet, chain):
    assert fbnet.missing(chain) == []
    wide = fpnas.Space.build("wide", [{"name": "a", "op": [0, 1, 2]}, {"name": "b", "op": [0, 1]}])
    assert fbnet.missing(wide) == ["layer=0 option=2"]
    with pytest.raises(fpnas.InvalidError, match="lack 1 keys of 'wide': layer=0 option=2"):
        fbnet.cost(wide)
    assert fbnet.of(wide, [1, 1]) == 22250
    with pytest.raises(fpnas.InvalidError, match="interpolation"):
        fbnet.missing(wide, "cubic")


def test_round_trip(fbnet, tmp_path):
    fbnet.save(tmp_path / "table.json")
    again = fpnas.LatencyTable.load(tmp_path / "table.json")
    assert again.to_json() == fbnet.to_json() == fpnas.LatencyTable.from_json(again.to_json()).to_json()
    document = json.loads(again.to_json())
    assert document["device"] == "a board" and document["unit"] == "ns"
    assert document["entries"][1] == {"key": "layer=0 option=1", "ns": 20250}


@pytest.mark.parametrize("entries, part", [
    ({"conv in=8x8x1 out=8x8x2 kernel=3": -1}, "got -1"),
    ({"conv in=8x8x1 out=8x8x2 kernel=3": 0.5}, "got 0.5"),
    ({"conv in=8x8x1 out=8x8x2": 1}, "no 'kernel'"),
    ({"layer=0 option=x": 1}, "option=x"),
])
def test_bad_tables(entries, part):
    with pytest.raises(fpnas.FormatError, match=part):
        fpnas.LatencyTable.from_entries(entries, device="d", source="s")


@needs_data
@pytest.mark.parametrize("size", [160, 192, 224])
def test_once_for_all_prices_its_space(size):
    """A mean over networks of sums of the file's rows, read here by other means."""
    rows = {}
    for line in (DATA / f"{size}_lookup_table.yaml").read_text().splitlines():
        if not line.startswith(" "):
            key = line[:-1]
        elif line.startswith("  mean: "):
            rows[key] = round(float(line[8:]) * 1e6)
    space = fpnas.Space.preset(
        "ofa-mobilenetv3-w1.2", height=size, width=size, channels=3, classes=1000)
    table = fpnas.LatencyTable.import_from(
        DATA / f"{size}_lookup_table.yaml", "once-for-all", device="a phone")
    assert len(json.loads(table.to_json())["entries"]) == len(rows) == 96
    assert table.missing(space) == []
    stages = [(2, 24, 32, 2, 0, 0), (4, 32, 48, 2, 1, 0), (8, 48, 96, 2, 0, 1),
              (16, 96, 136, 1, 1, 1), (16, 136, 192, 2, 1, 1)]

    def price(row):
        choices = space.describe(row)
        total = sum(v for k, v in rows.items() if not k.startswith("expanded_conv")) + sum(
            v for k, v in rows.items() if "expand:24-" in k)
        for i, (shrink, width, out, stride, se, hs) in enumerate(stages):
            side = size // shrink
            stage = choices[f"stage{i + 1}"]
            for b in range(1, stage["repeats"] + 1):
                after = side // stride
                total += rows[
                    f"expanded_conv-input:{side}x{side}x{width}-output:{after}x{after}x{out}-"
                    f"expand:{width * stage[f'expansion.{b}']}-kernel:{stage[f'kernel.{b}']}-"
                    f"stride:{stride}-idskip:{int(b > 1)}-se:{se}-hs:{hs}"]
                side, width, stride = after, out, 1
        return total

    samples = fpnas.Distribution(space).sample(40, seed=3)
    assert table.of(space, samples).tolist() == [price(row) for row in samples]
    assert table.cost(space).of(samples).tolist() == [price(row) for row in samples]
