"""`--solver ahals` beside a plain implementation of its rule, on every grid."""
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

from fits import Problem, factors, write_hdf5
from program import run

GRIDS = [(1, 1), (2, 1), (1, 2), (3, 1), (2, 2), (3, 2)]
PENALTIES = {"l1-w": 0.3, "l1-h": 0.2, "l2-w": 0.5, "l2-h": 0.4}
SETTLED = 1e-9  # of |A|^2: by how little the objective changes when nothing is decided any more


EXACT = None  # instead of a number of sweeps


def limits(matrix, components):
    """Sweeps: at most 8, and beyond the first no more than take half the time of the products. More than this many are
    an exact solution, where that costs no more either."""
    sparse = scipy.sparse.issparse(matrix)
    entries = 2 * matrix.nnz if sparse else matrix.size
    share = int(0.5 * 4 * entries * components / (2 * sum(matrix.shape) * components ** 2))
    exact = max(5, 100 / components)
    return min(8, 1 + share), exact if exact <= share else np.inf


def sweep(x, products, gram, l1, l2):
    """One coordinate sweep in place; by how much it lowers the objective."""
    gram = gram + l2 * np.eye(len(gram))
    lowered = 0.0
    for t in range(len(gram)):
        gradient = x @ gram[t] - (products[:, t] - l1)
        step = np.maximum(x[:, t] - gradient / gram[t, t], 0) - x[:, t]
        lowered -= np.sum(gradient * step + gram[t, t] * step ** 2 / 2)
        x[:, t] += step
    return lowered


def solve(x, products, gram, l1, l2):
    """Each row exactly, in place; by how much that lowers the objective."""
    gram = gram + l2 * np.eye(len(gram))
    root = np.linalg.cholesky(gram).T
    targets = np.linalg.solve(root.T, (products - l1).T).T

    def value(x):
        return np.sum((x @ gram) * x) / 2 - np.sum((products - l1) * x)
    before = value(x)
    x[:] = [scipy.optimize.nnls(root, target)[0] for target in targets]
    return before - value(x)


def next_sweeps(sweeps, most, exact_from, lowered):
    if sweeps is EXACT:
        return EXACT
    share = lowered[-1] / lowered[0]
    if sweeps > 1 and share > 0.03 and (share >= 1 or 1 + (sweeps - 1) * np.log(0.03) / np.log(share) > exact_from):
        return EXACT
    sweeps += 1 if lowered[-1] > 0.03 * lowered[0] else -1
    return min(most, max(sweeps, min(most, 2)))


class Naive:
    """The factors, H as its transpose, and what is remembered."""

    def __init__(self, matrix, start, penalties=None):
        self.matrix = matrix.toarray() if scipy.sparse.issparse(matrix) else matrix
        self.w, self.h = start[0].copy(), start[1].T.copy()
        self.ahead = self.h.copy()
        self.penalties = dict.fromkeys(PENALTIES, 0.0) | (penalties or {})
        self.most, self.exact_from = limits(matrix, self.w.shape[1])
        self.sweeps_w = self.sweeps_h = self.most
        self.momentum, self.limit, self.best = 0.5, 1.0, np.inf
        self.taken = []

    def objective(self, w, h):
        p = self.penalties
        return (np.sum((self.matrix - w @ h.T) ** 2) / 2 + p["l1-w"] * w.sum() + p["l1-h"] * h.sum()
                + p["l2-w"] * np.sum(w ** 2) / 2 + p["l2-h"] * np.sum(h ** 2) / 2)

    def half_step(self, x, fixed, products, sweeps, l1, l2):
        if sweeps is EXACT:
            return [solve(x, products, fixed.T @ fixed, l1, l2)]
        return [sweep(x, products, fixed.T @ fixed, l1, l2) for _ in range(sweeps)]

    def iterate(self):
        p = self.penalties
        self.taken.append((self.sweeps_w, self.sweeps_h))
        lowered_w = self.half_step(self.w, self.ahead, self.matrix @ self.ahead, self.sweeps_w, p["l1-w"], p["l2-w"])
        looked = self.objective(self.w, self.ahead)
        now = self.ahead.copy()
        lowered_h = self.half_step(now, self.w, self.matrix.T @ self.w, self.sweeps_h, p["l1-h"], p["l2-h"])
        if self.momentum == 0:
            share = 0.0
        elif looked > self.best:
            self.limit, self.momentum, share = self.momentum, self.momentum / 1.5, 0.0
        else:
            share = self.momentum
            self.momentum = min(self.limit, 1.1 * share)
            self.limit = min(1.0, 1.05 * self.limit)
        self.ahead = np.maximum(now + share * (now - self.h), 0)
        before, self.h, self.best = self.best, now, self.objective(self.w, now)
        if abs(before - self.best) < SETTLED * np.sum(self.matrix ** 2):
            self.momentum = 0.0
        if self.momentum > 0:
            self.sweeps_w = next_sweeps(self.sweeps_w, self.most, self.exact_from, lowered_w)
            self.sweeps_h = next_sweeps(self.sweeps_h, self.most, self.exact_from, lowered_h)


@pytest.fixture(scope="module")
def matrices():
    random = np.random.default_rng(3)
    dense = random.gamma(0.6, 1, (40, 4)) @ random.gamma(0.6, 1, (4, 33)) + 0.1 * random.random((40, 33))
    spots = np.exp(-((np.arange(230) - 230 * random.random((9, 1))) / 40) ** 2)
    alike = 0.3 + random.gamma(0.6, 1, (210, 9)) @ spots + 0.05 * random.random((210, 230))
    return {"dense": dense, "sparse": scipy.sparse.random(52, 37, 0.25, "csr", random_state=random), "alike": alike}


@pytest.mark.parametrize("kind, penalties", [("dense", {}), ("dense", PENALTIES), ("sparse", {})])
def test_the_iterates_are_those_of_the_rule(tmp_path, matrices, kind, penalties):
    options = ["--solver", "ahals", "--max-iter", 40] + [x for n, v in penalties.items() for x in (f"--{n}", v)]
    problem = Problem(tmp_path, matrices[kind], source=None, options=["--missing", "zero"])
    naive = Naive(problem.matrix, problem.start, penalties)
    for _ in range(40):
        naive.iterate()
    assert len({pair for pair in naive.taken}) > 1  # the sweeps do adapt
    for grid in GRIDS:
        w, h, report = problem.fit(*options, grid=grid)
        np.testing.assert_allclose(w, naive.w, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(h, naive.h.T, rtol=1e-8, atol=1e-9)
        assert report["objective"] == pytest.approx(naive.best, rel=1e-10)
        assert report["ahals"] == {"most_sweeps": naive.most, "sweeps_w": naive.sweeps_w, "sweeps_h": naive.sweeps_h,
                                   "momentum": pytest.approx(naive.momentum)}


@pytest.mark.parametrize("penalties", [{}, {name: value / 10 for name, value in PENALTIES.items()}])
def test_where_sweeps_converge_slowly_half_steps_are_exact(tmp_path, matrices, penalties):
    options = ["--solver", "ahals", "--max-iter", 30] + [x for n, v in penalties.items() for x in (f"--{n}", v)]
    problem = Problem(tmp_path, matrices["alike"], components=8, source=None)
    naive = Naive(problem.matrix, problem.start, penalties)
    for _ in range(30):
        naive.iterate()
    assert naive.taken[0] == (8, 8) and naive.taken[-1][1] is EXACT
    for grid in GRIDS:
        w, h, report = problem.fit(*options, grid=grid)
        np.testing.assert_allclose(w @ h, naive.w @ naive.h.T, rtol=1e-7)
        assert report["objective"] == pytest.approx(naive.best, rel=1e-8)
        assert (report["ahals"]["sweeps_w"], report["ahals"]["sweeps_h"]) == (naive.sweeps_w, naive.sweeps_h)


def test_a_fit_to_the_last_digits_is_the_same_on_every_grid(tmp_path, matrices):
    """Rounding decides nothing: what is decided is settled before."""
    problem = Problem(tmp_path, matrices["dense"], source=None, options=["--missing", "zero"])
    options = ["--solver", "ahals", "--max-iter", 1500, "--tol", 0]
    alone = problem.fit(*options)
    assert alone[2]["ahals"]["momentum"] == 0
    for grid in GRIDS[1:]:
        for found, wanted in zip(problem.fit(*options, grid=grid)[:2], alone[:2]):
            np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10)


def test_threads_do_not_change_a_bit(tmp_path, matrices):
    write_hdf5(tmp_path / "a.h5", np.tile(matrices["dense"], (40, 30)))
    found = []
    for threads in (1, 2, 2):
        run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 6, "--solver", "ahals", "--max-iter", 12,
             "--threads", threads])
        found.append(factors(tmp_path / "m.h5"))
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], other))


def test_with_one_sweep_and_no_momentum_left_it_is_hals_at_first(tmp_path, matrices):
    """Where sweeps cost what the products do there is one, and the first iteration, not extrapolated yet, is hals'."""
    small = scipy.sparse.random(60, 50, 0.03, "csr", random_state=np.random.default_rng(1))
    problem = Problem(tmp_path, small, components=8, options=["--missing", "zero"])
    one = problem.fit("--solver", "ahals", "--max-iter", 1)
    assert one[2]["ahals"]["most_sweeps"] == 1
    for found, wanted in zip(one[:2], problem.fit("--solver", "hals", "--max-iter", 1)[:2]):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)


def test_the_same_tolerance_stops_at_no_worse_an_error(tmp_path, matrices):
    random = np.random.default_rng(4)
    counts = random.poisson(2 * random.gamma(0.4, 1, (90, 5)) @ random.gamma(0.4, 1, (5, 70)))
    every = dict(matrices, uniform=random.random((120, 100)), counts=scipy.sparse.csr_matrix(counts, dtype=float))
    for name, matrix in every.items():
        (tmp_path / name).mkdir()
        problem = Problem(tmp_path / name, matrix, components=8 if name == "alike" else 4, options=["--missing", "zero"])
        ends = {solver: problem.fit("--solver", solver, "--tol", 1e-4, "--max-iter", 2000)[2]
                for solver in ("hals", "ahals")}
        assert {end["stop_reason"] for end in ends.values()} == {"gradient"}, name
        assert ends["ahals"]["relative_error"] <= ends["hals"]["relative_error"] * 1.001, name
        assert ends["ahals"]["iterations"] <= ends["hals"]["iterations"], name


def test_what_it_cannot_do_is_refused(tmp_path, matrices):
    write_hdf5(tmp_path / "a.h5", matrices["dense"])
    start = tmp_path / "start.h5"
    run(["fit", tmp_path / "a.h5", "-o", start, "-k", 3, "--max-iter", 1])
    for options, why in [(["--loss", "kullback-leibler"], "minimizes the squared error"),
                         (["--sweeps", 3], "its own number of sweeps"), (["--validation", 0.1], "all cells"),
                         (["--batch-rows", 9], "whole matrix in memory"), (["--missing", "unobserved"], "--missing zero"),
                         (["--init", f"file:{start}", "--fix", "w"], "alternates between both factors")]:
        done = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 3, "--solver", "ahals", *options],
                   expect=2)
        assert why in done.stderr, options


def test_auto_is_the_solver_of_the_case(tmp_path, matrices):
    write_hdf5(tmp_path / "a.h5", matrices["dense"])
    start = tmp_path / "start.h5"
    run(["fit", tmp_path / "a.h5", "-o", start, "-k", 3, "--max-iter", 1])
    for options, solver in [([], "ahals"), (["--solver", "auto", "--restarts", 2], "ahals"), (["--sweeps", 1], "hals"),
                            (["--validation", 0.1], "hals"), (["--batch-rows", 9], "hals"),
                            (["--init", f"file:{start}", "--fix", "h"], "bpp"), (["--loss", "kl"], "newton"),
                            (["--loss", 0.5], "mu"), (["--missing", "unobserved"], "hals"), (["--implicit"], "hals")]:
        found = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 3, "--max-iter", 2, "--json", *options]).json
        assert found["solver"] == solver, options
    planned = run(["plan", tmp_path / "a.h5", "-k", 3, "--json"]).json
    assert planned["solver"] == "ahals"
