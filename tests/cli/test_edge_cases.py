"""Fits at the edges of what is legal: each has a defined result, beside scikit-learn's or numpy's."""
import warnings

import h5py
import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import non_negative_factorization
from sklearn.exceptions import ConvergenceWarning

from fits import PEERS, factors, write_hdf5
from program import INPUTS, run

SOLVERS = ["hals", "mu", "bpp"]
RANDOM = np.random.default_rng(12)


def fit(folder, matrix, components, *options, processes=1):
    """W, H, the JSON object and what was said."""
    write_hdf5(folder / "a.h5", matrix)
    result = run(["fit", folder / "a.h5", "-o", folder / "model.h5", "-k", components, "--json", *options], processes)
    return *factors(folder / "model.h5"), result.json, result.stderr


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("processes, precision", [(1, "double"), (3, "double"), (1, "single")])
def test_exact_residual_where_the_cheap_one_is_lost(tmp_path, kind, processes, precision):
    """A is W H but for a millionth: beyond what |A|^2 - 2 <A H', W> + <W'W, H H'> can tell in single precision."""
    share = {"dense": 1, "sparse": 0.3}[kind]
    w, h = (RANDOM.random(shape) * (RANDOM.random(shape) < share) for shape in ((43, 3), (3, 31)))
    matrix = w @ h
    with h5py.File(tmp_path / "start.h5", "w") as file:
        file["W"], file["H"] = w * (1 + 1e-6 * RANDOM.random(w.shape)), h
    stored = scipy.sparse.csr_matrix(matrix) if kind == "sparse" else matrix
    how = ["--init", f"file:{tmp_path / 'start.h5'}", "--max-iter", 0, "--precision", precision]
    w, h, exact, _ = fit(tmp_path, stored, 3, *how, "--exact-residual", processes=processes)
    matrix = matrix.astype(w.dtype).astype(float)
    residual = np.linalg.norm(matrix - w.astype(float) @ h.astype(float))
    assert exact["exact_residual"] == pytest.approx(residual, rel=1e-8)
    assert exact["relative_error"] == pytest.approx(residual / np.linalg.norm(matrix), rel=1e-8)
    assert exact["objective"] == pytest.approx(residual ** 2 / 2, rel=1e-8)


def test_a_residual_below_rounding_points_at_the_exact_one(tmp_path):
    matrix = np.outer(np.arange(1, 6), np.arange(1, 8))
    cheap = fit(tmp_path, matrix, 1, "--solver", "bpp")
    exact = fit(tmp_path, matrix, 1, "--solver", "bpp", "--exact-residual")
    assert "--exact-residual" in cheap[3] and cheap[2]["exact_residual"] is None
    assert "--exact-residual" not in exact[3]
    assert exact[2]["exact_residual"] <= 1e-14 * np.linalg.norm(matrix)


def test_ratings_have_no_other_residual(tmp_path):
    result = run(["fit", INPUTS / "ratings-triples.csv", "-o", tmp_path / "m.h5", "-k", 1, "--exact-residual"], expect=2)
    assert "--exact-residual" in result.stderr


# --- Shapes and patterns ---------------------------------------------------------------------------------------

ROWS, COLS = 11, 8


def with_zero_lines(matrix):
    matrix = matrix.copy()
    matrix[[0, 5]] = 0
    matrix[:, [3, 7]] = 0
    return matrix


def single_entry(value):
    matrix = np.zeros((ROWS, COLS))
    matrix[4, 2] = value
    return matrix


FULL = RANDOM.random((ROWS, COLS))
MATRICES = {  # and the components to look for
    "rank-deficient": (RANDOM.random((ROWS, 2)) @ RANDOM.random((2, COLS)), 4),
    "as many components as columns": (FULL, COLS),
    "more components than columns": (FULL, 10),
    "one component": (FULL, 1),
    "constant": (np.full((ROWS, COLS), 2.5), 3),
    "one nonzero": (single_entry(3), 2),
    "zero rows and columns": (with_zero_lines(FULL), 3),
    "one row": (FULL[:1], 2),
    "one column": (FULL[:, :1], 2),
    "small": (FULL * 1e-140, 3),
    "large": (FULL * 1e150, 3),
}


def peer(matrix, solver, iterations, w, h):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return non_negative_factorization(matrix, W=w.copy(), H=h.copy(), n_components=len(h), init="custom",
                                          solver=PEERS[solver], tol=0, max_iter=iterations, shuffle=False)


@pytest.mark.parametrize("name, processes", [*((name, 1) for name in MATRICES), ("more components than columns", 3),
                                             ("one nonzero", 3), ("zero rows and columns", 3), ("one row", 3)])
def test_iterates_equal_scikit_learns(tmp_path, name, processes):
    matrix, components = MATRICES[name]
    stored = scipy.sparse.csr_matrix(matrix) if processes == 3 else matrix
    w0, h0, _, _ = fit(tmp_path, stored, components, "--max-iter", 0)
    for solver in PEERS:
        w, h, report, _ = fit(tmp_path, stored, components, "--solver", solver, "--max-iter", 6, "--tol", 0,
                              "--exact-residual", processes=processes)
        if solver == "mu" and name in ("small", "large"):
            continue  # scikit-learn's floor of the denominators is absolute
        expected_w, expected_h, _ = peer(matrix, solver, 6, w0, h0)
        np.testing.assert_allclose(w, expected_w, rtol=1e-8, atol=1e-9 * expected_w.max())
        np.testing.assert_allclose(h, expected_h, rtol=1e-8, atol=1e-9 * expected_h.max())
        scale = matrix.max()
        error = np.linalg.norm(matrix / scale - w / np.sqrt(scale) @ (h / np.sqrt(scale))) / np.linalg.norm(matrix / scale)
        assert report["relative_error"] == pytest.approx(error, rel=1e-6, abs=1e-14)


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_what_can_be_exact_becomes_so(tmp_path, solver, precision):
    exact = {"double": 1e-14, "single": 1e-6}[precision]
    within = exact if solver == "bpp" else 1e-3
    for name in ("rank-deficient", "constant", "one nonzero", "one row", "one column"):
        matrix, components = MATRICES[name]
        w, h, report, _ = fit(tmp_path, matrix, components, "--solver", solver, "--max-iter", 2000, "--tol", 1e-8,
                              "--exact-residual", "--precision", precision)
        limit = 2e-3 if name == "rank-deficient" else within  # which is a hard problem
        assert report["relative_error"] < limit, name
        assert np.all(np.isfinite(w)) and np.all(np.isfinite(h)) and w.min() >= 0 and h.min() >= 0


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_component_is_the_first_singular_pair(tmp_path, solver):
    singular = np.linalg.svd(FULL, compute_uv=False)
    report = fit(tmp_path, FULL, 1, "--solver", solver, "--max-iter", 500, "--tol", 1e-12, processes=3)[2]
    assert 2 * report["objective"] == pytest.approx(np.sum(singular[1:] ** 2), rel=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("processes", [1, 3])
def test_rows_and_columns_of_zeros_have_zero_factors(tmp_path, solver, processes):
    w, h, _, said = fit(tmp_path, *MATRICES["zero rows and columns"], "--solver", solver, processes=processes)
    assert np.all(w[[0, 5]] == 0) and np.all(h[:, [3, 7]] == 0)
    assert np.all(w[1:5].any(axis=1)) and "2 of 11 rows" in said and "2 of 8 columns" in said


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_matrix_of_zeros_has_zero_factors(tmp_path, kind):
    zeros = np.zeros((ROWS, COLS))
    for solver in SOLVERS:
        w, h, report, said = fit(tmp_path, scipy.sparse.csr_matrix(zeros) if kind == "sparse" else zeros, 2, "--solver",
                                 solver, "--exact-residual", processes=3 if solver == "hals" else 1)
        assert not w.any() and not h.any() and f"{ROWS} of {ROWS} rows" in said
        assert report["converged"] and report["objective"] == report["rmse"] == 0 and report["relative_error"] is None


def test_more_components_than_either_dimension_are_refused(tmp_path):
    write_hdf5(tmp_path / "a.h5", FULL)
    result = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", ROWS + 1], expect=2)
    assert len(result.messages) == 1 and "larger than both dimensions" in result.messages[0]


# --- Tiny and huge values --------------------------------------------------------------------------------------

BEYOND = {
    "tiny": (1e-300, [], "too small"),
    "denormal": (1e-310, [], "too small"),
    "tiny in single precision": (1e-30, ["--precision", "single"], "too small"),
    "denormal in single precision": (1e-42, ["--precision", "single"], "--precision double"),
    "huge": (1e300, [], "too large"),
    "huge in single precision": (1e30, ["--precision", "single"], "--precision double"),
    "infinite in single precision": (1e300, ["--precision", "single"], "inf in single precision"),
}


@pytest.mark.parametrize("name", BEYOND)
def test_values_beyond_the_range_are_refused(tmp_path, name):
    scale, options, word = BEYOND[name]
    write_hdf5(tmp_path / "a.h5", FULL * scale)
    for solver in SOLVERS:
        result = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 2, "--solver", solver, *options],
                     3 if solver == "hals" and not options else 1, expect=1)
        assert len(result.messages) == 1 and word in result.messages[0], str(result)
        assert not (tmp_path / "m.h5").exists()


def test_values_that_single_precision_drops_are_told(tmp_path):
    said = fit(tmp_path, FULL * 1e-300, 2, "--precision", "single")[3]
    assert "every value is zero in single precision" in said


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale, precision", [(1e-145, "double"), (1e150, "double"), (1e-19, "single"), (1e17, "single")])
def test_values_within_the_range_are_fitted_as_well_as_others(tmp_path, scale, precision, solver):
    how = ["--solver", solver, "--max-iter", 30, "--tol", 0, "--precision", precision]
    plain = fit(tmp_path, FULL, 3, *how)[2]["relative_error"]
    assert fit(tmp_path, FULL * scale, 3, *how)[2]["relative_error"] == pytest.approx(plain, rel=1e-3)
