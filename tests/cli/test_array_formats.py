"""NumPy arrays, NumPy archives and SciPy's sparse archives, read on several numbers of processes."""
import io
import struct
import zipfile

import numpy as np
import pytest
import scipy.sparse

from matrices import check_import, check_refusal, counts, read_matrix
from program import run

TABLE = counts()


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(text, version=(1, 0)):
    """An array's beginning, by hand."""
    length = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text.encode()


# --- .npy ---

@pytest.mark.parametrize("dtype, processes", [("?", 1), ("i1", 3), ("u1", 1), ("<i2", 1), (">u2", 3), (">i4", 1),
                                              ("u4", 1), ("i8", 6), (">u8", 1), ("f2", 3), (">f2", 1), ("f4", 2),
                                              (">f4", 1), ("f8", 4), (">f8", 1), ("g", 1)])
def test_npy_of_every_numeric_type(tmp_path, dtype, processes):
    table = TABLE.astype(dtype) / TABLE.dtype.type(1) if dtype == "f8" else TABLE.astype(dtype)
    np.save(tmp_path / "a.npy", table)
    check_import(tmp_path, tmp_path / "a.npy", table.astype(float), processes)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order, processes", [("C", 1), ("F", 3)])
def test_npy_versions_and_orders(tmp_path, version, order, processes):
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array(file, np.array(TABLE, "f4", order=order), version)
    check_import(tmp_path, tmp_path / "a.npy", TABLE, processes)
    check_import(tmp_path, tmp_path / "a.npy", TABLE.T, processes, ["--transpose"])


def test_npy_blocks_of_a_wide_array(tmp_path):
    table = np.random.default_rng(8).random((50, 2000))
    np.save(tmp_path / "a.npy", np.asfortranarray(table))
    check_import(tmp_path, tmp_path / "a.npy", table, 3)
    np.save(tmp_path / "a.npy", table)
    check_import(tmp_path, tmp_path / "a.npy", table.T, 4, ["--transpose"])


@pytest.mark.parametrize("array, part", [(np.zeros(4), "wrong number of dimensions (4 float64)"),
                                         (np.zeros((2, 3, 4)), "2 x 3 x 4 float64"), (np.float64(3), "a single float64"),
                                         (np.zeros((2, 2), "c16"), "complex128"), (np.array([["a"]]), "string"),
                                         (np.zeros((2, 2), "M8[s]"), "not a number"), (np.zeros((0, 3)), "empty"),
                                         (np.zeros((2, 2), [("x", "f4")]), "records"),
                                         (np.array([[None]]), "Python object"),
                                         (np.array([[1, -2.0]]), "row 0, column 1")])
def test_arrays_that_are_no_matrix_are_refused(tmp_path, array, part):
    np.save(tmp_path / "a.npy", array)
    check_refusal(tmp_path, tmp_path / "a.npy", "a.npy", part)


@pytest.mark.parametrize("data, part", [
    (saved(TABLE)[:-1], "ends before its last item"), (saved(TABLE)[:60], "ends before its last item"),
    (header("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 9999999999), }\n"), "impossible shape"),
    (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 5), }\n"), "impossible shape"),
    (header("{'descr': '<f8', 'fortran_order': False, 'shape': (100000, 100000), }\n"), "ends before"),
    (header("{'descr': '<f8', 'shape': (1, 1), }\n") + bytes(8), "damaged"),
    (header("{'descr': '<f8', 'fortran_order': False, }\n") + bytes(8), "without a shape"),
    (header("{'descr': '<f7', 'fortran_order': False, 'shape': (1, 1), }\n") + bytes(8), "float56"),
    (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(9), "does not begin"), (b"\x93NUMPY\x09\x00", "does not begin")])
def test_damaged_arrays_are_refused(tmp_path, data, part):
    (tmp_path / "a.npy").write_bytes(data)
    check_refusal(tmp_path, tmp_path / "a.npy", "a.npy", part)


# --- .npz ---

@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order, processes", [("C", 3), ("F", 1)])
def test_npz_with_one_matrix(tmp_path, save, order, processes):
    save(tmp_path / "a.npz", x=np.array(TABLE, "f4", order=order), names=np.array(["u", "v"]), k=np.int64(3))
    check_import(tmp_path, tmp_path / "a.npz", TABLE, processes)
    check_import(tmp_path, tmp_path / "a.npz", TABLE.T, processes, ["--transpose"])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_large_arrays_of_archives(tmp_path, save):
    """Beyond one batch, with more zeros in a row than a batch holds."""
    table = np.random.default_rng(9).random((300, 700))
    table[50:250] = 0
    save(tmp_path / "a.npz", table)
    check_import(tmp_path, tmp_path / "a.npz", table, 4)


def test_several_arrays_of_an_archive_are_listed(tmp_path):
    np.savez(tmp_path / "a.npz", a=TABLE, b=TABLE.T.astype("u1"), c=np.zeros(3))
    path = tmp_path / "a.npz"
    check_refusal(tmp_path, path, "several matrices", "/a (7 x 5 int64), /b (5 x 7 uint8)", processes=3)
    check_refusal(tmp_path, f"{path}:/d", "has no array d", "/a (7 x 5 int64)")
    check_refusal(tmp_path, f"{path}:/c", "wrong number of dimensions (3 float64)")
    check_import(tmp_path, f"{path}:/b", TABLE.T, 3)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
@pytest.mark.parametrize("compressed, processes", [(True, 1), (True, 3), (False, 1), (False, 4)])
def test_sparse_archives_of_scipy(tmp_path, kind, compressed, processes):
    matrix = scipy.sparse.random(40, 23, 0.2, format=kind, random_state=4)
    matrix.data = np.ceil(9 * matrix.data).astype("i2")
    scipy.sparse.save_npz(tmp_path / "a.npz", matrix, compressed=compressed)
    check_import(tmp_path, tmp_path / "a.npz", matrix.toarray(), processes, sparse=True)


def test_a_sparse_archive_beyond_one_batch(tmp_path):
    matrix = scipy.sparse.random(90_000, 40, 0.06, format="csr", random_state=4)
    scipy.sparse.save_npz(tmp_path / "a.npz", matrix)
    check_import(tmp_path, tmp_path / "a.npz", matrix.T.toarray(), 3, ["--transpose"], sparse=True)


@pytest.mark.parametrize("kind", ["bsr", "dia"])
def test_other_sparse_formats_are_refused(tmp_path, kind):
    scipy.sparse.save_npz(tmp_path / "a.npz", scipy.sparse.csr_matrix(TABLE).asformat(kind))
    check_refusal(tmp_path, tmp_path / "a.npz", f'"{kind}"', "tocsr")


def write_parts(path, **changed):
    matrix = scipy.sparse.csr_matrix(TABLE)
    parts = dict(data=matrix.data, indices=matrix.indices, indptr=matrix.indptr, format=b"csr", shape=matrix.shape)
    np.savez(path, **{**parts, **changed})


@pytest.mark.parametrize("changed, part", [
    (dict(shape=(8, 5)), "indptr has 8 items"), (dict(shape=(7, -5)), "shape is negative"),
    (dict(shape=(7, 2)), "must lie from 0 to 1"), (dict(shape=(7, 5, 1)), "shape must have"),
    (dict(indices=np.zeros(3, int)), "indices has 3 items"), (dict(indices=np.ones(12)), "whole numbers"),
    (dict(indptr=np.array([0, 3, 2, 6, 6, 8, 8, 10])), "item 2 is 2"),
    (dict(indptr=np.array([1, 3, 4, 6, 6, 8, 8, 10])), "the first must be 0"),
    (dict(indptr=np.array([0, 3, 4, 6, 6, 8, 8, 9])), "the number of entries")])
def test_inconsistent_sparse_archives_are_refused(tmp_path, changed, part):
    assert scipy.sparse.csr_matrix(TABLE).nnz == 10
    write_parts(tmp_path / "a.npz", **changed)
    check_refusal(tmp_path, tmp_path / "a.npz", part, processes=3 if "must lie" in part else 1)


def test_archives_without_arrays_or_damaged_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    check_refusal(tmp_path, tmp_path / "book.xlsx", "an Excel workbook")
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as file:
        file.writestr("a.txt", "text")
    check_refusal(tmp_path, tmp_path / "texts.zip", "a zip archive without arrays")
    np.savez_compressed(tmp_path / "a.npz", np.random.default_rng(1).random((100, 100)))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    (tmp_path / "cut.npz").write_bytes(data[:-100])
    check_refusal(tmp_path, tmp_path / "cut.npz", "cut.npz", processes=3)
    data[len(data) // 2] ^= 255
    (tmp_path / "damaged.npz").write_bytes(data)
    check_refusal(tmp_path, tmp_path / "damaged.npz", "damaged.npz:/arr_0", processes=3)


def test_a_wrong_format_is_said_clearly(tmp_path):
    np.save(tmp_path / "a.npy", TABLE)
    np.savez(tmp_path / "a.npz", TABLE)
    (tmp_path / "a.csv").write_text("1,2,3\n")
    for name, asked, part in [("a.npy", "triples", "is a NumPy array; leave --format out"),
                              ("a.npz", "mm", "is a NumPy archive (zip); leave --format out"), ("a.csv", "npy", "does not begin as a NumPy array"),
                              ("a.csv", "npz", "cannot open"), ("a.npy", "hdf5", "not an HDF5 file"),
                              ("a.csv", "svmlight", "empty matrix: 1 rows, 0 columns"), ("a.csv", "mm", "not a Matrix Market header")]:
        check_refusal(tmp_path, tmp_path / name, part, options=["--format", asked])
    check_refusal(tmp_path, f"{tmp_path / 'a.npy'}:/x", "single array", status=2)


@pytest.mark.parametrize("save", [lambda path: np.save(path / "a", TABLE), lambda path: np.savez(path / "a", TABLE),
                                  lambda path: np.savez_compressed(path / "a", np.asfortranarray(TABLE)),
                                  lambda path: scipy.sparse.save_npz(path / "a", scipy.sparse.csc_matrix(TABLE))])
def test_rows_and_columns_of_arrays_are_selected(tmp_path, save):
    save(tmp_path)
    path, = tmp_path.iterdir()
    result = run(["import", path, "-o", tmp_path / "out.h5", "--rows", "1:6", "--cols", "2:"], processes=3)
    np.testing.assert_array_equal(read_matrix(tmp_path / "out.h5")[0], TABLE[1:6, 2:], err_msg=str(result))
