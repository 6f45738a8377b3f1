"""Damages good files at random and checks what the program makes of them.

    mutate.py [--count N] [--seed S] [--only PART] [--keep FOLDER]

Case N of the seed is the same every time: one file of samples.py or fitted.py, damaged once. The program must end by
itself, within 2 GiB, with one message that names the file, or with the matrix that numpy, scipy or h5py read from it;
from a model or a checkpoint, with factors and predictions that are numbers. What it does not is listed, with its file
in FOLDER.
"""
import argparse
import gzip
import io
import lzma
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import scipy.io
import scipy.sparse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import fitted  # noqa: E402
import samples  # noqa: E402
from program import run  # noqa: E402

LIMITED = ["sh", "-c", 'ulimit -v 2097152; exec "$@"', "sh"]  # KiB
NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]


def flip(data, chance):
    for _ in range(chance.choice([1, 1, 1, 2, 8])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def cut(data, chance):
    """Anywhere, or at the end of a word, a line or a block."""
    at = chance.randrange(len(data))
    step = chance.choice([1, 8, 512])
    lines = [i + 1 for i, byte in enumerate(data) if byte == 10]
    del data[chance.choice(lines) if lines and chance.random() < 0.3 else at // step * step:]


def lie(data, chance):
    """A number takes the place of another."""
    size = chance.choice([1, 2, 4, 8])
    at = chance.randrange(max(1, len(data) - size)) // size * size
    number = struct.pack("<Q", chance.choice(NUMBERS))[:size]
    data[at:at + size] = number if chance.random() < 0.8 else number[::-1]


def repeat(data, chance):
    begin, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    at = chance.randrange(len(data) + 1)
    data[at:at] = data[begin:min(end, begin + 64)]


def blank(data, chance):
    at = chance.randrange(len(data))
    count = min(chance.choice([8, 64, 512]), len(data) - at)
    data[at:at + count] = bytes(count)


def damaged(data, chance):
    data = bytearray(data)
    chance.choice([flip, flip, cut, lie, lie, lie, repeat, blank])(data, chance)
    return bytes(data)


def read_sparse(group, kind, shape):
    parts = [group[name][:] for name in ("data", "indices", "indptr")]
    return kind(tuple(parts), tuple(shape)).toarray()


def read_hdf5(kind, file):
    """As the program that wrote the file would read it."""
    if kind in ("dense", "chunked", "lzf"):
        return file["matrix" if kind == "dense" else "m"][:]
    if kind == "matlab":
        return file["m"][:].T
    if kind == "matlab_sparse":
        group = file["s"]
        parts = (group["data"][:], group["ir"][:].astype("i8"), group["jc"][:].astype("i8"))
        return scipy.sparse.csc_matrix(parts, (int(group.attrs["MATLAB_sparse"]), len(parts[2]) - 1)).toarray()
    if kind == "tenx":
        return read_sparse(file["matrix"], scipy.sparse.csc_matrix, file["matrix/shape"][:])
    group = file["X" if kind == "anndata" else "matrix"]
    by_columns = group.attrs["encoding-type"].startswith("csc")
    return read_sparse(group, scipy.sparse.csc_matrix if by_columns else scipy.sparse.csr_matrix, group.attrs["shape"])


def unpacked(ending, data):
    if ending.endswith(".gz"):
        return gzip.decompress(data)
    if ending.endswith(".xz"):
        return lzma.decompress(data)
    return subprocess.run(["zstd", "-q", "-d", "-c"], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True).stdout


def reference(name, data):
    """What others read. Raises where they refuse."""
    kind, ending = pathlib.Path(name).name.split(".", 1)
    if ending == "h5":
        with h5py.File(io.BytesIO(data)) as file:
            return read_hdf5(kind, file)
    if ending == "npy":
        return np.load(io.BytesIO(data))
    if ending == "npz":
        return np.load(io.BytesIO(data))["a"] if kind == "dense" else scipy.sparse.load_npz(io.BytesIO(data)).toarray()
    if ending == "mtx":
        matrix = scipy.io.mmread(io.BytesIO(data))
        return matrix.toarray() if scipy.sparse.issparse(matrix) else matrix
    text = unpacked(ending, data).decode()
    entries = [line.split(",") for line in text.splitlines()[1:]]
    matrix = np.zeros((len({entry[0] for entry in entries}), len({entry[1] for entry in entries})))
    rows, cols = (sorted({entry[side] for entry in entries}) for side in (0, 1))
    for row, col, value in entries:
        matrix[rows.index(row), cols.index(col)] = float(value)
    return matrix


def imported(path):
    with h5py.File(path) as file:
        item = file["matrix"]
        return read_sparse(item, scipy.sparse.csr_matrix, item.attrs["shape"]) if isinstance(item, h5py.Group) else item[:]


def equal(found, expected):
    return found.shape == expected.shape and np.array_equal(found, expected.astype(found.dtype))


def fault_of_result(name, data, output):
    if name.endswith((".csv", ".tsv", ".dat", ".svm")) or \
            (name.endswith(".mtx") and not data.startswith(b"%%MatrixMarket")):
        return None  # plain text is what it says
    found = imported(output)
    try:
        expected = reference(name, data)
    except Exception as refusal:  # whatever numpy, scipy and h5py raise; perhaps of what does not matter
        expected = reference(name, samples.everything()[name])
        return None if equal(found, expected) else f"read, but refused elsewhere: {refusal!r}"
    return None if equal(found, expected) else f"another matrix:\n{found}\nin place of\n{expected}"


def fault(name, data, folder):
    """What is wrong with the way the program takes a file with these bytes; None when nothing is."""
    if name.startswith("fitted/"):
        return fitted.fault(name, data, folder, LIMITED)
    path = pathlib.Path(folder) / pathlib.Path(name).name
    output = pathlib.Path(folder) / "out.h5"
    output.unlink(missing_ok=True)
    path.write_bytes(data)
    command = ["info", path] if name == "hdf5/model.h5" else ["import", path, "-o", output]
    try:
        result = run(command, expect=None, timeout=30, prefix=LIMITED)
    except (AssertionError, UnicodeDecodeError) as hang_or_noise:
        return str(hang_or_noise)
    if result.returncode == 0:
        return None if name == "hdf5/model.h5" else fault_of_result(name, data, output)
    if not fitted.is_refused(result, path):
        return str(result)
    return f"{output} is there" if output.exists() else None


def case(number, seed, only=""):
    """The name and the bytes of case `number`; the formats take turns."""
    everything = {**samples.everything(), **fitted.everything()}
    good = {name: data for name, data in everything.items() if only in name}
    name = sorted(good)[number % len(good)]
    return name, damaged(good[name], random.Random(f"{seed}-{number}"))


def main():
    parser = argparse.ArgumentParser(description="Damages files at random and checks what dnmf makes of them.")
    parser.add_argument("--count", type=int, default=1000, help="cases (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the damage (default: 1)")
    parser.add_argument("--only", default="", help="files whose name has this part: hdf5/, npz, csr, fitted/, ... (default: all)")
    parser.add_argument("--keep", default="damaged", help="folder for what goes wrong (default: ./damaged)")
    options = parser.parse_args()
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.count):
            name, data = case(number, options.seed, options.only)
            wrong = fault(name, data, folder)
            if wrong:
                faults += 1
                os.makedirs(options.keep, exist_ok=True)
                kept = pathlib.Path(options.keep) / f"{number}-{pathlib.Path(name).name}"
                kept.write_bytes(data)
                print(f"case {number}, {kept}: {wrong}", flush=True)
    print(f"{options.count} cases, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
