"""Damaged and lying files: one message that names the file, or the right matrix; never a crash, a hang, much memory.

The good files are those of `fuzz/samples.py`. `fuzz/mutate.py` damages them at random, here a few times.
"""
import os
import re
import signal
import struct
import sys

import h5py
import numpy as np
import pytest
import scipy.sparse

from program import ROOT, run

sys.path.insert(0, str(ROOT / "tests" / "fuzz"))
import mutate  # noqa: E402
import samples  # noqa: E402

CSR = scipy.sparse.csr_matrix(samples.table())
MARKET = "%%MatrixMarket matrix "


def check_refused(arguments, *words, processes=1):
    result = run(arguments, processes=processes, expect=1, timeout=60, prefix=mutate.LIMITED if processes == 1 else ())
    assert len(result.messages) == 1, str(result)
    for word in words:
        assert word in result.messages[0], str(result)


def check_import_refused(path, *words, processes=1):
    output = path.parent / "out.h5"
    check_refused(["import", path, "-o", output], path.name, *words, processes=processes)
    assert not output.exists()


def edited(path, write, edit):
    """The file that `write` fills, then edited."""
    with h5py.File(path, "w") as file:
        write(file)
        edit(file)
    return path


def put(name, values):
    def edit(file):
        if name in file:
            del file[name]
        file[name] = values
    return edit


def attribute(name, key, value):
    return lambda file: file[name].attrs.__setitem__(key, value)


def point_categories_at_a_group(file):
    file["var/name"].attrs.create("categories", file["X"].ref, dtype=h5py.ref_dtype)


# A good file, what is done to it, and words of the message.
LIES = {
    "negative shape": (samples.csr, attribute("matrix", "shape", [-6, 5]), "negative"),
    "fewer rows than pointers": (samples.csr, attribute("matrix", "shape", [5, 5]), "indptr has 7 items"),
    "fewer columns than indices": (samples.csr, attribute("matrix", "shape", [6, 3]), "outside 0 to 2"),
    "very many columns": (samples.csr, attribute("matrix", "shape", [6, 2**62]), "too large"),
    "shape of three": (samples.csr, attribute("matrix", "shape", [6, 5, 1]), "shape"),
    "another order": (samples.csr, attribute("matrix", "encoding-type", "csc_matrix"), "indptr has 7 items"),
    "pointers that fall": (samples.csr, put("matrix/indptr", [0, 9, 3, 9, 9, 9, CSR.nnz]), "smaller than the one before"),
    "pointers that end early": (samples.csr, put("matrix/indptr", CSR.indptr // 2), "the number of stored entries"),
    "fractional indices": (samples.csr, put("matrix/indices", CSR.indices + 0.5), "whole numbers"),
    "fractional pointers": (samples.csr, put("matrix/indptr", CSR.indptr + 0.3), "whole numbers"),
    "indices beyond int64": (samples.csr, put("matrix/indices", CSR.indices + np.uint64(2**63)), "/matrix/indices"),
    "fewer values than indices": (samples.csr, put("matrix/data", CSR.data[1:]), "inconsistent"),
    "values that are text": (samples.csr, put("matrix/data", np.full(CSR.nnz, b"a")), "must be a list of numbers"),
    "MATLAB's rows beyond int64": (samples.matlab_sparse, attribute("s", "MATLAB_sparse", np.uint64(2**63)), "too large"),
    "no columns of MATLAB's": (samples.matlab_sparse, put("s/jc", np.zeros(0, "u8")), "negative"),
    "a category out of range": (samples.anndata, put("obs/name/codes", np.int8([0, 1, 2, 3, 4, 99])), "6 categories"),
    "a negative category": (samples.anndata, put("obs/name/codes", np.int8([0, 1, 2, 3, 4, -7])), "item 5 is -7"),
    "categories that are a group": (samples.anndata, point_categories_at_a_group, "/X"),
    "too many ids": (samples.dense, put("row_ids", np.arange(7)), "needs 6"),
    "ids in two dimensions": (samples.dense, put("row_ids", np.zeros((6, 2), "i8")), "needs 6"),
    "a very long attribute": (samples.dense, attribute("/", "missing", "z" * 60000), "must be zero or unobserved"),
}


@pytest.mark.parametrize("name", LIES)
def test_lies_in_hdf5_are_refused(tmp_path, name):
    write, edit, words = LIES[name]
    check_import_refused(edited(tmp_path / "lie.h5", write, edit), words)


def test_a_huge_dataset_without_data_is_refused(tmp_path):
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("m", (2**31, 2**31), "f8", chunks=(100, 100))
    check_import_refused(tmp_path / "huge.h5", "not enough memory")


def test_wide_ids_take_no_more_memory_than_they_need(tmp_path):
    path = edited(tmp_path / "wide.h5", samples.dense, put("row_ids", np.full(samples.ROWS, "a", "S500000")))
    run(["import", path, "-o", tmp_path / "out.h5"], prefix=mutate.LIMITED)


@pytest.mark.parametrize("processes", [1, 2])
def test_links_to_other_files_are_not_followed(tmp_path, processes):
    """A link to a pipe would wait for ever; opening one is collective, and process 1 of 2 reads nothing of one row."""
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(tmp_path / "one.h5", "w") as file:
        file["x"] = np.ones((1, 3))
    for target in ("one.h5", "pipe", "nowhere.h5", "link.h5"):
        with h5py.File(tmp_path / "link.h5", "w") as file:
            file["x"] = h5py.ExternalLink(target, "/x")
        check_import_refused(tmp_path / "link.h5", "/x (a link to another file", processes=processes)
        if processes > 1:
            break


def test_numbers_in_other_files_are_refused(tmp_path):
    """HDF5 takes for 0 what is not in them."""
    (tmp_path / "raw").write_bytes(bytes(100))
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_external(b"raw", 0, 240)
    layout = h5py.VirtualLayout((6, 5), "f8")
    layout[:] = h5py.VirtualSource("nowhere.h5", "x", (6, 5))
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        h5py.h5d.create(file.id, b"m", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((6, 5)), creation)
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("m", layout)
    for name in ("raw.h5", "virtual.h5"):
        check_import_refused(tmp_path / name, "6 x 5 kept in other files")


def test_loops_and_depths(tmp_path):
    with h5py.File(tmp_path / "soft.h5", "w") as file:
        file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")
    check_import_refused(tmp_path / "soft.h5", "holds no matrix")
    for depth in (100, 3000):
        with h5py.File(tmp_path / "deep.h5", "w") as file:
            group = file
            for _ in range(depth):
                group = group.create_group("g")
            group["loop"] = file["/"]
            group["x"] = np.ones((2, 3))
        if depth < 256:
            run(["import", tmp_path / "deep.h5", "-o", tmp_path / "out.h5"])
            (tmp_path / "out.h5").unlink()
        else:  # a name that no place in a file has room for
            check_import_refused(tmp_path / "deep.h5", "holds no matrix")


def test_numbers_of_gigabytes_are_refused(tmp_path):
    data = samples.hdf5(samples.dense).replace(b"\x11\x20\x3f\x00\x08\0\0\0", b"\x11\x20\x3f\x00\x08\0\0\x60")
    (tmp_path / "bad.h5").write_bytes(data)
    check_import_refused(tmp_path / "bad.h5", "6 x 5 float12884901952")


def test_a_group_that_holds_itself(tmp_path):
    """Its list of members becomes the root's. HDF5's own walk of such a file never ends."""
    data = bytearray(samples.hdf5(samples.matlab_sparse))
    lists = [match.end() for match in re.finditer(re.escape(struct.pack("<HHI", 0x11, 16, 0)), data)]
    assert len(lists) == 2  # the root's and that of the group s
    root = bytes(data[lists[0]:lists[0] + 16])
    for at in lists:
        data[at:at + 16] = root
    (tmp_path / "bad.h5").write_bytes(data)
    with h5py.File(tmp_path / "bad.h5") as file:
        assert list(file["s/s/s/s"]) == ["s"]
    check_import_refused(tmp_path / "bad.h5", "holds no matrix")


def test_a_crash_of_hdf5s_is_one_message(tmp_path):
    """The root's names are nowhere: HDF5 copies them to memory that it did not get. The status is the crash's."""
    for write, command in ((samples.matlab, ["info"]), (samples.model, ["predict", "--row", "row1", "--col", 1])):
        data = samples.hdf5(write)
        at = data.index(struct.pack("<HHI", 0x11, 16, 0)) + 16
        (tmp_path / "bad.h5").write_bytes(data.replace(data[at:at + 8], b"\xff" * 8))
        command = [command[0], tmp_path / "bad.h5", *command[1:]]
        result = run(command, expect=-signal.SIGSEGV, prefix=mutate.LIMITED)
        assert len(result.messages) == 1 and "bad.h5 crashed: it is damaged" in result.messages[0], str(result)
        off = run(command, expect=-signal.SIGSEGV, prefix=["env", "DNMF_CRASH_GUARD=off", *mutate.LIMITED])
        assert off.messages == [], str(off)


MODELS = {
    "biases of too many rows": (put("bias/row", np.ones(60)), "should be 6"),
    "biases in four dimensions": (put("bias/col", np.ones((5, 4, 3, 2))), "should be 5"),
    "three means": (put("bias/mean", np.ones(3)), "should be 1"),
    "counts of too few columns": (put("observed/col", np.ones(2)), "should be 5"),
    "a mean row of another length": (put("mean_row", np.ones(3)), "should be 2"),
    "NaN in W": (put("W", np.full((6, 2), np.nan)), "/W has nan at row 0, column 0"),
    "a negative number in H": (put("H", -np.eye(2, 5)), "/H has -1 at row 0, column 0"),
    "an infinite bias": (put("bias/row", np.full(6, np.inf)), "/bias/row has inf"),
    "factors that do not multiply": (put("H", np.ones((3, 5))), "do not make a product"),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_that_do_not_fit_together_are_refused(tmp_path, name):
    edit, words = MODELS[name]
    path = edited(tmp_path / "model.h5", samples.model, edit)
    check_refused(["predict", path, "--row", "row1", "--col", 1], path.name, words)


def test_info_shows_what_is_no_text(tmp_path):
    """Values of a damaged model's attributes, and an id: printed without what is no UTF-8, escaped as JSON."""
    def spoil(file):
        file.attrs.create("solver", b"ha\xff\x1b[2Jls", dtype=samples.STRING)
        file["row_ids"][0] = b"\xe9\xff"
    path = edited(tmp_path / "model.h5", samples.model, spoil)
    shown = run(["info", path])
    assert "ha??[2Jls" in shown.stdout and "first ??" in shown.stdout, str(shown)
    assert run(["info", path, "--json"]).json["provenance"]["solver"] == "ha\\xff\x1b[2Jls"


def replaced(name, old, new):
    data = samples.everything()[name]
    assert old in data
    return data.replace(old, new)


def with_flipped_bit(name, numbers):
    """One bit of the last number is another: what the archive stores as it is has a checksum all the same."""
    data = bytearray(samples.everything()[name])
    data[data.index(numbers.tobytes()) + numbers.nbytes - 2] ^= 1
    return bytes(data)


BYTES = {
    "order of no kind": ("a.npy", replaced("npy/c.npy", b": False", b": Falsd"), "damaged NumPy header"),
    "header that goes on": ("a.npy", replaced("npy/c.npy", b", }   ", b", }  $"), "damaged NumPy header"),
    "byte order of no kind": ("a.npy", replaced("npy/c.npy", b"<f8", b"\0f8"), "damaged NumPy header"),
    "fewer rows than items": ("a.npy", replaced("npy/c.npy", b"(6, 5)", b"(5, 5)"), "goes on after its last item"),
    "more rows than items": ("a.npy", replaced("npy/c.npy", b"(6, 5)", b"(7, 5)"), "ends before its last item"),
    "rows beyond int64": ("a.npy", replaced("npy/c.npy", b"(6, 5), }" + b" " * 20, b"(99999999999999999999, 5), } "),
                          "impossible shape"),
    "negative rows": ("a.npy", replaced("npy/c.npy", b"(6, 5), } ", b"(-6, 5), }"), "impossible shape"),
    "stored array's checksum": ("a.npz", with_flipped_bit("npz/dense.npz", samples.table()), "checksum"),
    "stored sparse array's checksum": ("a.npz", with_flipped_bit("npz/csr.npz", CSR.data), "checksum"),
    "array of no rows": ("a.mtx", f"{MARKET}array real general\n0 {2**63 - 1}\n".encode(), "empty matrix"),
    "array that overflows": ("a.mtx", f"{MARKET}array real general\n{2**62} 4\n".encode(), "too large"),
    "rows beyond memory": ("a.mtx", f"{MARKET}coordinate real general\n{2**63 - 1} {2**63 - 1} 1\n1 1 1\n".encode(),
                           "too large"),
    "more entries than there are": ("a.mtx", f"{MARKET}coordinate real general\n3 3 {2**63 - 1}\n1 1 1\n".encode(),
                                    "may be truncated"),
    "column that cannot be counted": ("a.svm", f"1 0:1\n1 {2**63 - 1}:1\n".encode(), "a.svm"),
    "terminal's commands": ("a.csv", b"user,item,rating\na,b,\x1b[2Jc\xff\n", "?[2Jc?"),
}


@pytest.mark.parametrize("name", BYTES)
def test_lies_in_other_files_are_refused(tmp_path, name):
    file, data, words = BYTES[name]
    (tmp_path / file).write_bytes(data)
    check_import_refused(tmp_path / file, words)


@pytest.mark.parametrize("processes", [3])
def test_the_checksum_is_put_together_from_the_processes_parts(tmp_path, processes):
    (tmp_path / "bad.npz").write_bytes(with_flipped_bit("npz/csr.npz", CSR.data))
    (tmp_path / "good.npz").write_bytes(samples.everything()["npz/csr.npz"])
    check_import_refused(tmp_path / "bad.npz", "checksum", processes=processes)
    run(["import", tmp_path / "good.npz", "-o", tmp_path / "out.h5"], processes=processes)
    np.testing.assert_array_equal(mutate.imported(tmp_path / "out.h5"), samples.table())


@pytest.mark.parametrize("number", range(40))
def test_random_damage(tmp_path, number):
    name, data = mutate.case(number, seed=7)
    wrong = mutate.fault(name, data, tmp_path)
    assert wrong is None, f"{name}: {wrong}"
