#!/usr/bin/env python3
"""Writes fpnas/_ffi.py from include/fpnas.h.

Clang parses the header: its JSON syntax tree gives functions, structs and the values of constants
and initialisers; its record layouts give struct sizes. Usage:

    python bindings/python/scripts/generate_ffi.py            write _ffi.py
    python bindings/python/scripts/generate_ffi.py --check    exit 1 if it is out of date

CLANG names the compiler, default `clang`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HEADER = ROOT / "include" / "fpnas.h"
TARGET = ROOT / "bindings" / "python" / "fpnas" / "_ffi.py"
MARK = "fpnas_generated_"

SCALARS = {
    "int32_t": "c_int32", "int64_t": "c_int64", "uint32_t": "c_uint32", "uint64_t": "c_uint64",
    "uint8_t": "c_uint8", "size_t": "c_size_t", "double": "c_double", "float": "c_float",
    "fpnas_status": "c_int32", "char": "c_char",
}


def clang(*arguments: str, source: str) -> str:
    """The output of clang on a source text that includes the header."""
    command = [
        os.environ.get("CLANG", "clang"), *arguments, "-x", "c", "-std=c11",
        f"-I{HEADER.parent}", "-",
    ]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def macros() -> list[str]:
    """Names of the header's object-like macros that are values, in alphabetical order."""
    text = clang("-E", "-dM", source='#include "fpnas.h"\n')
    found = []
    for line in text.splitlines():
        match = re.match(r"#define (FPNAS_[A-Z0-9_]+) (.+)", line)
        if match and match[1] != "FPNAS_API":
            found.append(match[1])
    return sorted(found)


def evaluate(node: dict):
    """The value of a constant expression in the syntax tree."""
    kind = node["kind"]
    inner = node.get("inner", [])
    if kind == "IntegerLiteral":
        return int(node["value"])
    if kind == "FloatingLiteral":
        return float(node["value"])
    if kind == "StringLiteral":
        return json.loads(node["value"])
    if kind == "UnaryOperator" and node["opcode"] == "-":
        return -evaluate(inner[0])
    if kind == "UnaryExprOrTypeTraitExpr":
        return "sizeof"
    if kind == "InitListExpr":
        return [evaluate(item) for item in inner]
    if kind in ("ImplicitCastExpr", "CStyleCastExpr", "ParenExpr", "ConstantExpr"):
        value = evaluate(inner[0])
        if node["type"]["qualType"] == "double" and not isinstance(value, float):
            return float(value)
        return value
    raise SystemExit(f"cannot evaluate {kind} of a constant in {HEADER.name}")


def ctype(text: str, structs: list[str]) -> str:
    """The ctypes expression for a C type."""
    array = re.fullmatch(r"(.+?) ?\[(\d+)\]", text)
    if array:
        return f"{ctype(array[1], structs)} * {array[2]}"
    text = re.sub(r"\bconst\b", "", text).replace("struct ", "")
    stars = text.count("*")
    base = text.replace("*", "").strip()
    if base == "void" and stars == 0:
        return "None"
    if base == "void" and stars == 1:
        return "c_void_p"
    if base == "char" and stars >= 1:
        return "POINTER(c_char_p)" if stars == 2 else "c_char_p"
    if base not in SCALARS and base not in structs:
        raise SystemExit(f"unknown type '{text}' in {HEADER.name}")
    name = SCALARS.get(base, base)
    for _ in range(stars):
        name = f"POINTER({name})"
    return name


def parameter(node: dict, structs: list[str]) -> str:
    text = node["type"]["qualType"]
    if text.replace(" ", "") == "char*":  # written to, so not a Python bytes
        return "POINTER(c_char)"
    return ctype(text, structs)


def generate() -> str:
    values = [name for name in macros() if not name.endswith("_INIT")]
    initialisers = [name for name in macros() if name.endswith("_INIT")]
    source = '#include "fpnas.h"\n'
    for name in values:
        source += f"static const __typeof__({name}) {MARK}{name} = {name};\n"
    for name in initialisers:
        struct = name.removesuffix("_INIT").lower()
        source += f"static const {struct} {MARK}{name} = {name};\n"
    tree = json.loads(clang("-fsyntax-only", "-Xclang", "-ast-dump=json", source=source))

    records: dict[str, list[tuple[str, str]]] = {}
    functions: list[dict] = []
    constants: dict[str, object] = {}
    for node in tree["inner"]:
        name = node.get("name", "")
        if node["kind"] == "RecordDecl" and name.startswith("fpnas_"):
            fields = [
                (field["name"], field["type"]["qualType"])
                for field in node.get("inner", []) if field["kind"] == "FieldDecl"
            ]
            if fields or name not in records:
                records[name] = fields
        elif node["kind"] == "FunctionDecl" and name.startswith("fpnas_"):
            functions.append(node)
        elif node["kind"] == "VarDecl" and name.startswith(MARK):
            constants[name.removeprefix(MARK)] = evaluate(node["inner"][0])

    structs = list(records)
    complete = [name for name in structs if records[name]]
    uses = "".join(f"int {MARK}size_{name}[sizeof({name})];\n" for name in complete)
    sizes = {}
    layouts = json.loads(
        clang("-fsyntax-only", "-Xclang", "-ast-dump=json", source='#include "fpnas.h"\n' + uses))
    for node in layouts["inner"]:
        name = node.get("name", "")
        if node["kind"] == "VarDecl" and name.startswith(MARK + "size_"):
            sizes[name.removeprefix(MARK + "size_")] = int(
                re.search(r"\[(\d+)\]", node["type"]["qualType"])[1])

    lines = [
        '"""The C interface of include/fpnas.h, written by scripts/generate_ffi.py. Do not edit."""',
        "", "from ctypes import (", "    CDLL,", "    POINTER,", "    Structure,", "    byref,",
    ]
    used = set(SCALARS.values()) | {"c_char_p", "c_void_p"}
    lines += [f"    {name}," for name in sorted(used)]
    lines += ["    create_string_buffer,", "    sizeof,", ")", "", "# Constants"]
    for name in values:
        lines.append(f"{name} = {constants[name]!r}")
    lines += ["", "# Opaque handles", ""]
    for name in structs:
        if not records[name]:
            lines += ["", f"class {name}(Structure):", "    pass", ""]
    lines += ["", "# Structs", ""]
    for name in complete:
        lines += ["", f"class {name}(Structure):", "    _fields_ = ["]
        for field, text in records[name]:
            lines.append(f'        ("{field}", {ctype(text, structs)}),')
        lines += ["    ]", ""]
    lines += ["", "# Sizes of the structs as the C compiler lays them out", "SIZES = {"]
    for name in complete:
        lines.append(f"    {name}: {sizes[name]},")
    lines += ["}", "", "# Values of the _INIT macros", "INITIAL_VALUES = {"]
    for name in initialisers:
        struct = name.removesuffix("_INIT").lower()
        lines.append(f"    {struct}: (")
        for value in constants[name]:
            shown = f"sizeof({struct})" if value == "sizeof" else repr(value)
            lines.append(f"        {shown},")
        lines.append("    ),")
    lines += ["}", "", "# Function: (result, arguments)", "SIGNATURES = {"]
    for node in functions:
        result = ctype(node["type"]["qualType"].split("(")[0].strip(), structs)
        arguments = [
            parameter(item, structs)
            for item in node.get("inner", []) if item["kind"] == "ParmVarDecl"
        ]
        lines.append(f'    "{node["name"]}": (')
        lines.append(f"        {result},")
        lines.append("        [")
        lines += [f"            {argument}," for argument in arguments]
        lines += ["        ],", "    ),"]
    lines += [
        "}", "", "",
        "def load(path):",
        '    """Opens a library and declares its functions; OSError or AttributeError if it does not fit."""',
        "    library = CDLL(path)",
        "    for name, (result, arguments) in SIGNATURES.items():",
        "        function = getattr(library, name)",
        "        function.restype = result",
        "        function.argtypes = arguments",
        "    return library", "",
    ]
    return "\n".join(lines)


def main() -> int:
    text = generate()
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text() != text:
            print(f"{TARGET.name} does not fit {HEADER.name}: run scripts/generate_ffi.py")
            return 1
        return 0
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
