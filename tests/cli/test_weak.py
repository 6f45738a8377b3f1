"""Fits with weak zeros: sweep by sweep beside plain numpy, and beside the fits that weights 0 and 1 are."""
import h5py
import numpy as np
import pytest
import scipy.optimize

from fits import factors
from program import PROCESSES, run

ROWS, COLS = 29, 18


def table_of(rows, cols, seed, empty_row=None, empty_col=None):
    """Strengths at about a quarter of the places, 0 elsewhere; unevenly many in a row."""
    random = np.random.default_rng(seed)
    strengths = random.integers(1, 6, (rows, cols)).astype(float)
    strengths[random.random((rows, cols)) > 0.5 * random.random((rows, 1))] = 0
    if empty_row is not None:
        strengths[empty_row] = 0
    if empty_col is not None:
        strengths[:, empty_col] = 0
    return strengths


class Strengths:
    """A table on disk, of which what is positive is stored."""

    def __init__(self, folder, table):
        self.folder = folder
        self.table = table
        self.path = folder / "strengths.h5"
        rows, cols = np.nonzero(table)
        with h5py.File(self.path, "w") as file:
            group = file.create_group("matrix")
            group.attrs["encoding-type"] = "csr_matrix"
            group.attrs["shape"] = table.shape
            group["data"], group["indices"] = table[rows, cols], cols
            group["indptr"] = np.concatenate([[0], np.cumsum((table > 0).sum(axis=1))])

    def fit(self, *options, components=4, processes=1, output=None):
        """W, H, what the model file says and what the program reported."""
        output = output or self.folder / "model.h5"
        report = run(["fit", self.path, "-o", output, "-k", components, "--json", "--tol", 0, *options],
                     processes=processes).json
        with h5py.File(output) as file:
            return *factors(output), dict(file.attrs), report


@pytest.fixture(scope="module")
def strengths(folder):
    return Strengths(folder, table_of(ROWS, COLS, 1, empty_row=4, empty_col=6))


def sweep(x, fixed, target, weight, l1, l2):
    """One coordinate sweep over every row: all entries of a row count, each with its weight."""
    x = x.copy()
    for row in range(len(x)):
        for t in range(x.shape[1]):
            f = fixed[:, t]
            slope = -(weight[row] * (target[row] - fixed @ x[row])) @ f + l1 + l2[row] * x[row, t]
            curvature = weight[row] @ f**2 + l2[row]
            x[row, t] = max(x[row, t] - slope / curvature, 0) if curvature > 0 else x[row, t]
    return x


def oracle(table, start, weight, target, confidence, iterations, l1=0.0, l2=0.0, power=0.0):
    """W, H and the objective after so many iterations from the start."""
    w, ht = start[0], start[1].T
    entries = np.where(table > 0, confidence, weight)
    target = np.where(table > 0, target, 0)
    counted = np.where(table > 0, 1.0, weight)
    l2_w, l2_h = (l2 * counted.sum(axis=axis) ** power for axis in (1, 0))
    for _ in range(iterations):
        w = sweep(w, ht, target, entries, l1, l2_w)
        ht = sweep(ht, w, target.T, entries.T, l1, l2_h)
    objective = 0.5 * (entries * (target - w @ ht.T) ** 2).sum() + l1 * (w.sum() + ht.sum())
    objective += 0.5 * (l2_w @ (w**2).sum(axis=1) + l2_h @ (ht**2).sum(axis=1))
    return w, ht.T, objective


PENALTIES = ["--l2", 0.3, "--l1-w", 0.05, "--l1-h", 0.05]


@pytest.mark.parametrize("solver, components", [("hals", 3), ("hals", 20), ("bpp", 8)])
def test_weight_1_is_the_fit_with_zeros(strengths, solver, components):
    """From the seed on: start, iterates, objective and error are the same."""
    options = ["--max-iter", 6, "--solver", solver, "--seed", 3, *PENALTIES]
    w, h, _, zeros = strengths.fit("--missing", "zero", *options, components=components)
    found = strengths.fit("--missing", "weak", "--missing-weight", 1, "--penalty-scale", "raw", *options,
                          components=components, processes=3)
    tolerance = 1e-9 if solver == "hals" else 1e-6
    assert np.allclose(found[0], w, rtol=tolerance, atol=tolerance)
    assert np.allclose(found[1], h, rtol=tolerance, atol=tolerance)
    for figure in ("objective", "relative_error", "rmse"):
        assert found[3][figure] == pytest.approx(zeros[figure], rel=tolerance)


@pytest.mark.parametrize("components, scale", [(3, "raw"), (20, "count"), (20, "0.25")])
def test_weight_0_is_the_fit_of_observed_entries_without_biases(strengths, folder, components, scale):
    start = folder / "start0.h5"
    strengths.fit("--missing", "zero", "--max-iter", 1, "--seed", 2, components=components, output=start)
    options = ["--init", f"file:{start}", "--max-iter", 6, "--penalty-scale", scale, *PENALTIES]
    w, h, _, observed = strengths.fit("--missing", "unobserved", "--bias", "none", "--shrink-to", "zero", *options,
                                      components=components)
    found = strengths.fit("--missing", "weak", "--missing-weight", 0, *options, components=components, processes=4)
    assert np.allclose(found[0], w, rtol=1e-9, atol=1e-9)
    assert np.allclose(found[1], h, rtol=1e-9, atol=1e-9)
    for figure in ("objective", "rmse"):
        assert found[3][figure] == pytest.approx(observed[figure], rel=1e-9)


# Options, weight, target and confidence of a value, power of the count.
WAYS = [
    (["--missing", "weak", "--missing-weight", 0.3, "--penalty-scale", "count"],
     0.3, lambda v: v, lambda v: 1, 1.0),
    (["--implicit", "--missing-weight", 0.2, "--confidence", "one", "--penalty-scale", 0.25],
     0.2, lambda v: 1, lambda v: 1, 0.25),
    (["--implicit", "--missing-weight", 0.1, "--confidence", "linear", "--alpha", 0.5, "--penalty-scale", "sqrt-count"],
     0.1, lambda v: 1, lambda v: 1 + 0.5 * v, 0.5),
    (["--implicit", "--missing-weight", 1, "--confidence", "log", "--alpha", 2, "--epsilon", 0.5, "--penalty-scale", "raw"],
     1, lambda v: 1, lambda v: 1 + 2 * np.log(1 + v / 0.5), 0.0),
    (["--implicit", "--missing-weight", 0.1, "--alpha", 3, "--epsilon", 2, "--like", 2.5, "--penalty-scale", "count"],
     0.1, lambda v: v > 2.5, lambda v: np.where(v > 2.5, 1 + 3 * np.log(1 + v / 2), 0.1), 1.0),
]


@pytest.mark.parametrize("way, components", [(0, 4), (1, 17), (2, 17), (3, 4), (4, 17)])
def test_iterates_are_those_of_sweeps_over_all_entries(strengths, folder, way, components):
    options, weight, target, confidence, power = WAYS[way]
    start = folder / "start.h5"
    strengths.fit("--missing", "zero", "--max-iter", 0, "--seed", 4, components=components, output=start)
    table = strengths.table
    w, h, objective = oracle(table, factors(start), weight, target(table), confidence(table), 5, 0.05, 0.3, power)
    for processes in PROCESSES:
        found = strengths.fit("--init", f"file:{start}", "--max-iter", 5, *options, *PENALTIES, components=components,
                              processes=processes)
        assert np.allclose(found[0], w, rtol=1e-9, atol=1e-9)
        assert np.allclose(found[1], h, rtol=1e-9, atol=1e-9)
        assert found[3]["objective"] == pytest.approx(objective, rel=1e-9)
        assert found[3]["missing"] == "weak"
    single = strengths.fit("--init", f"file:{start}", "--max-iter", 5, *options, *PENALTIES, "--precision", "single",
                           components=components, processes=2)
    assert np.allclose(single[0] @ single[1], w @ h, atol=2e-4)
    assert single[3]["objective"] == pytest.approx(objective, rel=1e-4)


def test_processes_without_a_row_or_an_entry(folder):
    """Three rows and two columns on six processes."""
    table = np.array([[0, 2.0], [0, 0], [1, 3]])
    (folder / "few").mkdir()
    few = Strengths(folder / "few", table)
    start = folder / "few" / "start.h5"
    few.fit("--missing", "zero", "--max-iter", 0, components=2, output=start)
    w, h, objective = oracle(table, factors(start), 0.4, table, 1 + 0 * table, 4, 0.05, 0.3, 1.0)
    for processes in PROCESSES:
        found = few.fit("--missing", "weak", "--missing-weight", 0.4, "--penalty-scale", "count", "--init",
                        f"file:{start}", "--max-iter", 4, *PENALTIES, components=2, processes=processes)
        assert np.allclose(found[0], w, rtol=1e-9, atol=1e-12)
        assert np.allclose(found[1], h, rtol=1e-9, atol=1e-12)
        assert found[3]["objective"] == pytest.approx(objective, rel=1e-9)


def test_the_objective_falls(strengths):
    for options in (["--implicit"], ["--implicit", "--confidence", "linear", "--solver", "bpp"],
                    ["--missing", "weak", "--missing-weight", 0.05, "--sweeps", 3]):
        output = strengths.folder / "falls.h5"
        strengths.fit(*options, "--max-iter", 30, output=output)
        with h5py.File(output) as file:
            history = file["history/objective"][1:]
        assert np.all(np.diff(history) <= 1e-12 * history[0])


def triples(path, lines, head):
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def test_plays_are_lines_of_two_columns_or_add_up(folder):
    """Each line counts 1, or its value; a place that is repeated has their sum."""
    random = np.random.default_rng(7)
    pairs = [(f"u{random.integers(9)}", f"song{random.integers(7)}") for _ in range(60)]
    clicks = triples(folder / "clicks.csv", [f"{u},{s}" for u, s in pairs], "user,song")
    plays = triples(folder / "plays.csv", [f"{u},{s},1" for u, s in pairs], "user,song,plays")
    counts = {}
    for pair in pairs:
        counts[pair] = counts.get(pair, 0) + 1
    summed = triples(folder / "summed.csv", [f"{u},{s},{n}" for (u, s), n in counts.items()], "user,song,plays")
    found = []
    for path in (clicks, plays, summed):
        output = folder / "plays.h5"
        report = run(["fit", path, "-o", output, "-k", 3, "--implicit", "--max-iter", 5, "--json"]).json
        assert report["stored"] == len(counts)
        found.append(np.concatenate([part.ravel() for part in factors(output)]))
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    last = run(["fit", plays, "-o", output, "-k", 3, "--implicit", "--duplicates", "last", "--max-iter", 5, "--json"])
    assert not np.array_equal(np.concatenate([part.ravel() for part in factors(output)]), found[0])
    assert last.json["stored"] == len(counts)


def test_defaults_follow_the_values(folder):
    """Of ratings, whose mean is above the middle, those below it are no sign of liking; plays all are."""
    for name, values, like in (("ratings", [1, 4, 5, 4, 3, 5], 22 / 6), ("plays", [1, 1, 2, 1, 9, 1], 0),
                               ("clicks", [1] * 6, 0)):
        path = triples(folder / f"{name}.csv", [f"{e % 3},{e // 3},{v}" for e, v in enumerate(values)], "u,i,v")
        run(["fit", path, "-o", folder / f"{name}.h5", "-k", 1, "--implicit", "--max-iter", 2])
        with h5py.File(folder / f"{name}.h5") as file:
            facts = dict(file.attrs)
        assert facts["like"] == pytest.approx(like)
        assert facts["epsilon"] == pytest.approx(2 * np.mean(values))
        assert facts["mean"] == pytest.approx((np.array(values) >= like).mean())
        assert (facts["missing_weight"], facts["confidence"], facts["alpha"], facts["penalty_scale"]) == \
            (1, b"log" if isinstance(facts["confidence"], bytes) else "log", 16, "sqrt-count")
    linear = folder / "linear.h5"
    run(["fit", folder / "ratings.csv", "-o", linear, "-k", 1, "--implicit", "--confidence", "linear", "--max-iter", 2])
    with h5py.File(linear) as file:
        assert file.attrs["alpha"] == pytest.approx(6.5 / (22 / 6))


def test_a_stored_zero_is_no_play(folder):
    """It counts 1 and is to be predicted as 0."""
    random = np.random.default_rng(8)
    table = table_of(12, 9, 8)
    places = [(i, j) for i in range(12) for j in range(9) if table[i, j] > 0 or j == i % 9 or random.random() < 0.1]
    lines = [f"{i},{j},{table[i, j]:g}" for i, j in places]
    path = triples(folder / "zeros.csv", lines, "row,col,value")
    start, output = folder / "zeros_start.h5", folder / "zeros.h5"
    run(["fit", path, "-o", start, "-k", 2, "--missing", "zero", "--max-iter", 0])
    run(["fit", path, "-o", output, "-k", 2, "--implicit", "--missing-weight", 0.25, "--confidence", "linear", "--alpha", 1,
         "--init", f"file:{start}", "--max-iter", 3, "--tol", 0, "--l2", 0, "--like", 0])
    w, ht = factors(start)[0], factors(start)[1].T
    weight = np.full(table.shape, 0.25)
    for i, j in places:
        weight[i, j] = 1 + table[i, j]
    target = (table > 0).astype(float)
    for _ in range(3):
        w = sweep(w, ht, target, weight, 0, np.zeros(12))
        ht = sweep(ht, w, target.T, weight.T, 0, np.zeros(9))
    assert np.allclose(factors(output)[0] @ factors(output)[1], w @ ht.T, atol=1e-9)


@pytest.mark.parametrize("options, word", [
    (["--missing", "weak"], "--missing-weight"),
    (["--missing-weight", 0.1], "--missing weak"),
    (["--missing", "weak", "--missing-weight", 1.5], "from 0 to 1"),
    (["--missing", "weak", "--missing-weight", 0.1, "--confidence", "linear"], "--implicit"),
    (["--missing", "zero", "--implicit"], "--missing weak"),
    (["--implicit", "--bias", "both"], "no biases"),
    (["--implicit", "--shrink-to", "mean"], "shrink to zero"),
    (["--implicit", "--validation", 0.1], "--metric"),
    (["--implicit", "--solver", "mu"], "hals and bpp"),
    (["--implicit", "--loss", "kullback-leibler"], "hals and bpp"),
    (["--implicit", "--init", "nndsvd"], "at random"),
    (["--implicit", "--confidence", "log", "--epsilon", 0], "--epsilon"),
    (["--implicit", "--confidence", "one", "--alpha", 2], "--alpha"),
    (["--implicit", "--penalty-scale", "dimension"], "dimension"),
    (["--implicit", "--grid", "1x1"], "--grid"),
])
def test_what_has_no_use_is_refused(strengths, options, word):
    result = run(["fit", strengths.path, "-o", strengths.folder / "refused.h5", "-k", 2, *options], expect=2)
    assert len(result.messages) == 1 and word in result.messages[0]
    assert not (strengths.folder / "refused.h5").exists()


def test_a_value_that_is_the_limit_of_liking_is_liked_in_both_precisions(folder):
    """0.7 is less as a float than as a double: every part of a fit must take it for the same."""
    table = np.where(table_of(20, 12, 5) > 2, 0.7, 0.3) * (table_of(20, 12, 5) > 0)
    (folder / "limit").mkdir()
    limit = Strengths(folder / "limit", table)
    found = {precision: limit.fit("--implicit", "--like", 0.7, "--max-iter", 20, "--precision", precision)[3]["objective"]
             for precision in ("double", "single")}
    assert found["single"] == pytest.approx(found["double"], rel=1e-4)
