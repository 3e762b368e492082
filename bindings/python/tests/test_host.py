"""The library is a guest: the host's process stays as it was."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import fpnas


def run(code, **environment):
    """Runs code in a fresh interpreter and returns its output."""
    import fpnas as package

    paths = [os.path.dirname(os.path.dirname(package.__file__)), os.path.dirname(__file__)]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths),
             "FPNAS_LIBRARY": package.library_path, **environment})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


WORK = """
import fpnas
space = fpnas.Space.preset("mbconv-small", 16, 16, 1, 10)
search = fpnas.Search(space, seed=1, maximum_steps=20)
for ask in search:
    ask.tell([-1.0] * len(ask))
search.distribution.mode()
"""

DIGITS = os.path.join(os.path.dirname(__file__), "..", "..", "..", "data", "digits")
RUN = f"""
run = fpnas.Run({DIGITS!r}, epochs=1, threads=2)
run.step()
""" if os.path.isdir(DIGITS) else ""


def test_nothing_is_printed():
    assert run(WORK + RUN) == ""


def test_host_settings_stay():
    code = """
import ctypes, locale, os, signal, threading
import numpy as np

def pools():
    found = {}
    with open("/proc/self/maps") as maps:
        for line in maps:
            path = line.split(maxsplit=5)[-1].strip()
            if "openblas" in path and path not in found:
                library = ctypes.CDLL(path)
                for name in ("openblas_get_num_threads", "scipy_openblas_get_num_threads64_",
                             "openblas_get_num_threads64_", "scipy_openblas_get_num_threads"):
                    if hasattr(library, name):
                        found[path] = getattr(library, name)()
    return found

def signals():
    return [signal.getsignal(s) for s in signal.valid_signals()]

import fpnas  # loads OpenBLAS, which starts its own threads
np.ones((64, 64)) @ np.ones((64, 64))
tasks = len(os.listdir("/proc/self/task"))
before = pools(), signals(), locale.setlocale(locale.LC_ALL), np.geterr()
""" + WORK + RUN + """
after = pools()
for path, count in before[0].items():
    assert after[path] == count
assert (signals(), locale.setlocale(locale.LC_ALL), np.geterr()) == before[1:]
tiny = np.float64(5e-324)
assert tiny * 1 == tiny and np.float32(1e-45) * np.float32(1) != 0
assert np.finfo(np.float64).smallest_normal / 2 > 0
assert threading.active_count() == 1
assert len(os.listdir("/proc/self/task")) == tasks
"""
    run(code)


def test_the_seed_fixes_everything_whatever_the_hash_seed():
    code = WORK + "print(search.to_bytes().hex())"
    assert run(code, PYTHONHASHSEED="1") == run(code, PYTHONHASHSEED="2")


def fork_child(pipe, search, space):
    try:
        search.ask()
        pipe.send("old handle worked")
    except fpnas.ForkedError:
        fresh = fpnas.Space.build("fresh", [{"name": "a", "k": [1, 2, 3]}])
        new = fpnas.Search(fresh, seed=1)
        ask = new.ask()
        ask.tell(np.zeros(len(ask)))
        search.close()
        pipe.send(("new handle works", new.progress.steps, ask.architectures.tolist()))


def spawn_child(pipe, text):
    search = fpnas.Search(fpnas.Space.from_json(text), seed=1)
    pipe.send(search.ask().architectures.tolist())


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork():
    space = fpnas.Space.build("s", [{"name": "a", "k": [1, 2, 3]}])
    search = fpnas.Search(space, seed=1)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=fork_child, args=(theirs, search, space))
    child.start()
    assert ours.poll(60)
    assert ours.recv() == ("new handle works", 1, search.ask().architectures.tolist())
    child.join(60)
    assert child.exitcode == 0
    assert search.progress.asks == 1


def test_spawn():
    space = fpnas.Space.build("s", [{"name": "a", "k": [1, 2, 3]}])
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=spawn_child, args=(theirs, space.to_json()))
    child.start()
    assert ours.poll(60)
    assert ours.recv() == fpnas.Search(space, seed=1).ask().architectures.tolist()
    child.join(60)
    assert child.exitcode == 0


def test_control_c(flat):
    search = fpnas.Search(flat, seed=1, minimum_samples=8)
    # A test run in the background may have inherited that SIGINT is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        while time.monotonic() - start < 60:
            ask = search.ask()
            ask.tell(np.zeros(len(ask)))
    signal.signal(signal.SIGINT, before)
    for number in search.open_asks:
        search.close_ask(number)
    ask = search.ask()
    ask.tell(np.zeros(len(ask)))


def test_busy():
    """Two threads in one handle: one is refused, nothing breaks."""
    space = fpnas.Space.build("big", [{"name": str(i), "c": list(range(16))} for i in range(64)])
    distribution = fpnas.Distribution(space)
    expected = distribution.sample(50_000, seed=1)
    errors, results, start = [], [], threading.Barrier(2)

    def work():
        start.wait()
        for _ in range(10):
            try:
                results.append(distribution.sample(50_000, seed=1))
            except fpnas.BusyError as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) + len(results) == 20
    assert errors and isinstance(errors[0], RuntimeError) and "thread" in str(errors[0])
    assert results and all(np.array_equal(rows, expected) for rows in results)


def test_errors_belong_to_their_thread(flat):
    """The message is that of the failed call of the same thread."""
    wrong = []

    def work(i):
        for _ in range(200):
            try:
                fpnas.Search(flat, learning_rate=-float(i))
            except fpnas.InvalidError as error:
                if f"-{i}.0" not in str(error):
                    wrong.append(str(error))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_missing_library_lists_what_was_tried(tmp_path):
    import pathlib
    import shutil

    copy = tmp_path / "fpnas"
    shutil.copytree(
        pathlib.Path(fpnas.__file__).parent, copy,
        ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    code = """
try:
    import fpnas
except ImportError as error:
    print(error)
"""
    environment = {k: v for k, v in os.environ.items() if k != "FPNAS_LIBRARY"}
    environment["PYTHONPATH"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env=environment, check=True, cwd=tmp_path)
    if done.stdout:  # empty where the system's loader knows a library
        assert "the package" in done.stdout and "loader" in done.stdout
        assert "FPNAS_LIBRARY" in done.stdout
    environment["FPNAS_LIBRARY"] = "/nowhere/libfpnas.so"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env=environment, check=True, cwd=tmp_path)
    assert "'/nowhere/libfpnas.so': no such file" in done.stdout
