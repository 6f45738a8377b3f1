"""Names of rows and columns: repeated ones, those written in another way, where files keep them."""
import gzip
import warnings

import anndata
import h5py
import numpy as np
import pandas
import pytest
import scipy.sparse

import matrices
from program import run

PROCESSES = [1, 3]
CELLS = [f"cell{i:02d}" for i in range(20)]
GENES = ["MATR3", "ACTB", "TBCE", "MATR3", "CD4", "TBCE", "MATR3", "CD8A"]


def counts(rows=len(CELLS), cols=len(GENES)):
    """No empty row or column, whose order in a model would tell nothing."""
    return np.random.default_rng(4).poisson(3, (rows, cols)).astype(float) + 1


def warnings_of(result):
    return [line for line in result.stderr.splitlines() if line.startswith("warning:")]


def write_cells(path, genes, order, table):
    """An AnnData file of the columns `order`, whose names need not be different."""
    with h5py.File(path, "w") as file:
        file["matrix"] = table[:, order]
        for name, values in (("row_ids", CELLS), ("col_ids", [genes[j] for j in order])):
            file.create_dataset(name, data=values, dtype=h5py.string_dtype())


def factors(path):
    with h5py.File(path) as file:
        return file["W"][:], file["H"][:]


@pytest.fixture(scope="module")
def cells(folder):
    """A matrix in which genes share names, a model of it and an AnnData file."""
    table = counts()
    write_cells(folder / "cells.h5", GENES, range(len(GENES)), table)
    run(["fit", folder / "cells.h5", "-o", folder / "model.h5", "-k", 3, "--solver", "bpp", "--max-iter", 300, "--tol",
         1e-10])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that are not unique
        annotated = anndata.AnnData(scipy.sparse.csr_matrix(table.astype("f4")), pandas.DataFrame(index=CELLS),
                                    pandas.DataFrame(index=GENES))
        annotated.write_h5ad(folder / "cells.h5ad")
    return folder


@pytest.mark.parametrize("processes", PROCESSES)
def test_rows_of_the_training_file_get_the_factors_of_the_fit(cells, tmp_path, processes):
    for name in ("cells.h5", "cells.h5ad"):
        result = run(["transform", cells / "model.h5", cells / name, "-o", tmp_path / "again.h5"], processes=processes)
        np.testing.assert_allclose(factors(tmp_path / "again.h5")[0], factors(cells / "model.h5")[0], rtol=1e-4,
                                   atol=1e-6)
        assert not warnings_of(result)


@pytest.mark.parametrize("processes", PROCESSES)
def test_tables_may_repeat_names_too(cells, tmp_path, processes):
    rows = [name[:-1] for name in CELLS]
    (tmp_path / "cells.csv").write_text("," + ",".join(GENES) + "\n" + "".join(
        f"{name}," + ",".join(map(str, row)) + "\n" for name, row in zip(rows, counts())))
    result = run(["transform", cells / "model.h5", tmp_path / "cells.csv", "-o", tmp_path / "w.h5"],
                 processes=processes)
    np.testing.assert_allclose(factors(tmp_path / "w.h5")[0], factors(cells / "model.h5")[0], rtol=1e-4, atol=1e-6)
    assert "3 of the 8 column ids repeat an earlier one" in result.stdout and not warnings_of(result)
    run(["import", tmp_path / "cells.csv", "-o", tmp_path / "cells.h5"], processes=processes)
    values, _, row_names, col_names = matrices.read_matrix(tmp_path / "cells.h5")
    assert (row_names, col_names) == (rows, GENES)
    np.testing.assert_array_equal(values, counts())


@pytest.mark.parametrize("processes", PROCESSES)
def test_the_nth_of_a_name_is_taken_for_the_nth(cells, tmp_path, processes):
    """Columns in another order and some left out, beside the same columns with names of their own."""
    order = [4, 0, 2, 3, 7, 5]
    write_cells(tmp_path / "part.h5", GENES, order, counts())
    result = run(["transform", cells / "model.h5", tmp_path / "part.h5", "-o", tmp_path / "part-w.h5"],
                 processes=processes)
    assert any("the n-th of a name is taken for the n-th" in line for line in warnings_of(result))
    different = [f"{name}-{GENES[:j].count(name)}" for j, name in enumerate(GENES)]
    write_cells(tmp_path / "all.h5", different, range(len(GENES)), counts())
    run(["fit", tmp_path / "all.h5", "-o", tmp_path / "model.h5", "-k", 3, "--solver", "bpp", "--max-iter", 300, "--tol",
         1e-10])
    write_cells(tmp_path / "part.h5", different, order, counts())
    run(["transform", tmp_path / "model.h5", tmp_path / "part.h5", "-o", tmp_path / "expected.h5"])
    np.testing.assert_allclose(factors(tmp_path / "part-w.h5")[0], factors(tmp_path / "expected.h5")[0], rtol=1e-9,
                               atol=1e-12)


@pytest.mark.parametrize("processes", PROCESSES)
def test_factors_go_to_the_genes_of_their_place(cells, tmp_path, processes):
    (tmp_path / "cells.h5ad").write_bytes((cells / "cells.h5ad").read_bytes())
    run(["export", cells / "model.h5", "--into", tmp_path / "cells.h5ad"], processes=processes)
    w, h = factors(cells / "model.h5")
    with h5py.File(tmp_path / "cells.h5ad") as file:
        np.testing.assert_array_equal(file["varm/nmf"][:], h.T)
        np.testing.assert_array_equal(file["obsm/X_nmf"][:], w)


@pytest.mark.parametrize("processes", PROCESSES)
def test_a_list_of_ids_selects_all_that_share_a_name(cells, tmp_path, processes):
    (tmp_path / "genes.txt").write_text("MATR3\nCD4\n")
    run(["import", cells / "cells.h5", "-o", tmp_path / "some.h5", "--col-ids", tmp_path / "genes.txt"],
        processes=processes)
    values, _, _, names = matrices.read_matrix(tmp_path / "some.h5")
    chosen = [j for j, name in enumerate(GENES) if name in ("MATR3", "CD4")]
    assert names == [GENES[j] for j in chosen]
    np.testing.assert_array_equal(values, counts()[:, chosen])


# --- Ids that are written in another way ---

def write_ratings(path, pairs, form):
    path.write_text("user,item,rating\n" + "".join(f"{form % i},{form % j},{v}\n" for i, j, v in pairs))


@pytest.mark.parametrize("processes", PROCESSES)
def test_ids_written_in_another_way_are_told_with_one_of_each(tmp_path, processes):
    pairs = [(1, 10, 3), (1, 20, 4), (2, 10, 5), (2, 30, 1), (3, 20, 2)]
    write_ratings(tmp_path / "train.csv", pairs, "%d.0")
    write_ratings(tmp_path / "test.csv", pairs, "%d")
    run(["fit", tmp_path / "train.csv", "-o", tmp_path / "m.h5", "-k", 1])
    commands = {"evaluate": ["m.h5", "test.csv"], "predict": ["m.h5", "test.csv", "-o", "p.csv"],
                "recommend": ["m.h5", "--seen", "test.csv", "-o", "r.csv"]}
    for command, arguments in commands.items():
        told = " ".join(warnings_of(run([command, *arguments], processes=processes, cwd=tmp_path)))
        assert "none of its row ids is in m.h5" in told and '"1.0" where this file has "1"' in told, command
        assert "none of its column ids is in m.h5" in told and '"10.0" where this file has "10"' in told, command
    for arguments in (["transform", "m.h5", "test.csv", "-o", "t.h5"],
                      ["fit", "train.csv", "-k", 1, "-o", "n.h5", "--validation", "test.csv"]):
        told = " ".join(warnings_of(run(arguments, processes=processes, cwd=tmp_path, expect=1)))
        assert '"10.0" where this file has "10"' in told, arguments
    write_ratings(tmp_path / "test.csv", pairs[:3], "%d.0")
    assert not warnings_of(run(["evaluate", "m.h5", "test.csv"], processes=processes, cwd=tmp_path))


# --- Names that other programs keep ---

SMALL = np.arange(1, 25, dtype="f4").reshape(4, 6)
GENE_IDS = [f"ENSG{i:04d}" for i in range(4)]
SYMBOLS = ["MATR3", "TBCE", "MATR3", "CD4"]
BARCODES = [f"ACGT{j}-1" for j in range(6)]
TYPES = ["Gene Expression", "Gene Expression", "Gene Expression", "Antibody Capture"]


def check_names(tmp_path, source, rows, cols, *options, processes=1, expected=SMALL):
    """An import has these names and the matrix; returns what was said."""
    result = run(["import", source, "-o", tmp_path / "out.h5", *options], processes=processes)
    values, _, row_names, col_names = matrices.read_matrix(tmp_path / "out.h5")
    np.testing.assert_array_equal(values, expected)
    assert (row_names, col_names) == (rows, cols)
    return result.stdout


def check_refused(arguments, *words, processes=1, status=1):
    result = run(arguments, processes=processes, expect=status)
    assert len(result.messages) == 1 and all(word in result.messages[0] for word in words), result


def write_loom(path, attributes):
    with h5py.File(path, "w") as file:
        file["matrix"] = SMALL
        file["layers/spliced"] = 2 * SMALL
        for name, values in {**attributes, "col_attrs/CellID": BARCODES}.items():
            file.create_dataset(name, data=values, dtype=h5py.string_dtype())


@pytest.mark.parametrize("processes", PROCESSES)
def test_loom(tmp_path, processes):
    loom = tmp_path / "cells.loom"
    write_loom(loom, {"row_attrs/Gene": SYMBOLS})
    said = check_names(tmp_path, loom, SYMBOLS, BARCODES, processes=processes)
    assert "--transpose makes the cells the rows" in said
    said = check_names(tmp_path, loom, BARCODES, SYMBOLS, "--transpose", expected=SMALL.T)
    assert "--transpose" not in said
    write_loom(loom, {"row_attrs/Gene": SYMBOLS, "row_attrs/Accession": GENE_IDS})
    check_names(tmp_path, loom, GENE_IDS, BARCODES)
    check_names(tmp_path, loom, SYMBOLS, BARCODES, "--feature-names", "name")
    check_names(tmp_path, f"{loom}:/layers/spliced", GENE_IDS, BARCODES, expected=2 * SMALL)
    check_refused(["info", loom, "--feature-names", "Symbol"], "--feature-names Symbol", "/row_attrs")


def write_10x(path, version=3):
    matrix = scipy.sparse.csc_matrix(SMALL)
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix" if version == 3 else "GRCh38")
        for name, values in (("data", matrix.data), ("indices", matrix.indices), ("indptr", matrix.indptr),
                             ("shape", np.array(SMALL.shape)), ("barcodes", np.array(BARCODES, "S8"))):
            group[name] = values
        names = ("features/id", "features/name") if version == 3 else ("genes", "gene_names")
        group[names[0]] = np.array(GENE_IDS, "S8")
        group[names[1]] = np.array(SYMBOLS, "S8")
        if version == 3:
            group["features/feature_type"] = np.array(TYPES, "S20")


@pytest.mark.parametrize("version", [2, 3])
def test_gene_symbols_of_10x(tmp_path, version):
    write_10x(tmp_path / "a.h5", version)
    check_names(tmp_path, tmp_path / "a.h5", GENE_IDS, BARCODES)
    check_names(tmp_path, tmp_path / "a.h5", SYMBOLS, BARCODES, "--feature-names", "name", processes=3)


@pytest.mark.parametrize("processes", PROCESSES)
def test_features_of_several_types(tmp_path, processes):
    write_10x(tmp_path / "a.h5")
    said = check_names(tmp_path, tmp_path / "a.h5", GENE_IDS, BARCODES, processes=processes)
    assert "1 Antibody Capture, 3 Gene Expression; --feature-type takes one of them" in said
    said = check_names(tmp_path, tmp_path / "a.h5", GENE_IDS[3:], BARCODES, "--feature-type", "Antibody Capture",
                       processes=processes, expected=SMALL[3:])
    assert "of them" not in said
    check_names(tmp_path, tmp_path / "a.h5", BARCODES, GENE_IDS[:3], "--feature-type", "Gene Expression", "--transpose",
                processes=processes, expected=SMALL.T[:, :3])
    check_names(tmp_path, tmp_path / "a.h5", GENE_IDS[1:3], BARCODES, "--feature-type", "Gene Expression", "--rows",
                "1:4", processes=processes, expected=SMALL[1:3])
    check_refused(["info", tmp_path / "a.h5", "--feature-type", "Guide"], "unknown option", status=2)
    check_refused(["import", tmp_path / "a.h5", "-o", tmp_path / "b.h5", "--feature-type", "Guide"],
                  "no such features", "1 Antibody Capture, 3 Gene Expression", processes=processes)
    np.savez(tmp_path / "plain.npz", SMALL)
    check_refused(["import", tmp_path / "plain.npz", "-o", tmp_path / "b.h5", "--feature-type", "Guide"],
                  "has no types of features", status=2)


def test_variables_of_anndata(tmp_path):
    frame = pandas.DataFrame({"gene_symbols": SYMBOLS, "feature_types": pandas.Categorical(TYPES)}, index=GENE_IDS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        anndata.AnnData(SMALL.T, pandas.DataFrame(index=BARCODES), frame).write_h5ad(tmp_path / "a.h5ad")
    check_names(tmp_path, tmp_path / "a.h5ad", BARCODES, GENE_IDS, expected=SMALL.T)
    for name in ("name", "gene_symbols"):
        check_names(tmp_path, tmp_path / "a.h5ad", BARCODES, SYMBOLS, "--feature-names", name, expected=SMALL.T,
                    processes=3)
    check_names(tmp_path, tmp_path / "a.h5ad", BARCODES, GENE_IDS[3:], "--feature-type", "Antibody Capture",
                expected=SMALL.T[:, 3:], processes=3)
    check_refused(["info", tmp_path / "a.h5ad", "--feature-names", "alias"], "--feature-names alias", "/var")


# --- Folders of 10x Genomics ---

def write_text(path, text):
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)


def write_folder(folder, prefix="", ending=".gz", features="features.tsv", columns=3, table=SMALL):
    folder.mkdir(exist_ok=True)
    entries = "".join(f"{i + 1} {j + 1} {int(v)}\n" for (i, j), v in np.ndenumerate(table))
    write_text(folder / f"{prefix}matrix.mtx{ending}",
               "%%MatrixMarket matrix coordinate integer general\n%metadata_json: {}\n"
               f"{table.shape[0]} {table.shape[1]} {table.size}\n{entries}")
    write_text(folder / f"{prefix}barcodes.tsv{ending}", "".join(f"{name}\n" for name in BARCODES))
    lines = zip(GENE_IDS, SYMBOLS, TYPES)
    write_text(folder / f"{prefix}{features}{ending}", "".join("\t".join(line[:columns]) + "\n" for line in lines))
    return folder


@pytest.mark.parametrize("processes", PROCESSES)
@pytest.mark.parametrize("form", [{}, {"ending": "", "features": "genes.tsv", "columns": 2},
                                  {"prefix": "GSM1_sample_", "ending": ".gz"}])
def test_a_folder_has_names(tmp_path, form, processes):
    folder = write_folder(tmp_path / "filtered", **form)
    said = check_names(tmp_path, folder, GENE_IDS, BARCODES, processes=processes)
    assert "--transpose makes the cells the rows" in said
    assert ("--feature-type" in said) == (form.get("columns", 3) == 3)
    matrix = folder / f"{form.get('prefix', '')}matrix.mtx{form.get('ending', '.gz')}"
    check_names(tmp_path, matrix, BARCODES, SYMBOLS, "--transpose", "--feature-names", "name", expected=SMALL.T,
                processes=processes)


def test_a_folder_of_cells_x_genes(tmp_path):
    folder = write_folder(tmp_path / "turned", table=SMALL.T)
    assert "--transpose" not in check_names(tmp_path, folder, BARCODES, GENE_IDS, expected=SMALL.T)
    check_names(tmp_path, folder, BARCODES, GENE_IDS[3:], "--feature-type", "Antibody Capture", expected=SMALL.T[:, 3:])


def test_folders_that_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    check_refused(["info", tmp_path / "empty"], "is a directory without a matrix", "matrix.mtx, barcodes.tsv")
    folder = write_folder(tmp_path / "filtered", "a_")
    (folder / "a_barcodes.tsv.gz").rename(folder / "barcodes.tsv.gz")
    check_refused(["info", folder], "but not barcodes.tsv beside it", processes=3)
    write_folder(folder, "b_")
    check_refused(["info", folder], "holds 2 matrices; name one of them")
    write_text(folder / "b_barcodes.tsv.gz", "x\ny\n")
    check_refused(["info", folder / "b_matrix.mtx.gz"], "is 4 x 6", "features.tsv.gz has 4 lines",
                  "b_barcodes.tsv.gz 2")
    (tmp_path / "store.zarr").mkdir()
    (tmp_path / "store.zarr" / ".zgroup").write_text("{}")
    check_refused(["info", tmp_path / "store.zarr"], "is a Zarr store", "read_zarr")


# --- Lists of names ---

@pytest.mark.parametrize("processes", PROCESSES)
def test_any_matrix_is_given_names(tmp_path, processes):
    np.save(tmp_path / "a.npy", SMALL)
    (tmp_path / "rows.txt").write_text('"a b"\nb\n#c\n%d')
    (tmp_path / "cols.tsv").write_text("".join(f"{j}\tx\n" for j in range(10, 16)))
    options = ["--row-names", tmp_path / "rows.txt", "--col-names", tmp_path / "cols.tsv"]
    check_names(tmp_path, tmp_path / "a.npy", ["a b", "b", "#c", "%d"], list(range(10, 16)), *options,
                processes=processes)
    (tmp_path / "some.txt").write_text("#c\n")
    check_names(tmp_path, tmp_path / "a.npy", ["#c"], list(range(10, 16)), *options, "--row-ids", tmp_path / "some.txt",
                processes=processes, expected=SMALL[2:3])
    check_refused(["info", tmp_path / "a.npy", "--col-names", tmp_path / "rows.txt"], "holds 4 names", "6 columns",
                  processes=processes)
    (tmp_path / "r.csv").write_text("user,item,rating\n1,2,3\n2,2,1\n")
    check_refused(["info", tmp_path / "r.csv", "--row-names", tmp_path / "rows.txt"], "made from the ids of its entries",
                  status=2)


# --- pandas ---

@pytest.mark.parametrize("processes", PROCESSES)
def test_frames_of_pandas(tmp_path, processes):
    frame = pandas.DataFrame(SMALL.astype(float), index=["a", "b", "é", "d"], columns=list("uvwxyz"))
    frame.to_hdf(tmp_path / "a.h5", "counts", format="fixed")
    for name in (tmp_path / "a.h5", f"{tmp_path}/a.h5:/counts", f"{tmp_path}/a.h5:/counts/block0_values"):
        check_names(tmp_path, name, list(frame.index), list(frame.columns), processes=processes)
    pandas.DataFrame(SMALL, index=[4, 3, 2, 1]).to_hdf(tmp_path / "b.h5", "counts", format="fixed")
    check_names(tmp_path, tmp_path / "b.h5", [4, 3, 2, 1], list(range(6)), processes=processes)


def test_frames_of_pandas_that_cannot_be_read(tmp_path):
    frame = pandas.DataFrame(SMALL, index=[0.5, 1.5, 2.5, 3.5])
    frame.to_hdf(tmp_path / "a.h5", "counts", format="fixed")
    assert "which are not read" in check_names(tmp_path, tmp_path / "a.h5", None, list(range(6)))
    frame.to_hdf(tmp_path / "b.h5", "counts", format="table")
    for name in (tmp_path / "b.h5", f"{tmp_path}/b.h5:/counts"):
        check_refused(["info", name], "counts", "frame_table", "format='fixed'")
    frame["group"] = [1, 2, 3, 4]
    frame.columns = frame.columns.astype(str)
    frame.to_hdf(tmp_path / "c.h5", "counts", format="fixed")
    check_refused(["info", tmp_path / "c.h5"], "a pandas frame with columns of 2 types", "astype(float)")


# --- A model instead of a matrix ---

def test_a_model_is_no_matrix(cells, tmp_path):
    for command in (["fit", cells / "model.h5", "-k", 2, "-o", tmp_path / "m.h5"],
                    ["import", cells / "model.h5", "-o", tmp_path / "m.h5"]):
        check_refused(command, "is a model, not a matrix", "dnmf predict", ":/W")
    run(["fit", f"{cells / 'model.h5'}:/W", "-k", 2, "-o", tmp_path / "m.h5"])
