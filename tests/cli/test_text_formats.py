"""Text as other programs write it, plain or compressed, read on several numbers of processes."""
import gzip
import lzma
import shutil
import subprocess

import numpy as np
import pytest
import scipy.io
import scipy.sparse
import sklearn.datasets

from matrices import check_import, check_refusal, counts, read_matrix
from program import run

TABLE = counts()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


PACKERS = {"gzip": gzip.compress, "xz": lzma.compress, "zstd": zstd}


def packer(name):
    if name == "zstd" and not shutil.which("zstd"):
        pytest.skip("no zstd command here")
    return PACKERS[name]


# --- Compressed text ---

@pytest.fixture(scope="module")
def ratings(folder):
    """Triples beyond the pieces in which a file is unpacked, some given twice; and their import."""
    random = np.random.default_rng(3)
    rows, cols = random.integers(0, 3000, 100_000), random.integers(0, 900, 100_000)
    path = folder / "ratings.csv"
    path.write_text("user,item,rating\n" + "".join(f"u{i},item {j},{(7 * n) % 10 / 2}\n"
                                                   for n, (i, j) in enumerate(zip(rows, cols))))
    run(["import", path, "-o", folder / "plain.h5"])
    return path.read_bytes(), read_matrix(folder / "plain.h5")


@pytest.mark.parametrize("packing, processes", [("gzip", 1), ("gzip", 3), ("xz", 2), ("zstd", 1), ("zstd", 6)])
def test_compressed_triples_are_the_plain_ones(tmp_path, ratings, packing, processes):
    data, (values, sparse, row_ids, col_ids) = ratings
    half = data.index(b"\n", len(data) // 2) - 3
    pack = packer(packing)
    (tmp_path / "ratings.data").write_bytes(pack(data[:half]) + pack(data[half:]))
    check_import(tmp_path, tmp_path / "ratings.data", values, processes, sparse=sparse, row_ids=row_ids,
                 col_ids=col_ids)


@pytest.mark.parametrize("processes", [1, 3])
def test_the_line_of_an_error_in_compressed_text_is_named(tmp_path, ratings, processes):
    lines = ratings[0].splitlines(keepends=True)
    lines[90_000] = b"u1,item 1,-5\n"
    (tmp_path / "ratings.gz").write_bytes(gzip.compress(b"".join(lines), 1))
    check_refusal(tmp_path, tmp_path / "ratings.gz", "line 90001", "negative", processes=processes)


@pytest.mark.parametrize("packing", PACKERS)
def test_compressed_files_that_are_cut_off_or_of_a_wrong_checksum_are_refused(tmp_path, ratings, packing):
    data = packer(packing)(ratings[0][:100_000])
    (tmp_path / "cut").write_bytes(data[:len(data) // 2])
    check_refusal(tmp_path, tmp_path / "cut", packing, "cut off", processes=3)
    damaged = bytearray(data)
    damaged[-3] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    check_refusal(tmp_path, tmp_path / "damaged", packing)


def test_what_is_no_text_once_unpacked_is_named(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"\x89HDF\r\n\x1a\n" + bytes(100)))
    check_refusal(tmp_path, tmp_path / "a.gz", "compressed with gzip, and what is in it is HDF5")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b""))
    check_refusal(tmp_path, tmp_path / "b.gz", "is empty once it is unpacked", processes=3)


def test_pairs_may_be_compressed(tmp_path):
    (tmp_path / "ratings.csv").write_text("u,a,1\nu,b,2\nv,a,3\nv,b,4\nw,a,5\n")
    (tmp_path / "pairs.gz").write_bytes(gzip.compress(b"w,b\nu,a\nv,b\n"))
    (tmp_path / "turned.csv").write_text("b,w\na,u\nb,v\n")
    run(["fit", tmp_path / "ratings.csv", "-o", tmp_path / "model.h5", "-k", 1, "--max-iter", 5])
    for name, options, processes in (("pairs.gz", [], 3), ("turned.csv", ["--transpose"], 1)):
        run(["predict", tmp_path / "model.h5", tmp_path / name, "-o", tmp_path / f"{name}.csv", *options],
            processes=processes)
    predictions = [[line.split(",")[-1] for line in (tmp_path / f"{name}.csv").read_text().splitlines()]
                   for name in ("pairs.gz", "turned.csv")]
    assert len(predictions[0]) == 4 and predictions[0] == predictions[1]


def test_a_real_gzipped_matrix_market_file(data, tmp_path):
    path = data / "formats" / "10x_v3_matrix.mtx.gz"
    expected = scipy.io.mmread(gzip.open(path)).toarray()
    for processes in (1, 3):
        check_import(tmp_path, path, expected, processes, sparse=True)


# --- Matrix Market ---

@pytest.mark.parametrize("symmetry", ["general", "symmetric"])
def test_matrix_market_arrays_of_scipy(tmp_path, symmetry):
    table = TABLE if symmetry == "general" else TABLE @ TABLE.T
    scipy.io.mmwrite(str(tmp_path / "a.mtx"), table, symmetry=symmetry)
    (tmp_path / "a.mtx.gz").write_bytes(gzip.compress((tmp_path / "a.mtx").read_bytes()))
    check_import(tmp_path, tmp_path / "a.mtx", table, 3)
    check_import(tmp_path, tmp_path / "a.mtx.gz", table, 2)


@pytest.mark.parametrize("words", ["coordinate complex general", "coordinate real skew-symmetric",
                                   "array complex hermitian"])
def test_matrix_market_that_cannot_be_nonnegative_is_refused(tmp_path, words):
    (tmp_path / "a.mtx").write_text(f"%%MatrixMarket matrix {words}\n1 1 1\n1 1 1 0\n")
    check_refusal(tmp_path, tmp_path / "a.mtx", "line 1", "cannot be factorized")


@pytest.mark.parametrize("processes", [1, 3])
def test_entries_beyond_those_declared_are_found_in_compressed_files(tmp_path, processes):
    text = "%%MatrixMarket matrix coordinate real general\n9 9 4\n" + "".join(f"{i} {i} 1\n" for i in range(1, 8))
    (tmp_path / "a.mtx.gz").write_bytes(gzip.compress(text.encode()))
    check_refusal(tmp_path, tmp_path / "a.mtx.gz", "line 7", "more entries than the 4", processes=processes)


# --- svmlight, LIBMF ---

@pytest.mark.parametrize("zero_based, processes", [(True, 1), (False, 1), (True, 3), (False, 4)])
def test_svmlight_of_scikit_learn(tmp_path, zero_based, processes):
    table = np.hstack([np.arange(7)[:, None] + 1, TABLE]) / 4
    path = tmp_path / "samples.svm"
    sklearn.datasets.dump_svmlight_file(table, [-1, 1, 2, 1, 0, 1.5, 3], str(path), zero_based=zero_based,
                                        comment="of a test", query_id=np.arange(7))
    expected = sklearn.datasets.load_svmlight_file(str(path))[0].toarray()
    assert expected.shape == table.shape
    check_import(tmp_path, path, expected, processes, sparse=True)


def test_svmlight_columns_are_counted_from_where_one_says(tmp_path):
    (tmp_path / "a").write_text("1,3 1:2 3:4 # first\n2 # none\n0 2:1.5\n")
    expected = np.array([[2, 0, 4], [0, 0, 0], [0, 1.5, 0]])
    check_import(tmp_path, tmp_path / "a", expected, 3, sparse=True)
    check_import(tmp_path, tmp_path / "a", np.hstack([np.zeros((3, 1)), expected]), 1, ["--index-base", "0"],
                 sparse=True)
    (tmp_path / "b").write_text("1 0:2 3:4\n")
    check_refusal(tmp_path, tmp_path / "b", "has a column 0", options=["--index-base", "1"])


@pytest.mark.parametrize("line, part", [("x 1:2", "begins with its label"), ("1 1:2 7", "is not a column"),
                                        ("1 -1:2", "is not a column"), ("1 1:-2", "is negative"),
                                        ("1 1:two", "is not a number")])
def test_lines_that_are_not_svmlight_are_named(tmp_path, line, part):
    (tmp_path / "a.svm").write_text(f"1 1:2\n0 2:3\n{line}\n")
    check_refusal(tmp_path, tmp_path / "a.svm", "line 3", part, options=["--format", "svmlight"])


def test_triples_of_libmf(tmp_path):
    """Blanks between, no header, indices from 0."""
    matrix = scipy.sparse.coo_matrix(TABLE)
    (tmp_path / "train.txt").write_text("".join(f"{i} {j} {v}\n" for i, j, v in zip(matrix.row, matrix.col,
                                                                                    matrix.data)))
    rows, cols = np.unique(matrix.row), np.unique(matrix.col)
    check_import(tmp_path, tmp_path / "train.txt", TABLE[np.ix_(rows, cols)], 3, sparse=True, row_ids=list(rows),
                 col_ids=list(cols))


# --- Transposed ---

@pytest.mark.parametrize("processes", [1, 3])
def test_transposed_text(tmp_path, processes):
    (tmp_path / "table.csv").write_text(",a,b,c\nx,1,2,3\ny,4,0,6\n")
    check_import(tmp_path, tmp_path / "table.csv", [[1, 4], [2, 0], [3, 6]], processes, ["--transpose"],
                 row_ids=["a", "b", "c"], col_ids=["x", "y"])
    (tmp_path / "triples.csv").write_text("x,1,5\ny,2,3\nz,1,4\n")
    check_import(tmp_path, tmp_path / "triples.csv", [[5, 0, 4], [0, 3, 0]], processes, ["--transpose"], sparse=True,
                 row_ids=[1, 2], col_ids=["x", "y", "z"])
