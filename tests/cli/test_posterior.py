"""Averages over the posterior distribution: a chain's draws as one model, its deviations and its intervals."""
import re

import h5py
import numpy as np
import pytest

from program import PROCESSES, run

COMPONENTS = 3
CHAIN = ["--samples", 24, "--burn-in", 6, "--thin", 3]
KEPT = 8
NOISE = 0.3


def write_ratings(path, rows, cols, values):
    with open(path, "w") as file:
        file.write("user,item,rating\n")
        file.writelines(f"u{i},i{j},{v:.6g}\n" for i, j, v in zip(rows, cols, values))


def planted(seed, rows, cols, share):
    """Entries of a model of the kind that is fitted, deviations not below -0.5, and a held-out fifth of them."""
    random = np.random.default_rng(seed)
    w, h = [np.maximum(-0.5, 0.35 * random.standard_normal(shape)) for shape in ((rows, 4), (4, cols))]
    truth = 3.5 + 0.4 * random.standard_normal((rows, 1)) + 0.4 * random.standard_normal((1, cols)) + w @ h
    i, j = np.nonzero(random.random((rows, cols)) < share)
    values = np.maximum(0, truth[i, j] + NOISE * random.standard_normal(len(i)))
    held_out = random.random(len(i)) < 0.2
    return (i, j, values), held_out, truth


@pytest.fixture(scope="module")
def inputs(folder):
    (i, j, values), held_out, _ = planted(1, 60, 40, 0.3)
    whole = np.clip(np.rint(values), 1, 5)  # few distinct values: the same mean on any number of processes
    for name, kept in (("train", ~held_out), ("test", held_out)):
        write_ratings(folder / f"{name}.csv", i[kept], j[kept], whole[kept])
    run(["fit", folder / "train.csv", "-o", folder / "model.h5", "-k", COMPONENTS, *CHAIN])
    return folder


def model_of(path):
    with h5py.File(path) as file:
        found = {}
        file.visititems(lambda name, item: found.update({name: item[:]}) if isinstance(item, h5py.Dataset) else None)
        return found, dict(file.attrs)


def draws_of(path):
    """The predictions of each draw by its definition, kept x rows x columns."""
    model, _ = model_of(path)
    w, h = model["W"], model["H"]
    kept = model["samples/row_bias"].shape[1]
    k = w.shape[1] // kept
    return np.array([model["bias/mean"] + kept * w[:, s * k:(s + 1) * k] @ h[s * k:(s + 1) * k]
                     + model["samples/row_bias"][:, [s]] + model["samples/col_bias"][:, s] for s in range(kept)])


def positions(path):
    with h5py.File(path) as file:
        return [{name.decode(): at for at, name in enumerate(file[side][:])} for side in ("row_ids", "col_ids")]


def scores_of(path):
    table = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
    return table


def test_the_draws_are_one_nonnegative_model(inputs):
    model, attributes = model_of(inputs / "model.h5")
    assert attributes["samples"] == KEPT and attributes["chain_sweeps"] == 24 and attributes["components"] == COMPONENTS
    assert model["W"].shape[1] == KEPT * COMPONENTS == model["H"].shape[0]
    assert model["W"].min() >= 0 and model["H"].min() >= 0
    draws = draws_of(inputs / "model.h5")
    together = model["bias/mean"] + model["bias/row"][:, None] + model["bias/col"] + model["W"] @ model["H"]
    np.testing.assert_allclose(together, draws.mean(axis=0), rtol=1e-10)
    assert np.ptp(draws, axis=0).min() > 0  # they are draws, not copies


@pytest.mark.parametrize("processes", [1, 3])
def test_predictions_tell_the_deviation_of_the_draws(inputs, tmp_path, processes):
    run(["predict", inputs / "model.h5", inputs / "test.csv", "-o", tmp_path / "p.csv", "--no-clip"],
        processes=processes)
    rows, cols = positions(inputs / "model.h5")
    draws = draws_of(inputs / "model.h5")
    table = scores_of(tmp_path / "p.csv")
    known = [t["row"] in rows and t["column"] in cols for t in table]
    assert sum(known) > 50
    for t in table[known]:
        of_pair = draws[:, rows[t["row"]], cols[t["column"]]]
        assert abs(t["score"] - of_pair.mean()) < 1e-9 and abs(t["deviation"] - of_pair.std(ddof=1)) < 1e-9


def test_hdf5_predictions_have_deviations_too(inputs, tmp_path):
    for name in ("p.csv", "p.h5"):
        run(["predict", inputs / "model.h5", inputs / "test.csv", "-o", tmp_path / name], processes=2)
    with h5py.File(tmp_path / "p.h5") as file:
        np.testing.assert_array_equal(file["deviation"][:], scores_of(tmp_path / "p.csv")["deviation"])


def test_a_model_of_a_fit_has_no_deviations(inputs, tmp_path):
    run(["fit", inputs / "train.csv", "-o", tmp_path / "m.h5", "-k", COMPONENTS])
    run(["predict", tmp_path / "m.h5", inputs / "test.csv", "-o", tmp_path / "p.csv"])
    assert scores_of(tmp_path / "p.csv").dtype.names == ("row", "column", "score")
    assert run(["evaluate", tmp_path / "m.h5", inputs / "test.csv", "--json"]).json["covered_90"] is None


@pytest.mark.parametrize("options", [[], ["--precision", "single"], ["--validation", 0.2]])
def test_the_chain_is_the_same_on_any_number_of_processes(inputs, tmp_path, options):
    expected, attributes = None, None
    for processes in PROCESSES if not options else (1, 2, 6):
        run(["fit", inputs / "train.csv", "-o", tmp_path / "m.h5", "-k", COMPONENTS, *CHAIN, *options],
            processes=processes)
        model, told = model_of(tmp_path / "m.h5")
        expected, attributes = expected or model, attributes or told
        for dataset in ("W", "H", "bias/row", "bias/col", "samples/row_bias", "samples/col_bias"):
            assert np.array_equal(model[dataset], expected[dataset]), (dataset, processes)
        assert told["noise_precision"] == attributes["noise_precision"]


def test_threads_and_seeds(inputs, tmp_path):
    found = []
    for threads, seed in ((1, 0), (2, 0), (1, 1)):
        run(["fit", inputs / "train.csv", "-o", tmp_path / "m.h5", "-k", COMPONENTS, *CHAIN, "--threads", threads,
             "--seed", seed])
        found.append(model_of(tmp_path / "m.h5")[0]["W"])
    assert np.array_equal(found[0], found[1]) and not np.allclose(found[0], found[2])


@pytest.mark.parametrize("options, counts", [
    ([], PROCESSES), (["--validation", 0.2, "--implicit-terms", "both", "--precision", "single"], (1, 3, 6)),
    (["--validation", 0.2, "--keep", "mean", "--thin", 1], (1, 2))])
def test_chains_are_the_same_in_any_groups_of_processes(inputs, tmp_path, options, counts):
    """4 chains: on 1 and 3 processes one after another, on 2, 4 and 6 in 2, 4 and 2 groups side by side; the first is
    the chain that would be there alone, and the others are not it."""
    fit = ["fit", inputs / "train.csv", "-o", tmp_path / "m.h5", "-k", COMPONENTS, *CHAIN, *options, "--json"]
    expected, told = None, None
    for processes in counts:
        groups = {1: 1, 2: 2, 3: 1, 4: 4, 6: 2}[processes]
        found = run([*fit, "--chains", 4], processes=processes).json
        model, attributes = model_of(tmp_path / "m.h5")
        expected, told = expected or model, told or found
        assert (found["posterior"]["chains"], found["posterior"]["groups"]) == (4, groups) and attributes["chains"] == 4
        for dataset in ("W", "H", "bias/row", "samples/row_bias"):
            if dataset in expected:
                assert np.array_equal(model[dataset], expected[dataset]), (dataset, processes)
        assert {k: v for k, v in found["posterior"].items() if k != "groups"} == pytest.approx(
            {k: v for k, v in told["posterior"].items() if k != "groups"}, rel=1e-9)
        np.testing.assert_allclose(found["validation_rmse"] or 0, told["validation_rmse"] or 0, rtol=1e-9)
    run(fit)
    alone, _ = model_of(tmp_path / "m.h5")
    kept = 1 if "mean" in options else KEPT
    if kept > 1:
        h = expected["H"].reshape(kept, 4, COMPONENTS, -1)
        assert np.array_equal(h[:, 0], alone["H"].reshape(kept, COMPONENTS, -1))
        assert all(not np.allclose(h[-1, c], h[-1, d]) for c in range(4) for d in range(c))
    assert expected["W"].shape[1] == (COMPONENTS if kept == 1 else 4 * KEPT * COMPONENTS)


def test_the_mean_of_chains_is_that_of_all_draws(inputs, tmp_path):
    for name, keep in (("all", "samples"), ("mean", "mean")):
        run(["fit", inputs / "train.csv", "-o", tmp_path / f"{name}.h5", "-k", COMPONENTS, *CHAIN, "--chains", 3, "--keep",
             keep], processes=3)
    draws, mean = model_of(tmp_path / "all.h5")[0], model_of(tmp_path / "mean.h5")[0]
    blocks = draws["W"].reshape(len(draws["W"]), 3 * KEPT, COMPONENTS)
    np.testing.assert_allclose(mean["W"], blocks.sum(axis=1), rtol=1e-10)
    np.testing.assert_allclose(mean["H"], draws["H"].reshape(3 * KEPT, COMPONENTS, -1).mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(mean["bias/row"], draws["bias/row"], rtol=1e-9)


def test_chains_keep_about_a_hundred_draws(inputs, tmp_path):
    told = run(["fit", inputs / "train.csv", "-o", tmp_path / "m.h5", "-k", 1, "--samples", 90, "--chains", 4, "--json"],
               processes=2).json["posterior"]
    assert (told["thin"], told["samples"], told["sweeps"]) == (4, 4 * 22, 90)
    assert 1 < told["noise_effective_samples"] <= 4 * 90 and 0.9 < told["noise_r_hat"] < 1.5
    assert re.search(r"\bchains +4\n", run(["info", tmp_path / "m.h5"]).stdout)


@pytest.mark.parametrize("options", [[], ["--validation", 0.2],
                                     ["--keep", "mean", "--thin", 1, "--validation", 0.2],
                                     ["--chains", 2, "--validation", 0.2, "--implicit-terms", "both"]])
def test_a_broken_chain_ends_like_an_unbroken_one(inputs, tmp_path, options):
    """The last checkpoint is of sweep 28 of 30; and one of the fit before the chain."""
    fit = ["fit", inputs / "train.csv", "-k", COMPONENTS, *CHAIN, *options, "--json"]
    whole = run([*fit, "-o", tmp_path / "whole.h5"], processes=2).json
    expected, _ = model_of(tmp_path / "whole.h5")
    run([*fit, "-o", tmp_path / "m.h5", "--checkpoint", tmp_path / "late.h5", "--checkpoint-every", 14], processes=2)
    run([*fit, "-o", tmp_path / "m.h5", "--checkpoint", tmp_path / "early.h5", "--time-limit", 1e-6], processes=2,
        expect=75)
    for checkpoint, processes, resumed in (("late", 2, 28), ("late", 3, 28), ("early", 1, 0)):
        again = ["fit", inputs / "train.csv", "-o", tmp_path / "on.h5", "--resume", tmp_path / f"{checkpoint}.h5",
                 "--time-limit", 100, "--json"]
        found = run(again, processes=processes).json
        model, _ = model_of(tmp_path / "on.h5")
        assert (found["iterations"], found["stop_reason"]) == (whole["iterations"], "samples") == (30, "samples")
        assert found["resumed_iterations"] == resumed and set(model) == set(expected)
        assert found["posterior"]["start_iterations"] == whole["posterior"]["start_iterations"]
        for dataset in set(expected) - {"history/seconds", "row_ids", "col_ids"}:
            if "validation" in dataset or "mean_" in dataset:  # sums of each process's share
                np.testing.assert_allclose(model[dataset], expected[dataset], rtol=1e-12, err_msg=dataset)
            else:
                assert np.array_equal(model[dataset], expected[dataset], equal_nan=True), (dataset, checkpoint)


@pytest.mark.parametrize("optimism, options", [(1.5, []), (-2, ["--precision", "single"])])
def test_optimistic_lists_add_deviations(inputs, tmp_path, optimism, options):
    """Every row's list by hand, on 1 and 3 processes, without the columns it has seen."""
    rows, cols = positions(inputs / "model.h5")
    draws = draws_of(inputs / "model.h5")
    scores = draws.mean(axis=0) + optimism * draws.std(axis=0, ddof=1)
    names = {at: name for name, at in cols.items()}
    for user, item, _ in np.genfromtxt(inputs / "train.csv", delimiter=",", skip_header=1, dtype=None,
                                       encoding="utf-8"):
        scores[rows[user], cols[item]] = -np.inf
    for processes in (1, 3):
        run(["recommend", inputs / "model.h5", "--seen", inputs / "train.csv", "-n", 5, "-o", tmp_path / "r.csv",
             "--optimism", optimism, "--no-clip", *options], processes=processes)
        table = scores_of(tmp_path / "r.csv")
        assert len(table) == 5 * len(rows)
        for user, at in rows.items():
            best = np.argsort(-scores[at], kind="stable")[:5]
            listed = table[table["row"] == user]
            assert list(listed["column"]) == [names[j] for j in best]
            np.testing.assert_allclose(listed["score"], scores[at, best], rtol=1e-5 if options else 1e-9)


def test_the_mean_of_the_draws_is_the_model(tmp_path):
    """Also of rows and columns without entries, which are lists' where --include-empty asks for them."""
    run(["generate", "-o", tmp_path / "r.h5", "--kind", "ratings", "--rows", 30, "--cols", 40, "--nnz", 120])
    run(["fit", tmp_path / "r.h5", "-o", tmp_path / "m.h5", "-k", COMPONENTS, *CHAIN, "--missing", "unobserved"],
        processes=3)
    run(["transform", tmp_path / "m.h5", tmp_path / "r.h5", "-o", tmp_path / "t.h5"], processes=3)
    for name in ("m.h5", "t.h5"):
        model, _ = model_of(tmp_path / name)
        assert not model["observed/row"].all() and not model["observed/col"].all()
        mean = model["bias/mean"] + model["W"] @ model["H"] + model["bias/row"][:, None] + model["bias/col"]
        np.testing.assert_allclose(draws_of(tmp_path / name).mean(axis=0), mean, rtol=1e-9)


def test_optimism_needs_draws(inputs, tmp_path):
    run(["fit", inputs / "train.csv", "-o", tmp_path / "m.h5", "-k", COMPONENTS])
    for model, options in ((tmp_path / "m.h5", []), (inputs / "model.h5", ["--similar-to", "i1"])):
        result = run(["recommend", model, "--optimism", 1, *options], expect=2, processes=2)
        assert "--optimism" in result.stderr and len(result.messages) == 1, str(result)


@pytest.mark.parametrize("keep", ["samples", "mean"])
def test_validation_is_of_the_model_kept(inputs, tmp_path, keep):
    run(["split", inputs / "train.csv", "--fraction", 0.2, "--train", tmp_path / "a.csv", "--test", tmp_path / "b.csv"])
    told = run(["fit", tmp_path / "a.csv", "-o", tmp_path / "m.h5", "-k", COMPONENTS, *CHAIN, "--validation",
                tmp_path / "b.csv", "--keep", keep, "--json"], processes=2).json
    found = run(["evaluate", tmp_path / "m.h5", tmp_path / "b.csv", "--json", "--unknown", "drop"]).json
    assert abs(told["validation_rmse"] - found["rmse"]) < 2e-3  # but for rows without entries in a.csv


def test_new_rows_are_folded_in_draw_by_draw(inputs, tmp_path):
    """Each draw's H predicts, and a row of the fit gets about the predictions that it had."""
    run(["transform", inputs / "model.h5", inputs / "train.csv", "-o", tmp_path / "t.h5"], processes=2)
    model, attributes = model_of(tmp_path / "t.h5")
    before, _ = model_of(inputs / "model.h5")
    assert np.array_equal(model["H"], before["H"]) and model["W"].shape == before["W"].shape
    assert attributes["samples"] == KEPT
    new, old = draws_of(tmp_path / "t.h5").mean(axis=0), draws_of(inputs / "model.h5").mean(axis=0)
    assert np.corrcoef(new.ravel(), old.ravel())[0, 1] > 0.9


def test_the_mean_is_a_model_of_k_components(inputs, tmp_path):
    run(["fit", inputs / "train.csv", "-o", tmp_path / "m.h5", "-k", COMPONENTS, *CHAIN, "--keep", "mean"])
    model, attributes = model_of(tmp_path / "m.h5")
    draws, _ = model_of(inputs / "model.h5")
    blocks = draws["W"].reshape(len(draws["W"]), KEPT, COMPONENTS)
    np.testing.assert_allclose(model["W"], blocks.sum(axis=1), rtol=1e-10)  # the draws of W are over KEPT there
    np.testing.assert_allclose(model["bias/col"], draws["bias/col"], rtol=1e-10)
    assert "samples/row_bias" not in model and attributes["keep"] == "mean" and attributes["samples"] == 0


def test_intervals_cover_what_they_say(tmp_path):
    """On data of the model: of 50 % about half, of 90 % from 88 to 92 %; and the noise is found."""
    (i, j, values), held_out, truth = planted(7, 300, 200, 0.25)
    for name, kept in (("train", ~held_out), ("test", held_out)):
        write_ratings(tmp_path / f"{name}.csv", i[kept], j[kept], values[kept])
    told = run(["fit", tmp_path / "train.csv", "-o", tmp_path / "m.h5", "-k", 4, "--samples", 200, "--json"],
               processes=2).json
    found = run(["evaluate", tmp_path / "m.h5", tmp_path / "test.csv", "--json"]).json
    assert 0.88 < found["covered_90"] < 0.92 and 0.47 < found["covered_50"] < 0.53
    assert abs(1 / np.sqrt(told["posterior"]["noise_precision"]) - NOISE) < 0.05
    rows, cols = positions(tmp_path / "m.h5")
    names = [[int(name[1:]) for name in side] for side in (rows, cols)]
    draws = draws_of(tmp_path / "m.h5")
    away = np.abs(draws.mean(axis=0) - truth[np.ix_(*names)])
    inside = away <= 1.6448536 * draws.std(axis=0, ddof=1)
    assert 0.84 < inside.mean() < 0.95  # the truth itself, without noise
    plain = run(["fit", tmp_path / "train.csv", "-o", tmp_path / "p.h5", "-k", 4]) and run(
        ["evaluate", tmp_path / "p.h5", tmp_path / "test.csv", "--json"]).json
    assert found["rmse"] < plain["rmse"]


def test_a_plan_counts_the_draws(tmp_path):
    """Draws as they were kept, side by side, and as the model: three times their numbers, and biases."""
    plan = ["plan", "--rows", 1000, "--cols", 500, "--nnz", 20000, "-k", 10, "--missing", "unobserved", "--json"]
    without = run(plan).json["plans"][0]["memory"]
    told = run([*plan, "--samples", 300]).json["plans"][0]["memory"]
    assert without["draws"] == 0 and told["draws"] == 1500 * 100 * (3 * 11 + 1) * 8
    assert told["peak"] > without["peak"]
    assert "--samples" in run([*plan, "--samples", 3, "--solver", "mu"], expect=2).stderr
    assert "--samples" in run([*plan, "--chains", 3], expect=2).stderr


@pytest.mark.parametrize("processes, options", [(1, ["--implicit-terms", "both"]),
                                                (2, ["--implicit-terms", "rows", "--chains", 2])])
def test_memory_of_chains_is_near_what_a_fit_takes(tmp_path, processes, options):
    run(["generate", "-o", tmp_path / "a.h5", "--rows", 3000, "--cols", 2000, "--kind", "ratings", "--nnz", 60000])
    options = [tmp_path / "a.h5", "-k", 10, "--samples", 100, *options, "--json"]
    taken = run(["fit", *options, "-o", tmp_path / "m.h5", "--burn-in", 0, "--max-iter", 2],
                processes=processes).json["peak_memory"]
    memory = run(["plan", *options, "-n", processes]).json["plans"][0]["memory"]
    assert memory["draws"] > 5 * memory["loading"]
    assert taken - memory["program"] == pytest.approx(memory["peak"], abs=24e6)


def test_a_plan_counts_the_sweeps_of_chains():
    """On one process of each chain alike; side by side no more; with implicit terms many times the words."""
    plan = ["plan", "--rows", 4000, "--cols", 3000, "--nnz", 400000, "-k", 10, "--missing", "unobserved", "--samples", 300,
            "-n", "1,2,4", "--json"]
    one = run(plan).json["plans"]
    four = run([*plan, "--chains", 4]).json["plans"]
    assert four[0]["seconds"] == pytest.approx(4 * one[0]["seconds"])
    assert four[1]["seconds"] == pytest.approx(2 * one[0]["seconds"], rel=0.01)
    assert four[2]["seconds"] == pytest.approx(one[0]["seconds"], rel=0.01)
    assert four[2]["traffic"]["gather_words"] == 0 < one[2]["traffic"]["gather_words"]
    assert four[2]["memory"]["chains"] > 0 == one[2]["memory"]["chains"]
    terms = run([*plan, "--implicit-terms", "both"]).json["plans"]
    assert terms[0]["seconds"] > 2 * one[0]["seconds"]
    assert terms[2]["traffic"]["gather_words"] > 10 * one[2]["traffic"]["gather_words"]


def test_convergence_is_told(inputs, tmp_path):
    told = run(["fit", inputs / "train.csv", "-o", tmp_path / "m.h5", "-k", COMPONENTS, "--samples", 200, "--json"]).json
    posterior = told["posterior"]
    assert posterior["samples"] == 100 and posterior["sweeps"] == 200 and posterior["burn_in"] == 50
    for figure in ("noise", "watched"):
        assert 0.99 < posterior[f"{figure}_r_hat"] < 1.5 and 1 < posterior[f"{figure}_effective_samples"] <= 200


@pytest.mark.parametrize("options, said", [
    (["--samples", 10, "--implicit"], "no chain"),
    (["--samples", 10, "--missing", "zero"], "--samples has no use"),
    (["--samples", 10, "--bias", "none"], "around a level"),
    (["--samples", 10, "--shrink-to", "zero"], "around a level"),
    (["--samples", 10, "--solver", "mu"], "around a level"),
    (["--samples", 10, "--loss", "kl"], "leave --shrink-to, --loss"),
    (["--samples", 10, "--l1-h", 0.5], "--l1-h is no part"),
    (["--samples", 10, "--thin", 11], "keeps none"),
    (["--burn-in", 3], "needs --samples"),
    (["--thin", 3], "needs --samples"),
    (["--chains", 2], "needs --samples"),
    (["--samples", 10, "--chains", 0], "--chains"),
    (["--samples", 10, "--chains", 101], "--chains"),
    (["--samples", 10, "--chains", 2, "--thin", 11], "keeps none"),
    (["--keep", "mean"], "needs --samples"),
    (["--samples", 900000, "--thin", 1, "-k", 30], "larger --thin"),
    (["--samples", 0], "--samples"),
])
def test_what_cannot_be_done_is_refused(inputs, tmp_path, options, said):
    result = run(["fit", inputs / "train.csv", "-o", tmp_path / "m.h5", "-k", COMPONENTS, *options], expect=2)
    assert said in result.stderr and len(result.messages) == 1, str(result)
    assert not list(tmp_path.iterdir())


def test_draws_that_do_not_belong_to_a_model_are_refused(inputs, tmp_path):
    """One of the two sides is missing, or it is of more rows than the model has."""
    for change in (lambda file: None, lambda file: file.create_dataset("samples/col_bias", data=np.zeros((999, KEPT)))):
        (tmp_path / "m.h5").write_bytes((inputs / "model.h5").read_bytes())
        with h5py.File(tmp_path / "m.h5", "r+") as file:
            del file["samples/col_bias"]
            change(file)
        result = run(["evaluate", tmp_path / "m.h5", inputs / "test.csv"], processes=3, expect=1)
        assert "samples/col_bias" in result.stderr and len(result.messages) == 1, str(result)


def test_a_checkpoint_without_a_chain_is_of_another_fit(inputs, tmp_path):
    fit = ["fit", inputs / "train.csv", "-o", tmp_path / "m.h5", "-k", COMPONENTS]
    run([*fit, "--checkpoint", tmp_path / "c.h5", "--checkpoint-every", 5])
    result = run([*fit, "--resume", tmp_path / "c.h5", *CHAIN], expect=2)
    assert "--samples is 24" in result.stderr and len(result.messages) == 1, str(result)


def test_a_checkpoint_of_other_chains_is_of_another_fit(inputs, tmp_path):
    fit = ["fit", inputs / "train.csv", "-o", tmp_path / "m.h5", "-k", COMPONENTS, *CHAIN]
    run([*fit, "--chains", 2, "--checkpoint", tmp_path / "c.h5", "--checkpoint-every", 20], processes=2)
    result = run([*fit, "--resume", tmp_path / "c.h5", "--chains", 3], processes=2, expect=2)
    assert "--chains" in result.stderr and len(result.messages) == 1, str(result)
    with h5py.File(tmp_path / "c.h5", "r+") as file:
        narrow = file["checkpoint/chains_w"][:, 1:]
        del file["checkpoint/chains_w"]
        file["checkpoint/chains_w"] = narrow
    result = run([*fit, "--resume", tmp_path / "c.h5", "--chains", 2], processes=2, expect=1)
    assert "chains_w" in result.stderr and len(result.messages) == 1, str(result)
