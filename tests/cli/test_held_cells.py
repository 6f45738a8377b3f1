"""Cells held out of fits with zeros: the masked fit in plain numpy, iterate by iterate, on every grid.

The cells are chosen as src/fit/held_cells.h says, made here anew from the published algorithms. Cells of all values are
masked, zeros too: RcppML's `nmf(mask = p, mask_zeros = FALSE)`.
"""
import h5py
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

from fits import Problem, factors, peer, write_hdf5
from program import GRIDS, grid_name, run

WORD = (1 << 64) - 1
STREAM = 17


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011)."""
    x, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * x[0], 0xCD9E8D57 * x[2]
        x = [second >> 32 ^ x[1] ^ k[0], second & 0xFFFFFFFF, first >> 32 ^ x[3] ^ k[1], first & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return x


def hashes(shape, seed):
    """Row i is the SplitMix64 sequence that begins at random bits of (seed, i)."""
    found = np.empty(shape)
    for row in range(shape[0]):
        words = philox([row, 0, 0, STREAM << 24], [seed & 0xFFFFFFFF, seed >> 32])
        state = words[0] << 32 | words[1]
        for col in range(shape[1]):
            state = (state + 0x9E3779B97F4A7C15) & WORD
            x = state
            x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & WORD
            x = (x ^ x >> 27) * 0x94D049BB133111EB & WORD
            found[row, col] = (x ^ x >> 31) / 2.0 ** 64
    return found


def mask_of(shape, share, seed=0):
    return hashes(shape, seed) < share


def product(w, h, beta=2):
    p = w @ h
    return p if beta == 2 else np.maximum(p, np.finfo(np.float32).eps)


def hals(filled, x, fixed, l1, l2, beta):
    """One sweep over the rows of x, filled = x fixed."""
    gram = fixed @ fixed.T
    right = filled @ fixed.T
    for t in range(x.shape[1]):
        if gram[t, t] + l2 > 0:
            x[:, t] = np.maximum(0, x[:, t] + (right[:, t] - x @ gram[:, t] - l1 - l2 * x[:, t]) / (gram[t, t] + l2))


def bpp(filled, x, fixed, l1, l2, beta):
    for i in range(len(x)):
        x[i] = scipy.optimize.nnls(fixed.T, filled[i])[0]


def mu(filled, x, fixed, l1, l2, beta):
    p = product(x, fixed, beta)
    above = (filled * p ** (beta - 2)) @ fixed.T
    below = p ** (beta - 1) @ fixed.T + l1 + l2 * x
    exponent = 1 / (2 - beta) if beta < 1 else 1 / (beta - 1) if beta > 2 else 1
    x *= (above / below) ** exponent


UPDATES = {"hals": hals, "mu": mu, "bpp": bpp}


def divergence(a, p, beta):
    """D(a | p), each cell's."""
    if beta == 2:
        return (a - p) ** 2 / 2
    if beta == 1:
        return np.where(a > 0, a * np.log(np.where(a > 0, a, 1) / p), 0) - a + p
    if beta == 0:
        return a / p - np.log(a / p) - 1
    return (a ** beta + (beta - 1) * p ** beta - beta * a * p ** (beta - 1)) / (beta * (beta - 1))


class Masked:
    """The naive fit: cells under the mask stand at their prediction before each half-step."""

    def __init__(self, matrix, mask, start, solver="hals", beta=2, penalties=(0, 0, 0, 0)):
        self.a, self.mask, self.solver, self.beta = matrix, mask, solver, beta
        self.w, self.h = start[0].copy(), start[1].copy()
        self.l1_w, self.l1_h, self.l2_w, self.l2_h = penalties

    def step(self):
        update = UPDATES[self.solver]
        update(np.where(self.mask, self.w @ self.h, self.a), self.w, self.h, self.l1_w, self.l2_w, self.beta)
        turned = np.where(self.mask, self.w @ self.h, self.a).T
        h = np.ascontiguousarray(self.h.T)
        update(turned, h, np.ascontiguousarray(self.w.T), self.l1_h, self.l2_h, self.beta)
        self.h = np.ascontiguousarray(h.T)

    def losses(self):
        return divergence(self.a, self.w @ self.h if self.beta == 2 else product(self.w, self.h), self.beta)

    def objective(self):
        return (np.sum(self.losses()[~self.mask]) + self.l1_w * self.w.sum() + self.l1_h * self.h.sum()
                + self.l2_w / 2 * np.sum(self.w ** 2) + self.l2_h / 2 * np.sum(self.h ** 2))

    def held_rmse(self):
        return np.sqrt(np.mean((self.a - self.w @ self.h)[self.mask] ** 2))

    def held_loss(self):
        return np.mean(self.losses()[self.mask])


def full(matrix):
    return matrix.toarray() if scipy.sparse.issparse(matrix) else matrix


def compare(problem, masked, iterations, options, grid, tolerance=1e-9):
    for _ in range(iterations):
        masked.step()
    w, h, report = problem.fit("--validation", SHARE, "--max-iter", iterations, *options, grid=grid)
    np.testing.assert_allclose(w, masked.w, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(h, masked.h, rtol=tolerance, atol=tolerance)
    assert report["objective"] == pytest.approx(masked.objective(), rel=tolerance)
    assert report["validation_rmse"] == pytest.approx(masked.held_rmse(), rel=tolerance)
    assert report["validation_loss"] == pytest.approx(masked.held_loss(), rel=tolerance)
    assert report["validation_cells"] == np.sum(masked.mask)
    return report


SHARE = 0.15


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    return Problem(tmp_path_factory.mktemp("dense"), np.random.default_rng(1).random((29, 23)) + 0.01,
                   options=["--validation", SHARE])


@pytest.fixture(scope="module")
def sparse(tmp_path_factory):
    matrix = scipy.sparse.random(37, 25, 0.3, format="csr", random_state=2)
    return Problem(tmp_path_factory.mktemp("sparse"), matrix, options=["--validation", SHARE])


@pytest.fixture(params=["dense", "sparse"])
def problem(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("name, grid", [(("dense", "sparse")[place % 2], grid) for place, grid in enumerate(GRIDS)])
def test_iterates_equal_the_naive_masked_fit(request, name, grid):
    problem = request.getfixturevalue(name)
    mask = mask_of(problem.matrix.shape, SHARE)
    report = compare(problem, Masked(full(problem.matrix), mask, problem.start), 12, [], grid)
    masked = Masked(full(problem.matrix), mask, problem.start)
    kept = full(problem.matrix)[~mask]
    w, h = factors(problem.folder / "model.h5")
    residual = np.linalg.norm((full(problem.matrix) - w @ h)[~mask])
    assert report["relative_error"] == pytest.approx(residual / np.linalg.norm(kept), rel=1e-9)
    assert report["rmse"] == pytest.approx(residual / np.sqrt(kept.size), rel=1e-9)
    with h5py.File(problem.folder / "model.h5") as file:
        curve = file["history/validation_rmse"][:]
        objectives = file["history/objective"][:]
        assert file.attrs["validation_share"] == SHARE and file.attrs["validation_cells"] == np.sum(mask)
        assert file.attrs["validation_rmse"] == pytest.approx(report["validation_rmse"], rel=1e-12)
    for step in range(13):
        assert curve[step] == pytest.approx(masked.held_rmse(), rel=1e-9)
        assert objectives[step] == pytest.approx(masked.objective(), rel=1e-9)
        masked.step()


@pytest.mark.parametrize("solver, penalties", [("mu", (0, 0, 0, 0)), ("bpp", (0, 0, 0, 0)),
                                               ("hals", (0.2, 0.1, 0.3, 0.4)), ("mu", (0.2, 0.1, 0.3, 0.4))])
@pytest.mark.parametrize("grid", [(2, 2)], ids=grid_name)
def test_every_solver_is_the_naive_one(problem, solver, penalties, grid):
    mask = mask_of(problem.matrix.shape, SHARE)
    masked = Masked(full(problem.matrix), mask, problem.start, solver, penalties=penalties)
    options = ["--solver", solver]
    for name, value in zip(("--l1-w", "--l1-h", "--l2-w", "--l2-h"), penalties):
        options += [name, value]
    compare(problem, masked, 8, options, grid)


@pytest.mark.parametrize("name, beta", [("dense", 1), ("sparse", 1), ("dense", 0), ("dense", 0.5), ("sparse", 1.5),
                                        ("dense", 3), ("dense", -0.5)])
@pytest.mark.parametrize("grid", [(1, 2)], ids=grid_name)
def test_every_divergence_is_the_naive_one(request, name, beta, grid):
    problem = request.getfixturevalue(name)
    masked = Masked(full(problem.matrix), mask_of(problem.matrix.shape, SHARE), problem.start, "mu", beta)
    compare(problem, masked, 8, ["--loss", beta, "--solver", "mu"], grid)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Matrices with 3, 5 and 8 components and noise."""
    rng = np.random.default_rng(4)
    folder = tmp_path_factory.mktemp("planted")
    for k in (3, 5, 8):
        parts = rng.gamma(0.5, 2, (90, k)) @ rng.gamma(0.5, 2, (k, 60))
        write_hdf5(folder / f"{k}.h5", np.maximum(0, parts + 0.2 * parts.mean() * rng.standard_normal(parts.shape)))
    return folder


@pytest.mark.parametrize("k", [3, 5, 8])
def test_the_held_out_error_is_least_at_the_planted_number_of_components(planted, k):
    errors = {}
    for components in (k - 1, k, k + 1, k + 3):
        runs = [run(["fit", planted / f"{k}.h5", "-o", planted / "m.h5", "-k", components, "--validation", 0.1,
                     "--seed", seed, "--max-iter", 400, "--json"]).json for seed in (1, 2)]
        errors[components] = np.median([found["validation_rmse"] for found in runs])
    assert min(errors, key=errors.get) == k, errors


@pytest.mark.parametrize("options", [["--solver", "hals"], ["--solver", "mu"], ["--solver", "bpp"],
                                     ["--loss", "1", "--solver", "mu"], ["--loss", "1"], ["--loss", "0"],
                                     ["--loss", "0.5"], ["--loss", "3"]],
                         ids=lambda options: "-".join(options))
def test_the_objective_of_the_kept_cells_never_increases(dense, options):
    dense.fit("--validation", 0.5, "--max-iter", 60, "--l2", 0.05, *options)
    with h5py.File(dense.folder / "model.h5") as file:
        curve = file["history/objective"][:]
    assert np.all(np.diff(curve) <= 1e-12 * curve[0])


def test_the_filled_matrix_keeps_scikit_learn_where_it_is(sparse):
    """A fixed point of the masked fit is one of scikit-learn's on the matrix with the predictions filled in."""
    w, h, _ = sparse.fit("--validation", SHARE, "--max-iter", 20000)
    filled = np.where(mask_of(sparse.matrix.shape, SHARE), w @ h, full(sparse.matrix))
    there = peer(filled, (w, h), "hals", 20)
    np.testing.assert_allclose(there[0], w, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(there[1], h, rtol=1e-6, atol=1e-6)


def test_held_out_cells_stop_a_fit_only_where_asked(planted):
    fit = ["fit", planted / "3.h5", "-o", planted / "m.h5", "-k", 6, "--validation", 0.1, "--json"]
    whole = run([*fit, "--max-iter", 300]).json
    with h5py.File(planted / "m.h5") as file:
        curve = file["history/validation_rmse"][:]
    assert whole["stop_reason"] != "validation" and whole["validation_rmse"] == pytest.approx(curve[-1], rel=1e-12)
    stopped = run([*fit, "--max-iter", 300, "--stop", "validation", "--patience", 5], 4).json
    best = next(i for i in range(len(curve)) if i + 5 >= len(curve) or min(curve[i + 1:i + 6]) >= curve[i]
                and curve[i] == min(curve[:i + 1]))
    assert stopped["stop_reason"] == "validation" and stopped["iterations"] == best + 5
    assert stopped["validation_rmse"] == pytest.approx(curve[best], rel=1e-9)
    with h5py.File(planted / "m.h5") as file, h5py.File(planted / "3.h5") as source:
        assert file.attrs["best_iteration"] == best
        errors = (source["matrix"][:] - file["W"][:] @ file["H"][:])[mask_of((90, 60), 0.1)]
    assert np.sqrt(np.mean(errors ** 2)) == pytest.approx(curve[best], rel=1e-9)


def test_held_out_values_leave_no_trace(tmp_path):
    """Other values in the held-out cells give the same model, from every start."""
    rng = np.random.default_rng(5)
    matrix = rng.random((20, 15))
    other = np.where(mask_of((20, 15), 0.2, 7), rng.random((20, 15)) * 50, matrix)
    for init in ("random", "nndsvda"):
        found = []
        for name, values in (("a.h5", matrix), ("b.h5", other)):
            write_hdf5(tmp_path / name, values)
            run(["fit", tmp_path / name, "-o", tmp_path / "m.h5", "-k", 3, "--validation", 0.2, "--seed", 7, "--init", init,
                 "--max-iter", 10, "--tol", 0], processes=2)
            found.append(factors(tmp_path / "m.h5"))
        assert all(np.array_equal(a, b) for a, b in zip(*found)), init


@pytest.mark.parametrize("grid", [(1, 1), (1, 6), (3, 1)], ids=grid_name)
def test_rows_of_zeros_and_rows_held_out_whole_are_legal(tmp_path, grid):
    """Of a narrow matrix nearly all cells are held out, so that whole rows and columns are."""
    matrix = np.random.default_rng(6).random((40, 4))
    matrix[3] = 0
    mask = mask_of(matrix.shape, 0.8)
    assert mask.all(axis=1).sum() > 3 and not mask.all(axis=0).any() and not mask[3].all()
    problem = Problem(tmp_path, matrix, components=1, options=["--validation", 0.8])
    masked = Masked(matrix, mask, problem.start)
    for _ in range(6):
        masked.step()
    w, h, report = problem.fit("--max-iter", 6, grid=grid)
    np.testing.assert_allclose(w, masked.w, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(h, masked.h, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(w[mask.all(axis=1)], problem.start[0][mask.all(axis=1)], rtol=1e-12)
    assert report["validation_rmse"] == pytest.approx(masked.held_rmse(), rel=1e-9)


def test_single_precision_is_close_to_double(problem):
    double = problem.fit("--validation", SHARE, "--max-iter", 30)
    single = problem.fit("--validation", SHARE, "--max-iter", 30, "--precision", "single", grid=(2, 1))
    np.testing.assert_allclose(single[0], double[0], rtol=2e-2, atol=2e-3)
    assert single[2]["validation_rmse"] == pytest.approx(double[2]["validation_rmse"], rel=1e-3)
    assert single[2]["objective"] == pytest.approx(double[2]["objective"], rel=1e-3)


def test_one_factor_fixed(dense):
    mask = mask_of(dense.matrix.shape, SHARE)
    for fixed in "wh":
        w, h, report = dense.fit("--validation", SHARE, "--max-iter", 5, "--fix", fixed, grid=(2, 1))
        masked = Masked(dense.matrix, mask, dense.start)
        for _ in range(5):
            if fixed == "h":
                hals(np.where(mask, masked.w @ masked.h, masked.a), masked.w, masked.h, 0, 0, 2)
            else:
                turned = np.ascontiguousarray(masked.h.T)
                hals(np.where(mask, masked.w @ masked.h, masked.a).T, turned, masked.w.T, 0, 0, 2)
                masked.h = turned.T
        np.testing.assert_allclose(w, masked.w, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(h, masked.h, rtol=1e-9, atol=1e-9)
        assert report["validation_rmse"] == pytest.approx(masked.held_rmse(), rel=1e-9)


def test_a_share_that_holds_out_nothing_or_everything_is_refused(tmp_path):
    write_hdf5(tmp_path / "a.h5", np.ones((3, 2)))
    for share, words in (("1e-9", ["none of the 6 cells"]), ("0.999999999", ["all 6 cells"])):
        result = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 1, "--validation", share], 2, expect=1)
        assert len(result.messages) == 1 and all(word in result.messages[0] for word in words), str(result)
        assert not (tmp_path / "m.h5").exists()


def test_restarts_side_by_side_hold_out_the_same_cells(dense, tmp_path):
    """Each restart is the masked fit from its start; the cells are those of the first seed."""
    mask = mask_of(dense.matrix.shape, SHARE, 2)
    fit = ["fit", dense.source, "-k", 3, "--validation", SHARE, "--tol", 0, "--max-iter"]
    found = []
    for seed in (2, 3):
        run([*fit, 0, "--seed", seed, "-o", tmp_path / "start.h5"])
        start = factors(tmp_path / "start.h5")
        scale = np.sqrt(dense.matrix[~mask].mean() / dense.matrix[~mask_of(dense.matrix.shape, SHARE, seed)].mean())
        masked = Masked(dense.matrix, mask, [factor * scale for factor in start])
        for _ in range(8):
            masked.step()
        found.append((masked.objective(), masked))
    best = min(found, key=lambda pair: pair[0])[1]
    report = run([*fit, 8, "--seed", 2, "--restarts", 2, "-o", tmp_path / "best.h5", "--json"], 4).json
    w, h = factors(tmp_path / "best.h5")
    np.testing.assert_allclose(w, best.w, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(h, best.h, rtol=1e-9, atol=1e-9)
    assert report["objective"] == pytest.approx(best.objective(), rel=1e-9)
    assert report["validation_rmse"] == pytest.approx(best.held_rmse(), rel=1e-9)
    assert report["validation_loss"] == pytest.approx(best.held_loss(), rel=1e-9)


def test_the_plan_knows_what_held_out_cells_send(dense, tmp_path):
    sent = []
    for iterations in (4, 9):
        sent.append(run(["fit", dense.source, "-k", 3, "--validation", SHARE, "--tol", 0, "--max-iter", iterations, "--grid",
                         "2x2", "-o", tmp_path / "m.h5", "--json"], 4).json["traffic"])
    plan, without = (run(["plan", dense.source, "-k", 3, *options, "-n", 4, "--grid", "2x2", "--json"]).json["plans"][0]
                     for options in (["--validation", SHARE], []))
    for kind in ("gather_words", "scatter_words", "gram_words", "control_words"):
        assert sent[1][kind] - sent[0][kind] == pytest.approx(5 * plan["traffic"][kind], rel=1e-12), kind
    assert plan["memory"]["block"] > without["memory"]["block"]


def left_out(matrix, mask, fixed):
    """A half-step as RcppML's nmf defines it with a mask (DeBruine, Melcher, Triche 2021): the masked values of a row are
    no rows of its least squares problem, neither in the Gram matrix nor in the right side."""
    return np.array([scipy.optimize.nnls(fixed[:, ~out].T, row[~out])[0] for row, out in zip(matrix, mask)])


@pytest.mark.parametrize("solver, grid", [("bpp", (1, 1)), ("hals", (2, 1))])
def test_fits_end_where_those_of_rcppmls_speckled_mask_end(tmp_path, solver, grid):
    """Its fit, from another start, ends with the same predictions and the same mean square at the masked values; and from
    the program's model it does not move."""
    rng = np.random.default_rng(12)
    planted_w, planted_h = (rng.exponential(size=shape) * (rng.random(shape) < 0.5) for shape in ((40, 3), (3, 30)))
    matrix = np.maximum(0, planted_w @ planted_h + 0.1 * rng.standard_normal((40, 30)))
    mask = mask_of(matrix.shape, 0.15)
    write_hdf5(tmp_path / "a.h5", scipy.sparse.csr_matrix(matrix))
    told = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 3, "--solver", solver, "--validation", 0.15, "--tol", 0,
                "--max-iter", 4000, "--grid", grid_name(grid), "--json"], grid[0] * grid[1]).json
    w, h = factors(tmp_path / "m.h5")
    x = rng.random((3, 30))
    for _ in range(300):
        y = left_out(matrix, mask, x)
        x = left_out(matrix.T, mask.T, y.T).T
    np.testing.assert_allclose(w @ h, y @ x, atol=1e-5 * matrix.max())
    assert told["validation_rmse"] == pytest.approx(np.sqrt(np.mean((matrix - y @ x)[mask] ** 2)), rel=1e-5)
    assert 0.1 < np.mean(matrix[mask] == 0) < 0.9  # zeros are masked like all others
    np.testing.assert_allclose(left_out(matrix, mask, h) @ h, w @ h, atol=1e-5 * matrix.max())
