"""Cross-validation inside one job: the same choice on any number of processes, folds that fit can repeat."""
import csv
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


def uniform(seed, stream, i, j):
    """The documented random number: Philox4x32-10 of (i, j with the stream in its top byte), keyed by the seed."""
    word = 0xffffffff
    tagged = j ^ stream << 56
    c = [i & word, i >> 32, tagged & word, tagged >> 32]
    key = [seed & word, seed >> 32]
    for _ in range(10):
        a, b = 0xd2511f53 * c[0], 0xcd9e8d57 * c[2]
        c = [b >> 32 ^ c[1] ^ key[0], b & word, a >> 32 ^ c[3] ^ key[1], a & word]
        key = [(key[0] + 0x9e3779b9) & word, (key[1] + 0xbb67ae85) & word]
    return (((c[0] << 32 | c[1]) >> 12) + 0.5) * 2.0 ** -52


FOLDS_STREAM = 10


def test_a_list_metric_is_that_of_evaluate_on_the_fold(ratings, folder):
    """Entries are parted as tune does; fit and evaluate --seen then give the first fold's figure."""
    run(["export", ratings, "-o", folder / "all.csv"])
    with open(folder / "all.csv", encoding="utf-8", newline="") as file:
        head, *lines = list(csv.reader(file))
    held = [line for line in lines if uniform(9, FOLDS_STREAM, int(line[0]), int(line[1])) < 0.25]
    for name, part in (("held.csv", held), ("kept.csv", [line for line in lines if line not in held])):
        with open(folder / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *part])
    how = ["-k", 3, "--l2", 0.05, "--seed", 9]
    run(["fit", ratings, "-o", folder / "fold.h5", *how, "--validation", 0.25, "--max-iter", 60, "--patience", 10])
    with h5py.File(folder / "fold.h5") as file:
        assert file["observed/row"][:].sum() == len(lines) - len(held)
    lists = run(["evaluate", folder / "fold.h5", folder / "held.csv", "--seen", folder / "kept.csv", "--relevant", 4,
                 "--at", 5, "--json"]).json
    for processes, groups in ((1, 1), (3, 1), (4, 2)):
        told = run(["tune", ratings, *how, "--folds", 4, "--metric", "ndcg@5", "--relevant", 4, "--groups", groups,
                    "--progress", "always", "--json"], processes)
        folds = [float(value) for value in re.findall(r"fold \d: ([0-9.]+)", told.stderr)]
        best = told.json["best"]
        if groups == 1:
            assert folds[0] == pytest.approx(lists["ndcg@5"], abs=1e-5)
            assert min(folds) - 1e-5 <= best["ndcg@5"] <= max(folds) + 1e-5
        alone = best if processes == 1 else alone
        assert best["ndcg@5"] == pytest.approx(alone["ndcg@5"], abs=1e-9)


def test_the_best_lists_are_chosen(ratings):
    told = run(["tune", ratings, "-k", "2,5", "--l2", "0.02,0.5", "--folds", 2, "--metric", "recall@10", "--relevant",
                4, "--max-iter", 8, "--json"], 2).json
    found = [c["recall@10"] for c in told["candidates"]]
    assert found == sorted(found, reverse=True) and found[0] > found[-1]
    assert told["best"] == told["candidates"][0] and told["metric"] == "recall@10"


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
    (["-k", "2,x"], "-k 2,x"),
    (["-k", "0"], "-k 0"),
    (["--l2", "0.1,,0.2"], "--l2 0.1,,0.2"),
    (["--bias", "perhaps"], "--bias perhaps"),
    (["--folds", "1"], "--folds 1"),
    (["--metric", "ndcg"], "--metric ndcg"),
    (["--metric", "ndcg@0"], "--metric ndcg@0"),
    (["--relevant", "4"], "--relevant"),
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
