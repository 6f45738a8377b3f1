"""Names of rows and columns: repeated ones, those written in another way, where files keep them."""
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
