"""Cross-validation inside one job: the same choice on any number of processes, folds that fit can repeat."""
import re

import h5py
import pytest

from program import run


@pytest.fixture(scope="module")
def ratings(folder):
    run(["generate", "-o", folder / "ratings.h5", "--rows", 120, "--cols", 80, "--kind", "ratings", "--nnz", 2500])
    return folder / "ratings.h5"


@pytest.fixture(scope="module")
def alone(ratings):
    return run(["tune", ratings, "-k", "2,5", "--l2", "0.02,0.2", "--folds", 3, "--json"]).json


def test_every_combination_is_listed_best_first(alone):
    tried = {(c["components"], c["l2"]) for c in alone["candidates"]}
    assert tried == {(2, 0.02), (5, 0.02), (2, 0.2), (5, 0.2)}
    scores = [c["rmse"] for c in alone["candidates"]]
    assert scores == sorted(scores)
    assert alone["best"] == alone["candidates"][0]


@pytest.mark.parametrize("processes, groups", [(2, 2), (3, 1), (4, 2), (6, 6)])
def test_the_same_table_on_any_number_of_processes(ratings, alone, processes, groups):
    table = run(["tune", ratings, "-k", "2,5", "--l2", "0.02,0.2", "--folds", 3, "--groups", groups, "--json"],
                processes=processes).json
    for here, there in zip(table["candidates"], alone["candidates"]):
        assert (here["components"], here["l2"], here["iterations"]) == \
               (there["components"], there["l2"], there["iterations"])
        assert here["rmse"] == pytest.approx(there["rmse"], rel=1e-8)


def test_the_first_fold_is_what_fit_holds_out(ratings, folder):
    """Both choose an entry by the same number in [0, 1): the first of 4 folds is the fraction 0.25."""
    told = run(["tune", ratings, "-k", 3, "--l2", 0.05, "--folds", 4, "--seed", 9, "--progress", "always"])
    fold = float(re.search(r"fold 1: ([0-9.]+)", told.stderr).group(1))
    fit = run(["fit", ratings, "-o", folder / "fold.h5", "-k", 3, "--l2", 0.05, "--seed", 9, "--validation", 0.25,
               "--max-iter", 60, "--patience", 10, "--json"]).json
    assert fold == pytest.approx(fit["validation_rmse"], abs=1e-5)


def test_the_score_lies_between_the_folds(ratings):
    told = run(["tune", ratings, "-k", 3, "--l2", 0.05, "--folds", 3, "--progress", "always", "--json"])
    folds = [float(value) for value in re.findall(r"fold \d: ([0-9.]+)", told.stderr)]
    assert len(folds) == 3
    assert min(folds) - 1e-5 <= told.json["best"]["rmse"]


def test_the_best_is_fitted_to_all_entries(ratings, alone, folder):
    told = run(["tune", ratings, "-k", "2,5", "--l2", "0.02,0.2", "--folds", 3, "-o", folder / "best.h5", "--json"],
               processes=2).json
    with h5py.File(folder / "best.h5") as file:
        assert file.attrs["components"] == told["best"]["components"] == file["W"].shape[1]
        assert file.attrs["iterations"] == told["best"]["iterations"] == alone["best"]["iterations"]
        assert file.attrs["l2_w"] == pytest.approx(told["best"]["l2"])
        assert file.attrs["missing"] == "unobserved"


def test_options_of_the_search_do_not_disturb_the_last_fit(ratings, folder):
    run(["tune", ratings, "-k", 2, "--folds", 2, "--max-iter", 3, "--patience", 2, "-o", folder / "patient.h5"])
    assert (folder / "patient.h5").exists()


def test_a_random_search_repeats_for_its_seed(ratings):
    options = ["tune", ratings, "-k", "2,3", "--l2", "0.01,0.5", "--folds", 2, "--search", "random", "--samples", 5,
               "--max-iter", 5, "--json"]
    first, again = run(options).json, run(options, processes=2).json
    drawn = [(c["components"], c["l2"]) for c in first["candidates"]]
    assert len(drawn) == 5 and all(0.01 <= l2 <= 0.5 for _, l2 in drawn)
    assert sorted(drawn) == sorted((c["components"], c["l2"]) for c in again["candidates"])


@pytest.mark.parametrize("options, words", [
    (["-k", "2,x"], "--components 2,x"),
    (["-k", "0"], "--components 0"),
    (["--l2", "0.1,,0.2"], "--l2 0.1,,0.2"),
    (["--bias", "perhaps"], "--bias perhaps"),
    (["--folds", "1"], "--folds 1"),
])
def test_lists_that_make_no_sense_are_refused(ratings, options, words):
    refused = run(["tune", ratings, *options], expect=2)
    assert words in refused.stderr


def test_a_missing_input_is_one_message(tmp_path):
    refused = run(["tune", tmp_path / "absent.csv", "-k", 2], processes=3, expect=1)
    assert len(refused.messages) == 1 and "absent.csv" in refused.messages[0]


@pytest.mark.parametrize("processes", [1, 3])
def test_a_fold_without_ratings_is_refused(tmp_path, processes):
    """Six ratings in five folds, by chance none in some: there is nothing to measure there."""
    (tmp_path / "r.csv").write_text("1,A,4.5\n2,B,3.0\n1,C,5.0\n3,A,2.5\n2,C,1.0\n3,B,2.0\n")
    output = tmp_path / "m.h5"
    result = run(["tune", tmp_path / "r.csv", "-k", 2, "--folds", 6, "-o", output], processes, expect=1)
    assert len(result.messages) == 1 and not output.exists()
    assert "6 ratings none falls" in result.messages[0] and "--folds" in result.messages[0]
