"""scripts/hosts/fit.sh on two hosts: a slow and lossy link, a link that is down for a while, a killed process, a host
cut off. The hosts are network namespaces; hosts.py tells how."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from hosts import Hosts, why_not

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cli"))
from program import PROGRAM, environment, run, stop  # noqa: E402

SECONDS = 60  # more than any run needs
PATIENCE = 6  # of the script: how long a host may be silent


@pytest.fixture(scope="module")
def hosts():
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Hosts() as made:
        yield made


@pytest.fixture(autouse=True)
def good_link(hosts):
    hosts.link.delay, hosts.link.loss, hosts.link.cut = 0, 0, False


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    path = tmp_path_factory.mktemp("hosts") / "a.h5"
    run(["generate", "-o", path, "--rows", 300, "--cols", 200])
    return path


class Fit:
    """The script, edited as a person would and started on the first host."""

    def __init__(self, hosts, folder, fit, processes=1):
        text = (ROOT / "scripts" / "hosts" / "fit.sh").read_text()
        where = " ".join(f"{address}:{processes}" for address in hosts.addresses)
        for name, value in (("hosts", where), ("fit", " ".join(map(str, fit)))):
            text, edited = re.subn(rf"^{name}=\(.*?\) # edit: ", f"{name}=({value}) # ", text, flags=re.MULTILINE)
            assert edited == 1
        (folder / "fit.sh").write_text(text)
        paths = f"{pathlib.Path(PROGRAM).resolve().parent}:{os.environ['PATH']}"
        settings = {**environment(), "PATH": paths, "PATIENCE": str(PATIENCE), "REMOTE_SHELL": str(hosts.agent),
                    "NETWORK": hosts.NETWORK}
        self.path = folder / "out"
        with open(self.path, "w") as out:
            self.process = subprocess.Popen(hosts.on(0, ["bash", folder / "fit.sh"]), cwd=folder, env=settings,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

    def output(self):
        return self.path.read_text()

    def wait_for(self, text):
        end = time.monotonic() + SECONDS
        while text not in self.output():
            assert time.monotonic() < end and self.process.poll() is None, f"no '{text}':\n{self.output()}"
            time.sleep(0.05)

    def wait(self):
        """The exit status and the last line."""
        try:
            status = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            stop(self.process)
            raise AssertionError(f"no end after {SECONDS} s:\n{self.output()}") from None
        return status, self.output().splitlines()[-1]


def assert_same_model(path, other):
    with h5py.File(path) as mine, h5py.File(other) as theirs:
        for name in ("W", "H"):
            np.testing.assert_allclose(mine[name][:], theirs[name][:], rtol=1e-8, atol=1e-12)


def test_a_slow_and_lossy_link_gives_the_same_model(hosts, tmp_path, matrix):
    hosts.link.delay, hosts.link.loss = 0.002, 0.01
    options = ["-k", 5, "--max-iter", 20]
    fit = Fit(hosts, tmp_path, [matrix, "-o", "model.h5", *options], processes=2)
    assert fit.wait() == (0, "hosts: done"), fit.output()
    assert "4 processes" in fit.output() and hosts.link.lost > 0
    run(["fit", matrix, "-o", tmp_path / "home.h5", *options])
    assert_same_model(tmp_path / "model.h5", tmp_path / "home.h5")


def test_nothing_lies_beside_the_files_being_written(hosts, tmp_path, matrix):
    """What a killed job would leave behind."""
    fit = Fit(hosts, tmp_path, [matrix, "-o", "model.h5", "-k", 5, "--tol", 0, "--max-iter", 100,
                                "--checkpoint-every", 5])
    seen = set()
    while fit.process.poll() is None:
        seen.update(os.listdir(tmp_path))
        time.sleep(0.001)
    assert fit.wait() == (0, "hosts: done"), fit.output()
    assert "fit.checkpoint.h5.partial" in seen
    assert seen <= {"fit.sh", "out", "fit.checkpoint.h5", "fit.checkpoint.h5.partial", "model.h5", "model.h5.partial"}


def test_a_link_that_comes_back_in_time_costs_only_time(hosts, tmp_path, matrix):
    hosts.link.delay = 0.002  # an iteration takes long enough to be interrupted
    options = ["-k", 5, "--tol", 0, "--max-iter", 60]
    fit = Fit(hosts, tmp_path, [matrix, "-o", "model.h5", *options])
    fit.wait_for("iteration 10/")
    hosts.link.cut = True
    time.sleep(2)
    assert "iteration 50/" not in fit.output()
    hosts.link.cut = False
    assert fit.wait() == (0, "hosts: done"), fit.output()
    run(["fit", matrix, "-o", tmp_path / "home.h5", *options])
    assert_same_model(tmp_path / "model.h5", tmp_path / "home.h5")


LONG = ["-k", 5, "--tol", 0, "--max-iter", 1500]


def interrupted(hosts, folder, matrix):
    """A fit that has saved a checkpoint and is far from done."""
    fit = Fit(hosts, folder, [matrix, "-o", "model.h5", *LONG, "--checkpoint-every", 100])
    fit.wait_for("iteration 200/")
    return fit


def assert_done_as_if_nothing_had_happened(fit, folder, matrix):
    assert fit.wait() == (0, "hosts: done"), fit.output()
    assert re.search(r"going on from fit.checkpoint.h5 after iteration \d", fit.output()), fit.output()
    run(["fit", matrix, "-o", folder / "home.h5", *LONG])
    assert_same_model(folder / "model.h5", folder / "home.h5")
    assert sorted(os.listdir(folder)) == ["fit.sh", "home.h5", "model.h5", "out"]


def test_a_signal_saves_and_stops(hosts, tmp_path, matrix):
    """As Ctrl-C, to all of the script's process group."""
    fit = Fit(hosts, tmp_path, [matrix, "-o", "model.h5", "-k", 5, "--tol", 0, "--max-iter", 1000000000])
    fit.wait_for("iteration 20/")
    os.killpg(fit.process.pid, signal.SIGINT)
    assert fit.wait() == (75, "hosts: stopped; fit.checkpoint.h5 was saved, run this script again to go on")
    assert sorted(os.listdir(tmp_path)) == ["fit.checkpoint.h5", "fit.sh", "out"]


def test_a_killed_process_ends_the_job_and_is_named(hosts, tmp_path, matrix):
    fit = interrupted(hosts, tmp_path, matrix)
    victim = hosts.processes(1, PROGRAM)[0]
    os.kill(victim, 9)
    assert fit.wait() == (137, "hosts: FAILED (exit status 137); all hosts answer"), fit.output()
    named = rf"process rank \d with PID {victim} on node {hosts.addresses[1]} exited on signal 9"
    assert re.search(named, fit.output()), fit.output()
    assert not (tmp_path / "model.h5").exists()
    again = Fit(hosts, tmp_path, [matrix, "-o", "model.h5", *LONG])
    assert_done_as_if_nothing_had_happened(again, tmp_path, matrix)


def test_a_host_cut_off_is_named_and_the_other_goes_on(hosts, tmp_path, matrix):
    """Within the script's patience and what it takes to ask the hosts."""
    fit = interrupted(hosts, tmp_path, matrix)
    hosts.link.cut = True
    began = time.monotonic()
    fit.wait_for("hosts: lost")
    assert time.monotonic() - began < 5 * PATIENCE
    assert f"hosts: lost {hosts.addresses[1]}; going on with {hosts.addresses[0]}:1\n" in fit.output()
    assert_done_as_if_nothing_had_happened(fit, tmp_path, matrix)
    assert f"on node {hosts.addresses[1]}" in fit.output()
