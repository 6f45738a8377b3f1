"""A sparse matrix that is held in bundles of rows while it is fitted (src/matrix/bundles.h), beside scikit-learn's fit."""
import re

import numpy as np
import pytest
import scipy.sparse

from fits import factors, peer, write_hdf5
from program import run

ROWS, COLS, COMPONENTS = 6300, 2500, 50  # a process of six has a bundle and some rows; H is larger than a core's cache
HOW = ["--solver", "hals", "--missing", "zero", "-k", COMPONENTS]
ITERATIONS = 3


@pytest.fixture(name="matrix", scope="module")
def fixture_matrix(tmp_path_factory):
    """Values that no narrower type than double has, and columns of very different lengths, some of them empty."""
    folder = tmp_path_factory.mktemp("bundles")
    rng = np.random.default_rng(3)
    matrix = scipy.sparse.random(ROWS, COLS, density=0.005, format="csc", random_state=rng)
    matrix = scipy.sparse.csr_matrix(matrix + scipy.sparse.hstack(
        [scipy.sparse.random(ROWS, 40, density=0.4, format="csc", random_state=rng),
         scipy.sparse.csc_matrix((ROWS, COLS - 40))]).multiply(3))
    matrix = scipy.sparse.csr_matrix(matrix.multiply((np.arange(COLS) % 100 != 99)[None, :]))
    matrix.eliminate_zeros()
    matrix.sort_indices()
    write_hdf5(folder / "a.h5", matrix)
    run(["fit", folder / "a.h5", "-o", folder / "start.h5", "--max-iter", 0, *HOW])
    return folder, matrix, peer(matrix, factors(folder / "start.h5"), "hals", ITERATIONS)


def fit(folder, processes, *options):
    done = run(["fit", folder / "a.h5", "-o", folder / f"m{processes}.h5", "--max-iter", ITERATIONS, "--tol", 0, *HOW, "--verbose", "--json",
                "--init", f"file:{folder / 'start.h5'}", *options], processes=processes)
    return *factors(folder / f"m{processes}.h5"), done


@pytest.mark.parametrize("processes, grid, bundled", [(1, "1x1", True), (2, "2x1", True), (3, "3x1", True),
                                                      (6, "6x1", True), (2, "1x2", False)])
def test_a_fit_is_scikit_learns(matrix, processes, grid, bundled):
    folder, a, theirs = matrix
    w, h, done = fit(folder, processes, "--grid", grid, "--exact-residual", "--threads", 1 + processes % 2)
    np.testing.assert_allclose(w, theirs[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(h, theirs[1], rtol=1e-9, atol=1e-12)
    assert done.json["exact_residual"] == pytest.approx(np.linalg.norm(a.toarray() - w @ h), rel=1e-12)
    assert bool(re.search("bundles of 1024 rows", done.stderr)) == bundled


def test_what_takes_entries_one_by_one_has_rows(matrix):
    folder = matrix[0]
    done = fit(folder, 1, "--validation", 0.1)[2]
    assert "in bundles" not in done.stderr


def test_the_plan_has_the_block_in_bundles(matrix):
    folder, a, _ = matrix
    memory = run(["plan", folder / "a.h5", *HOW, "--json"]).json["plans"][0]["memory"]
    bundles = -(-ROWS // 1024)
    expected = 10 * a.nnz + 4 * bundles * COLS + 8 * (bundles + 1) + 8 * (COLS + 1)
    assert expected <= memory["block"] < expected + 5 * 64
