"""A process of a running fit is killed: whatever has a final name is whole, and the fit is gone on with.

DNMF_KILLS is the number of kills, in turn while iterating, while writing a checkpoint and while writing the model
(default 3; `scripts/kill.sh 50` for more). Each has a random moment, victim and number of processes to go on with,
made from its own number.
"""
import os
import random
import signal
import time

import h5py
import pytest

from program import finish, ranks_of, run, start

KILLS = int(os.environ.get("DNMF_KILLS", 3))
ITERATIONS = 40
PROCESSES = 3


@pytest.fixture(scope="module")
def whole(folder):
    """What the fit comes to when nobody kills it."""
    run(["generate", "-o", folder / "a.h5", "--rows", 20000, "--cols", 60])
    return run(fit(folder, folder) + ["--json"], processes=PROCESSES).json


def fit(folder, output):
    return ["fit", folder / "a.h5", "-o", output / "m.h5", "-k", 16, "--tol", 0, "--max-iter", ITERATIONS]


def size(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def wait_for(process, happened):
    """Until it has happened or the program has ended."""
    while process.poll() is None and not happened():
        time.sleep(0.0005)


def saves(folder, state):
    """Checkpoints seen so far, by their inode."""
    try:
        state.add((folder / "part.h5").stat().st_ino)
    except FileNotFoundError:
        pass
    return len(state)


def wait_for_the_moment(process, folder, when, chance):
    seen = set()
    if when == "iterating":
        log = folder / "log.jsonl"
        wait_for(process, lambda: log.exists() and log.read_text().count("\n") > 2)
        time.sleep(chance.uniform(0, 0.3))
    elif when == "saving":
        wanted = chance.randrange(3)
        wait_for(process, lambda: saves(folder, seen) >= wanted and size(folder / "part.h5.partial") > 0)
        time.sleep(chance.uniform(0, 0.02))
    else:
        wait_for(process, lambda: size(folder / "m.h5.partial") > 0)
        time.sleep(chance.uniform(0, 0.02))


def read_all(path):
    """Every dataset and attribute, to the last byte; the number of iterations."""
    with h5py.File(path) as file:
        file.visititems(lambda name, item: item[...] if isinstance(item, h5py.Dataset) else None)
        assert file["W"].shape == (20000, 16) and dict(file.attrs)
        assert len(file["history/objective"]) == file.attrs["iterations"] + 1
        return int(file.attrs["iterations"])


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_process(folder, whole, tmp_path, number):
    chance = random.Random(number)
    when = ("iterating", "saving", "writing the model")[number % 3]
    every = 1 if when == "saving" else 5
    checkpointed = fit(folder, tmp_path) + ["--checkpoint", tmp_path / "part.h5", "--checkpoint-every", every]
    process = start(checkpointed + ["--log", tmp_path / "log.jsonl"], processes=PROCESSES)
    wait_for_the_moment(process, tmp_path, when, chance)
    victims = ranks_of(process) if process.poll() is None else []
    if victims:
        os.kill(chance.choice(victims), signal.SIGKILL)
    ended = finish(process, timeout=60)
    print(f"{when}: exit status {ended.returncode}, left {sorted(path.name for path in tmp_path.iterdir())}")
    assert ended.returncode != 0 or (tmp_path / "m.h5").exists(), str(ended)
    saved = read_all(tmp_path / "part.h5") if (tmp_path / "part.h5").exists() else 0
    if (tmp_path / "m.h5").exists():
        assert read_all(tmp_path / "m.h5") == ITERATIONS
    on = run(checkpointed + ["--resume", "auto", "--json"], processes=chance.choice([1, 2, 3])).json
    assert on["resumed_iterations"] == saved and on["iterations"] == ITERATIONS
    assert on["objective"] == pytest.approx(whole["objective"], rel=1e-10)
    assert read_all(tmp_path / "m.h5") == ITERATIONS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "m.h5", "part.h5"]
