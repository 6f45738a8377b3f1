"""The structs and constants of the package are those of the header."""

import ctypes
import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, run

from dnmf import _abi, _structs, library_version


def fields(struct, prefix=""):
    """Each field's name as in C, its offset and its size."""
    for name, kind in struct._fields_:
        field = getattr(struct, name)
        yield prefix + name, field.offset, field.size
        if issubclass(kind, ctypes.Structure):
            for inner, offset, size in fields(kind, f"{prefix}{name}."):
                yield inner, field.offset + offset, size


@pytest.mark.skipif(not shutil.which("mpicc"), reason="mpicc is not there")
def test_structs_are_laid_out_as_the_header_has_them(tmp_path):
    lines, expected = [], []
    for name, struct in _structs.STRUCTS.items():
        lines.append(f'printf("{name} %zu\\n", sizeof({name}));')
        expected.append(f"{name} {ctypes.sizeof(struct)}")
        for field, offset, size in fields(struct):
            lines.append(
                f'printf("{name}.{field} %zu %zu\\n", offsetof({name}, {field}), sizeof((({name} *)0)->{field}));'
            )
            expected.append(f"{name}.{field} {offset} {size}")
    source = tmp_path / "layout.c"
    source.write_text(
        "#include <dnmf.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n"
        + "\n".join(lines)
        + "\nreturn 0;\n}\n"
    )
    subprocess.run(["mpicc", f"-I{ROOT}/include", source, "-o", tmp_path / "layout"], check=True)
    assert run(tmp_path / "layout").splitlines() == expected


def test_structs_are_those_of_the_header():
    """scripts/python/make_structs.py writes them anew."""
    run(sys.executable, ROOT / "scripts/python/make_structs.py", "--check")


def test_versions_agree():
    header = (ROOT / "include/dnmf.h").read_text()
    parts = [re.search(rf"DNMF_VERSION_{part} (\d+)", header).group(1) for part in ("MAJOR", "MINOR", "PATCH")]
    project = (ROOT / "scripts/python/pyproject.toml").read_text()
    assert library_version() == _abi.VERSION == ".".join(parts)
    assert f'version = "{_abi.VERSION}"' in project
    assert _abi.SONAME == f"libdnmf.so.{parts[0]}.{parts[1]}"
