"""fit --restarts: every restart is the fit of its seed, and the best of them is the model."""
import os
import signal
import time

import h5py
import numpy as np
import pytest

from program import finish, ranks_of, run, start

SEED, RESTARTS = 5, 4


@pytest.fixture(scope="module")
def inputs(folder):
    run(["generate", "-o", folder / "dense.h5", "--rows", 60, "--cols", 40, "--kind", "planted", "-k", 4, "--noise", 0.2])
    run(["generate", "-o", folder / "sparse.h5", "--rows", 70, "--cols", 45, "--nnz", 900])
    return folder


def model_of(path):
    with h5py.File(path) as file:
        return file["W"][:], file["H"][:], dict(file.attrs)


CASES = {
    "hals": ("dense.h5", ["--tol", "1e-3"], 1, "1x1"),
    "mu": ("sparse.h5", ["--solver", "mu", "--tol", "1e-3"], 4, "2x2"),
    "bpp": ("sparse.h5", ["--solver", "bpp", "--max-iter", 12], 6, "2x3"),
    "kullback-leibler": ("dense.h5", ["--loss", "kullback-leibler", "--max-iter", 12], 3, "1x3"),
    "nndsvdar": ("dense.h5", ["--init", "nndsvdar", "--solver", "mu", "--max-iter", 12], 2, "2x1"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_best_of_the_fits_of_all_seeds_is_kept(inputs, tmp_path, name):
    source, options, processes, grid = CASES[name]
    fit = ["fit", inputs / source, "-k", 3, *options, "--json"]
    found = run([*fit, "-o", tmp_path / "best.h5", "--restarts", RESTARTS, "--seed", SEED, "--grid", grid],
                processes=processes).json
    alone = [run([*fit, "-o", tmp_path / f"{SEED + r}.h5", "--seed", SEED + r]).json for r in range(RESTARTS)]
    restarts = found["restarts"]
    assert restarts["count"] == restarts["done"] == RESTARTS
    assert restarts["side_by_side"] == (1 if name == "kullback-leibler" else RESTARTS)
    for single, restart in zip(alone, restarts["fits"], strict=True):
        assert (single["seed"], single["iterations"], single["stop_reason"]) == (
            restart["seed"], restart["iterations"], restart["stop_reason"])
        assert restart["objective"] == pytest.approx(single["objective"], rel=1e-9)
    objectives = [single["objective"] for single in alone]
    spread = restarts["objective"]
    assert [spread["least"], spread["median"], spread["greatest"]] == pytest.approx(
        [min(objectives), np.median(objectives), max(objectives)], rel=1e-9)
    best = SEED + int(np.argmin(objectives))
    assert (found["seed"], restarts["best_seed"]) == (SEED, best)
    assert found["objective"] == pytest.approx(min(objectives), rel=1e-9)
    w, h, facts = model_of(tmp_path / "best.h5")
    alone_w, alone_h, _ = model_of(tmp_path / f"{best}.h5")
    np.testing.assert_allclose(w, alone_w, atol=1e-8 * alone_w.max())
    np.testing.assert_allclose(h, alone_h, atol=1e-8 * alone_h.max())
    assert (facts["restarts"], facts["best_seed"], facts["seed"]) == (RESTARTS, best, SEED)


def test_restarts_that_are_stopped_go_on(inputs, tmp_path):
    """Stopped after the first iterations of each job, on 2 processes and on 3, until all are done."""
    fit = ["fit", inputs / "dense.h5", "-k", 3, "--tol", "1e-2", "--restarts", RESTARTS, "--json"]
    whole = run([*fit, "-o", tmp_path / "whole.h5"]).json
    saving = [*fit, "-o", tmp_path / "m.h5", "--checkpoint", tmp_path / "part.h5", "--checkpoint-every", 1, "--resume",
              "auto"]
    first = run([*saving, "--max-iter", 4], processes=2).json
    assert first["iterations"] == 4 and run(["info", tmp_path / "part.h5", "--json"]).json["kind"] == "checkpoint"
    stopped = run([*saving, "--max-iter", 1000, "--time-limit", 0], processes=3, expect=75)
    assert f"of {RESTARTS} restarts done" in stopped.stderr and stopped.json["iterations"] == 4
    found = run([*saving, "--max-iter", 1000], processes=2).json
    assert found["resumed_iterations"] == 4 and whole["iterations"] > 4
    for one, other in zip(whole["restarts"]["fits"], found["restarts"]["fits"], strict=True):
        assert (one["seed"], one["iterations"], one["stop_reason"]) == (
            other["seed"], other["iterations"], other["stop_reason"])
        assert other["objective"] == pytest.approx(one["objective"], rel=1e-9)
    for one, other in zip(model_of(tmp_path / "whole.h5")[:2], model_of(tmp_path / "m.h5")[:2]):
        np.testing.assert_allclose(one, other, atol=1e-8 * one.max())


def same_fits(one, other):
    for single, grouped in zip(one["restarts"]["fits"], other["restarts"]["fits"], strict=True):
        assert (single["seed"], single["iterations"], single["stop_reason"]) == (
            grouped["seed"], grouped["iterations"], grouped["stop_reason"])
        assert grouped["objective"] == pytest.approx(single["objective"], rel=1e-9)
    assert one["restarts"]["best_seed"] == other["restarts"]["best_seed"]


@pytest.mark.parametrize("processes, groups, options", [
    (2, 2, []), (3, 2, ["--exact-residual"]), (4, 2, ["--grid", "1x2"]), (6, 3, ["--validation", 0.1]), (4, 9, [])])
def test_groups_of_processes_share_the_restarts(inputs, tmp_path, processes, groups, options):
    fit = ["fit", inputs / "dense.h5", "-k", 3, "--tol", "1e-3", "--restarts", RESTARTS, "--seed", SEED, "--json",
           *(options if "--grid" not in options else [])]
    one = run([*fit, "-o", tmp_path / "one.h5"]).json
    shared = run([*fit, "-o", tmp_path / "m.h5", "--groups", groups, *options], processes)
    found = shared.json
    same_fits(one, found)
    used = min(groups, processes, RESTARTS)
    assert f"in the first of {used} groups" in shared.stderr
    assert found["restarts"]["groups"] == used and found["restarts"]["side_by_side"] == -(-RESTARTS // used)
    assert found["objective"] == pytest.approx(one["objective"], rel=1e-9)
    w, h, facts = model_of(tmp_path / "m.h5")
    one_w, one_h, _ = model_of(tmp_path / "one.h5")
    np.testing.assert_allclose(w, one_w, atol=1e-8 * one_w.max())
    np.testing.assert_allclose(h, one_h, atol=1e-8 * one_h.max())
    assert (facts["processes"], facts["groups"]) == (processes, used)


def test_groups_that_are_stopped_go_on(inputs, tmp_path):
    """On other numbers of groups and processes, and without any."""
    fit = ["fit", inputs / "dense.h5", "-k", 3, "--tol", "1e-2", "--restarts", RESTARTS, "--json"]
    whole = run([*fit, "-o", tmp_path / "whole.h5"]).json
    saving = [*fit, "-o", tmp_path / "m.h5", "--checkpoint", tmp_path / "part.h5", "--checkpoint-every", 2, "--resume",
              "auto"]
    stopped = run([*saving, "--groups", 2, "--time-limit", 0], 4, expect=75)
    assert f"0 of {RESTARTS} restarts done" in stopped.stderr
    assert {one["iterations"] for one in stopped.json["restarts"]["fits"]} == {1}
    run([*saving, "--groups", 3, "--max-iter", 4], 3)
    run([*saving, "--max-iter", 1000, "--time-limit", 0], 2, expect=75)
    (tmp_path / "kept.h5").write_bytes((tmp_path / "part.h5").read_bytes())
    for how, processes in ((["--groups", 2], 3), ([], 1)):
        (tmp_path / "part.h5").write_bytes((tmp_path / "kept.h5").read_bytes())
        found = run([*saving, "--max-iter", 1000, *how], processes).json
        same_fits(whole, found)
        assert found["resumed_iterations"] == 5
        for one, other in zip(model_of(tmp_path / "whole.h5")[:2], model_of(tmp_path / "m.h5")[:2]):
            np.testing.assert_allclose(one, other, atol=1e-8 * one.max())


def test_a_checkpoint_of_restarts_is_of_nothing_else(inputs, tmp_path):
    part = tmp_path / "part.h5"
    fit = ["fit", inputs / "dense.h5", "-o", tmp_path / "m.h5", "-k", 3, "--tol", 0]
    run([*fit, "--restarts", 3, "--max-iter", 6, "--checkpoint", part, "--checkpoint-every", 2])
    assert "restarts" in run([*fit, "--restarts", 2, "--resume", part], expect=2).messages[0]
    run([*fit, "--max-iter", 6, "--checkpoint", part, "--checkpoint-every", 2])
    assert "restarts" in run([*fit, "--restarts", 2, "--resume", part], expect=2).messages[0]


def test_a_signal_or_a_time_limit_leaves_the_best_so_far(inputs, tmp_path):
    fit = ["fit", inputs / "dense.h5", "-o", tmp_path / "m.h5", "-k", 3, "--tol", 0, "--max-iter", 10**9, "--restarts",
           3, "--json"]
    limited = run([*fit, "--time-limit", 0.1], processes=2)
    reached = [one["objective"] for one in limited.json["restarts"]["fits"]]
    assert limited.json["objective"] == min(reached) and limited.json["stop_reason"] == "time-limit"
    assert "the best of what was reached" in limited.stderr
    process = start([*fit, "--log", tmp_path / "log"], processes=2)
    while not (tmp_path / "log").exists() or len((tmp_path / "log").read_text().splitlines()) < 3:
        time.sleep(0.02)
    os.kill(ranks_of(process)[0], signal.SIGTERM)
    told = finish(process)
    assert told.returncode == 0 and told.json["stop_reason"] == "signal", str(told)
    assert model_of(tmp_path / "m.h5")[2]["restarts"] == 3


@pytest.mark.parametrize("options", [["--init", "nndsvd"], ["--init", "file:START"], ["--batch-rows", 20],
                                     ["--missing", "unobserved"], ["--init", "file:START", "--fix", "h"]])
def test_what_has_one_start_is_refused(inputs, tmp_path, options):
    run(["fit", inputs / "dense.h5", "-o", inputs / "start.h5", "-k", 3, "--max-iter", 1])
    options = [str(option).replace("START", str(inputs / "start.h5")) for option in options]
    refused = run(["fit", inputs / "dense.h5", "-o", tmp_path / "m.h5", "-k", 3, "--restarts", 2, *options], expect=2)
    assert refused.messages[0].startswith("dnmf: error: --restarts has no use here")
    assert not (tmp_path / "m.h5").exists()


def test_groups_without_restarts_are_refused(inputs, tmp_path):
    refused = run(["fit", inputs / "dense.h5", "-o", tmp_path / "m.h5", "-k", 3, "--groups", 2], expect=2)
    assert "--groups has no use here" in refused.messages[0]
    refused = run(["fit", inputs / "dense.h5", "-o", tmp_path / "m.h5", "-k", 3, "--restarts", 2, "--groups", 2, "--grid",
                   "2x2"], 3, expect=2)
    assert len(refused.messages) == 1 and "--grid 2x2" in refused.messages[0]


def test_plan_tells_what_restarts_take(tmp_path):
    plan = ["plan", "--rows", 4000, "--cols", 3000, "-k", 10, "-n", "1,4", "--grid", "auto", "--json"]
    one = run(plan).json["plans"]
    for single, several in zip(one, run([*plan, "--restarts", 8]).json["plans"], strict=True):
        assert single["grid"] == several["grid"] and (single["side_by_side"], several["side_by_side"]) == (1, 8)
        words = {name: several["traffic"][name] / single["traffic"][name]
                 for name in ("gather_words", "gram_words") if single["traffic"][name] > 0}
        assert all(ratio == pytest.approx(8) for ratio in words.values())
        assert single["traffic"]["messages"] == several["traffic"]["messages"]
        assert several["memory"]["factors"] > 8 * single["memory"]["factors"]
    shared = run(["plan", "--rows", 4000, "--cols", 3000, "-k", 10, "-n", 8, "--grid", "auto", "--restarts", 6, "--groups", 4,
                  "--json"]).json
    group = shared["plans"][0]
    assert (shared["groups"], group["processes"], group["side_by_side"]) == (4, 2, 2)
    assert "--groups has no use here" in run(["plan", "--rows", 9, "--cols", 9, "-k", 2, "--groups", 2], expect=2).messages[0]
    sparse = run(["plan", "--rows", 10**6, "--cols", 10**5, "--nnz", 10**8, "-k", 10, "--restarts", 8, "--json"]).json
    assert sparse["plans"][0]["side_by_side"] == 4
