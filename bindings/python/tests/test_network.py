"""A trained network by itself, against a NumPy reading of its graph, tensors and file."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

import fpnas
from graph_reference import predict
from networks import NAMES, SIDE, network, write_images

DIGITS = Path(__file__).resolve().parents[3] / "data" / "digits"


def trained(name, folder, steps=6, **options):
    """A retraining of a network of that name after some steps, and its images."""
    images, labels = write_images(folder / "images", 24)
    space, row = network(name)
    training = fpnas.Retraining(
        folder / "images", space, row, epochs=40, batch_size=8, image_size=SIDE, threads=1,
        **options)
    for _ in range(steps):
        training.step()
    return training, images, labels


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_computes_the_logits(name, tmp_path):
    training, images, _ = trained(name, tmp_path)
    made = training.network()
    logits = made.predict(images)
    assert logits.shape == (24, 3) and logits.dtype == np.float32
    inputs = made.prepare(images)
    graph, tensors = made.graph, made.tensors
    mean, deviation = (graph["preprocessing"][k][0] for k in ("mean", "deviation"))
    np.testing.assert_allclose(inputs, (images / 255 - mean) / deviation, atol=2e-6)
    assert mean == pytest.approx(images.mean() / 255)
    expected = predict(graph, tensors, inputs)
    assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()
    # One by one: the same bits.
    single = np.concatenate([made.predict(image[None]) for image in images])
    np.testing.assert_array_equal(single, logits)
    np.testing.assert_array_equal(made.predict_prepared(inputs), logits)


@pytest.mark.parametrize("name", ["splits", "fused", "residual", "grouped", "pools"])
def test_tensors_are_all_parameters(name, tmp_path):
    training, _, _ = trained(name, tmp_path, steps=0)
    tensors = training.network().tensors
    statistics = (".norm.mean", ".norm.variance")
    count = sum(t.size for n, t in tensors.items() if not n.endswith(statistics))
    space, row = network(name)
    assert count == space.cost(row).parameters
    for n, t in tensors.items():  # as they begin
        if n.endswith((".bias", ".beta")):
            assert (t == 0).all()
        if n.endswith(".gamma"):
            assert (t == 1).all()


def test_statistics_are_those_of_the_training_images(tmp_path):
    training, images, _ = trained("fused", tmp_path)
    made = training.network()
    tensors, graph = made.tensors, made.graph
    stem = graph["operators"][0]
    bare = dict(graph, operators=[dict(stem, norm=False, activation=None)])
    out = predict(bare, tensors, made.prepare(images)).reshape(-1, stem["output_shape"][2])
    np.testing.assert_allclose(tensors["l0.0.conv.norm.mean"], out.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(tensors["l0.0.conv.norm.variance"], out.var(0), rtol=1e-4)


def test_the_average_is_taken_where_one_is_kept(tmp_path):
    training, images, labels = trained("fused", tmp_path, steps=9, weight_averaging=0.9)
    logits = training.network().predict(images).astype(float)
    own = logits[np.arange(24), labels] - np.log(np.exp(logits).sum(1))
    assert training.test().log_likelihood == pytest.approx(own.mean(), rel=1e-5)
    assert training.test().accuracy == (logits.argmax(1) == labels).mean()


def test_resizing_is_that_of_the_training():
    space = fpnas.Space.preset("mbconv-small", 16, 16, 1, 10)
    training = fpnas.Retraining(DIGITS, space, space.random_near(200000), epochs=1, threads=1)
    made = training.network()
    assert made.input_shape == (16, 16, 1)
    image = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)  # enlarged: a plane stays a plane
    inner = made.prepare(image)[0, 2:-2, 2:-2, 0]
    np.testing.assert_allclose(np.diff(inner, axis=1), np.diff(inner, axis=1).mean(), rtol=1e-3)
    np.testing.assert_allclose(np.diff(inner, axis=0) / np.diff(inner, axis=1).mean(), 8, rtol=1e-2)


def read_safetensors(path):
    """By the format's description: length, JSON header, data."""
    data = path.read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32"
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(
            data[8 + length + begin:8 + length + end], "<f4").reshape(entry["shape"])
    return tensors, metadata


def test_the_file_is_read_without_the_library(tmp_path):
    training, images, _ = trained("splits", tmp_path)
    made = training.network()
    path = tmp_path / "network.safetensors"
    made.save(path)
    tensors, metadata = read_safetensors(path)
    assert set(metadata) == {"format", "network", "architecture"}
    assert json.loads(metadata["network"]) == made.graph
    own = made.tensors
    assert sorted(tensors) == sorted(own)
    for name, values in own.items():
        np.testing.assert_array_equal(tensors[name], values, strict=True)
    loaded = fpnas.Network.load(path, threads=2)
    np.testing.assert_array_equal(loaded.predict(images), made.predict(images))
    assert loaded.graph == made.graph and loaded.class_names == ["0", "1", "2"]
    assert repr(loaded).startswith("<Network 'splits'")


def rewritten(path, change):
    """The file with its header changed."""
    data = path.read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    change(header)
    text = json.dumps(header).encode()
    broken = path.with_name("broken.safetensors")
    broken.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length:])
    return broken


def entry(header):
    return header["l0.0.conv.weight"]


@pytest.mark.parametrize("change, message", [
    (lambda h: entry(h).update(dtype="F16"), "dtype 'F16'"),
    (lambda h: entry(h).update(shape=[6, 1, 3, 4]), "lies at"),
    (lambda h: entry(h).update(shape=[-6, -1, 3, 3]), "size -6"),
    (lambda h: entry(h).update(shape=[2**40, 2**40]), "too large|2\\^63|overflow"),
    (lambda h: entry(h).update(shape=[1, 6, 3, 3]), "has no tensor 'l0.0.conv.weight'"),
    (lambda h: entry(h).update(data_offsets=[0, 2**62]), "lies at"),
    (lambda h: entry(h).update(data_offsets=[2**62, 0]), "lies at"),
    (lambda h: entry(h).update(data_offsets=[0]), "lies at"),
    (lambda h: h.pop("l0.0.conv.weight"), "has no tensor 'l0.0.conv.weight'"),
    (lambda h: h.pop("__metadata__"), "metadata"),
    (lambda h: h["__metadata__"].update(network="{}"), "format"),
    (lambda h: h["__metadata__"].update(network=h["__metadata__"]["network"].replace(
        '"mean":[', '"mean":[1,1,')), "means|channels"),
    (lambda h: h["__metadata__"].update(network=h["__metadata__"]["network"].replace(
        '"deviation":[', '"deviation":[-')), "deviation"),
    (lambda h: h["__metadata__"].update(architecture="[]"), "broken.safetensors"),
])
def test_damaged_files_are_refused(change, message, tmp_path):
    training, _, _ = trained("pools", tmp_path, steps=0)
    training.network().save(tmp_path / "network.safetensors")
    broken = rewritten(tmp_path / "network.safetensors", change)
    with pytest.raises((fpnas.FormatError, fpnas.InvalidError), match=message):
        fpnas.Network.load(broken)


def test_a_header_longer_than_the_file_is_refused(tmp_path):
    for data in [b"", b"1234567", b"\xff" * 8, struct.pack("<Q", 9) + b"{}",
                 struct.pack("<Q", 4) + b"[1, ", struct.pack("<Q", 2) + b"{}"]:
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(fpnas.FormatError, match="x'"):
            fpnas.Network.load(tmp_path / "x")


def test_networks_teach_and_refuse(tmp_path):
    teacher, images, _ = trained("pools", tmp_path)
    made = teacher.network()
    space, row = network("fused")  # another space, at another size
    pupil = fpnas.Retraining(
        tmp_path / "images", space, row, epochs=2, batch_size=8, image_size=12, threads=1)
    pupil.distil(made, weight=0.5, temperature=2)
    pupil.step()
    with pytest.raises(fpnas.InvalidError, match="10"):
        fpnas.Retraining(
            DIGITS, fpnas.Space.preset("mbconv-small", 16, 16, 1, 10), [0] * 45,
            threads=1).distil(made)
    with pytest.raises(fpnas.InvalidError, match="uint8"):
        made.predict(images / 255.0)
    with pytest.raises(fpnas.InvalidError, match="shape"):
        made.predict(np.zeros((2, 9, 9, 3), np.uint8))
    with pytest.raises(fpnas.InvalidError, match="shape"):
        made.predict_prepared(np.zeros((2, 8, 9, 1)))
    with pytest.raises(fpnas.InvalidError, match="value 0 of image 1 is nan"):
        made.predict_prepared(np.stack([np.zeros((9, 9, 1)), np.full((9, 9, 1), np.nan)]))
    assert made.predict(np.zeros((0, 9, 9), np.uint8)).shape == (0, 3)
    made.close()
    with pytest.raises(fpnas.HandleError):
        made.predict(images)
