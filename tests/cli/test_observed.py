"""Fits of observed entries only, against row by row least squares written out in numpy and scipy."""
import h5py
import numpy as np
import pytest
import scipy.optimize

from program import INPUTS, PROCESSES, run

POWERS = {"raw": 0.0, "sqrt-count": 0.5, "count": 1.0}


class Model:
    """What a model file holds, with zero biases where none were fitted."""

    def __init__(self, path):
        with h5py.File(path) as file:
            self.w, self.h = file["W"][:], file["H"][:]
            self.mean, self.row_bias, self.col_bias = 0.0, np.zeros(len(self.w)), np.zeros(self.h.shape[1])
            if "bias" in file:
                self.mean = float(file["bias/mean"][()].item())
                self.row_bias, self.col_bias = file["bias/row"][:], file["bias/col"][:]
            self.history = file["history/objective"][:]
            self.facts = dict(file.attrs)

    def predictions(self):
        return self.mean + self.row_bias[:, None] + self.col_bias + self.w @ self.h

    def arrays(self):
        return self.w, self.h, self.row_bias, self.col_bias


class Ratings:
    """Ratings on disk as triples, and the same as a matrix with NaN where nothing was observed."""

    def __init__(self, folder, table):
        self.folder = folder
        self.table = table
        self.path = folder / "ratings.h5"
        rows, cols = np.nonzero(~np.isnan(table))
        starts = np.concatenate([[0], np.cumsum(np.sum(~np.isnan(table), axis=1))])
        with h5py.File(self.path, "w") as file:
            group = file.create_group("matrix")
            group.attrs["encoding-type"] = "csr_matrix"
            group.attrs["shape"] = table.shape
            group["data"], group["indices"], group["indptr"] = table[rows, cols], cols, starts
            file.attrs["missing"] = "unobserved"

    def fit(self, *options, processes=1):
        """The model, and what the program reported of it."""
        output = self.folder / "model.h5"
        report = run(["fit", self.path, "-o", output, "--json", *options], processes=processes).json
        return Model(output), report

    def observed(self):
        return ~np.isnan(self.table)


def random_table(rows, cols, seed=0, empty_row=None, empty_col=None):
    """Half-star ratings of about a third of the places; some of them are real zeros."""
    random = np.random.default_rng(seed)
    table = random.integers(0, 11, (rows, cols)) / 2
    table[random.random((rows, cols)) > 0.35] = np.nan
    if empty_row is not None:
        table[empty_row] = np.nan
    if empty_col is not None:
        table[:, empty_col] = np.nan
    return table


@pytest.fixture(scope="module")
def ratings(folder):
    return Ratings(folder, random_table(23, 17, empty_row=4, empty_col=6))


def mean_row(factor, counts, power):
    """The mean of the rows with entries, weighted as their penalties: what they are pulled towards."""
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** power, 0.0)
    return weights @ factor / weights.sum()


class Level:
    """What a fit around a level adds to the objective: the constant row, and the line that biases are pulled towards."""
    KNEE, EXTRA, ROW_SHARE = 200, 5, 0.4

    def __init__(self, table):
        self.row = 0.3 * np.sqrt(np.nanstd(table))

    def bias(self, stored, factor):
        """The bias that a stored number stands for."""
        return stored + self.row * factor.sum(axis=1)

    def line(self, bias, counts):
        """Where the penalty of the biases is smallest: at no entries, and its slope."""
        seen = counts > 0
        places = np.log1p(counts[seen] / self.KNEE)
        slope, at_none = np.polyfit(places, bias[seen], 1, w=counts[seen] ** 0.25)
        return at_none, slope

    def expected(self, line, counts):
        return line[0] + line[1] * np.log1p(counts / self.KNEE)


def level_objective(model, table, l1_w=0.0, l1_h=0.0, l2_w=0.0, l2_h=0.0, l2_bias=2.0, lines=None):
    """The objective around a level, term by term; `lines` are by default where it is smallest."""
    level, observed = Level(table), ~np.isnan(table)
    total = np.sum((table - model.predictions())[observed] ** 2) / 2 + l1_w * model.w.sum() + l1_h * model.h.sum()
    sides = [(model.w, model.row_bias, observed.sum(axis=1), l2_w, level.ROW_SHARE * l2_bias),
             (model.h.T, model.col_bias, observed.sum(axis=0), l2_h, l2_bias)]
    for side, (factor, stored, counts, l2, weight) in enumerate(sides):
        seen, bias = counts > 0, level.bias(stored, factor)
        off = bias - level.expected(lines[side] if lines else level.line(bias, counts), counts)
        total += l2 / 2 * np.sum(np.sqrt(counts + level.EXTRA)[seen] * np.sum((factor - level.row) ** 2, axis=1)[seen])
        total += weight / 2 * np.sum(np.sqrt(counts)[seen] * off[seen] ** 2)
    return total


def penalized_objective(model, table, power=0.5, l1_w=0.0, l1_h=0.0, l2_w=0.0, l2_h=0.0, l2_bias=5.0, towards=None):
    """The objective, term by term; `towards` are the two rows that L2 pulls to, by default where it is smallest."""
    observed = ~np.isnan(table)
    loss = np.sum((table - model.predictions())[observed] ** 2) / 2
    seen_w, seen_h = observed.sum(axis=1), observed.sum(axis=0)
    counts_w, counts_h = seen_w ** power, seen_h ** power
    if towards is None:
        towards = mean_row(model.w, seen_w, power), mean_row(model.h.T, seen_h, power)
    off_w, off_h = (model.w - towards[0])[seen_w > 0], (model.h.T - towards[1])[seen_h > 0]
    penalty = l1_w * model.w.sum() + l1_h * model.h.sum()
    penalty += l2_w / 2 * np.sum(counts_w[seen_w > 0] * np.sum(off_w ** 2, axis=1))
    penalty += l2_h / 2 * np.sum(counts_h[seen_h > 0] * np.sum(off_h ** 2, axis=1))
    penalty += l2_bias / 2 * (np.sum(model.row_bias ** 2) + np.sum(model.col_bias ** 2))
    return loss + penalty


def exact_row(factors, residual, l2, l2_bias, biased, towards):
    """min over w >= 0, b free: the bias is a difference of two nonnegative columns for scipy's NNLS."""
    count, components = factors.shape
    ones = np.ones((count, 1))
    system = np.hstack([factors, ones, -ones]) if biased else factors
    shrink = np.sqrt(l2) * np.eye(components, system.shape[1])
    rows = [system, shrink]
    if biased:
        last = np.zeros((1, system.shape[1]))
        last[0, -2:] = np.sqrt(l2_bias), -np.sqrt(l2_bias)
        rows.append(last)
    wanted = np.concatenate([residual, np.sqrt(l2) * towards, np.zeros(len(rows) - 2)])
    solution = scipy.optimize.nnls(np.vstack(rows), wanted)[0]
    return solution[:components], solution[components] - solution[components + 1] if biased else 0.0


def one_sweep(factors, residual, start, l2, l2_bias, biased, towards):
    """A coordinate sweep over the row's normal equations, its bias eliminated."""
    gram, rhs = factors.T @ factors + l2 * np.eye(len(start)), factors.T @ residual + l2 * towards
    total, count = factors.sum(axis=0), len(factors) + l2_bias
    if biased:
        gram -= np.outer(total, total) / count
        rhs -= total * residual.sum() / count
    x = start.copy()
    for t in range(len(x)):
        x[t] = max(0.0, x[t] - (gram[t] @ x - rhs[t]) / gram[t, t])
    return x, (residual.sum() - total @ x) / count if biased else 0.0


def half_step(solver, table, factors, offsets, start, l2, power, l2_bias, biased, towards):
    """New rows and biases of the side whose rows are the table's; rows without entries become zero."""
    new, biases = np.zeros_like(start), np.zeros(len(start))
    for i, row in enumerate(table):
        seen = np.flatnonzero(~np.isnan(row))
        if len(seen) == 0:
            continue
        residual = row[seen] - offsets[seen]
        weight = l2 * len(seen) ** power
        if solver == "bpp":
            new[i], biases[i] = exact_row(factors[seen], residual, weight, l2_bias, biased, towards)
        else:
            new[i], biases[i] = one_sweep(factors[seen], residual, start[i], weight, l2_bias, biased, towards)
    return new, biases


def level_half_step(solver, table, factors, offsets, start, l2, l2_bias, biased, line):
    """Around a level: deviations take the place of the other side's rows, and what is expected of a bias is taken off
    the ratings. New rows, and the biases as they are stored."""
    level, counts = Level(table), (~np.isnan(table)).sum(axis=1)
    expected = level.expected(line, counts) if biased else np.zeros(len(counts))
    new, stored = np.full_like(start, level.row), np.zeros(len(start))
    for i, row in enumerate(table):
        seen = np.flatnonzero(~np.isnan(row))
        if len(seen) > 0:
            new[i:i + 1], stored[i:i + 1] = half_step(
                solver, row[None, seen], factors[seen] - level.row, offsets[seen] + expected[i], start[i:i + 1],
                l2 * np.sqrt(1 + level.EXTRA / len(seen)), 0.5, l2_bias * np.sqrt(len(seen)), biased,
                np.full(start.shape[1], level.row))
    return new, stored + expected - level.row * new.sum(axis=1)


@pytest.mark.parametrize("solver", ["bpp", "hals"])
@pytest.mark.parametrize("bias", ["both", "row", "col"])
def test_an_iteration_around_a_level_equals_least_squares_row_by_row(ratings, solver, bias):
    """The second one, from the model of the first: by then biases are pulled towards a line."""
    options = ["-k", 3, "--solver", solver, "--bias", bias, "--l2-w", 0.1, "--l2-h", 0.2, "--tol", 0, "--l2-bias", 3]
    start, _ = ratings.fit(*options, "--max-iter", 1)
    (ratings.folder / "model.h5").rename(ratings.folder / "first.h5")
    model, report = ratings.fit(*options, "--max-iter", 1, "--init", f"file:{ratings.folder / 'first.h5'}", processes=3)
    level, table, observed = Level(ratings.table), ratings.table, ratings.observed()
    counts_w, counts_h = observed.sum(axis=1), observed.sum(axis=0)
    lines = [level.line(level.bias(start.row_bias, start.w), counts_w) if bias != "col" else (0, 0),
             level.line(level.bias(start.col_bias, start.h.T), counts_h) if bias != "row" else (0, 0)]
    assert start.mean == pytest.approx(table[observed].mean() + 3 * level.row ** 2, rel=1e-12)
    w, row_bias = level_half_step(solver, table, start.h.T, start.mean + start.col_bias, start.w, 0.1,
                                  3 * level.ROW_SHARE, bias != "col", lines[0])
    h, col_bias = level_half_step(solver, table.T, w, start.mean + row_bias, start.h.T, 0.2, 3, bias != "row", lines[1])
    for found, expected, seen in ((model.w, w, counts_w > 0), (model.row_bias, row_bias, counts_w > 0),
                                  (model.h.T, h, counts_h > 0), (model.col_bias, col_bias, counts_h > 0)):
        np.testing.assert_allclose(found[seen], expected[seen], atol=1e-8)
    assert report["objective"] == pytest.approx(
        level_objective(model, table, l2_w=0.1, l2_h=0.2, l2_bias=3, lines=lines), rel=1e-9)


@pytest.mark.parametrize("solver", ["bpp", "hals"])
@pytest.mark.parametrize("bias, shrink", [("none", "zero"), ("both", "zero"), ("row", "zero"), ("col", "zero"),
                                          ("none", "mean"), ("both", "mean")])
@pytest.mark.parametrize("scale", POWERS)
def test_an_iteration_equals_least_squares_row_by_row(ratings, solver, bias, shrink, scale):
    options = ["-k", 3, "--solver", solver, "--bias", bias, "--penalty-scale", scale, "--l2-w", 0.1, "--l2-h", 0.2,
               "--shrink-to", shrink, "--tol", 0, *(["--l2-bias", 2] if bias != "none" else [])]
    start, _ = ratings.fit(*options, "--max-iter", 0)
    model, report = ratings.fit(*options, "--max-iter", 1, processes=3)
    power, table = POWERS[scale], ratings.table
    row_biased, col_biased = bias in ("both", "row"), bias in ("both", "col")
    towards = np.zeros((2, 3))
    if shrink == "mean":
        towards[0] = mean_row(start.w, ratings.observed().sum(axis=1), power)
        towards[1] = mean_row(start.h.T, ratings.observed().sum(axis=0), power)
    w, row_bias = half_step(solver, table, start.h.T, start.mean + start.col_bias, start.w, 0.1, power, 2, row_biased,
                            towards[0])
    h, col_bias = half_step(solver, table.T, w, model.mean + row_bias, start.h.T, 0.2, power, 2, col_biased, towards[1])
    seen_w, seen_h = ratings.observed().any(axis=1), ratings.observed().any(axis=0)
    np.testing.assert_allclose(model.w[seen_w], w[seen_w], atol=1e-8)
    np.testing.assert_allclose(model.row_bias, row_bias, atol=1e-8)
    np.testing.assert_allclose(model.h[:, seen_h], h.T[:, seen_h], atol=1e-8)
    np.testing.assert_allclose(model.col_bias, col_bias, atol=1e-8)
    assert report["objective"] == pytest.approx(
        penalized_objective(model, table, power, l2_w=0.1, l2_h=0.2, l2_bias=2, towards=towards), rel=1e-9)


def test_mean_of_a_biased_model_leaves_something_to_explain(ratings):
    values = ratings.table[ratings.observed()]
    biased, _ = ratings.fit("-k", 2, "--max-iter", 1, "--shrink-to", "mean")
    plain, _ = ratings.fit("-k", 2, "--max-iter", 1, "--bias", "none")
    assert biased.mean == pytest.approx(values.mean() - values.std(), rel=1e-12)
    assert plain.mean == 0


def test_reported_errors_are_those_of_the_model(ratings):
    model, report = ratings.fit("-k", 3, "--max-iter", 15, processes=2)
    values = ratings.table[ratings.observed()]
    error = values - model.predictions()[ratings.observed()]
    assert report["rmse"] == pytest.approx(np.sqrt(np.mean(error ** 2)), rel=1e-9)
    assert report["relative_error"] == pytest.approx(np.linalg.norm(error) / np.linalg.norm(values), rel=1e-9)
    assert report["stored"] == len(values)


def test_the_row_that_new_rows_are_pulled_towards_is_in_the_model(ratings):
    model, _ = ratings.fit("-k", 3, "--max-iter", 4, "--penalty-scale", "count", "--shrink-to", "mean", processes=2)
    with h5py.File(ratings.folder / "model.h5") as file:
        assert file.attrs["shrink_to"] == "mean"
        np.testing.assert_allclose(file["mean_col"][:], mean_row(model.h.T, ratings.observed().sum(axis=0), 1), rtol=1e-12)
        np.testing.assert_allclose(file["mean_row"][:], mean_row(model.w, ratings.observed().sum(axis=1), 1), rtol=1e-12)


def divergence(table, predictions):
    """Generalized Kullback-Leibler over the observed entries; 0 log 0 = 0."""
    seen = ~np.isnan(table)
    a, b = table[seen], predictions[seen]
    return np.sum(np.where(a > 0, a * np.log(np.where(a > 0, a, 1) / b), 0) - a + b)


def test_kullback_leibler_objective_is_the_divergence(ratings):
    model, report = ratings.fit("-k", 3, "--solver", "mu", "--loss", "kullback-leibler", "--l2", 0, "--max-iter", 20,
                                "--tol", 0)
    assert report["objective"] == pytest.approx(divergence(ratings.table, model.predictions()), rel=1e-8)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_multiplicative_updates_have_the_l2_that_the_help_promises(ratings, loss):
    """Three quarters of 1.1 deviations, as where rows shrink to zero; a divergence is weighted by one over the mean."""
    model, report = ratings.fit("-k", 3, "--solver", "mu", "--loss", loss, "--max-iter", 20, "--tol", 0)
    table = ratings.table
    seen = ~np.isnan(table)
    l2 = 0.75 * 1.1 * table[seen].std() / (table[seen].mean() if loss != "frobenius" else 1)
    w, h = model.w, model.h
    norms = np.sum(np.sqrt(seen.sum(1)) * np.sum(w ** 2, 1)) + np.sum(np.sqrt(seen.sum(0)) * np.sum(h ** 2, 0))
    error = (divergence(table, model.predictions()) if loss != "frobenius" else
             0.5 * np.sum((table - model.predictions())[seen] ** 2))
    assert report["objective"] == pytest.approx(error + 0.5 * l2 * norms, rel=1e-8)


def test_kullback_leibler_reports_no_squares_it_did_not_sum(ratings):
    _, report = ratings.fit("-k", 3, "--solver", "mu", "--loss", "kullback-leibler", "--max-iter", 20, "--tol", 0)
    assert report["rmse"] is None and report["relative_error"] is None


SOLVER_OPTIONS = {"hals": ["--solver", "hals"], "hals x3": ["--solver", "hals", "--sweeps", 3],
                  "bpp": ["--solver", "bpp"], "mu": ["--solver", "mu"],
                  "kullback-leibler": ["--solver", "mu", "--loss", "kullback-leibler"]}


@pytest.mark.parametrize("name", SOLVER_OPTIONS)
@pytest.mark.parametrize("l1", [0, 0.05])
def test_objective_never_increases(ratings, name, l1):
    model, _ = ratings.fit("-k", 4, *SOLVER_OPTIONS[name], "--l1-w", l1, "--l1-h", l1, "--max-iter", 60, "--tol", 0)
    history = model.history[1:]  # Before the first iteration there is none.
    assert len(history) == 60
    assert np.all(np.diff(history) <= 1e-12 * history[0])


@pytest.mark.parametrize("name", SOLVER_OPTIONS)
@pytest.mark.parametrize("processes", PROCESSES[1:])
def test_same_model_on_any_number_of_processes(ratings, name, processes):
    options = ["-k", 3, *SOLVER_OPTIONS[name], "--max-iter", 12, "--tol", 0]
    alone, report = ratings.fit(*options)
    model, again = ratings.fit(*options, processes=processes)
    for found, expected in zip(model.arrays(), alone.arrays()):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert again["objective"] == pytest.approx(report["objective"], rel=1e-9)


def test_same_configuration_twice_gives_the_same_bytes(ratings):
    first, second = (ratings.fit("-k", 3, "--max-iter", 10, processes=3)[0] for _ in range(2))
    for a, b in zip(first.arrays(), second.arrays()):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("name", ["bpp", "hals"])
@pytest.mark.parametrize("shrink", ["level", "mean"])
@pytest.mark.parametrize("l1", [0, 0.3])
def test_converged_model_is_stationary_by_finite_differences(ratings, name, shrink, l1):
    """At the end the slope along every factor entry is zero, or points out of the nonnegative numbers; the rows that L2
    pulls towards move along with the factors."""
    weights = {"l1_w": l1, "l1_h": l1, "l2_w": 0.3, "l2_h": 0.2}
    options = [word for key, value in weights.items() for word in (f"--{key.replace('_', '-')}", value)]
    options += ["--shrink-to", shrink]
    model, _ = ratings.fit("-k", 2, "--solver", name, *options, "--max-iter", 3000, "--tol", 0)
    objective = level_objective if shrink == "level" else penalized_objective
    step = 1e-5

    def slope(array, place):
        kept, ends = array[place], []
        for moved in (kept + step, kept - step):
            array[place] = moved
            ends.append(objective(model, ratings.table, **weights))
        array[place] = kept
        return (ends[0] - ends[1]) / (2 * step)

    seen_w, seen_h = ratings.observed().any(axis=1), ratings.observed().any(axis=0)
    for array, seen in ((model.w, seen_w[:, None]), (model.h, seen_h)):
        for place in np.argwhere(np.broadcast_to(seen, array.shape)):
            place = tuple(place)
            found = slope(array, place)
            assert abs(found) < 1e-4 if array[place] > 0 else found > -1e-4
    for array, seen in ((model.row_bias, seen_w), (model.col_bias, seen_h)):
        for place in np.flatnonzero(seen):
            assert abs(slope(array, place)) < 1e-4


def test_single_precision_is_close_to_double(ratings):
    double = ratings.fit("-k", 3, "--max-iter", 10)[1]
    single = ratings.fit("-k", 3, "--max-iter", 10, "--precision", "single", processes=2)[1]
    assert single["objective"] == pytest.approx(double["objective"], rel=1e-4)


def check_finite(model):
    assert all(np.all(np.isfinite(array)) for array in (*model.arrays(), model.predictions()))
    assert model.w.min() >= 0 and model.h.min() >= 0


@pytest.mark.parametrize("name, shrink", [("hals", "level"), ("bpp", "level"), ("hals", "mean"), ("hals", "zero"),
                                          ("mu", "zero")])
def test_rows_and_columns_without_ratings_are_what_others_are_pulled_towards(ratings, name, shrink):
    options = [] if name == "mu" else ["--shrink-to", shrink]
    model, _ = ratings.fit("-k", 3, *SOLVER_OPTIONS[name], *options, "--max-iter", 5, processes=2)
    check_finite(model)
    counts_w, counts_h = ratings.observed().sum(axis=1), ratings.observed().sum(axis=0)
    bias = [0, 0]
    towards = np.zeros((2, 3))
    if shrink == "mean":
        towards = mean_row(model.w, counts_w, 0.5), mean_row(model.h.T, counts_h, 0.5)
    if shrink == "level":
        level = Level(ratings.table)
        towards[:] = level.row
        bias = [level.line(level.bias(model.row_bias, model.w), counts_w)[0] - 3 * level.row ** 2,
                level.line(level.bias(model.col_bias, model.h.T), counts_h)[0] - 3 * level.row ** 2]
    np.testing.assert_allclose(model.w[4], towards[0], rtol=1e-9)
    np.testing.assert_allclose(model.h[:, 6], towards[1], rtol=1e-9)
    np.testing.assert_allclose([model.row_bias[4], model.col_bias[6]], bias, rtol=1e-9, atol=1e-12)


def test_a_column_rated_once_leads_no_list(tmp_path):
    """Rated 4 by somebody who rates everything else 1 or 2; what is liked is also rated more often, as ratings are.
    With --shrink-to mean it is first in most lists."""
    random = np.random.default_rng(7)
    liked = random.normal(0, 0.5, 40)
    table = np.clip(np.rint(3.3 + liked + random.normal(0, 0.4, (80, 1)) + random.normal(0, 0.6, (80, 40))), 1, 5)
    table[0] = random.integers(1, 3, 40)
    table[random.random((80, 40)) > 1 / (1 + np.exp(-2 * liked))] = np.nan
    table[:, 39], table[0, 39] = np.nan, 4

    def lists_led(*options):
        scores = np.where(np.isnan(table), Ratings(tmp_path, table).fit("-k", 5, *options)[0].predictions(), -np.inf)
        return np.sum(np.argmax(scores[1:], axis=1) == 39)

    assert lists_led("--shrink-to", "mean") > 40
    assert lists_led() == 0


@pytest.mark.parametrize("name", SOLVER_OPTIONS)
def test_zero_ratings_are_observations(tmp_path, name):
    """A column of zeros is predicted low, where an unrated one is not looked at."""
    table = np.full((12, 3), 4.0)
    table[:, 2] = 0
    weak = ["--l2", 0.1] if "--loss" in SOLVER_OPTIONS[name] else []  # the default is meant for more than 36 ratings
    model, report = Ratings(tmp_path, table).fit("-k", 2, *SOLVER_OPTIONS[name], *weak, "--max-iter", 200)
    assert report["stored"] == 36
    check_finite(model)
    assert model.predictions()[:, 2].max() < 1 and model.predictions()[:, :2].min() > 3


@pytest.mark.parametrize("name", SOLVER_OPTIONS)
@pytest.mark.parametrize("processes", [1, 3])
def test_a_user_with_one_rating(tmp_path, name, processes):
    table = random_table(8, 6, seed=3)
    table[2] = np.nan
    table[2, 1] = 5.0
    model, _ = Ratings(tmp_path, table).fit("-k", 3, *SOLVER_OPTIONS[name], "--max-iter", 20, processes=processes)
    check_finite(model)


@pytest.mark.parametrize("name", SOLVER_OPTIONS)
@pytest.mark.parametrize("level", [3.0, 0.0])
def test_ratings_that_are_all_equal(tmp_path, name, level):
    table = np.full((5, 4), level)
    table[1, 2] = table[3, 0] = np.nan
    model, report = Ratings(tmp_path, table).fit("-k", 2, *SOLVER_OPTIONS[name], "--max-iter", 50)
    check_finite(model)
    np.testing.assert_allclose(model.predictions()[~np.isnan(table)], level, atol=0.2)
    assert report["iterations"] > 0


@pytest.mark.parametrize("name", SOLVER_OPTIONS)
def test_one_rating_in_all(tmp_path, name):
    table = np.full((3, 3), np.nan)
    table[1, 2] = 4.0
    check_finite(Ratings(tmp_path, table).fit("-k", 1, *SOLVER_OPTIONS[name], "--max-iter", 20, processes=2)[0])


@pytest.mark.parametrize("source, options", [("ratings-3x3.csv", ["--missing", "unobserved"]),
                                             ("ratings-triples.csv", [])])
@pytest.mark.parametrize("processes", [1, 2, 6])
def test_user_1_and_item_b_get_a_number_on_the_scale(tmp_path, source, options, processes):
    report = run(["fit", INPUTS / source, "-o", tmp_path / "m.h5", "-k", 2, *options, "--json"],
                 processes=processes).json
    model = Model(tmp_path / "m.h5")
    check_finite(model)
    assert report["missing"] == "unobserved"
    with h5py.File(tmp_path / "m.h5") as file:
        assert file["W"].shape == (3, 2) and file["H"].shape == (2, 3)
    smallest, largest = model.facts["smallest"], model.facts["largest"]
    prediction = np.clip(model.predictions()[0, 1], smallest, largest)
    assert 0.5 <= smallest <= prediction <= largest <= 5
    assert report["objective"] > 0


def test_held_out_ratings_choose_the_model(folder):
    run(["generate", "-o", folder / "made.h5", "--rows", 200, "--cols", 150, "--kind", "ratings", "--nnz", 6000])
    reports = [run(["fit", folder / "made.h5", "-o", folder / "m.h5", "-k", 8, "--validation", 0.1, "--json"],
                   processes=processes).json for processes in (1, 3)]
    with h5py.File(folder / "m.h5") as file:
        curve = file["history/validation_rmse"][:]
        best = file.attrs["best_iteration"]
    assert curve[best] == np.min(curve) == pytest.approx(reports[1]["validation_rmse"], rel=1e-12)
    assert len(curve) == reports[1]["iterations"] + 1
    assert reports[0]["validation_rmse"] == pytest.approx(reports[1]["validation_rmse"], rel=1e-6)
    assert reports[0]["validation_rmse"] < 1.5


def test_reported_errors_are_those_of_the_model_kept(folder):
    """With held-out ratings the model kept is not the last one."""
    run(["generate", "-o", folder / "made.h5", "--rows", 120, "--cols", 90, "--kind", "ratings", "--nnz", 2500])
    report = run(["fit", folder / "made.h5", "-o", folder / "kept.h5", "-k", 12, "--l2", 0.3, "--validation", 0.2,
                  "--json"]).json
    model = Model(folder / "kept.h5")
    assert model.facts["best_iteration"] < report["iterations"]
    kept = model.history[model.facts["best_iteration"]]
    assert report["objective"] == pytest.approx(kept, rel=1e-12)


def test_a_process_grid_is_for_zeros_only(folder):
    run(["generate", "-o", folder / "made.h5", "--rows", 40, "--cols", 30, "--kind", "ratings", "--nnz", 300])
    refused = run(["fit", folder / "made.h5", "-o", folder / "refused.h5", "-k", 2, "--grid", "1x1"], expect=2)
    assert "--grid 1x1 is for --missing zero" in refused.stderr
    assert not (folder / "refused.h5").exists()


def test_the_validation_curve_is_the_same_for_any_number_of_threads(folder):
    run(["generate", "-o", folder / "threads.h5", "--rows", 900, "--cols", 400, "--kind", "ratings", "--nnz", 90000])
    curves = []
    for threads in (1, 2, 3, 3):
        run(["fit", folder / "threads.h5", "-o", folder / "threads-model.h5", "-k", 6, "--validation", 0.3,
             "--threads", threads, "--max-iter", 20])
        with h5py.File(folder / "threads-model.h5") as file:
            curves.append(file["history/validation_rmse"][:])
    assert all(np.array_equal(curve, curves[0]) for curve in curves)


@pytest.mark.parametrize("fraction, words, processes", [(0.05, "none of the 6 ratings is held out", 1),
                                                        (0.05, "none of the 6 ratings is held out", 2),
                                                        (0.999, "all 6 ratings are held out", 3)])
def test_a_held_out_share_of_none_or_all_is_refused(tmp_path, fraction, words, processes):
    (tmp_path / "r.csv").write_text("1,A,4.5\n2,B,3.0\n1,C,5.0\n3,A,2.5\n2,C,1.0\n3,B,2.0\n")
    output = tmp_path / "m.h5"
    result = run(["fit", tmp_path / "r.csv", "-o", output, "-k", 2, "--validation", fraction], processes, expect=1)
    assert len(result.messages) == 1 and words in result.messages[0] and not output.exists()


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_the_default_penalty_is_of_the_deviation_however_large_the_mean(tmp_path, processes):
    """1.15 of the ratings' standard deviation, which is lost beside squares of 1e9."""
    values = 1e9 + np.random.default_rng(2).integers(1, 11, 60) / 2
    (tmp_path / "r.csv").write_text("".join(f"{i // 8},{i % 8},{v}\n" for i, v in enumerate(values)))
    run(["fit", tmp_path / "r.csv", "-o", tmp_path / "m.h5", "-k", 2, "--max-iter", 2], processes)
    with h5py.File(tmp_path / "m.h5") as file:
        assert file.attrs["l2_w"] == pytest.approx(1.15 * np.std(values), rel=1e-9)
        assert file.attrs["mean"] == pytest.approx(np.mean(values), rel=1e-14)
        assert file["bias/mean"][()] == pytest.approx(np.mean(values) + 2 * 0.09 * np.std(values), rel=1e-14)
