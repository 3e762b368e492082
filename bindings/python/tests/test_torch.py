"""Live against PyTorch and ONNX Runtime, where they are installed: logits, loss, every gradient,
and the weights of ten training steps, for one network of every kind of block."""

import math

import numpy as np
import pytest

import fpnas
from networks import NAMES, SIDE, network, write_images

IMAGES, STEPS = 16, 10


@pytest.fixture
def torch():
    found = pytest.importorskip("torch", reason="torch is not installed")
    found.set_num_threads(1)
    return found


def whole_batches(name, folder, **options):
    """A retraining whose every step takes all images: their order does not matter then."""
    images, labels = write_images(folder, IMAGES, seed=3)
    space, row = network(name)
    settings = dict(
        epochs=STEPS, batch_size=IMAGES, image_size=SIDE, maximum_shift=0, rate_warm_up=0,
        threads=1, seed=5)
    return fpnas.Retraining(folder, space, row, **(settings | options)), images, labels


def nchw(torch, inputs, dtype):
    return torch.from_numpy(inputs.transpose(0, 3, 1, 2).copy()).to(dtype)


def tensors_of(module, graph, what):
    """The module's tensors under the library's names; `what` makes an array of a parameter."""
    places = {"core.weight": "weight", "core.bias": "bias", "norm.weight": "norm.gamma",
              "norm.bias": "norm.beta"}
    names = {op["name"].replace(".", "_"): op["name"] for op in graph["operators"]}
    found = {}
    for key, parameter in module.named_parameters():
        operator, _, role = key.partition(".")
        found[f"{names[operator]}.{places.get(role, role)}"] = what(parameter)
    return found


def differ(ours, theirs, scale):
    """The norm of the difference against the tensor's norm, or that of a typical tensor."""
    difference = np.linalg.norm(ours.astype(float) - theirs)
    return difference / max(np.linalg.norm(theirs), 1e-2 * scale)


@pytest.mark.parametrize("name", NAMES)
def test_logits(name, tmp_path, torch):
    training, images, _ = whole_batches(name, tmp_path / "images", weight_rate=0.05)
    for _ in range(3):
        training.step()
    made = training.network()
    module = fpnas.torch.to_torch(made)
    assert not module.training
    logits = made.predict(images)
    with torch.no_grad():
        single = module(nchw(torch, made.prepare(images), torch.float32)).numpy()
        double = module.double()(nchw(torch, made.prepare(images), torch.float64)).numpy()
    for theirs in (single, double):
        assert np.abs(logits - theirs).max() < 1e-4 * np.abs(theirs).max()


@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradients(name, tmp_path, torch):
    # One step of plain SGD at rate 1 takes the gradient away from the weights.
    training, images, labels = whole_batches(
        name, tmp_path / "images", epochs=1, weight_rate=1, momentum=0, weight_decay=0)
    before = training.network()
    training.step()
    after = training.network().tensors
    module = fpnas.torch.to_torch(before).double().train()
    loss = torch.nn.functional.cross_entropy(
        module(nchw(torch, before.prepare(images), torch.float64)),
        torch.from_numpy(labels.astype(np.int64)))
    assert -training.progress.train_log_likelihood == pytest.approx(loss.item(), rel=1e-4)
    loss.backward()
    theirs = tensors_of(module, before.graph, lambda p: p.grad.numpy())
    weights = before.tensors
    assert sorted(theirs) == sorted(
        n for n in weights if not n.endswith((".norm.mean", ".norm.variance")))
    scale = max(np.linalg.norm(g) for g in theirs.values())
    for key, gradient in theirs.items():
        ours = weights[key].astype(float) - after[key]
        # The weights' own rounding is part of the difference of two of them.
        rounding = 1.2e-7 * np.linalg.norm(weights[key])
        difference = np.linalg.norm(ours - gradient)
        assert difference < 1e-4 * np.linalg.norm(gradient) + 1e-5 * scale + rounding, key


@pytest.mark.parametrize("name", NAMES)
def test_ten_steps(name, tmp_path, torch):
    rate, momentum, decay = 0.05, 0.9, 1e-3
    training, images, labels = whole_batches(
        name, tmp_path / "images", weight_rate=rate, momentum=momentum, weight_decay=decay)
    start = training.network()
    module = fpnas.torch.to_torch(start).double().train()
    decayed = [p for p in module.parameters() if p.dim() > 1]
    others = [p for p in module.parameters() if p.dim() == 1]
    optimiser = torch.optim.SGD(
        [{"params": decayed, "weight_decay": decay}, {"params": others}], lr=rate,
        momentum=momentum)
    inputs = nchw(torch, start.prepare(images), torch.float64)
    targets = torch.from_numpy(labels.astype(np.int64))
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        loss = torch.nn.functional.cross_entropy(module(inputs), targets)
        training.step()
        ours = -training.progress.train_log_likelihood
        assert ours == pytest.approx(loss.item(), rel=1e-4), step
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    theirs = tensors_of(module, start.graph, lambda p: p.detach().numpy())
    found = training.network().tensors
    scale = max(np.linalg.norm(t) for t in theirs.values())
    for key, expected in theirs.items():
        assert differ(found[key], expected, scale) < 1e-4, key


def test_modules_are_named_and_train(tmp_path, torch):
    training, images, _ = whole_batches("splits", tmp_path / "images")
    made = training.network()
    module = fpnas.torch.to_torch(made)
    names = [name for name, _ in module.named_children()]
    assert names == [op["name"].replace(".", "_") for op in made.graph["operators"]]
    module.train()
    module(nchw(torch, made.prepare(images), torch.float32)).sum().backward()
    assert all(p.grad is not None for p in module.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_onnx(name, tmp_path):
    pytest.importorskip("onnx", reason="onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    training, images, _ = whole_batches(name, tmp_path / "images", weight_rate=0.05)
    for _ in range(3):
        training.step()
    made = training.network()
    path = tmp_path / "network.onnx"
    fpnas.onnx.export_onnx(made, path)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = made.prepare(images).transpose(0, 3, 1, 2).copy()
    logits = made.predict(images)
    for count in (1, IMAGES):
        theirs, = session.run(None, {"image": inputs[:count]})
        assert theirs.shape == (count, 3)
        assert np.abs(logits[:count] - theirs).max() < 1e-4 * np.abs(logits).max()


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    """Without torch or onnx the modules are there, and say what they need when used."""
    import sys

    training, _, _ = whole_batches("pools", tmp_path / "images")
    made = training.network()
    for package, convert in (("torch", fpnas.torch.to_torch), ("onnx", fpnas.onnx.to_onnx)):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(ModuleNotFoundError, match=package):
            convert(made)
