"""Behaviours of scikit-learn's own tests that no other file shows; tests/README.md lists all of them."""
import pathlib
import re

import numpy as np
import pytest
import sklearn
from sklearn.decomposition import NMF

from fits import factors, write_hdf5
from program import ROOT, run

INITS = ["random", "nndsvd", "nndsvda", "nndsvdar"]


def fit(folder, matrix, components, *options):
    """W, H and the JSON object."""
    write_hdf5(folder / "a.h5", matrix)
    report = run(["fit", folder / "a.h5", "-o", folder / "m.h5", "-k", components, "--json", *options]).json
    return *factors(folder / "m.h5"), report


@pytest.mark.parametrize("solver", ["hals", "mu", "bpp"])
@pytest.mark.parametrize("penalty", [0, 1])
def test_factors_are_nonnegative_whatever_the_start(tmp_path, solver, penalty):
    matrix = np.column_stack([5.0 - np.arange(1, 6), 5.0 + np.arange(1, 6)])
    for init in INITS:
        w, h, report = fit(tmp_path, matrix, 2, "--init", init, "--solver", solver, "--penalty-scale", "dimension",
                           "--l2", penalty)
        assert w.min() >= 0 and h.min() >= 0 and np.isfinite(report["objective"]), init


@pytest.mark.parametrize("solver, peer", [("hals", "cd"), ("mu", "mu")])
def test_as_many_components_as_columns_come_close(tmp_path, solver, peer):
    matrix = np.abs(np.random.default_rng(42).standard_normal((6, 5)))
    w, h, _ = fit(tmp_path, matrix, 5, "--init", "nndsvdar", "--solver", solver, "--max-iter", 600)
    theirs = NMF(5, init="nndsvdar", random_state=0, max_iter=600, solver=peer).fit(matrix).reconstruction_err_
    assert np.linalg.norm(matrix - w @ h) < max(0.1, 2 * theirs)


def test_a_product_of_disjoint_factors_is_found_again(tmp_path):
    w, h = np.zeros((15, 5)), np.zeros((5, 10))
    w[np.arange(5), np.arange(5)] = [0.5, 0.2, 0.6, 1.5, 0.3]
    h[np.arange(10) % 5, np.arange(10)] = np.array([0.4, 1.6, 0.7, 0.5, 0.8])[np.arange(10) % 5]
    matrix = w @ h
    w, h, report = fit(tmp_path, matrix, 5, "--loss", "kullback-leibler", "--init", "nndsvda", "--max-iter", 1000,
                       "--tol", 1e-6, "--exact-residual")
    np.testing.assert_allclose(w @ h, matrix, rtol=1e-6, atol=1e-9)
    assert report["relative_error"] < 1e-6
    assert report["relative_error"] == pytest.approx(report["exact_residual"] / np.linalg.norm(matrix))


@pytest.mark.parametrize("beta", [-1.2, 0, 0.2, 1, 2, 2.5])
def test_the_factors_are_continuous_in_beta(tmp_path, beta):
    matrix = np.abs(np.random.default_rng(7).standard_normal((20, 10)))
    how = ["--max-iter", 20, "--tol", 0, "--solver", "mu", "--penalty-scale", "dimension", "--l1-w", 0.05, "--l2-w",
           0.05]
    here = fit(tmp_path, matrix, 5, "--loss", beta, *how)
    near = fit(tmp_path, matrix, 5, "--loss", beta - 1e-5, *how)
    for one, other in zip(here[:2], near[:2]):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_a_denormal_entry_counts_as_a_zero_would(tmp_path):
    matrix = np.abs(np.random.default_rng(0).standard_normal((10, 2))) * 10
    objectives = []
    for entry in (0, 1e-323):
        matrix[0, 0] = entry
        objectives.append(fit(tmp_path, matrix, 2, "--loss", 1, "--max-iter", 3, "--tol", 0)[2]["objective"])
    assert objectives[1] == pytest.approx(objectives[0], rel=1e-9)


def test_integers_and_single_precision_files_are_fitted_in_double(tmp_path):
    matrix = np.random.default_rng(1).integers(0, 9, (12, 8))
    for kind in (np.int32, np.int64, np.uint8, np.float32):
        assert fit(tmp_path, matrix.astype(kind), 2, "--max-iter", 1)[0].dtype == np.float64


def table():
    """The rows of tests/README.md's table: what scikit-learn's tests are called, and the cell that answers them."""
    lines = (ROOT / "tests" / "README.md").read_text().split("## Beside scikit-learn's tests")[1].splitlines()
    return [(cells[1], cells[3]) for cells in (line.split("|") for line in lines if line.startswith("| `"))]


def test_the_table_names_tests_that_there_are():
    sources = [path.read_text() for kind in ("*.py", "*.c") for path in (ROOT / "tests").rglob(kind)]
    for theirs, ours in table():
        for name in re.findall(r"`([a-z_]{12,})`", ours):
            assert any(f"test_{name.removeprefix('test_')}(" in text or f"mpi_test({name})" in text for text in sources) \
                or (ROOT / "tests" / "cli" / f"{name}.py").exists(), f"{theirs}: {name}"


@pytest.mark.skipif(sklearn.__version__ != "1.2.1", reason="the table is of scikit-learn 1.2.1")
def test_the_table_lists_all_of_scikit_learns_tests():
    path = pathlib.Path(sklearn.__file__).parent / "decomposition" / "tests" / "test_nmf.py"
    if not path.exists():
        pytest.skip("scikit-learn is installed without its tests")
    listed = {name for theirs, _ in table() for name in re.findall(r"`(\w+)`", theirs)}
    assert listed == set(re.findall(r"^def test_(\w+)", path.read_text(), re.MULTILINE))
