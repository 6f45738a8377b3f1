"""Fits under other losses than the squared error, beside scikit-learn's from the same start: multiplicative updates,
which Kullback-Leibler with zeros has on request (by default: test_newton.py).

Where products become small, scikit-learn 1.7 takes all below float32's epsilon for that, older ones zeros only:
there plain numpy is the oracle.
"""
import warnings

import h5py
import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import non_negative_factorization
from sklearn.exceptions import ConvergenceWarning

from fits import Problem, factors, peer, write_hdf5
from program import grid_name, run

BETAS = [2, 1, 0, 0.5, 1.5, 3, -0.5]
NAMES = {2: "frobenius", 1: "kullback-leibler", 0: "itakura-saito"}


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """No zeros, more than a tile of rows and of columns, neither a multiple of any process count."""
    return Problem(tmp_path_factory.mktemp("dense"), np.random.default_rng(1).random((79, 67)))


@pytest.fixture(scope="module")
def sparse(tmp_path_factory):
    matrix = scipy.sparse.random(77, 95, 0.2, format="csr", random_state=2)
    return Problem(tmp_path_factory.mktemp("sparse"), matrix)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Compressed rows that store every entry: no zeros there either."""
    matrix = scipy.sparse.csr_matrix(np.random.default_rng(3).random((31, 70)) + 0.01)
    return Problem(tmp_path_factory.mktemp("full"), matrix)


def assert_same(fitted, expected, tolerance=1e-9):
    for ours, theirs in zip(fitted[:2], expected[:2]):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


CASES = [(kind, beta) for kind in ("dense", "sparse", "full") for beta in BETAS
         if beta > 0 and kind == "sparse" or beta <= 0 and kind == "full" or kind == "dense"]
SHAPES = [(1, 1), (2, 1), (1, 3), (2, 2), (3, 2), (4, 1), (1, 6)]


@pytest.mark.parametrize("kind, beta, grid", [(*case, SHAPES[i % len(SHAPES)]) for i, case in enumerate(CASES)])
def test_iterates_and_error_equal_scikit_learns(request, kind, beta, grid):
    problem = request.getfixturevalue(kind)
    w, h, report = problem.fit("--solver", "mu", "--loss", beta, "--max-iter", 12, grid=grid)
    expected = peer(problem.matrix, problem.start, "mu", 12, beta_loss=beta)
    assert_same((w, h), expected)
    error = expected[2].reconstruction_err_
    assert report["objective"] == pytest.approx(error ** 2 / 2, rel=1e-9)
    assert report["loss"] == NAMES.get(beta, str(beta)) and report["grid"] == grid_name(grid)


@pytest.mark.parametrize("beta", [1, 0, 0.5, 3])
@pytest.mark.parametrize("alpha_w, alpha_h, l1_ratio", [(0.01, 0.02, 0.0), (0.01, 0.02, 1.0), (0.003, 0.0, 0.3)])
def test_penalties_by_dimension_are_scikit_learns(request, beta, alpha_w, alpha_h, l1_ratio):
    problem = request.getfixturevalue("dense" if beta <= 0 else "sparse")
    fitted = problem.fit("--solver", "mu", "--loss", beta, "--max-iter", 9, "--penalty-scale", "dimension",
                         "--l1-w", alpha_w * l1_ratio, "--l1-h", alpha_h * l1_ratio,
                         "--l2-w", alpha_w * (1 - l1_ratio), "--l2-h", alpha_h * (1 - l1_ratio))
    expected = peer(problem.matrix, problem.start, "mu", 9, beta_loss=beta, alpha_W=alpha_w, alpha_H=alpha_h,
                    l1_ratio=l1_ratio)
    assert_same(fitted, expected)


@pytest.mark.parametrize("kind, beta, tolerance", [("sparse", 1, 1e-3), ("dense", 1, 1e-4), ("dense", 0, 1e-3),
                                                   ("dense", 0.5, 1e-4), ("dense", 3, 1e-3)])
def test_stops_at_the_same_iteration_as_scikit_learn(request, kind, beta, tolerance):
    problem = request.getfixturevalue(kind)
    _, _, report = problem.fit("--solver", "mu", "--loss", beta, "--max-iter", 2000, "--tol", tolerance)
    estimator = peer(problem.matrix, problem.start, "mu", 2000, tolerance, beta_loss=beta)[2]
    assert report["converged"] and report["stop_reason"] == "objective"
    assert report["iterations"] == estimator.n_iter_ > 10
    assert np.sqrt(2 * report["objective"]) == pytest.approx(estimator.reconstruction_err_, rel=1e-9)


@pytest.mark.parametrize("kind, beta", [("sparse", 1), ("dense", 0), ("dense", 0.5)])
def test_single_precision_to_its_own_tolerance(request, kind, beta):
    problem = request.getfixturevalue(kind)
    fitted = problem.fit("--solver", "mu", "--loss", beta, "--max-iter", 10, "--precision", "single", grid=(1, 2))
    start = [x.astype(np.float32) for x in problem.start]
    expected = peer(problem.matrix.astype(np.float32), start, "mu", 10, beta_loss=beta)
    assert_same(fitted, expected, 1e-4)
    assert fitted[0].dtype == np.float32


@pytest.mark.parametrize("beta", [1, 0.5])
def test_threads_do_not_change_a_bit(tmp_path, beta):
    """Of a matrix large enough to be worth a team of threads."""
    problem = Problem(tmp_path, scipy.sparse.random(211, 307, 0.2, format="csr", random_state=2))
    one = problem.fit("--solver", "mu", "--loss", beta, "--max-iter", 8, "--threads", 1)
    three = problem.fit("--solver", "mu", "--loss", beta, "--max-iter", 8, "--threads", 3)
    assert np.array_equal(one[0], three[0]) and np.array_equal(one[1], three[1])


def test_the_gradient_falls_to_the_tolerance(dense):
    """The rule of other solvers is there too; at the end the gradient, written out in numpy, is that small."""
    w, h, report = dense.fit("--solver", "mu", "--loss", "kullback-leibler", "--stop", "gradient", "--tol", 0.1,
                             "--max-iter", 2000)
    assert report["converged"] and report["stop_reason"] == "gradient"

    def violation(w, h):
        ratio = 1 - dense.matrix / (w @ h)
        return sum(np.abs(np.where(x > 0, g, np.minimum(g, 0))).sum() for x, g in ((w, ratio @ h.T), (h, w.T @ ratio)))

    assert violation(w, h) < 0.1 * violation(*dense.start)


def test_values_that_were_not_computed_are_null(sparse):
    _, _, report = sparse.fit("--solver", "mu", "--loss", "kullback-leibler", "--max-iter", 3)
    assert report["relative_error"] is None and report["rmse"] is None
    assert report["solver"] == "mu" and report["objective"] > 0
    with h5py.File(sparse.folder / "model.h5") as file:
        assert file.attrs["loss"] == "kullback-leibler" and file.attrs["solver"] == "mu"
        assert len(file["history/objective"]) == 4 and np.all(np.diff(file["history/objective"]) < 0)


def test_a_squared_error_is_told_when_it_was_measured(dense):
    w, h, report = dense.fit("--loss", "kullback-leibler", "--max-iter", 3, "--exact-residual")
    expected = np.linalg.norm(dense.matrix - w @ h)
    assert report["relative_error"] == pytest.approx(expected / np.linalg.norm(dense.matrix), rel=1e-12)
    assert report["objective"] == pytest.approx(np.sum(dense.matrix * np.log(dense.matrix / (w @ h)) - dense.matrix + w @ h))


def test_a_divergence_below_rounding_is_said_so(tmp_path):
    """A product of one component, fitted with one: nothing remains but rounding."""
    rng = np.random.default_rng(7)
    write_hdf5(tmp_path / "a.h5", np.outer(rng.random(23) + 0.1, rng.random(17) + 0.1))
    result = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 1, "--loss", 1, "--max-iter", 40, "--tol", 0])
    assert "rounding" in result.stderr and "upper bound" in result.stderr


@pytest.mark.parametrize("beta, rows, cols", [(1, 60000, 50000), (0.5, 6000, 6000)])
def test_a_sparse_matrix_stays_sparse(tmp_path, beta, rows, cols):
    """Whole, the smaller one would take 288 MB and the larger 24 GB."""
    rng = np.random.default_rng(5)
    places = rng.integers(0, rows, 20000), rng.integers(0, cols, 20000)
    write_hdf5(tmp_path / "a.h5", scipy.sparse.csr_matrix((rng.random(20000), places), (rows, cols)))
    report = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 3, "--loss", beta, "--max-iter", 1,
                  "--json"]).json
    assert report["peak_memory"] < 160 << 20


@pytest.mark.parametrize("loss", ["itakura-saito", "-0.5"])
def test_a_zero_is_refused_where_its_divergence_is_infinite(tmp_path, loss):
    matrix = np.random.default_rng(4).random((12, 9)) + 0.1
    matrix[10, 7] = 0
    write_hdf5(tmp_path / "a.h5", matrix)
    result = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 2, "--loss", loss], processes=3, expect=1)
    assert len(result.messages) == 1 and "row 10, column 7 " in result.messages[0]
    assert not (tmp_path / "m.h5").exists()


def test_transform_refuses_such_a_zero_too(dense, tmp_path):
    dense.fit("--loss", 0, "--max-iter", 2)
    new = dense.matrix[:4].copy()
    new[3, 5] = 0
    write_hdf5(tmp_path / "new.h5", new)
    result = run(["transform", dense.folder / "model.h5", tmp_path / "new.h5", "-o", tmp_path / "out.h5"], 3, expect=1)
    assert len(result.messages) == 1 and "row 3, column 5 " in result.messages[0]
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize("options, words", [
    (["--loss", "kullback-leibler", "--solver", "hals"], ["needs --solver mu"]),
    (["--loss", "0.5", "--solver", "bpp"], ["needs --solver mu"]),
    (["--loss", "poisson"], ["kullback-leibler", "beta"]),
    (["--loss", "nan"], ["number"]),
    (["--loss", "itakura-saito", "--missing", "unobserved"], ["--missing zero"]),
])
def test_a_loss_that_cannot_be_is_refused(sparse, options, words):
    output = sparse.folder / "refused.h5"
    result = run(["fit", sparse.source, "-o", output, "-k", 2, *options], expect=2)
    assert len(result.messages) == 1 and all(word in result.messages[0] for word in words)
    assert not output.exists()


def test_two_is_the_squared_error_by_any_solver(sparse):
    named = sparse.fit("--loss", "frobenius", "--max-iter", 4)
    number = sparse.fit("--loss", "2.0", "--max-iter", 4)
    assert np.array_equal(named[0], number[0]) and number[2]["solver"] == named[2]["solver"]


@pytest.mark.parametrize("processes", [1, 3])
def test_values_beyond_the_range_are_refused(tmp_path, processes):
    """The square root of 1e300 is a number, its other powers are not."""
    write_hdf5(tmp_path / "a.h5", (np.random.default_rng(4).random((12, 9)) + 0.1) * 1e300)
    output = tmp_path / "m.h5"
    result = run(["fit", tmp_path / "a.h5", "-o", output, "-k", 2, "--loss", 3], processes, expect=1)
    assert len(result.messages) == 1 and "beyond the range" in result.messages[0] and not output.exists()
    run(["fit", tmp_path / "a.h5", "-o", output, "-k", 2, "--loss", 1, "--max-iter", 5], processes)
    assert all(np.isfinite(x).all() and x.max() > 1e100 for x in factors(output))


def test_small_values_keep_their_factors(tmp_path):
    """Factors of tiny values are tiny: nothing of them is taken for 0, and the shares are those of the values at 1."""
    matrix = np.random.default_rng(6).random((20, 15)) + 0.1
    fits = []
    for scale in (1, 1e-60):
        write_hdf5(tmp_path / "a.h5", scale * matrix)
        run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 3, "--loss", 1, "--max-iter", 30, "--tol", 0])
        fits.append(factors(tmp_path / "m.h5"))
    np.testing.assert_allclose(fits[0][0] @ fits[0][1], fits[1][0] @ fits[1][1] / 1e-60, rtol=1e-9)


FLOOR = float(np.finfo(np.float32).eps)


def ratios_and_slopes(a, p, beta):
    """What the updates are made of: a p^(beta-2) and p^(beta-1), no p below the floor where it is divided by."""
    q = np.maximum(p, FLOOR)
    return a * q ** (beta - 2), (q if beta < 1 else p) ** (beta - 1)


def update_rows(a, w, h, beta):
    ratios, slopes = ratios_and_slopes(a, w @ h, beta)
    return w * (ratios @ h.T / (slopes @ h.T)) ** (1 / (2 - beta) if beta < 1 else 1)


def plain_fit(a, w, h, beta, iterations):
    """Multiplicative updates in numpy, with scikit-learn's rules for small numbers, and the divergence reached."""
    for _ in range(iterations):
        w = update_rows(a, w, h, beta)
        w[w < np.finfo(float).eps] *= beta >= 1
        h = update_rows(a.T, h.T, w.T, beta).T
        h[h < np.finfo(float).eps] *= beta > 1
    return w, h, plain_divergence(a, w @ h, beta)


def plain_divergence(a, p, beta):
    """Zeros add p^beta / beta alone."""
    stored = a > 0
    a, q = a[stored], np.maximum(p[stored], FLOOR)
    if beta == 1:
        return np.sum(a * np.log(a / q) - a) + p.sum()
    return np.sum(a ** beta / (beta * (beta - 1)) - a * q ** (beta - 1) / (beta - 1)) + np.sum(p ** beta) / beta


@pytest.mark.parametrize("beta, processes", [(1, 1), (1, 3), (0.5, 1), (1.5, 2)])
def test_counts_with_zeros_are_the_updates_written_out(tmp_path, beta, processes):
    """Rare counts: factors fall towards 0 by powers, their products below all normal numbers. Dense and sparse alike,
    in double to rounding, in single to its own."""
    random = np.random.default_rng(7)
    a = random.poisson(0.4, (50, 70)).astype(float)
    a[3, 4] = 5e-324  # counts, but adds nothing
    np.save(tmp_path / "dense.npy", a)
    scipy.sparse.save_npz(tmp_path / "sparse.npz", scipy.sparse.csr_matrix(a))
    how = ["-k", 5, "--solver", "mu", "--loss", beta, "--tol", 0, "--json"]
    run(["fit", tmp_path / "dense.npy", "-o", tmp_path / "start.h5", "--max-iter", 0, *how])
    *expected, divergence = plain_fit(a, *factors(tmp_path / "start.h5"), beta, 250)
    for source, precision in (("dense.npy", "double"), ("sparse.npz", "double"), ("dense.npy", "single")):
        report = run(["fit", tmp_path / source, "-o", tmp_path / "m.h5", *how, "--max-iter", 250,
                      "--init", f"file:{tmp_path / 'start.h5'}", "--precision", precision], processes).json
        tolerance = 1e-9 if precision == "double" else 1e-3
        assert_same(factors(tmp_path / "m.h5"), expected, tolerance)
        assert report["objective"] == pytest.approx(divergence, rel=tolerance)


def test_rows_with_zeros_are_folded_in(tmp_path):
    """What the second component adds to the row's zero is a tenth of what it was in every iteration: after 320 of them
    no number is that small."""
    h = np.array([[1.0, 0, 2], [1, 9, 0]])
    scipy.sparse.save_npz(tmp_path / "a.npz", scipy.sparse.csr_matrix(h))
    with h5py.File(tmp_path / "h.h5", "w") as file:
        file["H"] = h
    run(["fit", tmp_path / "a.npz", "-o", tmp_path / "m.h5", "-k", 2, "--solver", "mu", "--loss", 1, "--init",
         f"file:{tmp_path / 'h.h5'}", "--fix", "h", "--max-iter", 320, "--tol", 0])
    new = np.array([[5.0, 0, 10], [1, 0, 2], [1, 9, 0]])
    expected = np.full((3, 2), np.sqrt(new.mean() / 2))
    for _ in range(320):
        expected = update_rows(new, expected, h, 1)
    assert 0 < expected[0, 1] < 1e-300
    np.save(tmp_path / "new.npy", new)
    run(["transform", tmp_path / "m.h5", tmp_path / "new.npy", "-o", tmp_path / "out.h5"], 2)
    np.testing.assert_allclose(factors(tmp_path / "out.h5")[0], expected, rtol=1e-9, atol=1e-9)
    with h5py.File(tmp_path / "out.h5") as file:
        assert file.attrs["objective"] == pytest.approx(plain_divergence(new, expected @ h, 1), abs=1e-9)


def fold_in(matrix, h, **how):
    """scikit-learn's rows for a fixed H, and its iterations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        w, _, iterations = non_negative_factorization(matrix, H=h, n_components=len(h), init="custom", update_H=False,
                                                      solver="mu", **how)
    return w, iterations


@pytest.mark.parametrize("kind, beta, processes", [("sparse", 1, 1), ("dense", 1, 2), ("dense", 0, 3), ("dense", 0.5, 2),
                                                   ("full", -0.5, 1), ("dense", 3, 2)])
def test_transform_equals_scikit_learns(request, tmp_path, kind, beta, processes):
    """With beta 1, where scikit-learn 1.2.1 adds the L1 penalty once more in every iteration, without L1."""
    problem = request.getfixturevalue(kind)
    l1_ratio = 0.0 if beta == 1 else 0.4
    _, h, _ = problem.fit("--solver", "mu", "--loss", beta, "--max-iter", 50, "--tol", 1e-3, "--penalty-scale",
                          "dimension", "--l1-w", 0.005 * l1_ratio, "--l2-w", 0.005 * (1 - l1_ratio), "--l2-h", 0.001)
    new = problem.matrix[5:22] * 1.5
    write_hdf5(tmp_path / "new.h5", new)
    report = run(["transform", problem.folder / "model.h5", tmp_path / "new.h5", "-o", tmp_path / "out.h5", "--json"],
                 processes).json
    expected, iterations = fold_in(new, h, beta_loss=beta, max_iter=50, tol=1e-3, alpha_W=0.005, alpha_H=0,
                                   l1_ratio=l1_ratio)
    with h5py.File(tmp_path / "out.h5") as file:
        np.testing.assert_allclose(file["W"][:], expected, rtol=1e-9, atol=1e-9)
        assert np.array_equal(file["H"][:], h) and file.attrs["loss"] == NAMES.get(beta, str(beta))
    assert report["iterations"] == iterations and report["rmse"] is None
    assert report["rows"] == 17 and report["stored"] == np.count_nonzero(new.toarray() if kind != "dense" else new)


def test_transform_with_an_l1_penalty_is_the_update_written_out(dense, tmp_path):
    _, h, _ = dense.fit("--solver", "mu", "--loss", 1, "--max-iter", 15, "--l1-w", 0.4, "--l2-w", 0.3)
    new = dense.matrix[5:22]
    write_hdf5(tmp_path / "new.h5", new)
    run(["transform", dense.folder / "model.h5", tmp_path / "new.h5", "-o", tmp_path / "out.h5"])
    w = np.full((17, len(h)), np.sqrt(new.mean() / len(h)))
    for _ in range(15):
        w *= (new / (w @ h)) @ h.T / (h.sum(axis=1) + 0.4 + 0.3 * w)
    with h5py.File(tmp_path / "out.h5") as file:
        np.testing.assert_allclose(file["W"][:], w, rtol=1e-9)
        penalized = np.sum(new * np.log(new / (w @ h)) - new + w @ h) + 0.4 * w.sum() + 0.15 * np.sum(w ** 2)
        assert file.attrs["objective"] == pytest.approx(penalized, rel=1e-9)


def test_transform_of_rows_without_entries(sparse, tmp_path):
    """More processes than rows, and a row of zeros: nothing explains it but zeros."""
    _, h, _ = sparse.fit("--solver", "mu", "--loss", 1, "--max-iter", 20)
    new = sparse.matrix[:2].toarray()
    new[1] = 0
    write_hdf5(tmp_path / "new.h5", new)
    run(["transform", sparse.folder / "model.h5", tmp_path / "new.h5", "-o", tmp_path / "out.h5"], 4)
    with h5py.File(tmp_path / "out.h5") as file:
        np.testing.assert_allclose(file["W"][:], fold_in(new, h, beta_loss=1, max_iter=20, tol=0)[0], rtol=1e-9)
        assert np.all(file["W"][1] == 0)
