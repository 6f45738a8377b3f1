#!/usr/bin/env python3
"""Writes dnmf/_structs.py, the structs of include/dnmf.h as ctypes has them: after every change of a struct there.

make_structs.py [--check]      --check: only says whether it is up to date, by its exit status
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "include" / "dnmf.h"
OUTPUT = HERE / "dnmf" / "_structs.py"

NUMBERS = {"int64_t": "Int", "double": "Real", "bool": "c.c_bool"}
CALLBACKS = {"warning": "WARNING", "iteration": "ITERATION", "should_stop": "SHOULD_STOP"}

HEAD = '''"""The structs of include/dnmf.h; written by make_structs.py."""

from __future__ import annotations

import ctypes as c

Text = c.c_char_p
Int = c.c_int64
Real = c.c_double
Pointer = c.c_void_p  # of handles and of arrays

WARNING = c.CFUNCTYPE(None, c.c_void_p, c.c_char_p)
ITERATION = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p)
SHOULD_STOP = c.CFUNCTYPE(c.c_bool, c.c_void_p)
'''


def class_name(name):
    """ "FitSettings" of "dnmf_fit_settings", "Zeros" of "zeros"."""
    return "".join(part.capitalize() for part in name.removeprefix("dnmf_").split("_"))


def field_of(declaration):
    """Name and type of one member."""
    callback = re.fullmatch(r".*\(\*(\w+)\)\(.*\)", declaration)
    if callback:
        return callback[1], CALLBACKS[callback[1]]
    kind, name, length = re.fullmatch(r"(?:const )?(.*?)(\w+)(?:\[(\d+)\])?", declaration).groups()
    kind = kind.replace(" ", "")
    if length:
        return name, f"c.c_{kind} * {length}"
    if kind == "char*":
        return name, "Text"
    if "*" in kind:
        return name, "Pointer"
    return name, NUMBERS.get(kind) or class_name(kind)


def structs_of(body, name):
    """The text of the struct's class, after those of the structs inside it."""
    text, fields = "", []
    for inner, inner_name, declaration in re.findall(r"\s*(?:struct \{(.*?)\} (\w+)|([^;]+));", body, re.DOTALL):
        if inner_name:
            text += structs_of(inner, inner_name)
            fields.append((inner_name, class_name(inner_name)))
        else:
            fields.append(field_of(" ".join(declaration.split())))
    lines = "".join(f'        ("{field}", {kind}),\n' for field, kind in fields)
    return f"{text}\n\nclass {class_name(name)}(c.Structure):\n    _fields_ = [\n{lines}    ]\n"


def whole_text():
    header = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    text, names = HEAD, []
    for name, body in re.findall(r"^typedef struct (\w+) \{(.*?)^\} \1;", header, re.DOTALL | re.MULTILINE):
        text += structs_of(body, name)
        names.append(name)
    lines = "".join(f'    "{name}": {class_name(name)},\n' for name in names)
    return f"{text}\n\nSTRUCTS = {{\n{lines}}}\n"


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(OUTPUT.read_text() != whole_text())
    OUTPUT.write_text(whole_text())
