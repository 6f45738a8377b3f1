"""Fits that are saved, stopped and gone on with: nothing but the time shows that there was a break."""
import json
import os
import signal
import time

import h5py
import numpy as np
import pytest

from mount import Mount
from program import finish, ranks_of, run, start

FOREVER = ["--tol", 0, "--max-iter", 1000000000]


@pytest.fixture(scope="module")
def inputs(folder):
    """A dense and a sparse matrix, and ratings."""
    run(["generate", "-o", folder / "dense.h5", "--rows", 41, "--cols", 29])
    run(["generate", "-o", folder / "sparse.h5", "--rows", 60, "--cols", 35, "--nnz", 500])
    run(["generate", "-o", folder / "ratings.h5", "--kind", "ratings", "--rows", 70, "--cols", 40, "--nnz", 900])
    run(["fit", folder / "dense.h5", "-o", folder / "start.h5", "-k", 3, "--max-iter", 2])
    return folder


def model_of(path):
    with h5py.File(path) as file:
        found = {}
        file.visititems(lambda name, item: found.update({name: item[:]}) if isinstance(item, h5py.Dataset) else None)
        return found


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# What the loop remembers is different in each: sums, products, stopping rules, biases, the best model so far.
FITS = {
    "hals": ("dense.h5", ["--tol", "1e-3"]),
    "mu": ("sparse.h5", ["--solver", "mu", "--tol", "3e-4"]),
    "bpp": ("sparse.h5", ["--solver", "bpp", "--l1-w", 0.1, "--l2-h", 0.2, "--tol", 0, "--max-iter", 18]),
    "single": ("dense.h5", ["--precision", "single", "--init", "nndsvda", "--tol", 0, "--max-iter", 18]),
    "itakura-saito": ("dense.h5", ["--loss", "itakura-saito", "--tol", "1e-3"]),
    "fixed": ("dense.h5", ["--init", "file:START", "--fix", "h", "--solver", "mu", "--tol", 0, "--max-iter", 18]),
    "held-out cells": ("sparse.h5", ["--validation", 0.2, "--stop", "validation", "--patience", 11, "--seed", 3]),
    "ratings": ("ratings.h5", ["--tol", "1e-5"]),
    "ratings nndsvd": ("ratings.h5", ["--init", "nndsvd", "--tol", "1e-5"]),
    "held out": ("ratings.h5", ["--validation", 0.2, "--l2", 0.2, "--patience", 7]),
    "ratings mu": ("ratings.h5", ["--solver", "mu", "--loss", "kullback-leibler", "--tol", 0, "--max-iter", 18]),
    "batches": ("dense.h5", ["--batch-rows", 9, "--tol", "1e-4"]),
    "batches mu": ("sparse.h5", ["--batch-rows", 13, "--solver", "mu", "--forget", 0.7, "--tol", 0, "--max-iter", 18]),
}
BREAK = 7


@pytest.mark.parametrize("name", FITS)
def test_a_broken_fit_ends_like_an_unbroken_one(inputs, tmp_path, name):
    """Broken off on 2 processes after iteration 7 (of the last checkpoint: 5), gone on with on 2 and on 3."""
    source, options = FITS[name]
    options = [str(option).replace("START", str(inputs / "start.h5")) for option in options]
    fit = ["fit", inputs / source, "-k", 3, *options, "--json"]
    checkpoint = tmp_path / "part.h5"
    whole = run([*fit, "-o", tmp_path / "whole.h5"], processes=2).json
    assert whole["iterations"] > BREAK and whole["resumed_iterations"] == 0 and whole["checkpoint"] is None
    expected = model_of(tmp_path / "whole.h5")
    run([*fit, "-o", tmp_path / "broken.h5", "--checkpoint", checkpoint, "--checkpoint-every", 5, "--max-iter", BREAK],
        processes=2)
    kept = checkpoint.read_bytes()
    for processes in (2, 3):
        checkpoint.write_bytes(kept)
        found = run(["fit", inputs / source, "-o", tmp_path / "on.h5", "--resume", checkpoint, "--max-iter",
                     options[-1] if "--max-iter" in options else 200, "--json"], processes=processes).json
        model = model_of(tmp_path / "on.h5")
        assert found["resumed_iterations"] == 5 and found["checkpoint"] == str(checkpoint)
        assert (found["iterations"], found["stop_reason"]) == (whole["iterations"], whole["stop_reason"])
        assert set(model) == set(expected)
        for dataset in set(expected) - {"history/seconds"}:
            if processes == 2:
                assert np.array_equal(model[dataset], expected[dataset], equal_nan=True), dataset
            else:
                close = 1e-3 if name == "single" else 1e-7
                np.testing.assert_allclose(model[dataset], expected[dataset], rtol=close, atol=close, err_msg=dataset)
        assert np.all(np.diff(model["history/seconds"]) >= 0)
        assert len(model["history/seconds"]) == whole["iterations"] + 1


def test_a_checkpoint_is_a_model_file(inputs, tmp_path):
    run(["fit", inputs / "ratings.h5", "-o", tmp_path / "m.h5", "-k", 3, "--max-iter", 6, "--tol", 0, "--checkpoint",
         tmp_path / "part.h5", "--checkpoint-every", 4])
    run(["fit", inputs / "ratings.h5", "-o", tmp_path / "four.h5", "-k", 3, "--max-iter", 4, "--tol", 0])
    four = model_of(tmp_path / "four.h5")
    part = model_of(tmp_path / "part.h5")
    for dataset in ("W", "H", "bias/row", "bias/col", "history/objective"):
        assert np.array_equal(part[dataset], four[dataset], equal_nan=True), dataset
    told = run(["info", tmp_path / "part.h5", "--json"]).json
    assert told["kind"] == "checkpoint" and told["provenance"]["iterations"] == 4
    run(["predict", tmp_path / "part.h5", "--row", 1, "--col", 1])


@pytest.mark.parametrize("source, options", [
    ("dense.h5", ["--solver", "hals"]), ("sparse.h5", ["--solver", "bpp"]), ("sparse.h5", ["--solver", "mu"]),
    ("sparse.h5", ["--solver", "mu", "--loss", "kullback-leibler"]), ("ratings.h5", ["--solver", "hals"]),
    ("ratings.h5", ["--solver", "bpp"])])
def test_a_fit_goes_on_on_fewer_and_fewer_processes(inputs, tmp_path, source, options):
    """4, then 3, then 1; the objectives are those of a fit never stopped on 6."""
    fit = ["fit", inputs / source, "-k", 3, *options, "--tol", 0]
    run([*fit, "-o", tmp_path / "whole.h5", "--max-iter", 15], processes=6)
    saving = [*fit, "-o", tmp_path / "m.h5", "--checkpoint", tmp_path / "part.h5", "--checkpoint-every", 1]
    resumed = [run([*saving, "--resume", "auto", "--max-iter", last, "--json"], processes=processes).json
               for last, processes in ((6, 4), (11, 3), (15, 1))]
    assert [job["resumed_iterations"] for job in resumed] == [0, 5, 10]
    expected, found = model_of(tmp_path / "whole.h5"), model_of(tmp_path / "m.h5")
    for dataset in ("history/objective", "W", "H"):
        np.testing.assert_allclose(found[dataset], expected[dataset], rtol=1e-9, atol=1e-12, err_msg=dataset)


def test_a_time_limit_ends_the_job_and_not_the_fit(inputs, tmp_path):
    checkpoint, model = tmp_path / "part.h5", tmp_path / "m.h5"
    result = run(["fit", inputs / "dense.h5", "-o", model, "-k", 3, *FOREVER, "--checkpoint", checkpoint, "--time-limit",
                  0.2, "--json"], processes=3, expect=75)
    assert names(tmp_path) == ["part.h5"], str(result)
    found = result.json
    assert found["stop_reason"] == "time-limit" and not found["converged"]
    told = [line for line in result.stderr.splitlines() if line.startswith("dnmf: ")]
    assert len(told) == 1 and f"--resume {checkpoint}" in told[0] and "the time limit" in told[0], str(result)
    on = run(["fit", inputs / "dense.h5", "--resume", checkpoint, "--max-iter", found["iterations"] + 3, "--json"]).json
    assert (on["iterations"], on["resumed_iterations"]) == (found["iterations"] + 3, found["iterations"])
    assert on["output"] == str(model) and names(tmp_path) == ["m.h5", "part.h5"]


def started(inputs, folder, processes, *options):
    """A fit without end that has begun to iterate."""
    log = folder / "log.jsonl"
    process = start(["fit", inputs / "dense.h5", "-o", folder / "m.h5", "-k", 3, *FOREVER, "--checkpoint",
                     folder / "part.h5", "--log", log, *options], processes=processes)
    for _ in range(600):
        time.sleep(0.1)
        if process.poll() is not None or (log.exists() and log.read_text().count("\n") > 3):
            break
    return process


def check_goes_on(inputs, folder):
    """The checkpoint holds the last iteration that was logged, and its next ones follow."""
    steps = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    with h5py.File(folder / "part.h5") as file:
        last = int(file.attrs["iterations"])
        history = file["history/objective"][:]
    assert last == steps[-1]["iteration"] and len(history) == last + 1
    on = run(["fit", inputs / "dense.h5", "--resume", folder / "part.h5", "--max-iter", last + 1, "--log",
              folder / "log.jsonl", "--json"]).json
    assert (on["iterations"], on["resumed_iterations"]) == (last + 1, last)
    assert len((folder / "log.jsonl").read_text().splitlines()) == len(steps) + 1


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_saves_and_ends(inputs, tmp_path, kind):
    process = started(inputs, tmp_path, 1)
    os.kill(process.pid, kind)
    result = finish(process)
    assert result.returncode == 75, str(result)
    assert f"--resume {tmp_path / 'part.h5'}" in result.stderr.splitlines()[-1] and "a signal" in result.stderr
    assert names(tmp_path) == ["log.jsonl", "part.h5"]
    check_goes_on(inputs, tmp_path)


@pytest.mark.parametrize("target", ["mpirun", "one process"])
def test_a_signal_to_some_stops_all(inputs, tmp_path, target):
    """mpirun passes SIGUSR1 on to all of its processes; one that is signalled alone tells the others."""
    process = started(inputs, tmp_path, 3)
    os.kill(process.pid if target == "mpirun" else ranks_of(process)[-1], signal.SIGUSR1)
    result = finish(process)
    assert result.returncode == 75, str(result)
    assert names(tmp_path) == ["log.jsonl", "part.h5"]
    check_goes_on(inputs, tmp_path)


def test_sigterm_to_mpirun_leaves_a_checkpoint(inputs, tmp_path):
    """mpirun passes it on, kills a second later, in time or not, and has an exit status of its own."""
    process = started(inputs, tmp_path, 3, "--checkpoint-every", 1)
    os.kill(process.pid, signal.SIGTERM)
    result = finish(process)
    assert result.returncode != 0, str(result)
    assert "m.h5" not in names(tmp_path)
    with h5py.File(tmp_path / "part.h5") as file:
        last = int(file.attrs["iterations"])
    on = run(["fit", inputs / "dense.h5", "--resume", tmp_path / "part.h5", "--max-iter", last + 1, "--json"]).json
    assert on["resumed_iterations"] == last > 0


def begun(folder, processes, source, *options):
    """A fit without end and without a checkpoint that has begun to iterate."""
    log = folder / "log.jsonl"
    process = start(["fit", source, "-o", folder / "m.h5", "--max-iter", 1000000000, "--log", log, "--json", *options],
                    processes=processes)
    while process.poll() is None and not (log.exists() and log.read_text()):
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("source, options", [
    ("dense.h5", ["--tol", 0]), ("sparse.h5", ["--tol", 0, "--loss", "kullback-leibler"]),
    ("dense.h5", ["--tol", 0, "--batch-rows", 9]),
    ("ratings.h5", ["--validation", 0.2, "--patience", 1000000000])])
def test_a_signal_without_a_checkpoint_ends_with_a_model(inputs, tmp_path, source, options):
    """Of the last iteration, or the best one with held-out entries; on one process and of one among two."""
    for processes, kind in ((1, signal.SIGINT), (2, signal.SIGTERM)):
        folder = tmp_path / str(processes)
        folder.mkdir()
        process = begun(folder, processes, inputs / source, "-k", 3, *options)
        os.kill(process.pid if processes == 1 else ranks_of(process)[-1], kind)
        result = finish(process)
        assert result.returncode == 0, str(result)
        found = result.json
        steps = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        assert (found["stop_reason"], found["converged"], found["checkpoint"]) == ("signal", False, None)
        assert found["iterations"] == steps[-1]["iteration"]
        told = [line for line in result.stderr.splitlines() if line.startswith("warning: stopped by a signal")]
        assert len(told) == 1 and str(folder / "m.h5") in told[0], str(result)
        assert names(folder) == ["log.jsonl", "m.h5"]
        with h5py.File(folder / "m.h5") as file:
            assert file.attrs["iterations"] == found["iterations"] and np.isfinite(file["W"][:]).all()


def catches(process, kind):
    """Whether a process has a handler for the signal."""
    status = open(f"/proc/{process}/status").read()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return int(caught.split()[1], 16) >> (kind - 1) & 1 == 1


def interrupt_twice(process):
    """The second when the first has been taken, which is when its handler is gone."""
    assert catches(process, signal.SIGINT)
    os.kill(process, signal.SIGINT)
    while catches(process, signal.SIGINT):
        time.sleep(0.01)
    os.kill(process, signal.SIGINT)


def test_the_second_interrupt_ends_at_once(inputs, tmp_path):
    """In an iteration that takes seconds; what was there before stays."""
    large = tmp_path / "large.h5"
    run(["generate", "-o", large, "--rows", 2400, "--cols", 2400])
    (tmp_path / "m.h5").write_text("before")
    process = begun(tmp_path, 1, large, "-k", 2000, "--tol", 0)
    interrupt_twice(process.pid)
    assert finish(process).returncode == -signal.SIGINT
    assert (tmp_path / "m.h5").read_text() == "before"


def test_the_second_interrupt_of_one_process_ends_all(inputs, tmp_path):
    """The other does not move, so that no iteration ends between the two signals."""
    process = begun(tmp_path, 2, inputs / "dense.h5", "-k", 3, "--tol", 0)
    first, second = ranks_of(process)
    os.kill(second, signal.SIGSTOP)
    interrupt_twice(first)
    assert finish(process).returncode != 0
    assert not (tmp_path / "m.h5").exists()


def test_batches_go_on_in_the_middle_of_a_pass(inputs, tmp_path):
    """A time limit of no time stops after each batch; the job that goes on makes the same passes as one without."""
    command = ["fit", inputs / "dense.h5", "-k", 3, "--batch-rows", 9, "--tol", 0, "--max-iter", 3]
    run([*command, "-o", tmp_path / "whole.h5"])
    saving = [*command, "-o", tmp_path / "m.h5", "--checkpoint", tmp_path / "part.h5", "--resume", "auto"]
    for processes in (1, 2, 3, 1, 2, 1, 1):
        run([*saving, "--time-limit", 1e-9], processes=processes, expect=75)
    with h5py.File(tmp_path / "part.h5") as file:
        assert (file.attrs["iterations"], file.attrs["state_batches_visited"]) == (1, 7)
    run([*saving, "--time-limit", 60], processes=2)
    expected, found = model_of(tmp_path / "whole.h5"), model_of(tmp_path / "m.h5")
    for dataset in ("history/objective", "W", "H"):
        np.testing.assert_allclose(found[dataset], expected[dataset], rtol=1e-9, atol=1e-12, err_msg=dataset)


def test_resume_auto_starts_and_then_goes_on(inputs, tmp_path):
    """The same command line until it is done, as a requeued job runs it."""
    command = ["fit", inputs / "dense.h5", "-o", tmp_path / "m.h5", "-k", 3, "--tol", 0, "--max-iter", 40, "--checkpoint",
               tmp_path / "part.h5", "--checkpoint-every", 10, "--resume", "auto", "--time-limit"]
    first = run([*command, 1e-9, "--json"], expect=75).json
    assert first["iterations"] == 1 and first["resumed_iterations"] == 0
    second = run([*command, 1e-9, "--json"], processes=2, expect=75).json
    assert second["iterations"] == 2 and second["resumed_iterations"] == 1
    third = run([*command, 60, "--json"]).json
    assert third["iterations"] == 40 and third["resumed_iterations"] == 2 and third["stop_reason"] == "max-iter"
    again = run([*command, 60, "--json"]).json
    assert again["objective"] == third["objective"] and again["resumed_iterations"] == 30
    assert names(tmp_path) == ["m.h5", "part.h5"]


@pytest.fixture(scope="module")
def part(inputs):
    """A checkpoint of the dense matrix."""
    run(["fit", inputs / "dense.h5", "-o", inputs / "m.h5", "-k", 3, "--seed", 7, "--max-iter", 4, "--tol", 0,
         "--checkpoint", inputs / "part.h5", "--checkpoint-every", 2])
    return inputs / "part.h5"


def damaged(folder, part, change):
    path = folder / "damaged.h5"
    path.write_bytes(part.read_bytes())
    with h5py.File(path, "r+") as file:
        change(file)
    return path


REFUSED = {
    "another number of components": (["-k", 4], 2, ["--components is 4", "has 3"]),
    "another seed": (["--seed", 8], 2, ["--seed is 8", "has 7"]),
    "another solver": (["--solver", "mu"], 2, ["--solver", "mu", "its default"]),
    "another precision": (["--precision", "single"], 2, ["--precision", "single"]),
    "an interval that is none": (["--checkpoint-every", "soon"], 2, ["--checkpoint-every soon", "10min"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_options_are_refused(inputs, part, tmp_path, name):
    options, status, words = REFUSED[name]
    result = run(["fit", inputs / "dense.h5", "-o", tmp_path / "on.h5", "--resume", part, *options], expect=status)
    assert len(result.messages) == 1, str(result)
    assert all(word in result.messages[0] for word in words), result.messages[0]
    assert names(tmp_path) == []


def test_the_same_options_are_no_other_ones(inputs, part, tmp_path):
    run(["fit", inputs / "dense.h5", "-o", tmp_path / "on.h5", "--resume", part, "-k", 3, "--seed", 7, "--solver", "hals",
         "--max-iter", 5, "--threads", 2, "--grid", "1x3", "--checkpoint", tmp_path / "other.h5", "--time-limit", 60],
        processes=3)
    assert names(tmp_path) == ["on.h5", "other.h5"]


def other_file(kind, inputs, part, folder):
    if kind == "another matrix":
        run(["generate", "-o", folder / "other.h5", "--rows", 41, "--cols", 29, "--seed", 1])
        return folder / "other.h5", part
    if kind == "another shape":
        return inputs / "sparse.h5", part
    if kind == "half a file":
        (folder / "half.h5").write_bytes(part.read_bytes()[:-3000])
        return inputs / "dense.h5", folder / "half.h5"
    if kind == "a matrix":
        return inputs / "dense.h5", inputs / "sparse.h5"
    if kind == "no file":
        return inputs / "dense.h5", folder / "nowhere.h5"
    if kind == "a model":
        return inputs / "dense.h5", inputs / "m.h5"
    changes = {"without a history": lambda file: file.__delitem__("history/objective"),
               "without options": lambda file: file.attrs.__delitem__("options"),
               "with odd options": lambda file: file.attrs.modify("options", '{"seed":"seven"}'),
               "without a state": lambda file: file.attrs.__delitem__("state_first_violation"),
               "of another version": lambda file: file.attrs.modify("checkpoint", 2)}
    return inputs / "dense.h5", damaged(folder, part, changes[kind])


def test_a_checkpoint_without_what_newer_versions_added_goes_on(inputs, part, tmp_path):
    newer = ("state_validation_loss", "state_chain_start")
    checkpoint = damaged(tmp_path, part, lambda file: [file.attrs.__delitem__(name) for name in newer])
    run(["fit", inputs / "dense.h5", "-o", tmp_path / "on.h5", "--resume", checkpoint])
    expected, found = model_of(inputs / "m.h5"), model_of(tmp_path / "on.h5")
    assert np.array_equal(found["W"], expected["W"])


@pytest.mark.parametrize("option, value, words", [
    ("sweeps", -5, "--sweeps -5: give a whole number from 1"), ("max-iter", 5000000000, "--max-iter 5000000000"),
    ("tol", 7.0, "--tol 7"), ("components", 0, "--components 0"), ("solver", "magic", "--solver magic: give one of"),
    ("l1-w", "much", "--l1-w has no usable value"), ("exact-residual", 1, "--exact-residual has no usable value")])
def test_saved_options_pass_the_checks_of_typed_ones(inputs, part, tmp_path, option, value, words):
    def change(file):
        file.attrs["options"] = json.dumps({**json.loads(file.attrs["options"]), option: value})

    checkpoint = damaged(tmp_path, part, change)
    result = run(["fit", inputs / "dense.h5", "-o", tmp_path / "on.h5", "--resume", checkpoint], expect=1)
    assert len(result.messages) == 1 and "damaged" in result.messages[0] and words in result.messages[0], str(result)
    assert names(tmp_path) == ["damaged.h5"]


@pytest.mark.parametrize("kind, words", [
    ("another matrix", ["another matrix", "checksum"]), ("another shape", ["another matrix", "rows", "41", "60"]),
    ("half a file", ["half.h5", "damaged"]), ("a matrix", ["no checkpoint"]), ("no file", ["nowhere.h5", "auto"]),
    ("a model", ["m.h5", "not a checkpoint", "--init file:"]), ("without a history", ["damaged", "history"]),
    ("without options", ["damaged", "options"]), ("with odd options", ["damaged", "--seed"]),
    ("without a state", ["damaged", "state_first_violation"]), ("of another version", ["another version"])])
def test_what_is_no_checkpoint_of_this_fit_is_refused(inputs, part, tmp_path, kind, words):
    source, checkpoint = other_file(kind, inputs, part, tmp_path)
    before = names(tmp_path)
    processes = 3 if kind in ("another matrix", "half a file") else 1
    result = run(["fit", source, "-o", tmp_path / "on.h5", "--resume", checkpoint], processes=processes, expect=1)
    assert len(result.messages) == 1, str(result)
    assert all(word in result.messages[0] for word in words), result.messages[0]
    assert names(tmp_path) == before


@pytest.mark.parametrize("options, words", [
    (["--resume", "auto"], ["--checkpoint"]), (["--checkpoint", "OUT"], ["-o", "m.h5", "--checkpoint"]),
    (["--checkpoint", "IN"], ["--checkpoint", "the input", "dense.h5"]), (["--checkpoint", "c.h5", "--checkpoint-every", "0"], ["0"])])
def test_names_that_make_no_sense(inputs, tmp_path, options, words):
    options = [{"OUT": tmp_path / "m.h5", "IN": inputs / "dense.h5"}.get(option, option) for option in options]
    result = run(["fit", inputs / "dense.h5", "-o", tmp_path / "m.h5", "-k", 2, *options], expect=2, cwd=tmp_path)
    assert all(word in result.messages[0] for word in words), str(result)
    assert names(tmp_path) == []


@pytest.mark.parametrize("processes", [1, 3])
def test_a_full_disk_does_not_end_the_fit(inputs, tmp_path, processes):
    """One checkpoint has room; then there is none for another, then there is."""
    fit = ["fit", inputs / "dense.h5", "-o", tmp_path / "m.h5", "-k", 3, *FOREVER[:2], "--checkpoint-every", 1]
    with Mount(tmp_path / "small", "size=400k") as folder:
        checkpoint = folder / "part.h5"
        run([*fit, "--max-iter", 3, "--checkpoint", checkpoint], processes=processes)
        (folder / "ballast").write_bytes(bytes(360 * 1024 - os.path.getsize(checkpoint)))
        kept = checkpoint.read_bytes()
        result = run(["fit", inputs / "dense.h5", "--resume", checkpoint, "--max-iter", 8], processes=processes)
        warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: no checkpoint")]
        assert len(warnings) == 1 and "No space left" in warnings[0] and "iteration 2 stays" in warnings[0], str(result)
        assert checkpoint.read_bytes() == kept and names(folder) == ["ballast", "part.h5"]
        on = run(["fit", inputs / "dense.h5", "--resume", checkpoint, "--max-iter", 8, "--time-limit", 1e-9],
                 processes=processes, expect=1)
        assert len(on.messages) == 1 and "iteration 2 is still there" in on.messages[0], str(on)
        assert checkpoint.read_bytes() == kept and names(folder) == ["ballast", "part.h5"]
        (folder / "ballast").unlink()
        run(["fit", inputs / "dense.h5", "--resume", checkpoint, "--max-iter", 8], processes=processes)
        with h5py.File(checkpoint) as file:
            assert file.attrs["iterations"] == 7
