#!/usr/bin/env python3
"""One training step (forward, backward, SGD with momentum) here and in PyTorch on the CPU.

    make && PYTHON_WITH_TORCH benchmarks/train_step.py [--threads 1 2] [--sizes 8 28 32 96 224]

Each contestant is a process of its own; they take turns, so that whatever else the machine does
meets all of them. A ratio is the median over rounds of PyTorch's time over ours in that round, of
PyTorch's best variant. Our time holds the batch's preparation from bytes too, which PyTorch is
given for nothing: the images lie in memory. A turn lasts 50 ms and is one call of ours, whose threads
live as long; with --single a call is a step. `sgemm` is OpenBLAS at the network's own shapes (forward,
one thread), by MACs; what two threads of it gain is a control of what two threads can.

--gain times our steps alone, on one and on two threads by turns in one process, and gives first
deciles too: on a virtual machine the second core comes and goes by the minute.
"""
from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from mbconv_network import DESIGNS, Design, products, space_json, step_flops, torch_module, write_images

ROOT = Path(__file__).resolve().parents[1]


def our_stepper(design: Design, threads: int, images: str, single: bool):
    import fpnas

    space = fpnas.Space.from_json(space_json(design))
    training = fpnas.Retraining(
        images, space, [], batch_size=design.batch, threads=threads, image_size=design.size,
        epochs=1_000_000, maximum_shift=0, weight_rate=1e-4, weight_decay=1e-4)
    return repeated(training.step) if single else training.step


def repeated(step):
    """Makes so many steps."""
    def steps(count: int) -> None:
        for _ in range(count):
            step()
    return steps


def torch_stepper(design: Design, threads: int, channels_last: bool, compiled: bool):
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = torch_module(design).to(memory_format=layout)
    images = torch.randn(design.batch, 3, design.size, design.size).to(memory_format=layout)
    labels = torch.randint(0, 10, (design.batch,))
    optimiser = torch.optim.SGD(
        model.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-4, fused=True)

    def loss_of(x, y):
        return torch.nn.functional.cross_entropy(model(x), y)

    if compiled:
        loss_of = torch.compile(loss_of)

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(images, labels)
        loss.backward()
        optimiser.step()
        return loss.item()

    return repeated(step)


def contestant(
    name: str, size: int, threads: int, images: str, clock: str, single: bool, pipe,
) -> None:
    """Warms up, then answers each wish for n steps with the seconds of one."""
    # What a host sets to tune its BLAS is not for PyTorch.
    for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        if name != "ours":
            os.environ.pop(variable, None)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    now = time.process_time if clock == "cpu" else time.perf_counter
    design = DESIGNS[size]
    try:
        # Memory of the libraries themselves does not count.
        if name == "ours":
            sys.path.insert(0, str(ROOT / "bindings" / "python"))
            __import__("fpnas")
        else:
            __import__("torch")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if name == "ours":
            step = our_stepper(design, threads, images, single)
        else:
            step = torch_stepper(design, threads, "last" in name, "compile" in name)
        step(3)
        start = now()
        step(1)
        pipe.send(now() - start)
    except Exception as error:  # no compiler, for example
        pipe.send(f"{type(error).__name__}: {error}"[:200])
        return
    while (steps := pipe.recv()) > 0:
        start = now()
        step(steps)
        pipe.send((now() - start) / steps)
    pipe.send((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def race(
    names: list[str], size: int, threads: int, images: str, rounds: int, clock: str, single: bool,
):
    """Seconds of a step for each contestant and round, and MiB on top of what was loaded."""
    context = multiprocessing.get_context("spawn")
    racers = {}
    for name in names:
        pipe, end = context.Pipe()
        process = context.Process(
            target=contestant, args=(name, size, threads, images, clock, single, end))
        process.start()
        first = pipe.recv()
        if isinstance(first, str):
            print(f"  {name}: left out ({first})")
            process.join()
            continue
        racers[name] = (process, pipe, max(1, int(0.05 / first)))
    times = {name: [] for name in racers}
    for _ in range(rounds):
        for name, (_, pipe, steps) in racers.items():
            pipe.send(steps)
            times[name].append(pipe.recv())
    memory = {}
    for name, (process, pipe, _) in racers.items():
        pipe.send(0)
        memory[name] = pipe.recv()
        process.join()
    return times, memory


def gain(design: Design, images: str, single: bool, rounds: int) -> None:
    """Prints what a second thread gains, by turns of 50 ms."""
    sys.path.insert(0, str(ROOT / "bindings" / "python"))
    step = {threads: our_stepper(design, threads, images, single) for threads in (1, 2)}
    times: dict[int, list[float]] = {1: [], 2: []}
    count = 1
    for turn in range(rounds + 2):
        for threads in times:
            start = time.perf_counter()
            step[threads](count)
            times[threads].append((time.perf_counter() - start) / count)
        if turn == 1:  # warm
            count = max(1, int(0.05 / times[1][-1]))
            times = {1: [], 2: []}
    for name, share in (("first decile", 0.1), ("median", 0.5)):
        one, two = (sorted(times[threads])[int(share * rounds)] for threads in (1, 2))
        print(f"  {name:<13} one thread {1e3 * one:8.3f} ms, two {1e3 * two:8.3f} ms: "
              f"{one / two:.2f} times as fast", flush=True)


def sgemm_rate(design: Design, threads: int = 1, seconds: float = 0.02) -> float:
    """FLOP/s of OpenBLAS over the network's dense products, each weighted by MACs."""
    library = ctypes.CDLL(ctypes.util.find_library("openblas") or "libopenblas.so.0")
    library.openblas_set_num_threads(threads)
    real, total_macs, total_time = ctypes.c_float, 0, 0.0
    shapes = [p for p in products(design)[0] if p.rows > 1]
    for p in shapes:
        m, n, k = p.rows * design.batch, p.columns, p.inner
        a, b, c = (real * (m * k))(), (real * (k * n))(), (real * (m * n))()
        best, end = float("inf"), time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            library.cblas_sgemm(
                101, 111, 111, m, n, k, real(1), a, k, b, n, real(0), c, n)
            best = min(best, time.perf_counter() - start)
        total_macs += m * n * k
        total_time += best
    return 2 * total_macs / total_time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 28, 32, 96, 224])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall",
        help="cpu: the process's CPU time, which other work hardly moves; for one thread")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--gain", action="store_true", help="one thread of ours against two, alone")
    parser.add_argument("--single", action="store_true", help="one of our steps a call")
    arguments = parser.parse_args()
    if arguments.clock == "cpu" and arguments.threads != [1]:
        parser.error("CPU time compares only runs on one thread: --threads 1")
    names = ["ours"]
    if not arguments.only_ours:
        names += ["eager", "eager, channels last"]
        if not arguments.no_compile:
            names += ["compiled", "compiled, channels last"]
    for size in arguments.sizes:
        design = DESIGNS[size]
        flops, rate = step_flops(design), sgemm_rate(design)
        print(f"{size}x{size}, batch {design.batch}: {flops / 1e9:.3f} GFLOP a step, "
              f"sgemm {rate / 1e9:.1f} GFLOP/s")
        with tempfile.TemporaryDirectory() as folder:
            write_images(Path(folder), size, 2 * design.batch + 20)
            if arguments.gain:
                gain(design, folder, arguments.single, arguments.rounds)
                continue
            ours = {}
            for threads in arguments.threads:
                times, memory = race(
                    names, size, threads, folder, arguments.rounds, arguments.clock,
                    arguments.single)
                median = {name: statistics.median(t) for name, t in times.items()}
                ours[threads] = median["ours"]
                for name in median:
                    print(f"  {threads} threads {name:<24}{1e3 * median[name]:9.3f} ms "
                          f"{flops / median[name] / 1e9:7.1f} GFLOP/s "
                          f"{memory[name]:8.0f} MiB", flush=True)
                rivals = [name for name in median if name != "ours"]
                if rivals:
                    best = min(rivals, key=median.get)
                    ratio = statistics.median(
                        theirs / mine for theirs, mine in zip(times[best], times["ours"]))
                    print(f"  {threads} threads: {ratio:.2f} times as fast as {best}", flush=True)
            if 1 in ours and 2 in ours:
                print(f"  two threads are {ours[1] / ours[2]:.2f} times as fast as one, "
                      f"sgemm's {sgemm_rate(design, 2) / rate:.2f} times")


if __name__ == "__main__":
    main()
