"""Matrices exported as AnnData files, as anndata reads them."""
import warnings

import anndata
import numpy as np
import pytest
import scipy.sparse

import matrices
from program import PROCESSES, run

TABLE = matrices.counts(9, 6)
ROWS = ["one", "zwei", "три", "四", "five", "six", "sept", "acht", "nine"]


@pytest.fixture(scope="module")
def sources(folder):
    cells = [f'"{name}",{j},{TABLE[i, j]}' for i, name in enumerate(ROWS) for j in range(6)]
    (folder / "table.csv").write_text(
        "\n".join(["," + ",".join(f"g{j}" for j in range(6))] +
                  [name + "," + ",".join(map(str, row)) for name, row in zip(ROWS, TABLE)]) + "\n", encoding="utf-8")
    (folder / "ratings.csv").write_text("user,item,rating\n" + "\n".join(cells) + "\n", encoding="utf-8")
    scipy.sparse.save_npz(folder / "sparse.npz", scipy.sparse.csr_matrix(TABLE + 0.1 * (TABLE > 0)))
    return folder


def exported(source, folder, processes=2, *options):
    run(["export", source, "-o", folder / "a.h5ad", *options], processes=processes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return anndata.read_h5ad(folder / "a.h5ad")


@pytest.mark.parametrize("processes", PROCESSES)
def test_a_table_with_names(sources, tmp_path, processes):
    found = exported(sources / "table.csv", tmp_path, processes)
    np.testing.assert_array_equal(found.X, TABLE)
    assert list(found.obs_names) == ROWS and list(found.var_names) == [f"g{j}" for j in range(6)]
    assert list(found.obs.columns) == list(found.var.columns) == []


@pytest.mark.parametrize("processes", [1, 3])
def test_a_sparse_matrix_without_names(sources, tmp_path, processes):
    found = exported(sources / "sparse.npz", tmp_path, processes)
    assert scipy.sparse.isspmatrix_csr(found.X)
    np.testing.assert_array_equal(found.X.toarray(), TABLE + 0.1 * (TABLE > 0))
    assert list(found.obs_names) == [str(i) for i in range(9)] and list(found.var_names) == [str(j) for j in range(6)]


def test_selected_rows_and_columns(sources, tmp_path):
    found = exported(sources / "table.csv", tmp_path, 3, "--rows", "2:7", "--cols", "1:3")
    np.testing.assert_array_equal(found.X, TABLE[2:7, 1:3])
    assert list(found.obs_names) == ROWS[2:7] and list(found.var_names) == ["g1", "g2"]


def test_ratings_stay_ratings(sources, tmp_path):
    """Integers are names too, and what is not stored stays unknown to the program."""
    exported(sources / "ratings.csv", tmp_path)
    assert run(["info", tmp_path / "a.h5ad", "--json"]).json["missing"] == "unobserved"
    assert list(anndata.read_h5ad(tmp_path / "a.h5ad").var_names) == [str(j) for j in range(6)]


def test_anndata_writes_what_it_read(sources, tmp_path):
    exported(sources / "table.csv", tmp_path).write_h5ad(tmp_path / "again.h5ad")
    matrices.check_import(tmp_path, tmp_path / "again.h5ad", TABLE, 2, row_ids=ROWS,
                          col_ids=[f"g{j}" for j in range(6)])


def test_a_model_goes_into_a_file(sources, tmp_path):
    exported(sources / "table.csv", tmp_path)
    run(["fit", tmp_path / "a.h5ad", "-o", tmp_path / "model.h5", "-k", 2, "--max-iter", 3])
    result = run(["export", tmp_path / "model.h5", "-o", tmp_path / "b.h5ad"], expect=2)
    assert "--into" in result.stderr and not (tmp_path / "b.h5ad").exists()
    run(["export", tmp_path / "model.h5", "--into", tmp_path / "a.h5ad"])
    assert anndata.read_h5ad(tmp_path / "a.h5ad").obsm["X_nmf"].shape == (9, 2)
