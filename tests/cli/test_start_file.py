"""Starts from a file, whole or half, and fits with one factor fixed, beside scikit-learn's."""
import warnings

import h5py
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from sklearn.decomposition import non_negative_factorization
from sklearn.exceptions import ConvergenceWarning

from fits import PEERS, factors, write_hdf5
from program import INPUTS, grid_name, run

ROWS, COLS, COMPONENTS = 29, 23, 4
RANDOM = np.random.default_rng(8)
W = RANDOM.random((ROWS, COMPONENTS))
H = RANDOM.random((COMPONENTS, COLS)) * (RANDOM.random((COMPONENTS, COLS)) < 0.7)
MATRICES = {"dense": RANDOM.random((ROWS, COLS)),
            "sparse": scipy.sparse.random(ROWS, COLS, 0.3, format="csr", random_state=4)}


def write_file(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            file[name] = value
    return path


@pytest.fixture(scope="module", params=MATRICES)
def problem(request, tmp_path_factory):
    """The folder with the matrix as a.h5, and the matrix."""
    folder = tmp_path_factory.mktemp(request.param)
    matrix = MATRICES[request.param]
    write_hdf5(folder / "a.h5", matrix)
    return folder, matrix


def fit(folder, *options, grid=(1, 1), components=COMPONENTS):
    """W, H and the JSON object."""
    report = run(["fit", folder / "a.h5", "-o", folder / "model.h5", "-k", components, "--json", "--grid",
                  grid_name(grid), *options], processes=grid[0] * grid[1]).json
    return *factors(folder / "model.h5"), report


def peer(matrix, solver, iterations, tolerance=0.0, **how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return non_negative_factorization(matrix, n_components=COMPONENTS, init="custom", solver=PEERS[solver],
                                          tol=tolerance, max_iter=iterations, shuffle=False, **how)


@pytest.mark.parametrize("given, value", [("W", W), ("H", H)])
def test_the_factor_that_is_not_given_starts_at_random(problem, given, value):
    folder, matrix = problem
    start = write_file(folder / "half.h5", **{given: value})
    random_w, random_h, _ = fit(folder, "--max-iter", 0, "--seed", 3)
    expected_w, expected_h = (W, random_h) if given == "W" else (random_w, H)
    w, h, _ = fit(folder, "--init", f"file:{start}", "--max-iter", 0, "--seed", 3, grid=(3, 1))
    np.testing.assert_allclose(w, expected_w, rtol=1e-13)  # the mean of A is summed over the processes
    np.testing.assert_allclose(h, expected_h, rtol=1e-13)
    w, h, _ = fit(folder, "--init", f"file:{start}", "--max-iter", 5, "--tol", 0, "--seed", 3,
                  "--solver", "hals")
    expected_w, expected_h, _ = peer(matrix, "hals", 5, W=expected_w.copy(), H=expected_h.copy())
    np.testing.assert_allclose(w, expected_w, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(h, expected_h, rtol=1e-9, atol=1e-9)


PENALTIES = {"no penalties": ({}, []),
             "penalties": ({"alpha_W": 0.01, "alpha_H": 0.02, "l1_ratio": 0.4},
                           ["--penalty-scale", "dimension", "--l1-w", 0.004, "--l1-h", 0.008, "--l2-w", 0.006,
                            "--l2-h", 0.012])}


@pytest.mark.parametrize("solver, grid, penalties", [("hals", (1, 1), "penalties"), ("hals", (1, 3), "no penalties"),
                                                     ("mu", (2, 1), "no penalties"), ("mu", (2, 2), "penalties")])
def test_h_fixed_is_scikit_learns_update_h_false(problem, solver, grid, penalties):
    folder, matrix = problem
    start = write_file(folder / "h.h5", H=H)
    theirs, options = PENALTIES[penalties]
    w, h, report = fit(folder, "--init", f"file:{start}", "--fix", "h", "--solver", solver, "--max-iter", 7, "--tol", 0,
                       *options, grid=grid)
    np.testing.assert_array_equal(h, H)
    np.testing.assert_allclose(w, peer(matrix, solver, 7, H=H, update_H=False, **theirs)[0], rtol=1e-9, atol=1e-9)
    full = matrix.toarray() if scipy.sparse.issparse(matrix) else matrix
    assert report["rmse"] == pytest.approx(np.sqrt(np.mean((full - w @ h) ** 2)), rel=1e-9)
    assert report["fix"] == "h" and report["traffic"]["gather_words"] == report["traffic"]["scatter_words"] == 0


@pytest.mark.parametrize("solver, grid", [("hals", (3, 1)), ("mu", (1, 2))])
def test_w_fixed_is_the_same_of_the_transpose(problem, solver, grid):
    folder, matrix = problem
    start = write_file(folder / "w.h5", W=W)
    w, h, _ = fit(folder, "--init", f"file:{start}", "--fix", "w", "--solver", solver, "--max-iter", 7, "--tol", 0,
                  grid=grid)
    np.testing.assert_array_equal(w, W)
    transposed = scipy.sparse.csr_matrix(matrix.T) if scipy.sparse.issparse(matrix) else matrix.T
    np.testing.assert_allclose(h.T, peer(transposed, solver, 7, H=W.T.copy(), update_H=False)[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("solver, tolerance", [("hals", 1e-3), ("hals", 1e-6), ("mu", 1e-4)])
def test_only_the_moving_factor_counts_for_the_stopping_rule(problem, solver, tolerance):
    folder, matrix = problem
    start = write_file(folder / "h.h5", H=H)
    report = fit(folder, "--init", f"file:{start}", "--fix", "h", "--solver", solver, "--max-iter", 3000, "--tol",
                 tolerance, grid=(2, 1))[2]
    assert report["converged"]
    assert report["iterations"] == peer(matrix, solver, 3000, tolerance, H=H, update_H=False)[2]


@pytest.mark.parametrize("fixed", ["w", "h"])
def test_bpp_with_a_factor_fixed_is_least_squares(problem, fixed):
    folder, matrix = problem
    full = matrix.toarray() if scipy.sparse.issparse(matrix) else matrix
    start = write_file(folder / "both.h5", W=W, H=H)
    w, h, report = fit(folder, "--init", f"file:{start}", "--fix", fixed, "--solver", "bpp", grid=(1, 2))
    if fixed == "h":
        np.testing.assert_allclose(w, [scipy.optimize.nnls(H.T, row)[0] for row in full], rtol=1e-8, atol=1e-10)
    else:
        np.testing.assert_allclose(h.T, [scipy.optimize.nnls(W, column)[0] for column in full.T], rtol=1e-8, atol=1e-10)
    assert report["converged"] and report["iterations"] == 2


def test_a_given_start_of_the_moving_factor_is_used(problem):
    folder, _ = problem
    start = write_file(folder / "both.h5", W=W, H=H)
    w, h, _ = fit(folder, "--init", f"file:{start}", "--fix", "h", "--max-iter", 0)
    np.testing.assert_array_equal(w, W)
    np.testing.assert_array_equal(h, H)


def with_entry(matrix, value):
    changed = matrix.copy()
    changed[2, 1] = value
    return changed


BAD = {
    "neither factor": ({"U": W}, [], ["neither /W nor /H"]),
    "wrong rows": ({"W": W[:-1]}, [], ["/W is 28 x 4 float64", "29 x 4"]),
    "transposed": ({"H": H.T}, [], ["/H is 23 x 4 float64", "4 x 23"]),
    "one dimension": ({"W": W.ravel()}, [], ["/W is 116 float64", "29 x 4"]),
    "text": ({"H": [["a"] * COLS] * COMPONENTS}, [], ["/H is 4 x 23 string"]),
    "negative in W": ({"W": with_entry(W, -1), "H": H}, [], ["/W has -1 at row 2, column 1 (counted from 0)"]),
    "not a number in H": ({"H": with_entry(H, np.nan)}, [], ["/H has nan at row 2, column 1 (counted from 0)"]),
    "beyond single precision": ({"H": with_entry(H, 1e200)}, ["--precision", "single"], ["/H has inf at row 2, column 1"]),
    "a zero factor": ({"W": W, "H": 0 * H}, [], ["/H is full of zeros"]),
    "a zero factor for mu": ({"W": 0 * W, "H": H}, ["--solver", "mu"], ["/W is full of zeros"]),
    "the fixed factor is not there": ({"W": W}, ["--fix", "h"], ["--fix h", "has no /H"]),
}


@pytest.mark.parametrize("name, processes", [(name, 1) for name in BAD] + [("neither factor", 3), ("negative in W", 3)])
def test_a_bad_start_is_refused(tmp_path, name, processes):
    datasets, options, words = BAD[name]
    write_file(tmp_path / "a.h5", matrix=MATRICES["dense"])
    start = write_file(tmp_path / "start.h5", **datasets)
    result = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "model.h5", "-k", COMPONENTS, "--init", f"file:{start}",
                  *options], processes=processes, expect=1)
    assert len(result.messages) == 1 and all(word in result.messages[0] for word in ["start.h5", *words]), str(result)
    assert not (tmp_path / "model.h5").exists()


@pytest.mark.parametrize("options, words", [
    (["--fix", "h"], ["--fix h", "--init file:"]),
    (["--fix", "w", "--missing", "unobserved"], ["--fix", "dnmf transform"]),
])
def test_a_fixed_factor_must_be_given(tmp_path, options, words):
    result = run(["fit", INPUTS / "ratings-5x4.csv", "-o", tmp_path / "model.h5", "-k", 2, *options], expect=2)
    assert len(result.messages) == 1 and all(word in result.messages[0] for word in words), str(result)


def test_integers_are_a_start_too(tmp_path):
    write_file(tmp_path / "a.h5", matrix=MATRICES["dense"])
    start = write_file(tmp_path / "start.h5", W=np.ones((ROWS, 2), dtype=np.int32), H=np.ones((2, COLS), dtype=np.uint8))
    w, h, _ = fit(tmp_path, "--init", f"file:{start}", "--max-iter", 0, components=2)
    assert np.all(w == 1) and np.all(h == 1)


# --- Ratings -------------------------------------------------------------------------------------------------

RATINGS = ["--missing", "unobserved", "--tol", 0, "--l2", 0.1, "--quiet"]


@pytest.fixture(scope="module")
def ratings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ratings")
    run(["generate", "-o", folder / "a.h5", "--kind", "ratings", "--rows", 60, "--cols", 40, "--nnz", 900])
    return folder


def fit_ratings(folder, name, *options, processes=1):
    path = folder / name
    run(["fit", folder / "a.h5", "-o", path, "-k", 3, *RATINGS, *options], processes=processes)
    with h5py.File(path) as file:
        bias = [file[f"bias/{side}"][:] for side in ("row", "col")] if "bias" in file else []
        return [file["W"][:], file["H"][:], *bias]


@pytest.mark.parametrize("solver, bias", [("hals", "both"), ("hals", "col"), ("bpp", "none"), ("mu", "none")])
def test_a_fit_of_ratings_goes_on_from_a_model(ratings, solver, bias):
    how = ["--solver", solver, *(["--bias", bias] if solver != "mu" else [])]
    whole = fit_ratings(ratings, "whole.h5", *how, "--max-iter", 9)
    fit_ratings(ratings, "half.h5", *how, "--max-iter", 4, processes=3)
    joined = fit_ratings(ratings, "model.h5", *how, "--max-iter", 5, "--init", f"file:{ratings / 'half.h5'}", processes=2)
    assert len(whole) == len(joined) == (2 if bias == "none" else 4)
    for one, other in zip(whole, joined):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9)


def test_ratings_start_from_one_factor_and_the_other_at_random(ratings):
    random = fit_ratings(ratings, "random.h5", "--max-iter", 0)
    h = np.random.default_rng(0).random((3, 40))
    start = write_file(ratings / "h.h5", H=h)
    begun = fit_ratings(ratings, "begun.h5", "--max-iter", 0, "--init", f"file:{start}", processes=3)
    np.testing.assert_array_equal(begun[0], random[0])
    np.testing.assert_array_equal(begun[1], h)


@pytest.mark.parametrize("bias, words", [("none", "has biases"), ("col", "has row biases")])
def test_a_models_biases_are_not_dropped(ratings, bias, words):
    fit_ratings(ratings, "both.h5", "--max-iter", 2)
    result = run(["fit", ratings / "a.h5", "-o", ratings / "none.h5", "-k", 3, "--bias", bias, "--init",
                  f"file:{ratings / 'both.h5'}"], expect=1)
    assert len(result.messages) == 1 and words in result.messages[0], str(result)
