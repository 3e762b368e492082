"""The C interface as include/fpnas.h declares it, for tests that go over all its functions.

Nothing but the standard library: prototypes are read from the header, so that a function added
there is tested without being listed anywhere.
"""

import ctypes
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCALARS = {
    "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64, "uint8_t": ctypes.c_uint8, "size_t": ctypes.c_size_t,
    "double": ctypes.c_double, "float": ctypes.c_float, "fpnas_status": ctypes.c_int32,
    "char": ctypes.c_char,
}


class Parameter:
    """One parameter. Its `kind` is one of

    scalar, text (a NUL-terminated string), handle, handles (an array of them), new_handle (a
    handle's place), struct (read), filled (a struct that is written), array (read), texts (an
    array of strings), out (written: several elements if a capacity or a count bounds it).
    """

    def __init__(self, declaration, handles, structs):
        match = re.fullmatch(r"(const )?(\w+) (.*?)(\w+)", declaration)
        constant, self.base, stars, self.name = match.groups()
        depth = stars.count("*")
        self.type = SCALARS.get(self.base)
        self.struct = structs.get(self.base)
        if depth == 0:
            self.kind = "scalar"
        elif self.base in handles:
            self.kind = "handle" if depth == 1 else "handles" if constant else "new_handle"
        elif self.struct:
            inputs = constant or self.name == "sum"
            self.kind = "struct" if inputs else "filled"
        elif self.base == "char" and depth == 2:
            self.kind = "texts"
        elif self.base == "char" and constant:
            self.kind = "text"
        else:
            self.kind = "array" if constant else "out"


class Function:
    def __init__(self, result, name, parameters):
        self.result, self.name, self.parameters = result, name, parameters
        self.fails = result == "fpnas_status"

    def names(self):
        return [p.name for p in self.parameters]


def read():
    """Handle types, structs as {name: [(type, field)]}, and functions of the header."""
    text = (ROOT / "include" / "fpnas.h").read_text()
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    handles = re.findall(r"typedef struct (\w+) \1;", text)
    structs = {
        name: re.findall(r"(\w+) (\w+);", body)
        for name, body in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", text, flags=re.S)
        for name, body in [(body, name)]
    }
    functions = []
    for result, name, inside in re.findall(r"FPNAS_API ([\w* ]+?)(fpnas_\w+)\(([^)]*)\);", text):
        parts = [" ".join(part.split()) for part in inside.split(",")]
        parameters = [Parameter(part, handles, structs) for part in parts if part != "void"]
        functions.append(Function(result.strip(), name, parameters))
    return handles, structs, functions


HANDLES, STRUCTS, FUNCTIONS = read()


def sizeof(struct):
    """Bytes of a struct: all of them are aligned to 8 and hold no arrays."""
    offset = 0
    for kind, _ in STRUCTS[struct]:
        size = ctypes.sizeof(SCALARS[kind])
        offset = (offset + size - 1) // size * size + size
    return (offset + 7) // 8 * 8


def load():
    """The library, with results declared; arguments are passed as ctypes values."""
    path = os.environ.get("FPNAS_LIBRARY", str(ROOT / "build" / "libfpnas.so"))
    library = ctypes.CDLL(path)
    for function in FUNCTIONS:
        call = getattr(library, function.name)
        call.argtypes = None
        if function.result in SCALARS:
            call.restype = SCALARS[function.result]
        else:
            call.restype = None if function.result == "void" else ctypes.c_char_p
    return library
