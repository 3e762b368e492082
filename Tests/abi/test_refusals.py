#!/usr/bin/env python3
"""Every function of the header refuses every bad argument: NULL, freed, foreign and mistyped
handles, misaligned memory, texts that are not UTF-8, numbers that are none, sizes that cannot be.

The functions are read from the header. Each is first called with arguments that it accepts (a
function that needs values of its own gets them in VALUES), then again and again with one of them
spoilt. A refusal is a negative status and a message of one line; new handles are NULL, counts and
values 0, arrays as they were. What ends the process, ends a child, and is a failure.
"""

import ctypes
import itertools
import json
import os
import signal
import struct
import sys
import tempfile
from pathlib import Path

import interface
from interface import FUNCTIONS, ROOT, SCALARS, STRUCTS

OK, INVALID, HANDLE, BUFFER, UTF8 = 0, -1, -2, -3, -6
ROOM = 1 << 18  # bytes behind every pointer
PATTERN = 0xA5
SIZE_MAX = (1 << 64) - 1

SPACE = {
    "format": "fpnas-space", "version": 1, "name": "tiny", "input": {"height": 16, "width": 16, "channels": 1}, "classes": 10,
    "layers": [
        {"name": "stem", "operation": "conv", "kernel": 3, "channels": [4, 8]},
        {"name": "block", "operation": "mbconv", "kernel": [0, 3], "channels": [4, 8]},
        {"name": "classifier", "operation": "classifier"}]}
WIDTH = 3  # its variables: stem's channels, block's kernel and channels

# Values that a function accepts, by parameter or by function and parameter.
VALUES = {
    "name": b"mbconv-small", "variable": b"k", "operation": b"mbconv", "attribute": b"se",
    "height": 16, "width": 16, "channels": 1, "classes": 10, "stride": 1, "repeats": 1,
    "layer": 0, "choice": 0, "canonical": 1, "metric": 0, "form": 0, "macs": 40000, "seed": 1,
    "step": 1, "number": 1, "threads": 1, "scale": 1.0, "log_likelihood": -1.0,
    "multiplicity": 1, "reset_peak": 0, "budget": 1 << 40, "count": 2, "value": 1,
    "architecture": [0] * WIDTH, "architectures": [0] * (2 * WIDTH), "choices": [0, 1],
    "networks": [0, 1], "log_likelihoods": [-1.0, -2.0], "costs": [1.0, 2.0],
    "multiplicities": [1, 2], "logits": [0.0] * 6,
    "fpnas_cost_create_choices.values": [1] * 6, "fpnas_cost_create_choices.count": 6,
    "fpnas_cost_create_reals.values": [1.0] * 6, "fpnas_cost_create_reals.count": 6, "unit": 1.0,
    "fpnas_space_builder_set_repeats.counts": [1, 2], "network": b"nas-bench-201", "cells": 1,
    "image_channels": 1, "convention": 0,
    "interpolation": 0, "format": b"once-for-all", "device": b"a phone",
    "levels": [0.25, 0.75], "least": [0, 0], "most": [1 << 40, 1 << 40], "resolutions": [0, 0],
    "fpnas_space_builder_add_layer.name": b"next",
    "fpnas_space_builder_fix_text.value": b"relu",
    "fpnas_space_builder_add_integers.name": b"more",
    "fpnas_space_builder_add_reals.name": b"more",
    "fpnas_space_builder_add_texts.name": b"more",
    "fpnas_space_variable_name.variable": 0, "fpnas_space_variable_layer.variable": 0,
    "fpnas_space_choice_count.variable": 0, "fpnas_space_choice_label.variable": 0,
    "fpnas_mixture_tell.step": 0, "fpnas_mixture_tell.count": 6, "gradients": [0.0] * 6,
    "logit_gradients": [0.0] * 6, "shapes": 0, "fpnas_mixture_set_logits.count": 6,
    "fpnas_darts_discretise.weights": [0.0] * 224, "fpnas_darts_discretise.count": 224,
    "alpha": 1.2, "beta": 1.1, "gamma": 1.15, "phi": 1.0, "coefficient_step": 0.1, "size_step": 8,
    "depth_factor": 1.5, "width_factor": 1.5, "fpnas_compound_candidates.step": 0.1,
    "product": 2.0, "tolerance": 0.1,
    "fpnas_distribution_set_logits.count": 6, "fpnas_search_set_logits.count": 6,
    "fpnas_retrain_distil.logits": [0.5] * 12010, "fpnas_retrain_distil.count": 12010,
    "fpnas_run_select.most_macs": [1 << 40, 1 << 40], "fpnas_run_selected.most_macs": 1 << 40,
    "weight": 0.5, "temperature": 2.0, "tensor": 0,
    "fpnas_network_predict.images": [7] * 512, "fpnas_network_prepare.images": [7] * 512,
    "fpnas_network_predict_prepared.images": [0.5] * 512,
}
# Pointers that may be NULL.
OPTIONAL = {"options", "needed", "multiplicities", "networks", "fpnas_search_tell_some.costs",
            "fpnas_run_create.space", "least", "resolutions", "resolution", "is_exact", "logit_gradients"}
# Scalars with few values, and one that is none of them.
CHOSEN = {"canonical": 2, "metric": 9, "convention": 9, "interpolation": 9, "form": -1, "reset_peak": 5, "shapes": 2}


class World:
    """Live objects of every type, and files."""

    def __init__(self, library, folder):
        self.library, self.folder = library, folder
        text = json.dumps(SPACE).encode()
        self.live = {}
        self.space = self.make("fpnas_space_from_json", text, ctypes.c_size_t(len(text)))
        self.live["fpnas_space"] = self.space
        self.live["fpnas_distribution"] = self.make("fpnas_distribution_create", self.space, 0)
        self.live["fpnas_search"] = self.search()
        cost = self.live["fpnas_cost"] = self.make("fpnas_cost_create_metric", self.space, 0)
        self.live["fpnas_budget"] = self.make(
            "fpnas_budget_create", self.live["fpnas_distribution"], (ctypes.c_void_p * 1)(cost.value),
            None, (ctypes.c_int64 * 1)(1 << 40), None, ctypes.c_size_t(1))
        latencies = self.latencies()
        self.live["fpnas_latency"] = self.make(
            "fpnas_latency_from_json", latencies, ctypes.c_size_t(len(latencies)))
        self.live["fpnas_mixture"] = self.make("fpnas_mixture_create", self.space, None)
        digits = str(ROOT / "data" / "digits").encode()
        self.live["fpnas_run"] = self.run(digits)
        architecture = (ctypes.c_int32 * WIDTH)()
        options = self.options("fpnas_retrain_options", epochs=1, threads=1)
        self.live["fpnas_retrain"] = self.make(
            "fpnas_retrain_create", digits, self.space, architecture, options)
        self.live["fpnas_network"] = self.make("fpnas_retrain_network", self.live["fpnas_retrain"])
        self.freed = self.make("fpnas_space_from_json", text, ctypes.c_size_t(len(text)))
        library.fpnas_space_free(self.freed)
        self.paths = {
            "data_folder": digits, "folder": self.path("report"), "json": text,
            "length": len(text), "fpnas_space_load.path": self.path("space.json"),
            "fpnas_search_load.path": self.path("search"), "fpnas_run_load.path": self.path("run"),
            "fpnas_architecture_load.path": self.path("report") + b"/architecture.json",
            "fpnas_search_save.path": self.path("search"),
            "fpnas_mixture_save.path": self.path("mixture"),
            "fpnas_mixture_load.path": self.path("mixture"),
            "fpnas_run_save.path": self.path("run"),
            "fpnas_latency_from_json.json": latencies,
            "fpnas_latency_from_json.length": len(latencies),
            "fpnas_latency_load.path": self.path("latencies.json"),
            "fpnas_latency_save.path": self.path("latencies.json"),
            "fpnas_latency_import.path": self.path("latencies.yaml"),
            "fpnas_retrain_save.path": self.path("retraining"),
            "fpnas_retrain_load.path": self.path("retraining"),
            "fpnas_network_save.path": self.path("network"),
            "fpnas_network_load.path": self.path("network"),
        }
        Path(os.fsdecode(self.path("latencies.json"))).write_bytes(latencies)
        Path(os.fsdecode(self.path("latencies.yaml"))).write_bytes(
            b"Logits-input:1x1x8-output:10:\n  mean: 0.5\n")
        Path(os.fsdecode(self.path("space.json"))).write_bytes(text)
        self.do("fpnas_search_save", self.live["fpnas_search"], self.path("search"))
        self.do("fpnas_mixture_save", self.live["fpnas_mixture"], self.path("mixture"))
        self.do("fpnas_run_save", self.live["fpnas_run"], self.path("run"))
        self.do("fpnas_retrain_save", self.live["fpnas_retrain"], self.path("retraining"))
        self.do("fpnas_network_save", self.live["fpnas_network"], self.path("network"))
        self.do("fpnas_run_report", self.live["fpnas_run"], self.path("report"))
        self.checkpoint = Path(os.fsdecode(self.path("search"))).read_bytes()
        self.mixture = Path(os.fsdecode(self.path("mixture"))).read_bytes()

    def run(self, digits):
        """One of bignas that is done, and begins to select for a further budget."""
        options = self.options(
            "fpnas_run_options", algorithm=7, epochs=1, batch_size=200, threads=1, coarse_children=1,
            mutations=0, statistics_batches=1, selection_images=200)
        run = self.make("fpnas_run_create", digits, self.space, options)
        while self.library.fpnas_run_step(run) == OK:
            pass
        self.do("fpnas_run_select", run, (ctypes.c_int64 * 1)(1 << 40), ctypes.c_size_t(1))
        return run

    def bytes_of(self, function):
        return self.mixture if "mixture" in function.name else self.checkpoint

    def latencies(self):
        """A table that has a nanosecond for every block of the space."""
        table = {"format": "fpnas-latency", "version": 1, "unit": "ns", "basis": "block",
                 "device": "d", "source": "s", "entries": []}
        text = json.dumps(table).encode()
        empty = self.make("fpnas_latency_from_json", text, ctypes.c_size_t(len(text)))
        keys = ctypes.create_string_buffer(1 << 16)
        self.do("fpnas_latency_missing", empty, self.space, 0, keys, ctypes.c_size_t(1 << 16), None)
        self.library.fpnas_latency_free(empty)
        table["entries"] = [{"key": key, "ns": 1} for key in keys.value.decode().splitlines()]
        return json.dumps(table).encode()

    def path(self, name):
        return os.fsencode(os.path.join(self.folder, name))

    def do(self, name, *arguments):
        status = getattr(self.library, name)(*arguments)
        if status != OK:
            raise SystemExit(f"{name}: {self.library.fpnas_last_error().decode()}")

    def make(self, name, *arguments):
        place = ctypes.c_void_p()
        self.do(name, *arguments, ctypes.byref(place))
        return place

    def options(self, name, **changes):
        """The defaults of a struct of options, with changes."""
        size = interface.sizeof(name)
        memory = (ctypes.c_uint64 * (size // 8))()
        self.do(name + "_init", memory, ctypes.c_size_t(size))
        offset = 0
        for kind, field in STRUCTS[name]:
            width = ctypes.sizeof(SCALARS[kind])
            offset = (offset + width - 1) // width * width
            if field in changes:
                SCALARS[kind].from_buffer(memory, offset).value = changes[field]
            offset += width
        return memory

    def search(self):
        """A search of two networks an ask, which has told one ask and opened the next."""
        search = self.make("fpnas_search_create", self.space, None)
        ask = (ctypes.c_uint64 * 3)()
        values = (ctypes.c_double * 64)(*[-1.0] * 64)
        self.do("fpnas_search_ask", search, ask)
        self.do("fpnas_search_tell", search, ctypes.c_uint64(ask[0]), values,
                ctypes.c_size_t(ask[2]))
        while True:
            self.do("fpnas_search_ask", search, ask)
            if ask[2] == 2:
                VALUES["number"] = ask[0]
                return search
            self.do("fpnas_search_close", search, ctypes.c_uint64(ask[0]))

    def builder(self):
        builder = self.make("fpnas_space_builder_create", b"new")
        self.do("fpnas_space_builder_add_layer", builder, b"first")
        choices = (ctypes.c_int64 * 2)(3, 5)
        for name in (b"k", b"e"):
            self.do("fpnas_space_builder_add_integers", builder, name, choices, ctypes.c_size_t(2))
        return builder

    def handle(self, base, function):
        if base == "fpnas_space_builder":
            return self.builder()
        if function.name == "fpnas_search_add_budget" and base == "fpnas_search":
            return self.make("fpnas_search_create", self.space, None)  # before the first ask
        if base == "fpnas_mixture":  # told by what is tested
            return self.make("fpnas_mixture_create", self.space, None)
        if base == "fpnas_search":  # told and closed by what is tested
            return self.search()
        return self.live[base]


class Call:
    """A function with its arguments in memory; one may be spoilt."""

    def __init__(self, world, function):
        self.world, self.function = world, function
        self.memory, self.arguments = {}, {}
        for p in function.parameters:
            self.arguments[p.name] = self.accepted(p)

    def value(self, p):
        key = f"{self.function.name}.{p.name}"
        for table in (self.world.paths, VALUES):
            for name in (key, p.name):
                if name in table:
                    return table[name]
        raise KeyError(f"no value for {key}: give it one in VALUES")

    def room(self, p, bytes_=b""):
        memory = (ctypes.c_uint64 * (ROOM // 8))()
        ctypes.memset(memory, PATTERN, ROOM)
        ctypes.memmove(memory, bytes_, len(bytes_))
        self.memory[p.name] = memory
        return ctypes.c_void_p(ctypes.addressof(memory))

    def accepted(self, p):
        if p.kind == "scalar":
            if p.name == "struct_size":
                return ctypes.c_size_t(interface.sizeof(self.function.parameters[0].base))
            if p.name == "capacity":
                return ctypes.c_size_t(ROOM // 16)
            if p.name == "count" and "bytes" in self.function.names():
                return ctypes.c_size_t(len(self.world.bytes_of(self.function)))
            return p.type(self.value(p))
        if p.kind == "handle":
            return self.world.handle(p.base, self.function)
        if p.kind == "text":
            return ctypes.c_char_p(self.value(p))
        if p.kind == "handles":
            return self.room(p, bytes((ctypes.c_void_p * 2)(*[self.world.live[p.base].value] * 2)))
        if p.kind == "texts":
            self.memory[p.name] = (ctypes.c_char_p * 2)(b"a", b"b")
            return self.memory[p.name]
        if p.kind in ("struct", "filled"):
            size = interface.sizeof(p.base)
            if p.base == "fpnas_weighted_sum":
                content = bytes([0] * 16 + [1] + [0] * 7)
            elif p.base == "fpnas_search_budget":
                content = struct.pack("IiqqdQ", size, 1, 0, 1 << 40, 1.0, 0)
            elif p.base.endswith("_options") and p.base not in (
                    "fpnas_search_options", "fpnas_mixture_options"):
                content = bytes(self.world.options(p.base, epochs=1, threads=1))
            elif p.base == "fpnas_mixture_options" and p.kind == "struct":
                memory = self.room(p, size.to_bytes(4, "little"))
                self.world.do("fpnas_mixture_options_get", self.world.live["fpnas_mixture"], memory)
                return memory
            elif p.base == "fpnas_search_options" and p.kind == "struct":
                memory = self.room(p)
                ctypes.memset(memory, 0, size)
                ctypes.c_uint32.from_buffer(self.memory[p.name]).value = size
                self.world.do("fpnas_search_options_get", self.world.live["fpnas_search"], memory)
                return memory
            else:
                content = size.to_bytes(4, "little")
            return self.room(p, content)
        if p.kind == "array" and p.name == "bytes":
            return self.room(p, self.world.bytes_of(self.function))
        if p.kind == "array" or p.name == "architectures" and "canonicalise" in self.function.name:
            values = self.value(p)
            return self.room(p, bytes((p.type * len(values))(*values)))
        return self.room(p)

    def run(self):
        before = {name: bytes(memory) for name, memory in self.memory.items()}
        arguments = [self.arguments[p.name] for p in self.function.parameters]
        arguments = [ctypes.byref(a[0]) if isinstance(a, list) else a for a in arguments]
        status = getattr(self.world.library, self.function.name)(*arguments)
        return status, before

    def written(self):
        """Parameters written with one value: zero after a failure."""
        bounded = {"out", "architecture", "architectures", "log_probabilities"}
        if self.function.name == "fpnas_cost_quantiles":
            bounded |= {"lower", "upper"}
        if "capacity" in self.function.names() and "layer_costs" in self.function.name:
            bounded |= {"macs", "parameters"}
        for p in self.function.parameters:
            if p.kind == "new_handle" or p.base == "fpnas_ask" \
                    or p.kind == "out" and p.name not in bounded:
                yield p


def spoilt(call, p):
    """What to put in the place of an argument, the statuses this may give, and a name."""
    key = f"{call.function.name}.{p.name}"
    world = call.world
    if p.kind == "handle":
        foreign = (ctypes.c_uint64 * 4)()
        other = world.live["fpnas_space" if p.base != "fpnas_space" else "fpnas_search"]
        cases = [("freed", world.freed), ("foreign", ctypes.c_void_p(ctypes.addressof(foreign))),
                 ("1", ctypes.c_void_p(1)), ("-1", ctypes.c_void_p(SIZE_MAX)),
                 ("of another type", other)]
        if key not in OPTIONAL:
            cases.append(("NULL", None))
        for name, value in cases:
            yield name, value, HANDLE
    elif p.kind == "text":
        yield "NULL", None, INVALID
        bad = b"\xff\xfe" if p.name != "json" else b"\xff" * len(call.value(p))
        yield "not UTF-8", ctypes.c_char_p(bad), None
        if p.name != "json":
            yield "endless", ctypes.c_char_p(b"a" * ((1 << 20) + 1)), INVALID
    elif p.kind == "scalar":
        if p.base == "double":
            yield "NaN", ctypes.c_double(float("nan")), INVALID
            yield "+inf", ctypes.c_double(float("inf")), INVALID
        if p.base == "size_t" and p.name in ("count", "length", "layer", "variable", "choice", "tensor"):
            yield "SIZE_MAX", ctypes.c_size_t(SIZE_MAX), INVALID
            yield "2^63", ctypes.c_size_t(1 << 63), INVALID
        if p.name == "struct_size":
            yield "3", ctypes.c_size_t(3), INVALID
            yield "SIZE_MAX", ctypes.c_size_t(SIZE_MAX), INVALID
        if p.name == "capacity":
            yield "0", ctypes.c_size_t(0), BUFFER
        if p.name in CHOSEN:
            yield str(CHOSEN[p.name]), p.type(CHOSEN[p.name]), INVALID
        if p.name in ("number", "threads"):
            yield "-7", p.type(-7), INVALID
    else:
        if p.name not in OPTIONAL and key not in OPTIONAL:
            yield "NULL", None, INVALID
        address = ctypes.addressof(call.memory.get(p.name) or (ctypes.c_uint64 * 8)())
        if p.kind == "new_handle" or ctypes.sizeof(p.type or ctypes.c_uint64) > 1:
            yield "misaligned", ctypes.c_void_p(address + 1), INVALID
        if p.kind == "handles":
            for name, value in (("with a freed one", world.freed.value), ("with NULL", 0)):
                ctypes.c_uint64.from_address(address).value = value
                yield name, ctypes.c_void_p(address), HANDLE
        if p.kind == "array" and p.base == "double":
            ctypes.c_double.from_address(address + 8).value = float("nan")
            yield "with NaN", ctypes.c_void_p(address), INVALID
        if p.kind == "array" and p.base == "float":
            ctypes.c_float.from_address(address + 8).value = float("nan")
            yield "with NaN", ctypes.c_void_p(address), INVALID
        if p.kind == "array" and p.base not in ("double", "float", "uint8_t") \
                and p.name not in ("choices",):
            p.type.from_address(address).value = -(1 << 31)
            yield "of -2^31", ctypes.c_void_p(address), INVALID
        if p.struct and STRUCTS[p.base][0][1] == "struct_size" \
                and not call.function.name.endswith("_init"):
            ctypes.c_uint32.from_address(address).value = 5
            yield "of size 5", ctypes.c_void_p(address), INVALID


def check(world, function, report):
    call = Call(world, function)
    status, _ = call.run()
    if status != OK:
        report(f"{function.name}: refuses what it should accept: {message(world)}")
        return 0
    count = 0
    for p in function.parameters:
        for i in itertools.count():
            call = Call(world, function)
            case = next(itertools.islice(spoilt(call, p), i, None), None)
            if case is None:
                break
            name, value, expected = case
            call.arguments[p.name] = value
            refused(call, p, name, expected, report)
            count += 1
    return count


def message(world):
    return (world.library.fpnas_last_error() or b"").decode()


def refused(call, p, name, expected, report):
    where = f"{call.function.name} with {p.name} {name}"
    status, before = call.run()
    if status >= OK or expected is not None and status != expected:
        report(f"{where}: status {status}, not {expected}: {message(call.world)}")
        return
    text = message(call.world)
    if not text or "\n" in text:
        report(f"{where}: the message is {text!r}")
    cleared = {q.name for q in call.written()}
    for q in call.function.parameters:
        if q.name not in call.memory or q is p:
            continue
        memory = bytes(call.memory[q.name])
        if q.name in cleared:
            size = interface.sizeof(q.base) if q.struct else ctypes.sizeof(q.type or ctypes.c_void_p)
            if q.name == "needed" and status == BUFFER:
                continue
            if memory[:size] != bytes(size):
                report(f"{where}: {q.name} is not 0")
            memory, old = memory[size:], before[q.name][size:]
        else:
            old = before[q.name]
        if memory != old:
            report(f"{where}: {q.name} has changed")


def in_child(body):
    """Runs the body in a child process and gives its exit status; negative for a signal."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        signal.alarm(300)
        code = 1
        try:
            code = body()
        except BaseException as error:  # the child must not return into the parent's code
            print(f"{type(error).__name__}: {error}", flush=True)
        sys.stdout.flush()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main():
    library = interface.load()
    only = sys.argv[1:]
    failures = []
    functions = [f for f in FUNCTIONS if f.fails and (not only or f.name in only)]
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        for function in functions:
            def body(function=function):
                found = []
                count = check(World(library, folder), function, found.append)
                for line in found:
                    print("test_refusals:", line)
                print(count, file=open(os.path.join(folder, "count"), "w"))
                return 1 if found else 0
            code = in_child(body)
            if code != 0:
                failures.append(function.name)
            if code < 0:
                print(f"test_refusals: {function.name}: ended by {signal.Signals(-code).name}")
            elif os.path.exists(os.path.join(folder, "count")):
                total += int(open(os.path.join(folder, "count")).read())
    print(f"test_refusals: {len(functions)} functions, {total} bad arguments, "
          f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
