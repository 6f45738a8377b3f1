"""Implicit terms of ratings fits, against the whole fit written out in numpy."""
import h5py
import numpy as np
import pytest

from program import PROCESSES, run
from test_observed import Level, Ratings, random_table

TERMS = ["rows", "cols", "both"]
L2, L2_BIAS, L2_TERMS, COLS_SHARE = 0.15, 3, 2.5, 0.2
OPTIONS = ["-k", 3, "--l2", L2, "--l2-bias", L2_BIAS, "--l2-terms", L2_TERMS, "--tol", 0]


def implicit(path):
    """What each column brings to its rows; None where the model has none."""
    with h5py.File(path) as file:
        return file["implicit_terms/col"][:] if "implicit_terms" in file else None


def predictions(path):
    with h5py.File(path) as file:
        return (file["bias/mean"][()].item() + file["bias/row"][:][:, None] + file["bias/col"][:]
                + file["W"][:].astype(float) @ file["H"][:])


@pytest.fixture(scope="module")
def ratings(folder):
    return Ratings(folder, random_table(23, 17, seed=3, empty_row=4, empty_col=6))


class Side:
    """One factor of the fit below: rows, true biases, and what they are pulled towards."""

    def __init__(self, table, factor, level, l2_bias, weight, slopes):
        self.table, self.seen = table, ~np.isnan(table)
        self.counts = self.seen.sum(axis=1)
        self.factor, self.bias, self.level, self.l2_bias, self.weight = factor, np.zeros(len(factor)), level, l2_bias, weight
        self.shares = self.seen / np.sqrt(np.maximum(self.counts, 1))[:, None]
        self.pulls = np.column_stack([np.repeat(L2 * np.sqrt(self.counts + level.EXTRA)[:, None], factor.shape[1], axis=1),
                                      l2_bias * np.sqrt(self.counts)]) * (self.counts > 0)[:, None]
        self.brought = np.zeros((table.shape[1], factor.shape[1] + 1))
        self.slopes, self.slope, self.line = slopes, np.zeros(factor.shape[1]), (0.0, 0.0)

    def terms(self):
        return self.shares @ self.brought

    def center(self):
        along = np.log1p(self.counts / self.level.KNEE)
        plain = np.column_stack([self.level.row + np.outer(along, self.slope), self.level.expected(self.line, self.counts)])
        return plain + self.terms()

    def rows(self):
        return np.column_stack([self.factor, self.bias])

    def settle(self):
        """The lines and the slope."""
        terms = self.terms()
        self.line = self.level.line(self.bias - terms[:, -1], self.counts)
        if self.slopes:
            self.slope = self.level.slope(self.factor - terms[:, :-1], self.counts)

    def update(self, other, mean):
        center = self.center()
        for i in np.flatnonzero(self.counts):
            seen, pull = self.seen[i], center[i]
            residual = self.table[i, seen] - mean - other.bias[seen] - pull[-1]
            self.factor[i], bias = sweep(other.factor[seen] - self.level.row, residual, self.factor[i],
                                         self.level.row, self.pulls[i], pull[:-1])
            self.bias[i] = pull[-1] + bias

    def step(self):
        """Steepest descent of what is brought, each divided by its curvature, each component as far as is best."""
        if self.weight == 0:
            return
        penalty = self.weight * np.append(np.full(len(self.slope), L2), self.l2_bias)
        slopes = self.shares.T @ (self.pulls * (self.rows() - self.center())) - penalty * self.brought
        directions = slopes / ((self.shares ** 2).T @ self.pulls + penalty)
        spread = self.shares @ directions
        far = np.sum(self.pulls * spread ** 2, axis=0) + penalty * np.sum(directions ** 2, axis=0)
        self.brought += directions * np.sum(slopes * directions, axis=0) / far

    def penalty(self):
        total = np.sum(self.pulls * (self.rows() - self.center()) ** 2) / 2
        total += self.weight / 2 * np.sum(np.append(np.full(len(self.slope), L2), self.l2_bias) * self.brought ** 2)
        places, weights = self.level.places(self.counts)
        return total + L2 / 2 * self.level.RIDGE * (weights @ places ** 2) * self.slope @ self.slope


def sweep(factors, residual, row, level, pulls, towards):
    """A coordinate sweep of a row; the product is that of deviations from the level."""
    gram, rhs = factors.T @ factors, factors.T @ (residual + factors.sum(axis=1) * level)
    total, count = factors.sum(axis=0), len(factors) + pulls[-1]
    summed = residual.sum() + total.sum() * level
    gram = gram + np.diag(pulls[:-1]) - np.outer(total, total) / count
    rhs = rhs + pulls[:-1] * towards - total * summed / count
    x = row.copy()
    for t in range(len(x)):
        x[t] = max(0.0, x[t] - (gram[t] @ x - rhs[t]) / gram[t, t])
    return x, (summed - total @ x) / count


class Fit:
    """The fit from the program's own start, iteration by iteration."""

    def __init__(self, table, start, terms):
        level = Level(table)
        self.mean = np.nanmean(table)
        self.rows = Side(table, start.w.copy(), level, L2_BIAS * level.ROW_SHARE,
                         L2_TERMS * (terms in ("rows", "both")), False)
        self.cols = Side(table.T, start.h.T.copy(), level, L2_BIAS,
                         COLS_SHARE * L2_TERMS * (terms in ("cols", "both")), True)
        self.rows.settle()
        self.cols.settle()
        self.objectives = []

    def iterate(self):
        self.rows.update(self.cols, self.mean)
        penalty = self.rows.penalty()
        self.cols.update(self.rows, self.mean)
        off = (self.rows.table - self.predictions())[self.rows.seen]
        self.objectives.append(off @ off / 2 + penalty + self.cols.penalty())
        for side in (self.rows, self.cols):
            side.step()
            side.settle()

    def predictions(self):
        level = self.rows.level.row
        return (self.mean + self.rows.bias[:, None] + self.cols.bias
                + (self.rows.factor - level) @ (self.cols.factor - level).T)


@pytest.mark.parametrize("terms", TERMS)
def test_iterations_equal_the_fit_written_out(ratings, terms):
    start, _ = ratings.fit(*OPTIONS, "--max-iter", 0, "--implicit-terms", terms)
    expected = Fit(ratings.table, start, terms)
    for _ in range(6):
        expected.iterate()
    seen = ratings.observed()
    for processes in PROCESSES if terms == "both" else [1, 3]:
        model, report = ratings.fit(*OPTIONS, "--max-iter", 6, "--implicit-terms", terms, processes=processes)
        assert report["implicit_terms"] == model.facts["implicit_terms"] == terms
        np.testing.assert_allclose(model.predictions()[seen], expected.predictions()[seen], atol=1e-9)
        np.testing.assert_allclose(model.w[expected.rows.counts > 0], expected.rows.factor[expected.rows.counts > 0],
                                   atol=1e-9)
        np.testing.assert_allclose(model.history[1:], expected.objectives, rtol=1e-9)
        found = implicit(ratings.folder / "model.h5")
        if terms == "cols":
            assert found is None
        else:
            np.testing.assert_allclose(found, expected.rows.brought, atol=1e-9)
            assert np.abs(found).max() > 1e-3


@pytest.mark.parametrize("options", [["--solver", "bpp"], ["--sweeps", 3], ["--bias", "row"], ["--bias", "col"],
                                     ["--penalty-scale", "count"], ["--penalty-scale", "raw"]])
def test_objective_never_increases(ratings, options):
    model, _ = ratings.fit("-k", 4, "--implicit-terms", "both", "--l2-terms", 3, "--max-iter", 60, "--tol", 0, *options,
                           processes=2)
    history = model.history[1:]
    assert len(history) == 60 and np.all(np.diff(history) <= 1e-12 * history[0])
    assert np.all(model.w >= 0) and np.all(model.h >= 0)


def test_rows_and_columns_without_ratings_are_what_others_are_pulled_towards(ratings):
    model, _ = ratings.fit("-k", 3, "--implicit-terms", "both", "--max-iter", 20)
    with h5py.File(ratings.folder / "model.h5") as file:
        np.testing.assert_allclose(model.w[4], file["mean_row"][:], atol=1e-12)
        np.testing.assert_allclose(model.h[:, 6], Level(ratings.table).row, atol=1e-12)
    assert np.all(np.isfinite(model.predictions())) and np.all(implicit(ratings.folder / "model.h5")[6] == 0)


def write_triples(path, table):
    rows = [f"u{i:03d},i{j:03d},{table[i, j]}" for i, j in np.argwhere(~np.isnan(table))]
    path.write_text("user,item,value\n" + "\n".join(rows) + "\n", encoding="ascii")
    return path


@pytest.fixture(scope="module")
def tastes(folder):
    """People rate above all what they like, so that what they rate tells what they like; every fifth rating apart."""
    random = np.random.default_rng(5)
    people, things = random.normal(size=(300, 2)), random.normal(size=(200, 2))
    liking = people @ things.T
    table = np.where(random.random(liking.shape) < 0.3 / (1 + np.exp(-2.5 * liking)),
                     np.clip(np.round(2 * (3 + liking + random.normal(size=liking.shape))) / 2, 0.5, 5), np.nan)
    apart = random.random(table.shape) < 0.2
    return (write_triples(folder / "train.csv", np.where(apart, np.nan, table)),
            write_triples(folder / "test.csv", np.where(apart, table, np.nan)))


def test_what_is_rated_tells_what_is_liked(tastes, tmp_path):
    """... and tune, which sees only the training ratings, finds that out."""
    train, test = tastes
    errors = {}
    for terms in ("none", *TERMS):
        weight = [] if terms == "none" else ["--l2-terms", 20]
        run(["fit", train, "-o", tmp_path / "m.h5", "-k", 4, "--implicit-terms", terms, *weight])
        errors[terms] = run(["evaluate", tmp_path / "m.h5", test, "--json"]).json["rmse"]
    assert errors["both"] < 0.94 * errors["none"]
    assert errors["rows"] < 0.97 * errors["none"] and errors["cols"] < 0.97 * errors["none"]
    found = run(["tune", train, "-k", 4, "--implicit-terms", "none,both", "--folds", 3, "-o", tmp_path / "best.h5", "--json"],
                processes=2).json
    assert [c["implicit_terms"] for c in found["candidates"]] == ["both", "none"]
    assert implicit(tmp_path / "best.h5") is not None


@pytest.mark.parametrize("precision", ["double", "single"])
def test_known_rows_folded_in_are_what_they_were(tastes, tmp_path, precision):
    """Folded in again from their ratings, with the terms of their columns; without those they would be others."""
    model, again = tmp_path / "m.h5", tmp_path / "again.h5"
    run(["fit", tastes[0], "-o", model, "-k", 2, "--implicit-terms", "both", "--max-iter", 1500, "--tol", 1e-8,
         "--l2-terms", 20, "--solver", "bpp", "--precision", precision])
    run(["transform", model, tastes[0], "-o", again, "--precision", precision], processes=3)
    before = predictions(model)
    near = 5e-3
    assert np.abs(predictions(again) - before).max() < near
    np.testing.assert_array_equal(implicit(again), implicit(model))
    with h5py.File(again, "r+") as file:
        del file["implicit_terms"]
    run(["transform", again, tastes[0], "-o", model, "--precision", precision])
    assert np.abs(predictions(model) - before).max() > 10 * near


def test_single_precision_is_close_to_double(ratings):
    double, _ = ratings.fit("-k", 3, "--implicit-terms", "both", "--max-iter", 30, "--tol", 0)
    single, _ = ratings.fit("-k", 3, "--implicit-terms", "both", "--max-iter", 30, "--tol", 0, "--precision", "single",
                            processes=2)
    np.testing.assert_allclose(single.predictions(), double.predictions(), atol=2e-4)


def test_a_resumed_fit_is_the_whole_one(tastes, tmp_path):
    """Best model so far included, bit for bit on the same processes and to rounding on others."""
    options = ["fit", tastes[0], "-k", 3, "--implicit-terms", "both", "--validation", 0.1, "--patience", 50]
    run([*options, "-o", tmp_path / "whole.h5", "--max-iter", 14], processes=2)
    saving = ["--checkpoint", tmp_path / "part.h5", "--checkpoint-every", 7]
    run([*options, "-o", tmp_path / "m.h5", "--max-iter", 9, *saving], processes=2)
    for processes in (2, 3):
        run(["fit", tastes[0], "-o", tmp_path / "on.h5", "--resume", tmp_path / "part.h5", "--max-iter", 14],
            processes=processes)
        for name in ("W", "H", "bias/row", "bias/col", "implicit_terms/col", "history/objective"):
            with h5py.File(tmp_path / "whole.h5") as whole, h5py.File(tmp_path / "on.h5") as on:
                if processes == 2:
                    assert whole[name][:].tobytes() == on[name][:].tobytes(), name
                np.testing.assert_allclose(on[name][:], whole[name][:], atol=1e-9)
    result = run(["fit", tastes[0], "-o", tmp_path / "on.h5", "--resume", tmp_path / "part.h5", "--implicit-terms", "rows"],
                 expect=2)
    assert 'has "both"' in result.messages[0]


def test_the_terms_kept_are_those_of_the_best_model(tastes, tmp_path):
    options = ["fit", tastes[0], "-k", 4, "--l2", 0.3, "--implicit-terms", "both", "--validation", 0.2, "--json", "-o"]
    best = run([*options, tmp_path / "best.h5", "--patience", 5]).json
    with h5py.File(tmp_path / "best.h5") as file:
        last = int(file.attrs["best_iteration"])
    assert 0 < last < best["iterations"]
    run([*options, tmp_path / "last.h5", "--max-iter", last])
    np.testing.assert_allclose(implicit(tmp_path / "best.h5"), implicit(tmp_path / "last.h5"), atol=1e-12)
    with h5py.File(tmp_path / "best.h5") as best, h5py.File(tmp_path / "last.h5") as file:
        for name in ("row_bias_at_none", "col_bias_at_none"):
            assert best.attrs[name] == pytest.approx(file.attrs[name], abs=1e-9)


def test_tune_tries_weights_of_terms(tastes, tmp_path):
    """A candidate for each weight, and one without terms; that of the default is the one without --l2-terms; the best is
    what fit makes of it."""
    tune = ["tune", tastes[0], "-k", 2, "--implicit-terms", "none,rows", "--folds", 2, "--max-iter", 8, "--json"]
    found = run([*tune, "--l2-terms", "10,100", "-o", tmp_path / "best.h5"], processes=2).json
    plain = run(tune, processes=3).json
    by_weight = {c.get("l2_terms"): c for c in found["candidates"]}
    assert len(found["candidates"]) == 3 and set(by_weight) == {None, 10, 100}
    for candidate in plain["candidates"]:
        assert candidate["rmse"] == pytest.approx(by_weight[candidate.get("l2_terms")]["rmse"], rel=1e-9)
    assert by_weight[10]["rmse"] != by_weight[100]["rmse"]
    best = found["best"]
    weight = ["--l2-terms", best["l2_terms"]] if best["l2_terms"] is not None else []
    run(["fit", tastes[0], "-k", 2, "--implicit-terms", best["implicit_terms"], *weight, "--max-iter", best["iterations"],
         "--tol", 0, "-o", tmp_path / "fit.h5"])
    with h5py.File(tmp_path / "best.h5") as one, h5py.File(tmp_path / "fit.h5") as other:
        np.testing.assert_allclose(one["W"][:], other["W"][:], rtol=1e-7)


@pytest.mark.parametrize("command, options, words", [
    ("fit", ["--missing", "zero", "--implicit-terms", "rows"], "--implicit-terms has no use here"),
    ("fit", ["--implicit", "--implicit-terms", "rows"], "--implicit-terms has no use here"),
    ("fit", ["--implicit-terms", "rows", "--solver", "mu"], "leave --solver mu out"),
    ("fit", ["--implicit-terms", "cols", "--bias", "none"], "leave --bias none out"),
    ("fit", ["--implicit-terms", "both", "--shrink-to", "mean"], "leave --shrink-to out"),
    ("fit", ["--implicit-terms", "cols", "--l2-h", 0], "--l2-h is 0: give it a number above 0"),
    ("fit", ["--implicit-terms", "few"], "--implicit-terms few"),
    ("fit", ["--l2-terms", 3], "there are no --implicit-terms"),
    ("tune", ["--implicit-terms", "none,both", "--bias", "both,none"], "leave --bias none out"),
    ("tune", ["--l2-terms", "10,30"], "there are no --implicit-terms"),
    ("tune", ["--implicit-terms", "both", "--l2-terms", "10,few"], "--l2-terms 10,few"),
    ("tune", ["--implicit-terms", "both,all"], "give none, rows, cols or both"),
    ("plan", ["--implicit-terms", "both", "--missing", "zero"], "needs --missing unobserved"),
])
def test_terms_that_cannot_be_are_refused(tastes, tmp_path, command, options, words):
    output = ["-o", tmp_path / "m.h5"] if command == "fit" else []
    result = run([command, tastes[0], "-k", 3, *output, *options], expect=2)
    assert len(result.messages) == 1 and words in result.messages[0], str(result)


def test_a_plan_counts_what_travels(tastes, tmp_path):
    """As the fit does: every process here has entries in every column, but not in every row."""
    plain, terms = (run(["plan", tastes[0], "-k", 5, "-n", 3, "--implicit-terms", name, "--json"]).json["plans"][0]
                    for name in ("none", "both"))
    fitted = run(["fit", tastes[0], "-o", tmp_path / "m.h5", "-k", 5, "--implicit-terms", "both", "--max-iter", 4, "--tol", 0,
                  "--json"], processes=3).json
    assert fitted["traffic"]["control_words"] == 4 * terms["traffic"]["control_words"]
    assert fitted["traffic"]["messages"] == 4 * terms["traffic"]["messages"]
    assert 0.8 * 4 * terms["traffic"]["gather_words"] < fitted["traffic"]["gather_words"] <= (
        4 * terms["traffic"]["gather_words"])
    assert terms["memory"]["factors"] > plain["memory"]["factors"]


def test_a_chain_with_terms_is_the_same_on_any_number_of_processes_and_resumed(tastes, tmp_path):
    """To the last bit: sums over processes are exact."""
    options = ["fit", tastes[0], "-k", 3, "--implicit-terms", "both", "--samples", 9, "--burn-in", 4, "--max-iter", 20, "-o"]
    names = ("W", "H", "bias/row", "bias/col", "implicit_terms/col", "samples/row_bias")

    def numbers(path):
        with h5py.File(path) as file:
            return [file[name][:].tobytes() for name in names]

    run([*options, tmp_path / "one.h5"])
    run([*options, tmp_path / "three.h5", "--checkpoint", tmp_path / "part.h5", "--checkpoint-every", 6], processes=3)
    run(["fit", tastes[0], "-o", tmp_path / "on.h5", "--resume", tmp_path / "part.h5"], processes=2)
    for path in ("three.h5", "on.h5"):
        assert numbers(tmp_path / path) == numbers(tmp_path / "one.h5"), path


@pytest.mark.parametrize("keep", ["samples", "mean"])
def test_rows_folded_into_the_draws_are_near_those_of_the_chain(tastes, tmp_path, keep):
    model, again = tmp_path / "m.h5", tmp_path / "again.h5"
    thin = ["--thin", 4] if keep == "samples" else []
    run(["fit", tastes[0], "-o", model, "-k", 3, "--implicit-terms", "both", "--samples", 40, "--keep", keep, *thin])
    with h5py.File(model) as file:
        draws = 10 if keep == "samples" else 1
        assert file["W"].shape == (len(file["row_ids"]), 3 * draws)
        assert file["implicit_terms/col"].shape == (len(file["col_ids"]), 4 * draws)
    run(["transform", model, tastes[0], "-o", again], processes=2)
    assert np.sqrt(np.mean((predictions(again) - predictions(model)) ** 2)) < 0.5


def test_a_chain_with_terms_predicts_better_than_one_without(tastes, tmp_path):
    errors = []
    for terms in ("none", "both"):
        run(["fit", tastes[0], "-o", tmp_path / "m.h5", "-k", 4, "--samples", 100, "--implicit-terms", terms])
        errors.append(run(["evaluate", tmp_path / "m.h5", tastes[1], "--json"]).json["rmse"])
    assert errors[1] < 0.95 * errors[0]
