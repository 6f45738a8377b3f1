"""The search for the number of components of matrices with zeros, against scikit-learn's and scipy's definitions."""
import re
import signal
import time

import h5py
import numpy as np
import pytest
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.optimize import linear_sum_assignment, nnls
from scipy.spatial.distance import squareform
from sklearn.metrics import silhouette_samples

from program import finish, run, start

RESTARTS = 5


def planted(rows, cols, k, noise, seed):
    random = np.random.default_rng(seed)
    w = random.exponential(size=(rows, k)) * (random.random((rows, k)) < 0.5)
    h = random.exponential(size=(k, cols)) * (random.random((k, cols)) < 0.5)
    return np.maximum(0, w @ h + noise * random.standard_normal((rows, cols)))


@pytest.fixture(scope="module")
def matrix(folder):
    np.save(folder / "a.npy", planted(40, 30, 3, 0.3, 5))
    return folder / "a.npy"


@pytest.fixture(scope="module")
def alone(matrix, folder):
    return run(["tune", matrix, "-k", "1:4", "--restarts", RESTARTS, "--holdout", 0, "-o", folder / "consensus.h5",
                "--json"]).json


def figures(told):
    return {c["k"]: {name: value for name, value in c.items() if name != "seconds"} for c in told["candidates"]}


def same(one, other, tolerance=1e-6):
    for k, expected in figures(one).items():
        for name, value in expected.items():
            assert figures(other)[k][name] == pytest.approx(value, rel=tolerance, abs=tolerance), (k, name)


def fits(matrix, folder, k):
    """The restarts as `fit --seed` makes them: their factors and relative errors."""
    made = []
    for seed in range(RESTARTS):
        told = run(["fit", matrix, "-o", folder / "one.h5", "-k", k, "--seed", seed, "--json"]).json
        with h5py.File(folder / "one.h5") as file:
            made.append((file["W"][:], file["H"][:], told["relative_error"], told["objective"]))
    return made


def match(cosines, k, best):
    """Components of each run to clusters, one to one, around centres that begin as the best run's components."""
    labels = np.empty((RESTARTS, k), int)
    centres = [[best * k + c] for c in range(k)]
    while True:
        before = labels.copy()
        for r in range(RESTARTS):
            likeness = np.array([[cosines[r * k + a, members].sum() / np.sqrt(cosines[np.ix_(members, members)].sum())
                                  for members in centres] for a in range(k)])
            labels[r] = linear_sum_assignment(-likeness)[1]
        if (labels == before).all():
            return labels.ravel()
        centres = [np.flatnonzero(labels.ravel() == c) for c in range(k)]


def oracle(made, k):
    w = np.hstack([one[0] for one in made])
    norms = np.linalg.norm(w, axis=0)
    units = (w / norms).T
    cosines = units @ units.T
    labels = match(cosines, k, int(np.argmin([one[3] for one in made])))
    distances = np.maximum(0, 1 - cosines)
    np.fill_diagonal(distances, 0)
    silhouettes = silhouette_samples(distances, labels, metric="precomputed")
    clusters = np.array([silhouettes[labels == c].mean() for c in range(k)])
    euclidean = np.sort(np.linalg.norm(units[:, None] - units[None], axis=2), axis=1)
    neighbours = max(1, int(0.3 * RESTARTS))
    outlying = euclidean[:, 1:neighbours + 1].mean(axis=1) >= 0.5
    apart = np.zeros((made[0][1].shape[1],) * 2)
    for r, (_, h, *_) in enumerate(made):
        strongest = (h * norms[r * k:(r + 1) * k, None]).argmax(axis=0)
        apart += (strongest[:, None] != strongest[None]) / RESTARTS
    flat = squareform(apart, checks=False)
    return {"silhouettes": np.sort(clusters), "outliers": outlying.mean(), "units": units, "labels": labels,
            "outlying": outlying, "cophenetic": cophenet(linkage(flat, "average"), flat)[0]}


@pytest.fixture(scope="module")
def four(matrix, folder):
    made = fits(matrix, folder, 4)
    return made, oracle(made, 4)


def test_errors_are_those_of_fits_from_the_same_seeds(alone, four):
    errors = [one[2] for one in four[0]]
    assert figures(alone)[4]["relative_error"] == pytest.approx(min(errors), rel=1e-6)
    assert figures(alone)[4]["median_error"] == pytest.approx(np.median(errors), rel=1e-6)


def test_restarts_are_the_same_where_cells_are_held_out_of_other_fits(matrix, alone):
    told = run(["tune", matrix, "-k", "3", "--restarts", RESTARTS, "--folds", 2, "--json"]).json
    assert (told["solver"], told["fold_solver"]) == (alone["solver"], "hals")
    for name in ("relative_error", "median_error", "silhouette_min"):
        assert figures(told)[3][name] == pytest.approx(figures(alone)[3][name], rel=1e-9)


def test_silhouettes_are_scikit_learns(alone, four):
    told, expected = figures(alone)[4], four[1]["silhouettes"]
    assert told["silhouette_min"] == pytest.approx(expected.min(), abs=1e-5)
    assert told["silhouette_mean"] == pytest.approx(expected.mean(), abs=1e-5)
    assert sorted(told["stability"]) == pytest.approx(expected, abs=1e-5)
    assert expected.min() < 0.9 < expected.max()  # there is something to tell apart


def test_outliers_are_as_cnmf_defines_them(alone, four):
    told = figures(alone)[4]
    assert told["outliers"] == pytest.approx(four[1]["outliers"])
    assert sum(told["runs"]) == (~four[1]["outlying"]).sum()


def test_the_cophenetic_correlation_is_scipys(alone, four):
    assert figures(alone)[4]["cophenetic"] == pytest.approx(four[1]["cophenetic"], abs=1e-6)


def test_the_planted_number_is_suggested_with_its_reason(alone):
    assert alone["suggestion"]["k"] == 3 and "k = 3" in alone["suggestion"]["reason"]
    assert alone["missing"] == "zero" and [c["k"] for c in alone["candidates"]] == [1, 2, 3, 4]


def test_one_component_and_one_restart_have_no_silhouettes(alone, matrix):
    assert figures(alone)[1]["silhouette_min"] is None and figures(alone)[1]["stability"] == [None]
    told = run(["tune", matrix, "-k", "2,3", "--restarts", 1, "--holdout", 0, "--json"])
    assert all(c["silhouette_min"] is None and c["outliers"] is None for c in told.json["candidates"])
    assert told.json["suggestion"]["k"] is None
    assert "stability is not defined with one restart" in told.stderr


@pytest.mark.parametrize("processes, how", [(2, ["--groups", 1]), (3, ["--groups", 2]), (4, ["--grid", "2x2"]), (6, [])])
def test_the_same_table_on_any_number_of_processes(matrix, alone, folder, processes, how):
    told = run(["tune", matrix, "-k", "1:4", "--restarts", RESTARTS, "--holdout", 0, *how, "-o", folder / "other.h5",
                "--json"], processes).json
    same(alone, told)
    assert told["suggestion"]["k"] == alone["suggestion"]["k"]
    with h5py.File(folder / "consensus.h5") as one, h5py.File(folder / "other.h5") as other:
        assert other["W"][:] == pytest.approx(one["W"][:], abs=1e-6)
        assert other["H"][:] == pytest.approx(one["H"][:], abs=1e-4)


def test_the_consensus_is_medians_and_the_other_factor_fitted(matrix, folder, alone):
    made = fits(matrix, folder, 3)
    told = oracle(made, 3)
    medians = np.array([np.median(told["units"][(told["labels"] == c) & ~told["outlying"]], axis=0) for c in range(3)])
    a = np.load(matrix)
    with h5py.File(folder / "consensus.h5") as file:
        w, h = file["W"][:], file["H"][:]
        assert file.attrs["fix"] == "w" and file.attrs["restarts"] == RESTARTS
        assert file["consensus/runs"][:].tolist() == [RESTARTS] * 3
        assert file["consensus/stability"][:] == pytest.approx(figures(alone)[3]["stability"])
    assert w.T == pytest.approx(medians, abs=1e-5)
    best = np.array([nnls(w, column)[0] for column in a.T]).T
    assert np.linalg.norm(a - w @ h) == pytest.approx(np.linalg.norm(a - w @ best), rel=1e-4)


def test_every_command_reads_the_consensus(matrix, folder, alone):
    described = run(["describe", folder / "consensus.h5", "-n", 1, "--json"]).json["components"]
    assert [c["runs"] for c in described] == [RESTARTS] * 3 and all(c["stability"] > 0.9 for c in described)
    assert f"in {RESTARTS} of {RESTARTS} fits" in run(["describe", folder / "consensus.h5", "-n", 1]).stdout
    run(["transform", folder / "consensus.h5", matrix, "-o", folder / "folded.h5"])
    run(["reconstruct", folder / "consensus.h5", "-o", folder / "product.h5"])
    with h5py.File(folder / "consensus.h5") as file, h5py.File(folder / "product.h5") as product:
        assert product["matrix"][:] == pytest.approx(file["W"][:] @ file["H"][:], rel=1e-5)


def test_components_of_h_are_those_of_w_of_the_transpose(matrix, folder):
    np.save(folder / "t.npy", np.load(matrix).T)
    options = ["-k", "3,4", "--restarts", 3, "--holdout", 0, "--max-iter", 500, "--tol", 1e-7, "--json"]
    of_h = run(["tune", matrix, *options, "--cluster", "h"]).json
    of_w = run(["tune", folder / "t.npy", *options]).json
    assert figures(of_h)[3]["silhouette_min"] == pytest.approx(figures(of_w)[3]["silhouette_min"], abs=1e-3)
    assert figures(of_h)[3]["relative_error"] == pytest.approx(figures(of_w)[3]["relative_error"], rel=1e-5)


@pytest.mark.parametrize("perturb", ["0.05", "poisson"])
def test_perturbed_copies_are_the_same_on_any_grid(folder, perturb):
    counts = np.random.default_rng(3).poisson(3 * planted(30, 24, 2, 0, 2))
    np.save(folder / "counts.npy", counts)
    options = ["tune", folder / "counts.npy", "-k", "2,3", "--restarts", 3, "--perturb", perturb, "--loss", "kullback-leibler",
               "--max-iter", 60, "--holdout", 0, "--json"]
    told = run(options).json
    same(told, run([*options, "--groups", 1], processes=3).json, 1e-5)
    assert told["perturb"] == perturb
    plain = figures(run([*options, "--perturb", "none"]).json)
    assert abs(figures(told)[2]["relative_error"] - plain[2]["relative_error"]) > 1e-5


@pytest.mark.parametrize("loss, k", [("frobenius", 2), ("kullback-leibler", 1)])
def test_the_error_on_held_out_cells_is_that_of_fit(matrix, folder, loss, k):
    """The first fold is what fit holds out; of so few components every start ends at the same optimum."""
    options = ["-k", k, "--loss", loss, "--seed", 3, "--tol", 0, "--max-iter", 1500, "--json"]
    told = run(["tune", matrix, *options, "--restarts", 1, "--folds", 1, "--holdout", 0.1]).json
    run(["fit", matrix, "-o", folder / "held.h5", *options, "--validation", 0.1])
    with h5py.File(folder / "held.h5") as file:
        expected = np.sqrt(2 * file.attrs["validation_loss"])
    assert told["candidates"][0]["heldout"] == pytest.approx(expected, rel=1e-5)
    assert told["candidates"][0]["heldout_spread"] is None and told["suggestion"]["by_heldout"] == k


def test_held_out_cells_suggest_the_planted_number_on_any_grid(matrix):
    options = ["tune", matrix, "-k", "2:5", "--restarts", 2, "--folds", 4, "--json"]
    told = run(options).json
    errors = [figures(told)[k]["heldout"] for k in range(2, 6)]
    assert told["suggestion"]["by_heldout"] == 3 and min(errors) > 0
    assert figures(told)[2]["heldout"] > 1.2 * figures(told)[3]["heldout"]
    same(told, run([*options, "--groups", 2], processes=4).json, 1e-5)


def test_what_is_done_is_not_done_again(matrix, folder, alone):
    options = ["tune", matrix, "--restarts", RESTARTS, "--holdout", 0, "--checkpoint", folder / "kept.h5", "--json"]
    run([*options, "-k", "4,2"], processes=2)
    told = run([*options, "-k", "1:4", "--resume", "auto", "-o", folder / "resumed.h5"], processes=3)
    same(alone, told.json)
    assert f"{2 * RESTARTS} of {4 * RESTARTS} fits are done already" in told.stderr
    kept = run([*options, "-k", "1:4", "--resume", folder / "kept.h5", "-o", folder / "kept-model.h5"])
    assert "20 of 20 fits are done already" in kept.stderr and "k 3:" not in kept.stderr
    with h5py.File(folder / "consensus.h5") as one, h5py.File(folder / "kept-model.h5") as other:
        assert other["H"][:] == pytest.approx(one["H"][:], abs=1e-4)
    refused = run([*options, "-k", "1:4", "--resume", "auto", "--seed", 5], expect=2)
    assert "seed 0" in refused.messages[0] and "seed 5" in refused.messages[0]


def test_the_file_of_a_search_is_told_of_and_is_no_matrix(matrix, folder):
    kept = folder / "told.h5"
    told = run(["tune", matrix, "-k", "3,2", "--restarts", 3, "--folds", 2, "--checkpoint", kept, "--json"], 2)
    (folder / "tune.json").write_text(told.stdout)
    info = run(["info", kept, "--json"], 2)
    assert [c["k"] for c in info.json["candidates"]] == [2, 3] and "seed 0" in info.json["search"]
    for k, found in figures(info.json).items():
        for name, value in found.items():
            assert value == pytest.approx(figures(told.json)[k][name]), name
    for command in (["plan", kept, "-k", 2], ["fit", kept, "-k", 2, "-o", folder / "m.h5"]):
        assert "kept of a search" in run(command, expect=1).messages[0]
    assert "dnmf report" in run(["info", folder / "tune.json"], expect=1).messages[0]
    with h5py.File(kept, "r+") as file:
        del file["candidates/2/numbers"]
        file["candidates/2/numbers"] = np.zeros(3)
    assert "damaged" in run(["info", kept], 2, expect=1).messages[0]


def test_a_search_that_is_told_to_stop_goes_on(matrix, folder):
    options = ["tune", matrix, "-k", "4,3,2", "--restarts", 3, "--holdout", 0, "--tol", 0, "--max-iter", 6000,
               "--checkpoint", folder / "stopped.h5", "--json"]
    process = start(options)
    while not (folder / "stopped.h5").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    stopped = finish(process)
    assert stopped.returncode == 75
    assert f"1 of 3 numbers of components done; go on with the same command and --resume {folder}" in stopped.stderr
    told = run([*options, "--resume", "auto"])
    assert "3 of 9 fits are done already" in told.stderr and "k 4:" not in told.stderr
    same(run(options[:-3] + ["--json"]).json, told.json)


@pytest.mark.parametrize("options, words", [
    (["-k", "5:2"], "-k 5:2"),
    (["-k", "3000000000"], "-k 3000000000: give numbers from 1 to 1000000"),
    (["-k", "9223372036854775807"], "-k 9223372036854775807: give numbers from 1 to 1000000"),
    (["-k", "2,3,2"], "2 is given twice"),
    (["-k", "2,200"], "larger than both dimensions"),
    (["--perturb", "1.5"], "--perturb 1.5"),
    (["--l2", "0.1,0.2"], "--l2 0.1,0.2"),
    (["--bias", "both"], "--bias has no use here"),
    (["--metric", "ndcg@10"], "--metric has no use here"),
    (["--alpha", "3"], "--alpha has no use here"),
    (["--init", "nndsvd"], "--init nndsvd"),
    (["--stop", "validation"], "--stop validation has no use in a search"),
    (["--init", "file:m.h5"], "--init file:"),
    (["--loss", "kullback-leibler", "--solver", "hals"], "--solver mu"),
    (["--penalty-scale", "count"], "--penalty-scale count"),
    (["--holdout", "0.3", "--folds", "5"], "--folds 5"),
    (["--criterion", "stability", "--restarts", "1"], "--criterion stability"),
    (["--criterion", "heldout", "--holdout", "0"], "--criterion heldout"),
    (["--resume", "auto"], "--resume auto"),
    (["-k", "2,3", "--restarts", "1", "--holdout", "0", "-o", "m.h5"], "a consensus model needs"),
])
def test_what_cannot_be_done_is_refused(matrix, options, words):
    refused = run(["tune", matrix, *([] if "-k" in options else ["-k", "2"]), *options], expect=2)
    assert len(refused.messages) == 1 and words in refused.messages[0]


def test_options_of_zeros_are_refused_for_ratings(folder):
    (folder / "r.csv").write_text("u,i,v\na,x,1\nb,y,2\na,y,3\nb,x,4\n")
    refused = run(["tune", folder / "r.csv", "-k", "4294967298", "--folds", 2], expect=2)
    assert "-k 4294967298: give numbers from 1 to 1000000" in refused.messages[0]
    for option in (["--restarts", "3"], ["--holdout", "0.1"], ["--loss", "kullback-leibler"], ["--solver", "mu"]):
        refused = run(["tune", folder / "r.csv", "-k", 1, "--folds", 2, *option], expect=2)
        assert f"{option[0]} has no use here" in refused.messages[0]


def test_the_kind_of_input_decides(matrix, folder):
    """A matrix of zeros was once tuned as ratings."""
    told = run(["tune", matrix, "-k", 2, "--restarts", 2, "--holdout", 0, "--json"]).json
    assert told["missing"] == "zero" and "suggestion" in told
    as_ratings = run(["tune", matrix, "-k", 2, "--missing", "unobserved", "--folds", 2, "--json"]).json
    assert as_ratings["metric"] == "rmse"


@pytest.mark.parametrize("missing", [[], ["--missing", "zero"]])
def test_the_default_ends_with_the_larger_dimension(folder, missing):
    np.save(folder / "small.npy", planted(4, 3, 2, 0.1, 2) + 0.1)
    told = run(["tune", folder / "small.npy", "--restarts", 2, "--holdout", 0, *missing, "--json"]).json
    assert [c["k"] for c in told["candidates"]] == [2, 3, 4]


def test_live_progress_fits_the_terminal(matrix, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    told = run(["tune", matrix, "-k", "1,2", "--restarts", 2, "--holdout", 0, "--progress", "always"]).stderr
    drawn = [line for line in re.split("[\r\n]", told) if "fits done" in line]
    assert drawn and all(len(line.removeprefix("\033[K")) <= 29 for line in drawn)
    assert "k 1: relative error" in told and "nan" not in told
