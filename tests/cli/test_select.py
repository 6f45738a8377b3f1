"""Selected rows and columns: --rows, --cols, --row-ids, --col-ids, --min-row-count, --min-col-count."""
import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from program import run

ROWS, COLS = 41, 23
FORMATS = ["dense.h5", "csr.h5", "csc.h5", "triples.csv", "table.csv", "market.mtx", "array.mtx"]
NAMED = {"dense.h5", "csr.h5", "csc.h5", "triples.csv", "table.csv"}


def row_name(i):
    return f"r{i:02d}"


def col_name(j):
    return f"c{j:02d}"


@pytest.fixture(scope="module")
def matrix():
    random = np.random.default_rng(3)
    a = random.integers(1, 6, (ROWS, COLS)) * (random.random((ROWS, COLS)) < random.random((ROWS, 1)))
    a[7, :3] = a[:3, 5] = 1  # no row and no column is empty: triples could not say so
    a[np.arange(ROWS), np.arange(ROWS) % COLS] = 2
    return a.astype(float)


@pytest.fixture(scope="module")
def files(matrix, folder):
    names = {"row_ids": [row_name(i) for i in range(ROWS)], "col_ids": [col_name(j) for j in range(COLS)]}
    for name in ("dense.h5", "csr.h5", "csc.h5"):
        with h5py.File(folder / name, "w") as file:
            file.update(names)
            if name == "dense.h5":
                file["matrix"] = matrix
                continue
            sparse = getattr(scipy.sparse, name[:3] + "_matrix")(matrix)
            group = file.create_group("matrix")
            group.attrs.update({"encoding-type": name[:3] + "_matrix", "shape": matrix.shape})
            group.update({"data": sparse.data, "indices": sparse.indices, "indptr": sparse.indptr})
    scipy.io.mmwrite(folder / "market.mtx", scipy.sparse.coo_matrix(matrix))
    scipy.io.mmwrite(folder / "array.mtx", matrix)
    entries = np.random.default_rng(5).permutation(np.argwhere(matrix))
    lines = [f"{row_name(i)},{col_name(j)},{matrix[i, j]}\n" for i, j in entries]
    (folder / "triples.csv").write_text("row,col,value\n" + "".join(lines))
    table = [",".join([row_name(i), *map(str, matrix[i])]) for i in range(ROWS)]
    (folder / "table.csv").write_text("\n".join(["," + ",".join(names["col_ids"]), *table]) + "\n")
    return folder


def imported(files, name, options, processes):
    run(["import", files / name, "-o", files / "out.h5", "-q", *options], processes)
    with h5py.File(files / "out.h5") as file:
        group = file["matrix"]
        if isinstance(group, h5py.Group):
            parts = (group["data"][:], group["indices"][:], group["indptr"][:])
            values = scipy.sparse.csr_matrix(parts, shape=group.attrs["shape"]).toarray()
        else:
            values = group[:]
        ids = [file[key].asstr()[:].tolist() if file[key].dtype.kind in "SO" else file[key][:].tolist()
               for key in ("row_ids", "col_ids") if key in file]
    return values, ids


def check(files, matrix, name, options, rows, cols, processes):
    values, ids = imported(files, name, options, processes)
    rows, cols = np.asarray(rows), np.asarray(cols)
    np.testing.assert_array_equal(values, matrix[np.ix_(rows, cols)])
    expected = [[row_name(i) for i in rows], [col_name(j) for j in cols]]
    if name not in NAMED:  # a side that is whole needs no names; else they are the numbers
        expected = [side.tolist() for side, count in ((rows, ROWS), (cols, COLS)) if len(side) < count]
    assert ids == expected


@pytest.mark.parametrize("name,processes", [*((name, 1) for name in FORMATS), ("dense.h5", 3), ("csc.h5", 3),
                                            ("table.csv", 2)])
def test_ranges_of_rows_and_columns(files, matrix, name, processes):
    check(files, matrix, name, ["--rows", "9:30", "--cols", ":11"], range(9, 30), range(11), processes)


@pytest.mark.parametrize("name,processes", [("dense.h5", 3), ("csr.h5", 1), ("csc.h5", 2), ("array.mtx", 1)])
def test_a_transposed_file_is_selected_from_as_it_has_become(files, matrix, name, processes):
    options = ["--transpose", "--rows", "2:9", "--col-ids", files / "chosen.txt"]
    chosen = [1, 4, 5, 30, 38]
    (files / "chosen.txt").write_text("\n".join(row_name(i) if name in NAMED else str(i) for i in chosen))
    values, ids = imported(files, name, options, processes)
    np.testing.assert_array_equal(values, matrix.T[2:9][:, chosen])
    expected = [[col_name(j) for j in range(2, 9)], [row_name(i) for i in chosen]]
    assert ids == (expected if name in NAMED else [list(range(2, 9)), chosen])


@pytest.mark.parametrize("name,processes", [("dense.h5", 4), ("csr.h5", 3), ("csc.h5", 2), ("triples.csv", 3)])
def test_rows_and_columns_by_id(files, matrix, name, processes):
    """In the order of the matrix, whatever the order of the list; both ways of choosing must hold."""
    rows, cols = [2, 3, 17, 18, 19, 33, 40], [0, 4, 5, 22]
    (files / "rows.txt").write_text("\n".join(map(row_name, reversed(rows))))
    (files / "cols.txt").write_text("\r\n".join(map(col_name, cols + cols)) + "\r\n")
    options = ["--row-ids", files / "rows.txt", "--col-ids", files / "cols.txt", "--rows", "3:40"]
    check(files, matrix, name, options, rows[1:-1], cols, processes)


def core(matrix, rows, cols):
    """The rows and columns left when those with too few entries go, one at a time."""
    left = matrix != 0
    in_rows, in_cols = list(range(left.shape[0])), list(range(left.shape[1]))
    while True:
        part = left[np.ix_(in_rows, in_cols)]
        poor_rows, poor_cols = np.flatnonzero(part.sum(1) < rows), np.flatnonzero(part.sum(0) < cols)
        if len(poor_rows):
            del in_rows[poor_rows[0]]
        elif len(poor_cols):
            del in_cols[poor_cols[-1]]
        else:
            return in_rows, in_cols


@pytest.mark.parametrize("name,processes", [("dense.h5", 3), ("csr.h5", 1), ("csc.h5", 4), ("triples.csv", 2)])
def test_least_counts_hold_for_all_that_is_left(files, matrix, name, processes):
    rows, cols = core(matrix, 10, 15)
    assert 2 < len(rows) < (matrix.astype(bool).sum(1) >= 10).sum(), "the first pass must not be the last"
    check(files, matrix, name, ["--min-row-count", "10", "--min-col-count", "15"], rows, cols, processes)
    rows, cols = core(matrix[10:], 9, 0)
    check(files, matrix, name, ["--rows", "10:", "--min-row-count", "9"], np.array(rows) + 10, cols, processes)


def test_a_fit_of_a_part_is_the_fit_of_the_part_alone(files, matrix):
    select = ["--rows", "5:35", "--min-col-count", "10"]
    for processes in (1, 3):
        run(["import", files / "csr.h5", "-o", files / "part.h5", "-q", *select])
        run(["fit", files / "part.h5", "-o", files / "one.h5", "-k", "3", "--max-iter", "5"])
        run(["fit", files / "csr.h5", "-o", files / "two.h5", "-k", "3", "--max-iter", "5", *select], processes)
        with h5py.File(files / "one.h5") as one, h5py.File(files / "two.h5") as two:
            np.testing.assert_allclose(two["W"][:], one["W"][:], rtol=1e-9)
            np.testing.assert_allclose(two["H"][:], one["H"][:], rtol=1e-9)
            assert two["row_ids"][0] == row_name(5).encode()
            assert two["col_ids"][:].tolist() == one["col_ids"][:].tolist()


def test_a_model_of_numbered_rows_knows_them_by_their_numbers(files, matrix):
    run(["fit", files / "market.mtx", "-o", files / "model.h5", "-k", "2", "--rows", "20:30", "-q"])
    run(["predict", files / "model.h5", "--row", "25", "--col", "0"])
    result = run(["predict", files / "model.h5", "--row", "5", "--col", "0", "--unknown", "error"], expect=1)
    assert "5" in result.messages[0]


@pytest.mark.parametrize("options,status,message", [
    (["--rows", "5"], 2, "give a range A:B"),
    (["--cols", "-1:5"], 2, "give a range A:B"),
    (["--rows", "5:42"], 2, "there are 41 rows"),
    (["--cols", "8:8"], 2, "the range is empty; there are 23 columns"),
    (["--row-ids", "missing.txt"], 1, "missing.txt: No such file"),
    (["--row-ids", "strangers.txt"], 1, "2 of its ids are no rows of"),
    (["--row-ids", "one.txt", "--rows", "5:"], 1, "leaves nothing of"),
    (["--min-row-count", "24"], 1, "no part of it has 24 entries in each row and 0 in each column"),
])
def test_what_cannot_be_selected_is_refused(files, options, status, message):
    (files / "strangers.txt").write_text("r03\nnobody\nr04\nno one\n")
    (files / "one.txt").write_text("r03\n")
    processes = 3 if "ids" in options[0] else 1
    result = run(["import", "csr.h5", "-o", "none.h5", *options], processes, expect=status, cwd=files)
    assert len(result.messages) == 1 and message in result.messages[0], result
    assert not (files / "none.h5").exists()


def test_rows_of_a_model_are_not_selected(files):
    run(["fit", files / "csr.h5", "-o", files / "model.h5", "-k", "2", "--max-iter", "1", "-q"])
    result = run(["export", files / "model.h5", "-o", files / "w.csv", "--rows", "1:2"], expect=2)
    assert "is a model" in result.messages[0]


def test_mini_batches_are_not_read_from_what_is_held(files):
    fit = ["fit", files / "dense.h5", "-o", files / "batches.h5", "-k", "2", "--max-iter", "1", "--batch-rows", "7"]
    run([*fit, "--rows", "5:30"])
    result = run([*fit, "--min-row-count", "9"], expect=1)
    assert "cannot be read by rows" in result.messages[0] and "dnmf import" in result.messages[0]
