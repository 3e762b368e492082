#!/usr/bin/env python3
"""Random sequences of calls through the C ABI, in child processes: no signal may end one.

    Tests/fuzz/api_sequences.py [--seed 1] [--sequences 16] [--calls 300] [--only N]

Functions are those of the header, in any order, on handles that are live, freed, foreign or of
another type, with arguments that are plausible or odd. Memory is always as large as a caller must
make it, since the library cannot know better. After every call: a status is known, a failure has
a message, a new handle is there exactly on success; at the end all handles are freed and none is
left. The same seed gives the same calls. A failure prints how to repeat it and its last calls.
"""

import argparse
import ctypes
import mmap
import os
import random
import resource
import signal
import struct
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "abi"))
import interface  # noqa: E402
from interface import FUNCTIONS, SCALARS, STRUCTS  # noqa: E402

ROOM = 1 << 18
SECONDS = 120  # of one sequence
INTEGERS = [0, 1, 2, 3, 5, 8, 16, 64, -1, -2, 255, 65536, (1 << 31) - 1, -(1 << 31), 1 << 40,
            (1 << 63) - 1, -(1 << 63)]
REALS = [0.0, 1.0, 0.5, -0.5, 0.25, 2.0, 30.0, -1e3, 1e6, 1e18, 1e300, -1e300, 5e-324,
         float("inf"), float("-inf"), float("nan")]
TEXTS = [b"mbconv-small", b"conv", b"mbconv", b"classifier", b"kernel", b"channels", b"expansion",
         b"activation", b"relu", b"swish", b"se", b"op", b"k", b"", b"\xff\xfe", b"a" * 3000]
JSON = b"""{"format": "fpnas-space", "version": 1, "name": "tiny",
 "input": {"height": 8, "width": 8, "channels": 1}, "classes": 2, "layers": [
 {"name": "stem", "operation": "conv", "kernel": 3, "channels": [2, 4]},
 {"name": "block", "operation": "mbconv", "stride": 2, "kernel": [0, 3], "se": [0, 1],
  "expansion": [1, 1.5], "channels": [2, 4]},
 {"name": "classifier", "operation": "classifier"}]}"""
ABSTRACT = b"""{"format": "fpnas-space", "version": 1, "name": "cell", "layers": [
 {"name": "a", "variables": [{"name": "op", "choices": ["skip", "conv", "pool"]},
  {"name": "k", "choices": [3, 5], "when": {"variable": "op", "in": ["conv"]}}]},
 {"name": "b", "variables": [{"name": "k", "choices": [1, 2, 3, 4]}]}]}"""
BARE = b'{"format": "fpnas-space", "version": 1, "name": "", "layers": []}'
# More of what a program calls most.
WEIGHTS = {"ask": 6, "tell": 6, "tell_some": 4, "from_json": 3, "search_create": 4, "step": 1}


def write_images(folder):
    """Eight images of 8 x 8 in two classes, as IDX files."""
    os.makedirs(folder)
    for part in ("train", "t10k"):
        pixels = bytes((17 * i * (1 + i // 64)) & 255 for i in range(8 * 64))
        Path(folder, f"{part}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 0x803, 8, 8, 8) + pixels)
        Path(folder, f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 0x801, 8) + bytes([0, 1] * 4))


class Sequence:
    def __init__(self, library, seed, folder, log):
        self.library, self.log = library, log
        self.random = random.Random(seed)
        self.images = os.path.join(folder, "images")
        self.paths = [os.path.join(folder, name) for name in ("run", "a", "b", "missing/x", "report")]
        self.handles = {name: [] for name in interface.HANDLES}
        self.freed = []
        self.numbers, self.counts, self.blobs, self.logits = [0], [1], [b""], [1]
        self.json, self.blob = JSON, b""
        self.functions = [f for f in FUNCTIONS if f.result in SCALARS or f.result == "void"]
        self.weights = [
            3 if not f.fails else max([w for end, w in WEIGHTS.items() if f.name.endswith(end)] + [2])
            for f in self.functions]

    def pick(self, values):
        return values[self.random.randrange(len(values))]

    def often(self, share):
        return self.random.random() < share

    # Arguments

    def integer(self):
        return self.pick(INTEGERS) if self.often(0.7) else self.random.getrandbits(64) - (1 << 63)

    def real(self):
        return self.random.uniform(-3, 1) if self.often(0.6) else self.pick(REALS)

    def fill(self, p):
        """Memory with plausible or odd values in it."""
        memory = (ctypes.c_uint64 * (ROOM // 8))()
        if p.struct:
            self.fill_struct(p, memory)
        elif p.base == "uint8_t":
            self.blob = self.pick(self.blobs)
            if self.blob and self.often(0.5):
                self.blob = self.damaged(self.blob)
            self.blob = self.blob[:ROOM]
            ctypes.memmove(memory, self.blob, len(self.blob))
        elif p.kind != "new_handle" and p.type:
            values = (p.type * 64).from_buffer(memory)
            odd = self.often(0.15)
            for i in range(64):
                if p.base == "double":
                    values[i] = self.real() if odd else self.random.uniform(-2, 0)
                elif p.base != "char":
                    values[i] = p.type(self.integer() if odd else self.random.randrange(2)).value
            if p.name == "choices" and not odd:
                for i in range(64):
                    values[i] = p.type(i if p.base == "int32_t" else 2 * i + 1).value
            if p.name in ("costs", "multiplicities") and not odd:
                for i in range(64):
                    values[i] = 1 + i
            if p.name == "networks" and not odd:
                for i in range(64):
                    values[i] = i
        return memory

    def fill_struct(self, p, memory):
        size = interface.sizeof(p.base)
        if p.base.endswith("_options"):
            if p.base == "fpnas_search_options":
                ctypes.memmove(memory, self.defaults, size)
            elif p.base != "fpnas_mixture_options":  # whose defaults are 0
                getattr(self.library, p.base + "_init")(memory, ctypes.c_size_t(size))
        offset = 0
        for kind, field in STRUCTS[p.base]:
            width = ctypes.sizeof(SCALARS[kind])
            offset = (offset + width - 1) // width * width
            place = SCALARS[kind].from_buffer(memory, offset)
            if field == "struct_size":
                place.value = size
            elif field == "threads":
                place.value = self.pick([1, 2, 2, -1])
            elif field == "cost_weight":
                place.value = self.random.randrange(2)
            elif field == "batch_size":
                place.value = self.pick([2, 4])
            elif field == "is_empty":
                place.value = 1
            if self.often(0.02):
                place.value = self.real() if kind == "double" else SCALARS[kind](self.integer()).value
            offset += width

    def damaged(self, data):
        data = bytearray(data)
        for _ in range(self.random.randrange(1, 4)):
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        return bytes(data[:self.random.randrange(1, len(data) + 1)] if self.often(0.3) else data)

    def handle(self, base):
        chance = self.random.random()
        if chance < 0.9 and self.handles[base]:
            return self.pick(self.handles[base][-4:])
        if chance < 0.95 and self.freed:
            return self.pick(self.freed)
        return self.pick([None, 1, (1 << 64) - 1, id(self), self.random.getrandbits(64)])

    def text(self, p, f):
        if p.name == "json":
            self.json = self.pick([JSON, ABSTRACT, JSON, BARE])
            if self.often(0.4):
                self.json = self.damaged(self.json)
            return self.json
        if p.name in ("data_folder",):
            return os.fsencode(self.images if self.often(0.9) else self.pick(self.paths))
        if f.name == "fpnas_architecture_load" and self.often(0.5):
            return os.fsencode(os.path.join(self.paths[-1], "architecture.json"))
        if "builder_add" in f.name and p.name == "name" or p.name == "variable":
            return self.pick([b"k", b"op", b"kernel", b"channels"])
        if p.name == "operation" and self.often(0.8):
            return self.pick([b"conv", b"mbconv", b"classifier"])
        if f.name == "fpnas_space_preset" and self.often(0.8):
            return b"mbconv-small"
        if p.name in ("path", "folder"):
            return os.fsencode(self.pick(self.paths))
        return self.pick(TEXTS) + (b"%d" % self.random.randrange(9) if self.often(0.3) else b"")

    def scalar(self, p, f):
        if p.name == "length":
            return len(self.json) if self.often(0.9) else self.random.randrange(len(self.json) + 1)
        if p.name == "capacity":
            return ROOM // 8 if self.often(0.7) else self.pick([0, 1, 7])
        if p.name == "number":
            return self.pick(self.numbers[-3:]) if self.often(0.9) else self.integer()
        if p.name == "count" and "bytes" in f.names():
            return len(self.blob)
        if p.name == "count" and "log_likelihoods" in f.names():
            return self.counts[-1] if self.often(0.8) else self.random.randrange(65)
        if p.name == "count" and "logits" in f.names() and self.often(0.8):
            return self.pick(self.logits[-3:])
        if p.name == "count":
            if self.often(0.05):
                return (1 << 64) - 1 - self.random.randrange(3)
            return self.random.randrange(5) if self.often(0.9) else self.random.randrange(65)
        if p.name in ("layer", "variable", "choice") and self.often(0.8):
            return self.random.randrange(5)
        if p.base == "double":
            return self.real()
        if p.name in ("height", "width", "channels", "classes", "stride", "repeats") \
                and self.often(0.8):
            return self.pick([1, 2, 3, 8, 16])
        if p.name in ("canonical", "metric", "form", "reset_peak") and self.often(0.9):
            return self.random.randrange(2)
        if p.name == "threads" and self.often(0.95):
            return self.random.randrange(3)
        if p.name == "value" and self.often(0.5):
            return self.random.randrange(3)
        if p.name == "struct_size":
            return self.pick([interface.sizeof(f.parameters[0].base), 0, 8, 4096])
        return self.integer()

    # Calls

    def call(self):
        f = self.random.choices(self.functions, self.weights)[0]
        if f.name.endswith("_free") and self.often(0.7):
            return
        arguments, memory, shown = [], {}, []
        for p in f.parameters:
            if p.kind == "scalar":
                value = p.type(self.scalar(p, f))
            elif p.kind == "handle":
                value = ctypes.c_void_p(self.handle(p.base))
            elif self.often(0.02):
                value = None
            elif p.kind == "text":
                value = ctypes.c_char_p(self.text(p, f))
            elif p.kind == "handles":
                value = (ctypes.c_void_p * 64)(*[self.handle(p.base) for _ in range(64)])
            elif p.kind == "texts":
                value = (ctypes.c_char_p * 64)(*[b"%d" % i for i in range(64)])
            else:
                value = memory[p.name] = self.fill(p)
            arguments.append(value)
            shown.append(f"{p.name}={getattr(value, 'value', '...')!r:.60}")
        self.log(f"{f.name}({', '.join(shown)})")
        result = getattr(self.library, f.name)(*arguments)
        if f.fails:
            self.check(f, result)
        for p, value in zip(f.parameters, arguments):
            if p.kind == "new_handle" and p.name in memory:
                token = memory[p.name][0]
                if bool(token) != (result == 0):
                    raise AssertionError(f"{f.name}: status {result}, handle {token}")
                if token:
                    self.handles[p.base].append(token)
            elif p.kind == "handle" and f.name == f"{p.base}_free":
                self.forget(p.base, value.value)
        if result == 0 and f.name == "fpnas_search_ask":
            self.numbers.append(memory["ask"][0])
            self.counts.append(memory["ask"][2])
        if result == 0 and f.name == "fpnas_distribution_get_logits" and memory.get("needed"):
            self.logits.append(memory["needed"][0])
        if result == 0 and f.name == "fpnas_search_to_bytes" and memory.get("needed"):
            self.blobs.append(bytes(memory["out"])[:memory["needed"][0]])

    def check(self, f, status):
        message = self.library.fpnas_last_error()
        if not -11 <= status <= 0:
            raise AssertionError(f"{f.name}: unknown status {status}")
        if status != 0 and (not message or b"\n" in message):
            raise AssertionError(f"{f.name}: the message is {message!r}")

    def forget(self, base, token):
        if token in self.handles[base]:
            self.handles[base].remove(token)
            self.freed.append(token)

    def run(self, calls):
        self.handles["fpnas_space"].append(self.space(JSON))
        search = ctypes.c_void_p()
        self.library.fpnas_search_create(
            ctypes.c_void_p(self.handles["fpnas_space"][0]), None, ctypes.byref(search))
        self.defaults = (ctypes.c_uint64 * 32)()
        size = interface.sizeof("fpnas_search_options")
        ctypes.c_uint32.from_buffer(self.defaults).value = size
        self.library.fpnas_search_options_get(search, self.defaults)
        self.handles["fpnas_search"].append(search.value)
        self.begin_run()
        for _ in range(calls):
            self.call()
            self.bound()
        for base, tokens in self.handles.items():
            for token in tokens:
                getattr(self.library, f"{base}_free")(ctypes.c_void_p(token))
        left = self.library.fpnas_debug_live_handles()
        if left != 0:
            raise AssertionError(f"{left} handles are left")

    def begin_run(self):
        """A run, its checkpoint and its report."""
        options, run = (ctypes.c_uint64 * 32)(), ctypes.c_void_p()
        size = interface.sizeof("fpnas_run_options")
        self.library.fpnas_run_options_init(options, ctypes.c_size_t(size))
        fields = [name for _, name in STRUCTS["fpnas_run_options"]]
        for field, value in (("batch_size", 2), ("threads", 1), ("cost_weight", 0)):
            # Two fields of 4 bytes lead, 8 bytes have those set here; 0 is 0.0 too.
            options[fields.index(field) - 1] = value
        self.library.fpnas_run_create(
            os.fsencode(self.images), ctypes.c_void_p(self.handles["fpnas_space"][0]), options,
            ctypes.byref(run))
        if self.library.fpnas_run_save(run, os.fsencode(self.paths[0])) != 0 \
                or self.library.fpnas_run_report(run, os.fsencode(self.paths[-1])) != 0:
            raise AssertionError(f"no run: {self.library.fpnas_last_error()}")
        self.handles["fpnas_run"].append(run.value)

    def bound(self):
        """Frees the oldest of many handles."""
        for base, tokens in self.handles.items():
            if len(tokens) > 12:
                getattr(self.library, f"{base}_free")(ctypes.c_void_p(tokens[0]))
                self.forget(base, tokens[0])

    def space(self, json):
        place = ctypes.c_void_p()
        self.library.fpnas_space_from_json(json, ctypes.c_size_t(len(json)), ctypes.byref(place))
        return place.value


def child(options, number, last):
    """One sequence; its last calls are left in shared memory, in case it ends early."""
    signal.alarm(SECONDS)
    lines = []

    def log(line):
        lines.append(line)
        text = "\n    ".join(lines[-6:]).encode()[: len(last) - 1]
        last[: len(text) + 1] = text + b"\0"

    with tempfile.TemporaryDirectory(prefix="fpnas-fuzz-") as folder:
        write_images(os.path.join(folder, "images"))
        Sequence(interface.load(), f"{options.seed}/{number}", folder, log).run(options.calls)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sequences", type=int, default=16)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--only", type=int)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    numbers = range(options.sequences) if options.only is None else [options.only]
    failed = 0
    last = mmap.mmap(-1, 1 << 14)
    for number in numbers:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            try:
                child(options, number, last)
                os._exit(0)
            except BaseException as error:  # must not return into the parent's code
                print(f"api_sequences: {type(error).__name__}: {error}", flush=True)
                os._exit(1)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code != 0:
            failed += 1
            end = f"ended by {signal.Signals(-code).name}" if code < 0 else "failed"
            print(f"api_sequences: --seed {options.seed} --calls {options.calls} --only {number} "
                  f"{end}; last calls:\n    {last[:last.find(bytes(1))].decode(errors='replace')}")
    print(f"api_sequences: {len(numbers)} sequences of {options.calls} calls, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
