"""Every form of input becomes the same HDF5 matrix, on any number of processes."""
import anndata
import anndata.experimental
import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from program import INPUTS, PROCESSES, run

# Users 1, 2, 10 (sorted as numbers) and items a, b, c; a rating of 0 is a rating.
TRIPLES = [(10, "a", 2.5), (1, "a", 4.5), (2, "b", 3.0), (10, "c", 0.1), (1, "c", 0.0)]
DENSE = np.array([[4.5, 0, 0], [0, 3, 0], [2.5, 0, 0.1]])


def lines(delimiter, rows, end="\n"):
    return "".join(delimiter.join(map(str, row)) + end for row in rows)


TRIPLE_FORMS = {
    "header.csv": (lines(",", [("user", "item", "rating"), *TRIPLES]), []),
    "no-header.csv": (lines(",", TRIPLES), []),
    "dos.csv": (lines(",", TRIPLES, end="\r\n"), []),
    "bom.csv": ("\ufeff" + lines(",", [("user", "item", "rating"), *TRIPLES]), []),
    "no-last-newline.csv": (lines(",", TRIPLES).rstrip("\n"), []),
    "blank-lines.csv": (lines(",", TRIPLES).replace("\n", "\n\n"), []),
    "quoted.csv": (lines(",", [(f'"{u}"', f'"{i}"', r) for u, i, r in TRIPLES]), []),
    "tabs.tsv": (lines("\t", TRIPLES), []),
    "double-colon.dat": (lines("::", [(*t, 978300760) for t in TRIPLES]), []),
    "blanks.txt": (lines("  ", TRIPLES), []),
    "named-columns.csv": (lines(",", [("when", "plays", "song", "listener"), *[(7, r, i, u) for u, i, r in TRIPLES]]),
                          ["--row-column", "listener", "--col-column", "song", "--value-column", "plays"]),
    "numbered-columns.csv": (lines(",", [(7, r, i, u) for u, i, r in TRIPLES]),
                             ["--row-column", 4, "--col-column", 3, "--value-column", 2]),
    "pandas.csv": (lines(",", [("", "userId", "movieId", "rating"), *[(n, *t) for n, t in enumerate(TRIPLES)]]), []),
    "given.csv": (lines(";", TRIPLES), ["--format", "triples", "--delimiter", ";", "--header", "no"]),
}

FROM_ONE = "3 3 4\n1 1 4.5\n2 2 3\n3 1 2.5\n3 3 0.1\n"
MATRIX_MARKET_FORMS = {
    "coordinate.mtx": "%%MatrixMarket matrix coordinate real general\n% a comment\n" + FROM_ONE,
    "array.mtx": "%%MatrixMarket matrix array real general\n3 3\n4.5\n0\n2.5\n0\n3\n0\n0\n0\n0.1\n",
}


def read_matrix(path):
    """The matrix as scipy or numpy holds it, its ids, and what unstored means."""
    with h5py.File(path) as file:
        item = file["matrix"]
        if isinstance(item, h5py.Group):
            assert item.attrs["encoding-type"] == "csr_matrix"
            values = scipy.sparse.csr_matrix((item["data"][:], item["indices"][:], item["indptr"][:]),
                                             tuple(item.attrs["shape"]))
        else:
            values = item[:]
        ids = [list(file[name].asstr() if file[name].dtype.kind in "OS" else file[name]) if name in file else None
               for name in ("row_ids", "col_ids")]
        return values, ids[0], ids[1], file.attrs["missing"]


def stored_bytes(path):
    """Every dataset's type, shape and bytes."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: isinstance(item, h5py.Dataset) and
                        found.update({name: (item.dtype.str, item.shape, item[()].tobytes() if item.dtype.kind != "O"
                                             else tuple(item[()]))}))
    return found


def import_text(folder, name, text, options=(), processes=1):
    source = folder / name
    source.write_text(text, encoding="utf-8", newline="")
    output = folder / f"{name}.h5"
    run(["import", source, "-o", output, *options], processes=processes)
    return output


@pytest.mark.parametrize("name", TRIPLE_FORMS)
def test_rating_triples(tmp_path, name):
    text, options = TRIPLE_FORMS[name]
    values, row_ids, col_ids, missing = read_matrix(import_text(tmp_path, name, text, options, processes=3))
    np.testing.assert_array_equal(values.toarray(), DENSE)
    assert values.nnz == len(TRIPLES)
    assert (row_ids, col_ids, missing) == ([1, 2, 10], ["a", "b", "c"], "unobserved")


@pytest.mark.parametrize("name", MATRIX_MARKET_FORMS)
def test_matrix_market(tmp_path, name):
    text = MATRIX_MARKET_FORMS[name]
    values, row_ids, col_ids, missing = read_matrix(import_text(tmp_path, name, text, processes=3))
    np.testing.assert_array_equal(values.toarray() if scipy.sparse.issparse(values) else values, DENSE)
    assert (row_ids, col_ids, missing) == (None, None, "zero")


@pytest.mark.parametrize("field", ["real", "integer", "pattern"])
@pytest.mark.parametrize("symmetry", ["general", "symmetric"])
def test_matrix_market_as_scipy_writes_it(tmp_path, field, symmetry):
    matrix = scipy.sparse.random(7, 7, 0.4, format="coo", random_state=1)
    matrix.data = np.ceil(9 * matrix.data) if field != "pattern" else np.ones_like(matrix.data)
    if symmetry == "symmetric":
        matrix = matrix.maximum(matrix.T).tocoo()
    if field == "integer":
        matrix = matrix.astype(np.int64)
    path = tmp_path / "scipy.mtx"
    scipy.io.mmwrite(str(path), matrix, field=field, symmetry=symmetry)
    run(["import", path, "-o", tmp_path / "out.h5"], processes=2)
    np.testing.assert_array_equal(read_matrix(tmp_path / "out.h5")[0].toarray(), matrix.toarray())


@pytest.mark.parametrize("processes", [1, 2, 6])
def test_table_with_names(tmp_path, processes):
    run(["import", INPUTS / "ratings-5x4.csv", "-o", tmp_path / "table.h5"], processes=processes)
    values, row_ids, col_ids, missing = read_matrix(tmp_path / "table.h5")
    np.testing.assert_array_equal(values, [[5, 3, 0, 1], [4, 0, 0, 1], [1, 1, 0, 5], [1, 0, 0, 4], [0, 1, 5, 4]])
    assert row_ids == [f"User{i}" for i in range(1, 6)]
    assert col_ids == [f"Movie{i}" for i in range(1, 5)]
    assert missing == "zero"


def test_table_of_bare_numbers(tmp_path):
    table = np.random.default_rng(2).random((9, 5))
    np.savetxt(tmp_path / "table.txt", table, fmt="%.17g")
    run(["import", tmp_path / "table.txt", "-o", tmp_path / "table.h5", "--format", "table"], processes=3)
    values, row_ids, col_ids, _ = read_matrix(tmp_path / "table.h5")
    np.testing.assert_array_equal(values, table)
    assert row_ids is None and col_ids is None


@pytest.mark.parametrize("type_name", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", ">i4", ">f8"])
def test_dense_hdf5_of_every_numeric_type(tmp_path, type_name):
    table = np.random.default_rng(3).integers(0, 100, (5, 7)).astype(type_name)
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["deep/inside"] = table
    run(["import", f"{tmp_path / 'in.h5'}:/deep/inside", "-o", tmp_path / "out.h5"], processes=2)
    np.testing.assert_array_equal(read_matrix(tmp_path / "out.h5")[0], table.astype(float))


@pytest.mark.parametrize("kind", ["csr", "csc"])
@pytest.mark.parametrize("processes", [1, 3, 6])
def test_sparse_group_as_anndata_writes_it(tmp_path, kind, processes):
    matrix = scipy.sparse.random(13, 8, 0.3, format=kind, random_state=4)
    cells = anndata.AnnData(matrix, dtype=np.float64)
    cells.obs_names = [f"cell{i}é" for i in range(13)]
    cells.var_names = [f"gene{i}" for i in range(8)]
    cells.write_h5ad(tmp_path / "cells.h5ad")
    run(["import", tmp_path / "cells.h5ad", "-o", tmp_path / "out.h5"], processes=processes)
    values, row_ids, col_ids, _ = read_matrix(tmp_path / "out.h5")
    np.testing.assert_array_equal(values.toarray(), matrix.toarray())
    assert row_ids == list(cells.obs_names) and col_ids == list(cells.var_names)


def test_anndata_reads_what_import_writes(tmp_path):
    path = import_text(tmp_path, "triples.csv", TRIPLE_FORMS["header.csv"][0])
    with h5py.File(path) as file:
        np.testing.assert_array_equal(anndata.experimental.read_elem(file["matrix"]).toarray(), DENSE)


def test_import_of_an_imported_file_changes_nothing(tmp_path):
    first = import_text(tmp_path, "triples.csv", TRIPLE_FORMS["header.csv"][0])
    run(["import", first, "-o", tmp_path / "again.h5"], processes=2)
    assert stored_bytes(first) == stored_bytes(tmp_path / "again.h5")


@pytest.mark.parametrize("ids", [
    ["0", "7", "12", "3000", "999999", "123456789012345678"],
    ["0", "7", "-12", "1234567890123456789", "-9223372036854775808", "9223372036854775807"],
    ["1", "01", "x", "-1", "+1", "1.0", "1234567890123456789", "99999999999999999999", "1 2", "12"]])
@pytest.mark.parametrize("processes", [1, 3])
def test_ids_that_look_like_numbers(tmp_path, ids, processes):
    """Numbers when all of them are as printed, else text; each sorted in its way."""
    random = np.random.default_rng(3)
    picks = np.concatenate([np.arange(len(ids)), random.integers(0, len(ids), 60)])
    rows = [(ids[p], f"i{n}", n % 5 + 0.5) for n, p in enumerate(picks)]
    values, row_ids, _, _ = read_matrix(import_text(tmp_path, "ids.csv", lines(",", rows), processes=processes))
    expected = sorted(ids, key=int) if "x" not in ids else sorted(ids, key=str.encode)
    assert [str(i) for i in row_ids] == expected
    columns = sorted(f"i{n}" for n in range(len(picks)))
    for row, column, value in rows:
        assert values[expected.index(row), columns.index(column)] == value
    assert values.nnz == len(rows)


@pytest.mark.parametrize("policy, value", [("last", 4), ("sum", 7), ("mean", 3.5), (None, 4)])
def test_duplicates_policies(tmp_path, policy, value):
    text = "user,item,rating\n1,a,3\n2,b,1\n1,a,4\n"
    options = ["--duplicates", policy] if policy else []
    values = read_matrix(import_text(tmp_path, "twice.csv", text, options, processes=3))[0]
    np.testing.assert_array_equal(values.toarray(), [[value, 0], [0, 1]])


@pytest.mark.parametrize("processes", [1, 3])
def test_duplicates_can_be_refused(tmp_path, processes):
    (tmp_path / "twice.csv").write_text("user,item,rating\n1,a,3\n2,b,1\n1,a,4\n")
    result = run(["import", tmp_path / "twice.csv", "-o", tmp_path / "out.h5", "--duplicates", "error"],
                 processes=processes, expect=1)
    assert len(result.messages) == 1
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize("given, kept", [("zero", "zero"), ("unobserved", "unobserved"), ("auto", "unobserved")])
def test_missing_is_kept_in_the_file(tmp_path, given, kept):
    path = import_text(tmp_path, "triples.csv", TRIPLE_FORMS["header.csv"][0], ["--missing", given])
    assert read_matrix(path)[3] == kept


@pytest.fixture(scope="module")
def many_triples(folder):
    """Enough triples that every process has a share, with string ids of several lengths and scripts."""
    random = np.random.default_rng(5)
    users = [f"{'ü' * (i % 4)}user{i}" for i in range(40)]
    items = [f"item {i}" for i in range(60)]
    places = random.choice(40 * 60, 700, replace=False)
    path = folder / "many.csv"
    path.write_text("user,item,rating\n" + lines(",", [(users[p // 60], items[p % 60], p % 10 / 2) for p in places]))
    return path


@pytest.fixture(scope="module")
def imported_alone(many_triples, folder):
    run(["import", many_triples, "-o", folder / "many-1.h5"])
    return stored_bytes(folder / "many-1.h5")


@pytest.mark.parametrize("processes", PROCESSES)
def test_same_bytes_on_any_number_of_processes(many_triples, imported_alone, tmp_path, processes):
    run(["import", many_triples, "-o", tmp_path / "many.h5"], processes=processes, launcher=True)
    assert stored_bytes(tmp_path / "many.h5") == imported_alone


@pytest.mark.parametrize("name, text", [*MATRIX_MARKET_FORMS.items(), ("triples.csv", TRIPLE_FORMS["header.csv"][0])])
def test_more_processes_than_rows_give_the_same_bytes(tmp_path, name, text):
    alone = stored_bytes(import_text(tmp_path, name, text))
    assert stored_bytes(import_text(tmp_path, name, text, processes=6)) == alone


@pytest.mark.parametrize("file, delimiter, skip, shape, stored",
                         [("ml-100k/u.data", "\t", 0, (943, 1682), 100000),
                          ("ml-latest-small/ratings.csv", ",", 1, (611, 9725), 100837)])
def test_movielens(data, tmp_path, file, delimiter, skip, shape, stored):
    rows, cols, ratings = np.loadtxt(data / file, delimiter=delimiter, skiprows=skip, usecols=(0, 1, 2)).T
    alone = tmp_path / "alone.h5"
    run(["import", data / file, "-o", alone])
    values, row_ids, col_ids, missing = read_matrix(alone)
    assert (values.shape, values.nnz, missing) == (shape, stored, "unobserved")
    expected_rows, i = np.unique(rows, return_inverse=True)
    expected_cols, j = np.unique(cols, return_inverse=True)
    assert row_ids == list(expected_rows) and col_ids == list(expected_cols)
    assert (values != scipy.sparse.csr_matrix((ratings, (i, j)), shape)).nnz == 0
    for processes in PROCESSES[1:]:
        run(["import", data / file, "-o", tmp_path / "many.h5"], processes=processes)
        assert stored_bytes(tmp_path / "many.h5") == stored_bytes(alone)


def test_a_file_of_10x_genomics(data, tmp_path):
    with h5py.File(data / "formats" / "10x_v3.h5") as file:
        group = file["matrix"]
        expected = scipy.sparse.csc_matrix((group["data"][:], group["indices"][:], group["indptr"][:]),
                                           tuple(group["shape"][:]))
    run(["import", data / "formats" / "10x_v3.h5", "-o", tmp_path / "out.h5"], processes=3)
    values = read_matrix(tmp_path / "out.h5")[0]
    assert values.shape == expected.shape and (values != expected).nnz == 0
