"""What is done with fits of weak zeros: saved, chosen, folded into, listed, planned."""
import csv

import h5py
import numpy as np
import pytest
import scipy.optimize

from fits import factors
from program import run

ROWS, COLS = 37, 24
IMPLICIT = ["--implicit", "--missing-weight", 0.2, "--confidence", "log", "--alpha", 2, "--epsilon", 3]
PENALTIES = ["--l2", 0.1, "--penalty-scale", 0.75, "--l1-w", 0.02]


def write(path, entries, head="user,item,plays"):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head.split(","), *entries])
    return path


@pytest.fixture(scope="module")
def plays(folder):
    """Plays of songs, some of which many people like, as triples in which places are repeated."""
    random = np.random.default_rng(3)
    chance = random.dirichlet(np.full(COLS, 0.7), ROWS) * 9
    table = random.poisson(chance)
    table[np.arange(ROWS), np.arange(ROWS) % COLS] += 1
    return table, write(folder / "plays.csv", [(f"u{i:02}", f"s{j:02}", 1) for i, j in np.argwhere(table > 0)
                                               for _ in range(table[i, j])])


@pytest.fixture(scope="module")
def model(folder, plays):
    path = folder / "model.h5"
    run(["fit", plays[1], "-o", path, "-k", 4, *IMPLICIT, *PENALTIES, "--max-iter", 20])
    return path


def confidence(table):
    return 1 + 2 * np.log(1 + table / 3)


def test_a_stopped_fit_goes_on_to_the_same_bits(folder, plays):
    part, whole, later = folder / "part.h5", folder / "whole.h5", folder / "later.h5"
    options = ["fit", plays[1], "-k", 4, *IMPLICIT, *PENALTIES, "--tol", 0, "--max-iter", 9]
    run([*options, "-o", whole], processes=3)
    run([*options, "-o", later, "--checkpoint", part, "--checkpoint-every", 4], processes=3)
    run(["fit", plays[1], "-o", later, "--resume", part, "--max-iter", 9], processes=3)
    for one, other in zip(factors(whole), factors(later)):
        assert np.array_equal(one, other)
    other_weight = run(["fit", plays[1], "-o", later, "--resume", part, "--missing-weight", 0.3], expect=2)
    assert "--missing-weight" in other_weight.messages[0]


@pytest.mark.parametrize("processes", [1, 3])
def test_folded_rows_minimize_the_objective_of_the_fit(folder, plays, model, processes):
    """By scipy's nonnegative least squares over all columns; repeated plays add up; a row of unknown songs becomes 0."""
    random = np.random.default_rng(4)
    table = random.poisson(0.4, (7, COLS))
    table[2] = 0
    lines = [(f"n{i}", f"s{j:02}", 1) for i, j in np.argwhere(table > 0) for _ in range(table[i, j])]
    new = write(folder / "new.csv", [*lines, ("n2", "unknown", 5)])
    report = run(["transform", model, new, "-o", folder / "folded.h5", "--json"], processes=processes).json
    assert report["rmse"] is None  # The loss is over all entries, each with its weight.
    w, h = factors(folder / "folded.h5")
    for row, found in zip(table, w):
        weight = np.where(row > 0, confidence(row), 0.2)
        count = (row > 0).sum() + 0.2 * (row == 0).sum()
        gram = (h * weight) @ h.T + 0.1 * count**0.75 * np.eye(4)
        root = np.linalg.cholesky(gram)
        exact = scipy.optimize.nnls(root.T, np.linalg.solve(root, h @ (weight * (row > 0)) - 0.02))[0]
        assert np.allclose(found, exact, atol=1e-6)
    assert not w[2].any()


def test_lists_and_scores_are_those_of_the_factors(folder, plays, model):
    table, path = plays
    scores = np.where(table > 0, -np.inf, np.matmul(*factors(model)))
    said = run(["recommend", model, "--seen", path, "-n", 3, "-o", folder / "lists.csv"])
    assert "--implicit" not in said.stdout + said.stderr
    with open(folder / "lists.csv", encoding="utf-8", newline="") as file:
        lists = list(csv.DictReader(file))
    found = np.array([int(line["column"][1:]) for line in lists]).reshape(ROWS, 3)
    assert np.array_equal(found, np.argsort(-scores, axis=1, kind="stable")[:, :3])
    assert float(run(["predict", model, "--row", "u03", "--col", "s05"]).stdout) == \
        pytest.approx(np.matmul(*factors(model))[3, 5], rel=1e-6)
    ratings = folder / "ratings.h5"
    run(["fit", path, "-o", ratings, "-k", 2, "--max-iter", 2])
    assert "--implicit" in run(["recommend", ratings, "--seen", path, "--rows", "u01", "-n", 1]).stdout


def test_every_entry_of_a_test_file_is_relevant_to_a_fit_of_strengths(folder, plays, model):
    test = write(folder / "test.csv", [("u00", "s01", 1), ("u00", "s02", 7), ("u01", "s03", 2)])
    told = [run(["evaluate", model, test, "--seen", plays[1], "--json", *options]).json
            for options in ([], ["--relevant", 1], ["--relevant", 2])]
    entries = [how["relevant_entries"] for how in told]
    assert entries == [3, 3, 2]
    assert told[0]["rmse"] is None and told[0]["mae"] is None  # Scores near 1 are no guesses of strengths.
    weak = folder / "weak.h5"
    run(["fit", plays[1], "-o", weak, "-k", 2, "--missing", "weak", "--missing-weight", 0.1, "--max-iter", 2])
    assert "--relevant" in run(["evaluate", weak, test, "--seen", plays[1]], expect=2).messages[0]


TUNED = ["-k", "2,4", "--missing-weight", "0.1,1", "--alpha", "0.5,3", "--l2", 0.05, "--penalty-scale", "0.25,count",
         "--max-iter", 8, "--folds", 2]


def test_tune_ranks_every_combination_alike_on_any_number_of_processes(plays):
    tables = [run(["tune", plays[1], "--implicit", *TUNED, "--groups", groups, "--json"], processes=processes).json
              for processes, groups in ((1, 1), (3, 2))]
    tried = {(c["components"], c["missing_weight"], c["alpha"], c["penalty_scale"]) for c in tables[0]["candidates"]}
    assert tried == {(k, w, a, s) for k in (2, 4) for w in (0.1, 1) for a in (0.5, 3) for s in ("0.25", "count")}
    scores = [[c["ndcg@10"] for c in table["candidates"]] for table in tables]
    assert scores[0] == sorted(scores[0], reverse=True)
    assert scores[0] == pytest.approx(scores[1], rel=1e-9)
    assert all(c["rmse"] is None for c in tables[0]["candidates"])


def test_the_tuned_model_is_the_fit_with_its_settings(folder, plays):
    tuned, fitted = folder / "tuned.h5", folder / "fitted.h5"
    best = run(["tune", plays[1], "--implicit", *TUNED, "-o", tuned, "--json"]).json["best"]
    run(["fit", plays[1], "-o", fitted, "--implicit", "-k", best["components"], "--missing-weight",
         best["missing_weight"], "--alpha", best["alpha"], "--l2", best["l2"], "--penalty-scale", best["penalty_scale"],
         "--max-iter", 8])
    for one, other in zip(factors(tuned), factors(fitted)):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("options, word", [
    (["--missing", "weak"], "--missing-weight"),
    (["--implicit", "--metric", "rmse"], "ndcg@10"),
    (["--implicit", "--bias", "none"], "--bias"),
    (["--alpha", "1,2"], "--implicit"),
    (["--missing", "weak", "--missing-weight", "0.1,1.5"], "from 0 to 1"),
    (["--implicit", "--penalty-scale", "raw,1.5"], "--penalty-scale"),
])
def test_what_tune_cannot_try(plays, options, word):
    assert word in run(["tune", plays[1], *options], expect=2).messages[0]


@pytest.mark.parametrize("how, options", [
    (["--implicit"], IMPLICIT),
    (["--missing", "weak"], ["--missing", "weak", "--missing-weight", 0.5])])
def test_a_plan_knows_what_is_sent(folder, how, options):
    """Every place is stored, so that every process needs all factor rows."""
    path = write(folder / "full.csv", [(i, j, 1 + (i + j) % 4) for i in range(20) for j in range(12)])
    sent = run(["fit", path, "-o", folder / "full.h5", "-k", 3, "--max-iter", 1, *options, "--json"],
               processes=2).json["traffic"]
    assert sent == pytest.approx(run(["plan", path, "-k", 3, "-n", 2, *how, "--json"]).json["plans"][0]["traffic"])
