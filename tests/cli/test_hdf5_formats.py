"""HDF5 files as other programs lay them out, read on several numbers of processes."""
import anndata
import h5py
import numpy as np
import pandas
import pytest
import scipy.sparse

from matrices import check_import, check_refusal, counts
from program import run

TABLE = counts()
ROWS, COLS = TABLE.shape
CELLS = [f"cell {i} é" for i in range(ROWS)]
GENES = [f"gene{j}" for j in range(COLS)]


def put_sparse(group, matrix, names=("data", "indices", "indptr")):
    for name, values in zip(names, (matrix.data, matrix.indices, matrix.indptr)):
        group[name] = values


def put_encoded(file, name, matrix):
    """A sparse group as AnnData has written it since 0.7."""
    group = file.create_group(name)
    put_sparse(group, matrix)
    group.attrs["encoding-type"] = f"{matrix.format}_matrix"
    group.attrs["encoding-version"] = "0.1.0"
    group.attrs["shape"] = matrix.shape


def put_frame(file, name, index, column="_index"):
    frame = file.create_group(name)
    frame.attrs["_index"] = column
    frame.create_dataset(column, data=index, dtype=h5py.string_dtype())
    return frame


# --- AnnData ---

def old_tables(file):
    """Frames before 0.7: compound tables whose first member is the index."""
    kinds = [("index", "S12"), ("n", "i4")]
    file["obs"] = np.array([(name.encode(), 1) for name in CELLS], kinds)
    file["var"] = np.array([(name.encode(), 2) for name in GENES], kinds)


def anndata_05_dense(file):
    old_tables(file)
    file["X"] = TABLE.astype("f4")
    return "", False


def anndata_06_sparse(file):
    old_tables(file)
    matrix = scipy.sparse.csc_matrix(TABLE)
    put_sparse(file.create_group("X"), matrix)
    file["X"].attrs["h5sparse_format"] = "csc"
    file["X"].attrs["h5sparse_shape"] = matrix.shape
    return "", True


def anndata_06_raw(file):
    old_tables(file)
    file["X"] = np.zeros((ROWS, COLS - 2))
    file["raw.X"] = TABLE
    file.move("var", "raw.var")
    return ":/raw.X", False


def anndata_06_variable_strings(file):
    file["obs"] = np.array([(1, name) for name in CELLS], [("n", "i8"), ("index", h5py.string_dtype())])[["index", "n"]]
    file["var"] = np.array([(name,) for name in GENES], [("index", h5py.string_dtype())])
    file["X"] = TABLE.astype(">f8")
    return "", False


def anndata_07_categories(file):
    """Codes whose attribute refers to the categories, which stand in another order."""
    put_frame(file, "var", GENES)
    frame = put_frame(file, "obs", CELLS[::-1], "sorted")
    frame.create_dataset("__categories/name", data=CELLS[::-1], dtype=h5py.string_dtype())
    frame["name"] = np.arange(ROWS, dtype="i1")[::-1]
    frame["name"].attrs["categories"] = frame["__categories/name"].ref
    frame.attrs["_index"] = "name"
    put_encoded(file, "layers/counts", scipy.sparse.csr_matrix(TABLE))
    file["X"] = np.ones((ROWS, COLS))
    return ":/layers/counts", True


def anndata_08_categorical(file):
    put_frame(file, "raw/var", GENES)
    frame = file.create_group("obs")
    frame.attrs["_index"] = "name"
    frame.create_dataset("name/categories", data=CELLS[::-1], dtype=h5py.string_dtype())
    frame["name/codes"] = np.arange(ROWS, dtype="i2")[::-1]
    put_encoded(file, "raw/X", scipy.sparse.csc_matrix(TABLE))
    put_frame(file, "var", GENES[:1])
    file["X"] = np.ones((ROWS, 1))
    return ":/raw/X", True


def anndata_011_nullable(file):
    put_frame(file, "var", GENES)
    frame = file.create_group("obs")
    frame.attrs["_index"] = "name"
    frame.create_dataset("name/values", data=CELLS, dtype=h5py.string_dtype())
    frame["name/mask"] = np.zeros(ROWS, bool)
    file.create_dataset("X", data=TABLE.astype("u2"), chunks=(3, 2), compression="gzip", shuffle=True, fletcher32=True)
    return "", False


def muon(file):
    put_frame(file, "mod/rna/obs", CELLS)
    put_frame(file, "mod/rna/var", GENES)
    put_encoded(file, "mod/rna/X", scipy.sparse.csr_matrix(TABLE))
    file["mod/other/X"] = np.ones((2, 2))
    return ":/mod/rna/X", True


@pytest.mark.parametrize("write, processes", [(anndata_05_dense, 2), (anndata_06_sparse, 1), (anndata_06_sparse, 3),
                                              (anndata_06_raw, 1), (anndata_06_variable_strings, 3),
                                              (anndata_07_categories, 1), (anndata_07_categories, 3),
                                              (anndata_08_categorical, 6), (anndata_011_nullable, 1), (muon, 2)])
def test_anndata_of_every_version(tmp_path, write, processes):
    with h5py.File(tmp_path / "cells.h5ad", "w") as file:
        place, sparse = write(file)
    check_import(tmp_path, f"{tmp_path / 'cells.h5ad'}{place}", TABLE, processes, sparse=sparse, row_ids=CELLS,
                 col_ids=GENES)


@pytest.mark.parametrize("place, kind, processes", [("", np.asarray, 3), ("raw/X", scipy.sparse.csr_matrix, 1),
                                                    ("layers/counts", scipy.sparse.csc_matrix, 4),
                                                    ("obsm/X_pca", np.asarray, 1)])
def test_anndata_as_the_installed_version_writes_it(tmp_path, place, kind, processes):
    frames = dict(obs=pandas.DataFrame(index=CELLS), var=pandas.DataFrame(index=GENES))
    cells = anndata.AnnData(kind(TABLE.astype("f4")), dtype=np.float32, **frames)
    if place == "raw/X":
        cells.raw = cells
    cells.layers["counts"] = kind(TABLE.astype("f4"))
    cells.obsm["X_pca"] = TABLE[:, :3].astype("f8")
    cells.write_h5ad(tmp_path / "cells.h5ad", compression="lzf")
    wanted = TABLE[:, :3] if place == "obsm/X_pca" else TABLE
    check_import(tmp_path, f"{tmp_path / 'cells.h5ad'}:/{place}" if place else tmp_path / "cells.h5ad", wanted,
                 processes, sparse=kind is not np.asarray, row_ids=CELLS, col_ids=None if place == "obsm/X_pca" else GENES)


def test_categories_of_integers_repeat(tmp_path):
    with h5py.File(tmp_path / "cells.h5ad", "w") as file:
        put_frame(file, "var", GENES)
        frame = file.create_group("obs")
        frame.attrs["_index"] = "plate"
        frame["plate/codes"] = np.arange(ROWS) % 2
        frame["plate/categories"] = [70, 40]
        file["X"] = TABLE
    check_import(tmp_path, tmp_path / "cells.h5ad", TABLE, 3, row_ids=[[70, 40][i % 2] for i in range(ROWS)],
                 col_ids=GENES)


def test_codes_beyond_the_categories_are_refused(tmp_path):
    with h5py.File(tmp_path / "cells.h5ad", "w") as file:
        put_frame(file, "var", GENES)
        frame = file.create_group("obs")
        frame.attrs["_index"] = "name"
        frame["name/codes"] = np.arange(ROWS)
        frame["name/categories"] = CELLS[:-1]
        file["X"] = TABLE
    check_refusal(tmp_path, tmp_path / "cells.h5ad", "/obs/name/codes", "is 6, but there are 6 categories", processes=3)


@pytest.mark.filterwarnings("ignore::anndata.OldFormatWarning")
def test_a_real_file_of_anndata_07(data, tmp_path):
    path = data / "formats" / "anndata_0.7.8.h5ad"
    cells = anndata.read_h5ad(path)
    expected = cells.X.toarray() if scipy.sparse.issparse(cells.X) else np.asarray(cells.X)
    for processes in (1, 3):
        check_import(tmp_path, path, expected, processes, sparse=scipy.sparse.issparse(cells.X),
                     row_ids=list(cells.obs_names), col_ids=list(cells.var_names))


# --- 10x Genomics ---

def put_10x(group, features):
    put_sparse(group, scipy.sparse.csc_matrix(TABLE))
    group["shape"] = np.array(TABLE.shape, "i4")
    group["barcodes"] = np.array([f"AAC{j}-1".encode() for j in range(COLS)])
    for name in features:
        group[name] = np.array([f"ENSG{i}".encode() for i in range(ROWS)])


@pytest.mark.parametrize("group, features, processes",
                         [("GRCh38", ["genes", "gene_names"], 1),
                          ("matrix", ["features/id", "features/name", "features/feature_type"], 3)])
def test_10x_genomics(tmp_path, group, features, processes):
    with h5py.File(tmp_path / "10x.h5", "w") as file:
        put_10x(file.create_group(group), features)
    check_import(tmp_path, tmp_path / "10x.h5", TABLE, processes, sparse=True,
                 row_ids=[f"ENSG{i}" for i in range(ROWS)], col_ids=[f"AAC{j}-1" for j in range(COLS)])


def test_several_genomes_are_listed(tmp_path):
    with h5py.File(tmp_path / "10x.h5", "w") as file:
        put_10x(file.create_group("GRCh38"), ["genes"])
        put_10x(file.create_group("mm10"), ["genes"])
    check_refusal(tmp_path, tmp_path / "10x.h5", "several matrices", "/GRCh38 (sparse 7 x 5 int64), /mm10", processes=3)


# --- MATLAB 7.3 ---

@pytest.fixture
def matlab(tmp_path):
    """A writer of variables; the user block is MATLAB's."""
    path = tmp_path / "data.mat"
    file = h5py.File(path, "w", userblock_size=512)

    def put(name, values, kind, **attributes):
        item = file.create_dataset(name, data=values) if values is not None else file.create_group(name)
        item.attrs["MATLAB_class"] = np.bytes_(kind)
        item.attrs.update(attributes)
        return item

    put.file = file
    put.path = path
    yield put
    file.close()


def finish(matlab):
    matlab.file.close()
    with open(matlab.path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return matlab.path


@pytest.mark.parametrize("kind, dtype, processes", [("double", "f8", 3), ("single", "f4", 1), ("int8", "i1", 6),
                                                    ("uint64", "u8", 1), ("logical", "u1", 2)])
def test_matlab_full_matrices_are_stored_transposed(tmp_path, matlab, kind, dtype, processes):
    table = (TABLE > 0) if kind == "logical" else TABLE
    matlab("A", table.T.astype(dtype), kind)
    matlab("k", np.array([[3.0]]), "double")
    matlab("name", np.array([[65], [66]], "u2"), "char", MATLAB_int_decode=2)
    check_import(tmp_path, finish(matlab), table, processes)


@pytest.mark.parametrize("processes", [1, 3])
def test_matlab_sparse(tmp_path, matlab, processes):
    group = matlab("S", None, "double", MATLAB_sparse=np.uint64(ROWS))
    put_sparse(group, scipy.sparse.csc_matrix(TABLE.astype("f8")), ("data", "ir", "jc"))
    check_import(tmp_path, finish(matlab), TABLE, processes, sparse=True)


def test_matlab_sparse_without_entries(tmp_path, matlab):
    matlab("S", None, "logical", MATLAB_sparse=np.uint64(3))["jc"] = np.zeros(6, "u8")
    check_import(tmp_path, finish(matlab), np.zeros((3, 5)), 1, sparse=True)


def test_matlab_variables_that_are_no_matrix_are_refused(tmp_path, matlab):
    matlab("A", TABLE.T.astype("f8"), "double")
    matlab("B", TABLE.T.astype("i4"), "int32")
    matlab("none", np.array([0, 5], "u8"), "double", MATLAB_empty=np.uint8(1))
    matlab("z", np.zeros((2, 2), [("real", "f8"), ("imag", "f8")]), "double")
    matlab("word", np.array([[65], [66]], "u2"), "char")
    cell = matlab("#refs#/a", np.ones((2, 2)), "double")
    matlab("list", np.array([[cell.ref, cell.ref]], h5py.ref_dtype), "cell")
    matlab("s", None, "struct")
    matlab("cube", np.zeros((2, 3, 4)), "double")
    path = finish(matlab)
    check_refusal(tmp_path, path, "several matrices", "/A (7 x 5 float64), /B (7 x 5 int32)", processes=3)
    for name, part in [("none", "is empty"), ("z", "real numbers (2 x 2 complex)"), ("word", "class char"),
                       ("list", "class cell"), ("s", "class struct"), ("cube", "has 3 dimensions")]:
        check_refusal(tmp_path, f"{path}:/{name}", part)
    check_import(tmp_path, f"{path}:/B", TABLE, 1)


# --- Plain datasets ---

@pytest.mark.parametrize("dtype", ["?", "f2", ">f2", "g", ">u2", ">i8"])
def test_every_numeric_type(tmp_path, dtype):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file.create_dataset("x", data=TABLE.astype(dtype), chunks=(2, 3), compression="gzip", shuffle=True,
                            fletcher32=True)
    check_import(tmp_path, tmp_path / "in.h5", TABLE.astype(dtype).astype(float), 1)


@pytest.mark.parametrize("atom, processes", [("BoolAtom", 3), ("UInt32Atom", 1)])
def test_arrays_of_pytables(tmp_path, atom, processes):
    tables = pytest.importorskip("tables")
    with tables.open_file(tmp_path / "in.h5", "w") as file:
        kind = getattr(tables, atom)()
        table = TABLE.astype(kind.dtype)
        file.create_earray("/", "rows", kind, (0, COLS), filters=tables.Filters(4, "zlib", shuffle=True)).append(table)
        file.create_carray("/folder", "all", kind, (ROWS, COLS), createparents=True)[:] = table
    check_refusal(tmp_path, tmp_path / "in.h5", "/folder/all (7 x 5", "/rows (7 x 5")
    check_import(tmp_path, f"{tmp_path / 'in.h5'}:/rows", table.astype(float), processes)
    check_import(tmp_path, f"{tmp_path / 'in.h5'}:/folder/all", table.astype(float), 1)


def test_a_filter_that_is_not_installed_is_named(tmp_path):
    tables = pytest.importorskip("tables")
    with tables.open_file(tmp_path / "in.h5", "w") as file:
        file.create_carray("/", "x", obj=TABLE, filters=tables.Filters(4, "blosc"))
    result = run(["import", tmp_path / "in.h5", "-o", tmp_path / "out.h5"], processes=3, expect=None)
    if result.returncode == 0:
        pytest.skip("the Blosc plugin is installed here")
    assert len(result.messages) == 1 and "Blosc (HDF5 filter 32001)" in result.messages[0]


@pytest.mark.parametrize("processes", [1, 3])
def test_transposed_input(tmp_path, processes):
    with h5py.File(tmp_path / "cells.h5ad", "w") as file:
        put_frame(file, "obs", GENES)
        put_frame(file, "var", CELLS)
        file["X"] = TABLE.T
        put_encoded(file, "layers/csr", scipy.sparse.csr_matrix(TABLE.T))
    for place, sparse in (("X", False), ("layers/csr", True)):
        check_import(tmp_path, f"{tmp_path / 'cells.h5ad'}:/{place}", TABLE, processes, ["--transpose"], sparse=sparse,
                     row_ids=CELLS, col_ids=GENES)


def test_a_transposed_fit_is_the_fit_of_the_transpose(tmp_path):
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["a"] = TABLE
        file["t"] = TABLE.T
    for name, options in (("a", []), ("t", ["--transpose"])):
        run(["fit", f"{tmp_path / 'in.h5'}:/{name}", "-o", tmp_path / f"{name}.h5", "-k", 2, "--grid", "2x2",
             "--max-iter", 5, *options], processes=4)
    with h5py.File(tmp_path / "a.h5") as a, h5py.File(tmp_path / "t.h5") as t:
        np.testing.assert_array_equal(a["W"][:], t["W"][:])
        np.testing.assert_array_equal(a["H"][:], t["H"][:])
