"""Texts of variable length in HDF5: every good form beside h5py, every damage refused with one message.

HDF5's own reader of the heaps that hold them crashes or never ends on most of these files.
"""
import re
import struct

import h5py
import numpy as np
import pytest

import matrices
from program import run
from test_damage import check_import_refused, check_refused, samples

LONG = ["", "a", "é" * 3000, "中" * 70000, "x" * 300, "last"]


def imported_ids(folder, path, processes=1, name="row_ids"):
    output = folder / f"out-{processes}.h5"
    run(["import", path, "-o", output], processes=processes)
    with h5py.File(output) as file:
        return matrices.read_ids(file, name)


def as_table(file, names):
    """AnnData before 0.7: a compound table, its index among other members."""
    kind = np.dtype([("n", "i4"), ("index", samples.STRING), ("x", "f8")])
    table = np.zeros(len(names), kind)
    table["index"] = names
    file["X"] = np.ones((len(names), 3))
    file["obs"] = table
    file["var"] = np.array([(b"a",), (b"b",), (b"c",)], [("index", "S1")])


def plain(**options):
    def write(file, names):
        file["matrix"] = np.ones((len(names), 3))
        file.create_dataset("row_ids", data=names, dtype=samples.STRING, **options)
    return write


FORMS = {
    "plain": plain(),
    "packed": plain(chunks=(3,), compression="gzip", shuffle=True),
    "table": as_table,
}


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("form", FORMS)
def test_texts_of_any_length(tmp_path, form, processes):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        FORMS[form](file, LONG)
    assert imported_ids(tmp_path, tmp_path / "a.h5", processes) == LONG


@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_texts_behind_a_block_of_the_users(tmp_path, version):
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=1024, libver=version) as file:
        plain()(file, LONG)
    assert imported_ids(tmp_path, tmp_path / "a.h5") == LONG


@pytest.mark.parametrize("address,size", [(4, 4), (8, 4), (4, 8)])
def test_short_addresses(tmp_path, address, size):
    creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    creation.set_sizes(address, size)
    with h5py.File(h5py.h5f.create(bytes(tmp_path / "a.h5"), h5py.h5f.ACC_TRUNC, fcpl=creation)) as file:
        plain()(file, LONG)
    assert imported_ids(tmp_path, tmp_path / "a.h5") == LONG


@pytest.mark.parametrize("options", [{}, {"chunks": (3,)}, {"fillvalue": "none"}])
def test_texts_that_were_never_written(tmp_path, options):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["matrix"] = np.ones((4, 3))
        file.create_dataset("row_ids", (4,), dtype=samples.STRING, **options)
        if "chunks" in options:
            file["row_ids"][1] = "b"
        expected = list(file["row_ids"].asstr()[:])
    assert imported_ids(tmp_path, tmp_path / "a.h5") == expected


def test_many_texts_in_any_order(tmp_path):
    names = [f"name {i}" for i in range(100000)]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["matrix"] = np.ones((len(names), 1))
        ids = file.create_dataset("row_ids", (len(names),), dtype=samples.STRING)
        for part in (slice(50000, None), slice(0, 50000, 2), slice(1, 50000, 2)):
            ids[part] = names[part]
    assert imported_ids(tmp_path, tmp_path / "a.h5", 2) == names


def heap_of(data, text):
    """Where the collection with this text begins, the header of its object, and the reference to it."""
    for at in (match.start() for match in re.finditer(text, data)):
        begin = data.rfind(b"GCOL", 0, at)
        number = struct.unpack_from("<H", data, at - 16)[0]
        reference = data.find(struct.pack("<IQI", len(text), max(begin, 0), number))
        if reference >= 0:
            return begin, at - 16, reference
    raise AssertionError(f"no heap has {text}")


def unobserved(file):
    samples.csr(file)
    file["matrix"].attrs["missing"] = "unobserved"


# What is overwritten: at an offset from the collection, the object or the reference; and words of the message.
DAMAGES = {
    "no heap": ("heap", 0, b"GCOM", "there is no such heap"),
    "another version": ("heap", 4, b"\2", "there is no such heap"),
    "no size": ("heap", 8, struct.pack("<Q", 0), "its size cannot be"),
    "a size beyond the file": ("heap", 8, struct.pack("<Q", 2**40), "its size cannot be"),
    "a size beyond any file": ("heap", 8, struct.pack("<Q", 2**64 - 1), "its size cannot be"),
    "a size within a text": ("heap", 8, struct.pack("<Q", 40), "heap of texts"),
    "another number": ("object", 0, struct.pack("<H", 999), "there is no such text"),
    "the number of the free space": ("object", 0, struct.pack("<H", 0), "there is no such text"),
    "the number of the first": ("object", 0, struct.pack("<H", 1), "two texts have the same number"),
    "a text beyond its heap": ("object", 8, struct.pack("<Q", 5000), "longer than the heap"),
    "a text beyond any memory": ("object", 8, struct.pack("<Q", 2**64 - 9), "longer than the heap"),
    "a text without length": ("object", 8, struct.pack("<Q", 0), "heap of texts"),
    "a longer use": ("reference", 0, struct.pack("<I", 2**32 - 1), "shorter than where it is used"),
    "a place outside": ("reference", 4, struct.pack("<Q", 2**40), "beyond its end"),
    "no place": ("reference", 4, struct.pack("<Q", 2**64 - 1), "beyond its end"),
    "a place without heap": ("reference", 4, struct.pack("<Q", 8), "there is no such heap"),
    "a number of none": ("reference", 12, struct.pack("<I", 77), "there is no such text"),
    "a number beyond numbers": ("reference", 12, struct.pack("<I", 2**31), "there is no such text"),
}
FILES = {
    "order of a sparse group": (samples.csr, b"csr_matrix"),
    "name of an index": (samples.anndata, b"name"),
    "category": (samples.anndata, b"row3"),
    "what is missing": (unobserved, b"unobserved"),
}


def damage_heap(data, text, where, offset, new):
    data = bytearray(data)
    heap, header, reference = heap_of(data, text)
    at = {"heap": heap, "object": header, "reference": reference}[where] + offset
    data[at:at + len(new)] = new
    return bytes(data)


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_ids_are_refused(tmp_path, name):
    where, offset, new, words = DAMAGES[name]
    (tmp_path / "bad.h5").write_bytes(damage_heap(samples.hdf5(samples.dense), b"row0", where, offset, new))
    check_import_refused(tmp_path / "bad.h5", "damaged", words)


@pytest.mark.parametrize("of", FILES)
def test_damaged_texts_are_refused_wherever_they_are(tmp_path, of):
    write, text = FILES[of]
    bad = damage_heap(samples.hdf5(write), text, *DAMAGES["a longer use"][:3])
    (tmp_path / "bad.h5").write_bytes(bad)
    check_import_refused(tmp_path / "bad.h5", "shorter than where it is used")


@pytest.mark.parametrize("processes", [2, 3])
def test_all_processes_leave_with_one_message(tmp_path, processes):
    bad = damage_heap(samples.hdf5(samples.dense), b"row5", *DAMAGES["a place outside"][:3])
    (tmp_path / "bad.h5").write_bytes(bad)
    check_import_refused(tmp_path / "bad.h5", "beyond its end", processes=processes)


def test_a_file_cut_off_within_its_texts(tmp_path):
    """HDF5 refuses what is cut off, unless its end says so too."""
    data = samples.hdf5(samples.dense)
    end = heap_of(data, b"row3")[0] + 24
    data = bytearray(data[:end])
    struct.pack_into("<Q", data, 40, end)
    (tmp_path / "bad.h5").write_bytes(data)
    check_import_refused(tmp_path / "bad.h5")


def test_a_damaged_text_of_a_model(tmp_path):
    def write(file):
        samples.model(file)
        file.attrs["solver"] = "hals"
    bad = damage_heap(samples.hdf5(write), b"hals", *DAMAGES["a longer use"][:3])
    (tmp_path / "model.h5").write_bytes(bad)
    check_refused(["predict", tmp_path / "model.h5", "--row", "row1", "--col", 1], "model.h5", "damaged")
