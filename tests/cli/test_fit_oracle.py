"""Fits beside scikit-learn's, iteration by iteration, from the same start, on every grid."""
import h5py
import numpy as np
import pytest
import scipy.sparse

from fits import PEERS, Problem, factors, peer
from program import GRIDS, grid_name, run


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """Neither dimension is a multiple of any process count."""
    return Problem(tmp_path_factory.mktemp("dense"), np.random.default_rng(1).random((29, 23)))


@pytest.fixture(scope="module")
def sparse(tmp_path_factory):
    matrix = scipy.sparse.random(37, 25, 0.2, format="csr", random_state=2)
    return Problem(tmp_path_factory.mktemp("sparse"), matrix)


@pytest.fixture(params=["dense", "sparse"])
def problem(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("solver", PEERS)
@pytest.mark.parametrize("grid", GRIDS, ids=grid_name)
def test_iterates_equal_scikit_learns(problem, solver, grid):
    iterations = 12
    w, h, report = problem.fit("--solver", solver, "--max-iter", iterations, grid=grid)
    expected_w, expected_h, estimator = peer(problem.matrix, problem.start, solver, iterations)
    np.testing.assert_allclose(w, expected_w, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(h, expected_h, rtol=1e-9, atol=1e-9)
    assert report["iterations"] == iterations and not report["converged"]
    norm = np.linalg.norm(problem.matrix.data if scipy.sparse.issparse(problem.matrix) else problem.matrix)
    assert report["relative_error"] == pytest.approx(estimator.reconstruction_err_ / norm, rel=1e-9)
    assert report["rmse"] == pytest.approx(estimator.reconstruction_err_ / np.sqrt(np.prod(problem.matrix.shape)),
                                           rel=1e-9)
    assert report["objective"] == pytest.approx(estimator.reconstruction_err_ ** 2 / 2, rel=1e-9)


@pytest.mark.parametrize("solver, tolerance", [("hals", 1e-2), ("hals", 1e-3), ("mu", 1e-3), ("mu", 1e-4)])
@pytest.mark.parametrize("grid", [(1, 1), (1, 3)], ids=grid_name)
def test_stops_at_the_same_iteration_as_scikit_learn(problem, solver, tolerance, grid):
    _, _, report = problem.fit("--solver", solver, "--max-iter", 2000, "--tol", tolerance, grid=grid)
    estimator = peer(problem.matrix, problem.start, solver, 2000, tolerance)[2]
    assert report["converged"]
    assert report["stop_reason"] == {"hals": "gradient", "mu": "objective"}[solver]
    assert report["iterations"] == estimator.n_iter_


@pytest.mark.parametrize("solver", PEERS)
@pytest.mark.parametrize("alpha_w, alpha_h, l1_ratio", [(0.01, 0.02, 0.0), (0.01, 0.02, 1.0), (0.003, 0.0, 0.3),
                                                        (0.0, 0.004, 0.5)])
def test_penalties_by_dimension_are_scikit_learns(problem, solver, alpha_w, alpha_h, l1_ratio):
    w, h, report = problem.fit("--solver", solver, "--max-iter", 9, "--penalty-scale", "dimension",
                               "--l1-w", alpha_w * l1_ratio, "--l1-h", alpha_h * l1_ratio,
                               "--l2-w", alpha_w * (1 - l1_ratio), "--l2-h", alpha_h * (1 - l1_ratio), grid=(1, 2))
    expected_w, expected_h, _ = peer(problem.matrix, problem.start, solver, 9, alpha_W=alpha_w, alpha_H=alpha_h,
                                     l1_ratio=l1_ratio)
    np.testing.assert_allclose(w, expected_w, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(h, expected_h, rtol=1e-9, atol=1e-9)
    assert report["objective"] == pytest.approx(objective(problem.matrix, w, h, alpha_w, alpha_h, l1_ratio), rel=1e-9)


def objective(matrix, w, h, alpha_w=0.0, alpha_h=0.0, l1_ratio=0.0):
    """The formula of the penalized objective, all of it dense."""
    rows, cols = matrix.shape
    full = matrix.toarray() if scipy.sparse.issparse(matrix) else matrix
    total = np.sum((full - w @ h) ** 2) / 2
    for factor, weight in ((w, alpha_w * cols), (h, alpha_h * rows)):
        total += weight * (l1_ratio * np.sum(factor) + (1 - l1_ratio) / 2 * np.sum(factor ** 2))
    return total


@pytest.mark.parametrize("solver", ["hals", "mu", "bpp"])
def test_raw_penalties_are_used_as_written(sparse, solver):
    rows, cols = sparse.matrix.shape
    raw = sparse.fit("--solver", solver, "--max-iter", 5, "--penalty-scale", "raw", "--l1-w", 0.25, "--l2-h", 0.5)
    scaled = sparse.fit("--solver", solver, "--max-iter", 5, "--penalty-scale", "dimension", "--l1-w", 0.25 / cols,
                        "--l2-h", 0.5 / rows)
    np.testing.assert_allclose(raw[0], scaled[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(raw[1], scaled[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("grid", [(2, 1), (1, 3), (2, 2), (3, 2)], ids=grid_name)
def test_bpp_is_the_same_on_every_grid(problem, grid):
    alone = problem.fit("--solver", "bpp", "--max-iter", 8)
    w, h, _ = problem.fit("--solver", "bpp", "--max-iter", 8, grid=grid)
    np.testing.assert_allclose(w, alone[0], rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(h, alone[1], rtol=1e-8, atol=1e-9)


def test_a_half_step_of_bpp_is_exact(dense):
    """After an iteration H solves its least squares with W fixed: scipy's Lawson-Hanson agrees."""
    from scipy.optimize import nnls
    w, h, _ = dense.fit("--solver", "bpp", "--max-iter", 1, grid=(2, 1))
    exact = np.column_stack([nnls(w, column)[0] for column in dense.matrix.T])
    np.testing.assert_allclose(h, exact, rtol=1e-8, atol=1e-10)


def penalized_least_squares(fixed, columns, l1, l2):
    """argmin over x >= 0 of 1/2 |column - fixed x|^2 + l1 sum(x) + 1/2 l2 |x|^2, for each column: Lawson-Hanson with
    the penalties as further rows."""
    from scipy.optimize import nnls
    k = fixed.shape[1]
    rows = np.vstack([fixed, np.sqrt(l2) * np.eye(k)])
    return np.column_stack([nnls(rows, np.append(column, np.full(k, -l1 / np.sqrt(l2))))[0] for column in columns.T])


def test_half_steps_of_bpp_with_penalties_are_exact(problem):
    full = problem.matrix.toarray() if scipy.sparse.issparse(problem.matrix) else problem.matrix
    w, h, report = problem.fit("--solver", "bpp", "--max-iter", 1, "--l1-w", 0.2, "--l2-w", 0.3, "--l1-h", 0.5, "--l2-h",
                               0.7, grid=(1, 2))
    expected_w = penalized_least_squares(problem.start[1].T, full.T, 0.2, 0.3).T
    expected_h = penalized_least_squares(expected_w, full, 0.5, 0.7)
    assert np.any(expected_w == 0) and np.any(expected_h == 0)
    np.testing.assert_allclose(w, expected_w, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(h, expected_h, rtol=1e-8, atol=1e-10)
    total = np.sum((full - w @ h) ** 2) / 2 + 0.2 * w.sum() + 0.15 * np.sum(w ** 2) + 0.5 * h.sum() + 0.35 * np.sum(h ** 2)
    assert report["objective"] == pytest.approx(total, rel=1e-9)


def test_bpp_lowers_where_hals_ends(problem):
    """From the same start the two may end in different minima; from hals's end bpp must not rise."""
    before = problem.fit("--max-iter", 300, "--tol", 1e-5)[2]["objective"]
    (problem.folder / "model.h5").rename(problem.folder / "hals.h5")
    after = problem.fit("--solver", "bpp", "--max-iter", 30, "--init", f"file:{problem.folder / 'hals.h5'}")[2]
    assert after["objective"] <= before * (1 + 1e-12)


@pytest.mark.parametrize("solver", ["hals", "mu", "bpp"])
def test_single_precision_is_close_to_double(problem, solver):
    double = problem.fit("--solver", solver, "--max-iter", 10)[2]
    w, _, single = problem.fit("--solver", solver, "--max-iter", 10, "--precision", "single", grid=(1, 2))
    assert single["precision"] == "single" and double["precision"] == "double"
    assert w.dtype == np.float32
    assert single["objective"] == pytest.approx(double["objective"], rel=1e-4)


@pytest.mark.parametrize("solver", ["hals", "mu", "bpp"])
def test_objective_never_increases(problem, solver):
    problem.fit("--solver", solver, "--max-iter", 60, grid=(1, 3))
    with h5py.File(problem.folder / "model.h5") as file:
        history = file["history/objective"][:]
    assert len(history) == 61
    assert np.all(np.diff(history) <= 1e-12 * history[0])


@pytest.mark.parametrize("solver", ["hals", "mu", "bpp"])
def test_same_configuration_twice_gives_the_same_bytes(problem, solver):
    first, second = (problem.fit("--solver", solver, "--max-iter", 20, grid=(2, 2)) for _ in range(2))
    assert first[0].tobytes() == second[0].tobytes() and first[1].tobytes() == second[1].tobytes()


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_threads_do_not_change_the_iterates(tmp_path, kind):
    """Of a matrix large enough to be worth a team of threads."""
    matrix = scipy.sparse.random(1211, 307, 0.1, format="csr", random_state=2)
    problem = Problem(tmp_path, matrix if kind == "sparse" else matrix.toarray())
    one = problem.fit("--max-iter", 20, "--threads", 1)
    two = problem.fit("--max-iter", 20, "--threads", 2)
    np.testing.assert_allclose(one[0], two[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("grid", [(1, 2), (3, 1), (2, 2), (2, 3)], ids=grid_name)
def test_random_start_is_the_same_on_every_grid(sparse, grid, tmp_path):
    sparse.run_fit(tmp_path / "start.h5", ["--max-iter", 0, "--seed", 5], grid)
    w, h = factors(tmp_path / "start.h5")
    np.testing.assert_allclose(w, sparse.start[0], rtol=1e-13)
    np.testing.assert_allclose(h, sparse.start[1], rtol=1e-13)


def test_random_start_has_scikit_learns_scale(tmp_path):
    run(["generate", "-o", tmp_path / "a.h5", "--rows", 400, "--cols", 300])
    run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 10, "--max-iter", 0])
    w, _ = factors(tmp_path / "m.h5")
    # |N(0,1)| has the mean square 1.
    assert np.mean(w ** 2) == pytest.approx(0.5 / 10, rel=0.1)


@pytest.mark.parametrize("processes", [3, 6])
def test_processes_without_a_row(tmp_path, processes):
    problem = Problem(tmp_path, np.random.default_rng(3).random((2, 5)), components=2)
    expected_w, expected_h, _ = peer(problem.matrix, problem.start, "hals", 6)
    for grid in ((processes, 1), (1, processes)):
        w, h, _ = problem.fit("--solver", "hals", "--max-iter", 6, grid=grid)
        np.testing.assert_allclose(w, expected_w, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(h, expected_h, rtol=1e-9, atol=1e-9)


MOVIELENS = {"ml-100k": ("u.data", "\t", 0), "ml-latest-small": ("ratings.csv", ",", 1)}


@pytest.fixture(scope="module", params=MOVIELENS)
def movielens(request, data, tmp_path_factory):
    """MovieLens from its own file, unrated pairs counted as zeros, k = 20."""
    file, delimiter, skip = MOVIELENS[request.param]
    source = data / request.param / file
    rows, cols, ratings = np.loadtxt(source, delimiter=delimiter, skiprows=skip, usecols=(0, 1, 2)).T
    i = np.unique(rows, return_inverse=True)[1]
    j = np.unique(cols, return_inverse=True)[1]
    matrix = scipy.sparse.csr_matrix((ratings, (i, j)))
    folder = tmp_path_factory.mktemp(request.param)
    return Problem(folder, matrix, components=20, source=source, options=["--missing", "zero"])


def test_movielens_equals_scikit_learn_on_every_grid(movielens):
    iterations = 10
    expected_w, expected_h, estimator = peer(movielens.matrix, movielens.start, "hals", iterations)
    objectives = []
    for grid in [(1, 1), (2, 1), (1, 2), (3, 1), (2, 2), (1, 4), (3, 2), (6, 1)]:
        w, h, report = movielens.fit("--solver", "hals", "--max-iter", iterations, grid=grid)
        np.testing.assert_allclose(w, expected_w, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(h, expected_h, rtol=1e-9, atol=1e-9)
        objectives.append(report["objective"])
    np.testing.assert_allclose(objectives, estimator.reconstruction_err_ ** 2 / 2, rtol=1e-9)
