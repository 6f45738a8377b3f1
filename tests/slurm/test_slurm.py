"""The job scripts of scripts/slurm in a real Slurm, which run.sh starts around these tests.

A test edits a script as a person would, the lines that say so, and submits it.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cli"))
from program import PROGRAM, run  # noqa: E402

SCRIPTS = ROOT / "scripts" / "slurm"
SECONDS = 240  # more than any job needs
LAUNCHERS = ["srun", "mpirun"]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    path = tmp_path_factory.mktemp("slurm") / "a.h5"
    run(["generate", "-o", path, "--rows", 300, "--cols", 200])
    return path


class Job:
    """A script of scripts/slurm, edited and submitted in `folder`."""

    def __init__(self, folder, script, what, *options, launcher="srun", transport="tcp,self"):
        text = (SCRIPTS / script).read_text()
        text, edited = re.subn(r"^(fit|study)=\(.*?\) # edit: what$", rf"\1=({' '.join(map(str, what))})", text,
                               flags=re.MULTILINE)
        assert edited == 1
        (folder / script).write_text(text)
        paths = f"{pathlib.Path(PROGRAM).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": paths, "LAUNCHER": launcher, "OMPI_MCA_mpi_yield_when_idle": "1",
                       "OMPI_MCA_btl": transport}
        environment.pop("OMP_NUM_THREADS", None)
        command = ["sbatch", "--parsable", "--job-name=job", "--output=out", *options, script]
        self.id = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True,
                                 text=True).stdout.strip()
        self.folder = folder

    def facts(self):
        shown = subprocess.run(["scontrol", "show", "job", self.id], check=True, capture_output=True, text=True).stdout
        return dict(re.findall(r"(\S+?)=(\S*)", shown))

    def output(self, name="out"):
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def starts(self):
        return self.output().count("fitting k")

    def iteration(self):
        """The last one told since the job's last start."""
        told = re.findall(r"^(?:iteration (\d+)/|fitting k)", self.output(), flags=re.MULTILINE)
        return int(told[-1] or 0) if told else 0

    def wait_for(self, what, condition):
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, f"no {what} after {SECONDS} s: {self.facts()}\n{self.output()}"
            time.sleep(0.1)

    def wait(self):
        """Waits for the end; how the job ended and its output's last line."""
        self.wait_for("end", lambda: self.facts()["JobState"] in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"))
        return self.facts(), (self.output().splitlines() or [""])[-1]


def factors(path):
    with h5py.File(path) as model:
        return model["W"][:], model["H"][:]


def assert_same_model(path, other):
    for mine, theirs in zip(factors(path), factors(other)):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_fit_on_two_nodes_is_the_same_as_at_home(tmp_path, matrix, launcher):
    """With a thread for each core of a task."""
    fit = [matrix, "-o", "model.h5", "-k", 5, "--max-iter", 20]
    job = Job(tmp_path, "fit.sh", fit, "--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=2", launcher=launcher)
    facts, last = job.wait()
    assert (facts["JobState"], facts["ExitCode"], last) == ("COMPLETED", "0:0", "job: done"), job.output()
    assert "2 processes as 2 x 1, 2 threads each" in job.output() and "warning" not in job.output(), job.output()
    run(["fit", matrix, "-o", tmp_path / "home.h5", "-k", 5, "--max-iter", 20])
    assert_same_model(tmp_path / "model.h5", tmp_path / "home.h5")


def test_mpirun_starts_the_tasks_of_each_node(tmp_path, matrix):
    job = Job(tmp_path, "fit.sh", [matrix, "-o", "model.h5", "-k", 2, "--max-iter", 2], "--nodes=2",
              "--ntasks-per-node=2", "--cpus-per-task=1", launcher="mpirun")
    job.wait()
    assert "4 processes as 4 x 1, 1 thread each" in job.output() and "warning" not in job.output(), job.output()


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_wrong_command_line_fails_the_job_with_its_exit_status(tmp_path, launcher):
    job = Job(tmp_path, "fit.sh", ["none.h5", "-o", "model.h5", "-k", 0], "--nodes=1", "--ntasks-per-node=2",
              "--cpus-per-task=1", launcher=launcher)
    facts, last = job.wait()
    assert (facts["JobState"], facts["ExitCode"]) == ("FAILED", "2:0"), job.output()
    assert last == "job: FAILED (exit status 2)"
    assert job.output().count("dnmf: error:") == 1, job.output()


def endless(matrix):
    return [matrix, "-o", "model.h5", "-k", 5, "--tol", 0, "--max-iter", 1000000000]


def test_a_killed_process_ends_the_job(tmp_path, matrix):
    """Progress arrives while the job runs: the output file can be followed."""
    job = Job(tmp_path, "fit.sh", endless(matrix), "--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=1")
    job.wait_for("progress", lambda: "iteration 20/" in job.output())
    listed = subprocess.run(["scontrol", "listpids", f"{job.id}.0", "node1"], check=True, capture_output=True)
    os.kill(int(listed.stdout.splitlines()[1].split()[0]), 9)
    facts, last = job.wait()
    assert facts["JobState"] == "FAILED", job.output()
    assert last in ("job: FAILED (exit status 137)", "job: FAILED (exit status 143)"), job.output()  # killed, ended
    assert "task 0: Killed" in job.output()
    assert not (tmp_path / "model.h5").exists()


def test_an_array_over_components(tmp_path, matrix):
    job = Job(tmp_path, "array.sh", [matrix, "--max-iter", 5], "--array=2,4", "--output=out-%a", "--nodes=1",
              "--ntasks-per-node=1", "--cpus-per-task=1")
    job.wait_for("two ends", lambda: all("job: " in job.output(f"out-{k}") for k in (2, 4)))
    for components in (2, 4):
        last = job.output(f"out-{components}").splitlines()[-1]
        assert last.startswith(f"job: done for k = {components}: validation_rmse:")
        assert json.loads((tmp_path / f"fit-k{components}.json").read_text())["components"] == components
        assert factors(tmp_path / f"model-k{components}.h5")[0].shape[1] == components


def long_fit(matrix, iterations):
    return [matrix, "-k", 5, "--tol", 0, "--max-iter", iterations, "-o", "model.h5"]


def requeueing(folder, matrix, iterations, *options, launcher="srun"):
    """On one node, by shared memory: over TCP a requeued job, but no new one, now and then meets a segmentation fault
    of Open MPI 4.1's TCP module within MPI_Init."""
    return Job(folder, "requeue.sh", long_fit(matrix, iterations), "--nodes=1", "--ntasks-per-node=2",
               "--cpus-per-task=1", *options, launcher=launcher, transport="vader,self")


def assert_done_as_if_never_stopped(job, matrix, iterations):
    facts, last = job.wait()
    assert (facts["JobState"], facts["ExitCode"]) == ("COMPLETED", "0:0"), job.output()
    assert last == f"job: done after {facts['Restarts']} restarts"
    run(["fit", *long_fit(matrix, iterations)[:-1], job.folder / "home.h5"])
    assert_same_model(job.folder / "model.h5", job.folder / "home.h5")
    with h5py.File(job.folder / "model.h5") as model:
        assert len(model["history/objective"]) == iterations + 1
    assert not list(job.folder.glob("*.checkpoint.h5"))


@pytest.mark.parametrize("launcher, restarts", [("srun", 2), ("mpirun", 1)])
def test_a_signalled_job_requeues_itself_until_done(tmp_path, matrix, launcher, restarts):
    """The signal is the one that Slurm sends before the time limit."""
    iterations = 80000  # seconds of a quiet machine: enough to be stopped within
    job = requeueing(tmp_path, matrix, iterations, launcher=launcher)
    for restart in range(1, restarts + 1):
        job.wait_for("progress", lambda: job.starts() == restart and job.iteration() > 0)
        subprocess.run(["scancel", "--batch", "--signal=USR1", job.id], check=True)
        job.wait_for("requeue", lambda: job.output().count("back into the queue") == restart)
        assert not (tmp_path / "model.h5").exists()
    assert_done_as_if_never_stopped(job, matrix, iterations)
    assert job.facts()["Restarts"] == str(restarts)


def test_a_job_goes_on_after_the_loss_of_a_node(tmp_path, matrix):
    """Slurm itself requeues it; the script finds the checkpoint."""
    iterations = 2500
    job = Job(tmp_path, "requeue.sh", [*long_fit(matrix, iterations), "--checkpoint-every", 100], "--nodes=2",
              "--ntasks-per-node=1", "--cpus-per-task=1")
    job.wait_for("a checkpoint", lambda: job.iteration() >= 200)
    node = ["scontrol", "update", "NodeName=node2", "Reason=test"]
    subprocess.run([*node, "State=DOWN"], check=True)
    subprocess.run([*node, "State=RESUME"], check=False)  # refused when the node has registered again by itself
    assert_done_as_if_never_stopped(job, matrix, iterations)
    assert "going on from" in job.output() and job.facts()["Restarts"] == "1"


def test_the_time_limit_requeues_a_job_until_done(tmp_path, matrix):
    """Slurm looks at the time twice a minute, and the least limit is one minute; so this takes longer than that."""
    trial = requeueing(tmp_path, matrix, 500)
    trial.wait()
    pace = float(re.findall(r"\(([0-9.e-]+) s an iteration\)", trial.output())[-1])
    (tmp_path / "limit").mkdir()
    iterations = int(45 / pace)
    job = requeueing(tmp_path / "limit", matrix, iterations, "--time=1", "--signal=B:USR1@29")
    assert_done_as_if_never_stopped(job, matrix, iterations)
    assert int(job.facts()["Restarts"]) >= 1


def test_a_scaling_study(tmp_path):
    """The script runs at the top of the source tree."""
    job = Job(tmp_path, "scaling.sh", ["--processes", "1,2,4", "--scale", 0.02, "-k", 4, "--iterations", 2, "--repeats",
                                       1, "--dnmf", PROGRAM, "--output", tmp_path / "scaling"],
              "--nodes=2", "--ntasks-per-node=2", "--cpus-per-task=1", f"--chdir={ROOT}", f"--output={tmp_path}/out")
    facts, last = job.wait()
    assert (facts["JobState"], last) == ("COMPLETED", "scaling: done"), job.output()
    rows = (tmp_path / "scaling" / "scaling.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["strong"] * 3 + ["weak"] * 3


def test_a_cancelled_job_stays_cancelled(tmp_path, matrix):
    job = Job(tmp_path, "requeue.sh", endless(matrix), "--nodes=1", "--ntasks-per-node=2",
              "--cpus-per-task=1")
    job.wait_for("progress", lambda: job.iteration() >= 20)
    subprocess.run(["scancel", job.id], check=True)
    assert job.wait()[0]["JobState"] == "CANCELLED"
    assert "back into the queue" not in job.output()
