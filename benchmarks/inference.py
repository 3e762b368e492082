#!/usr/bin/env python3
"""Inference of a trained network here, in ONNX Runtime and in PyTorch, on one thread of the CPU.

    make && PYTHON benchmarks/inference.py      (a Python with torch, onnx and onnxruntime)

The networks are a digits' one (8x8 images seen at 16x16) and a Fashion-MNIST one (28x28) of the
examples' space, trained for a few steps and taken out by `fpnas.onnx` and `fpnas.torch`; that all
logits are equal (1e-4 of the largest) is asserted first. All get their input prepared, in their own
layout, as arrays of the host, and take turns call by call in one process, so that whatever else the
machine does meets all of them. Times are medians of a call in microseconds, by the process's own
clock (--clock wall for the other); a ratio above 1 says that we are faster.
"""
from __future__ import annotations

import argparse
import os
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bindings" / "python"))
os.environ.setdefault("FPNAS_LIBRARY", str(ROOT / "build" / "libfpnas.so"))

import fpnas  # noqa: E402


def random_images(folder: Path, side: int, count: int = 400) -> Path:
    """Random grey images as IDX files; what they show does not change the time."""
    random = np.random.default_rng(1)
    for part in ("train", "t10k"):
        pixels = random.integers(0, 256, (count, side, side), np.uint8)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 0x803, count, side, side) + pixels.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)))
    return folder


def trained(name: str, folder: Path) -> tuple[fpnas.Network, int]:
    """The network of that name and its MACs."""
    if name == "digits":
        space = fpnas.Space.preset("mbconv-small", 16, 16, 1, 10)
        row, images = space.random_near(285_728, 1), ROOT / "data" / "digits"
    else:
        space = fpnas.Space.load(ROOT / "examples" / "spaces" / "fashion.json")
        row, images = space.random_near(6_000_000, 1), random_images(folder, 28)
    training = fpnas.Retraining(images, space, row, epochs=4, threads=1)
    for _ in range(8):
        training.step()
    return training.network(), training_macs(space, row)


def training_macs(space: fpnas.Space, row: np.ndarray) -> int:
    return space.cost(row).macs


def contestants(network: fpnas.Network, batch: int) -> dict:
    """A call each that computes the logits of one batch, and what it is called."""
    import onnxruntime
    import torch

    torch.set_num_threads(1)
    images = np.random.default_rng(2).integers(
        0, 256, (batch, *network.input_shape), np.uint8)
    inputs = network.prepare(images)
    planes = inputs.transpose(0, 3, 1, 2).copy()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        fpnas.onnx.to_onnx(network).SerializeToString(), settings,
        providers=["CPUExecutionProvider"])
    calls = {
        "fpnas": lambda: network.predict_prepared(inputs),
        "onnxruntime": lambda: session.run(None, {"image": planes})[0],
    }
    for layout in ("contiguous_format", "channels_last"):
        module = fpnas.torch.to_torch(network).to(memory_format=getattr(torch, layout))
        tensor = torch.from_numpy(planes).to(memory_format=getattr(torch, layout))

        def call(module=module, tensor=tensor):
            with torch.inference_mode():
                return module(tensor).numpy()

        calls[f"torch {layout}"] = call
    expected = calls["fpnas"]()
    for name, call in calls.items():
        difference = np.abs(call() - expected).max() / np.abs(expected).max()
        assert difference < 1e-4, f"{name} differs by {difference}"
    return calls


def measure(calls: dict, seconds: float, clock) -> dict[str, list[float]]:
    """Microseconds of every call, in turns."""
    times = {name: [] for name in calls}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times["fpnas"]) < 30:
        for name, call in calls.items():
            start = clock()
            call()
            times[name].append((clock() - start) * 1e6)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="of every line")
    parser.add_argument("--clock", choices=("cpu", "wall"), default="cpu")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 64])
    arguments = parser.parse_args()
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    import onnxruntime
    import torch

    print(f"onnxruntime {onnxruntime.__version__}, torch {torch.__version__}, "
          f"{fpnas.build_info()}; {arguments.clock} clock")
    print("| network | MACs | batch | fpnas µs | ONNX Runtime µs | ratio | PyTorch µs | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for name in ("digits", "fashion"):
        with tempfile.TemporaryDirectory() as folder:
            network, macs = trained(name, Path(folder))
        for batch in arguments.batches:
            times = measure(contestants(network, batch), arguments.seconds, clock)
            # The ratio of medians of turns; of PyTorch, its better layout.
            middle = {key: statistics.median(values) for key, values in times.items()}
            ours, onnx = middle["fpnas"], middle["onnxruntime"]
            torch_best = min(value for key, value in middle.items() if key.startswith("torch"))
            print(f"| {name} | {macs:,} | {batch} | {ours:,.0f} | {onnx:,.0f} | {onnx / ours:.2f} "
                  f"| {torch_best:,.0f} | {torch_best / ours:.2f} |", flush=True)


if __name__ == "__main__":
    main()
