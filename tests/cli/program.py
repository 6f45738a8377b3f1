"""Runs the built program, alone or under mpirun, and never hangs."""
import json
import os
import pathlib
import shlex
import signal
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("DNMF_PROGRAM", str(ROOT / "build" / "dnmf"))
MPIRUN = shlex.split(os.environ.get("DNMF_MPIRUN", "mpirun --oversubscribe --bind-to none"))
MPICH = "mpich" in pathlib.Path(MPIRUN[0]).name
INPUTS = ROOT / "inputs"

PROCESSES = [1, 2, 3, 4, 6]
GRIDS = [(r, p // r) for p in PROCESSES for r in range(1, p + 1) if p % r == 0]


def grid_name(grid):
    return f"{grid[0]}x{grid[1]}"


class Result:
    """What a run said and how it ended."""

    def __init__(self, command, returncode, stdout, stderr):
        self.command = command
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr

    @property
    def json(self):
        """The one JSON object that standard output holds with --json."""
        return json.loads(self.stdout)

    @property
    def messages(self):
        """The program's own error lines; mpirun may add a notice of its own to standard error."""
        return [line for line in self.stderr.splitlines() if line.startswith("dnmf: error:")]

    def __str__(self):
        return (f"$ {shlex.join(self.command)}\nexit status {self.returncode}\n"
                f"--- standard output\n{self.stdout}\n--- standard error\n{self.stderr}")


def environment(threads=1):
    """One thread a process: the tests' matrices are small, and processes share few cores. None: the program's choice."""
    settings = {"OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1",
                "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    if threads:
        settings["OMP_NUM_THREADS"] = str(threads)
    return {**os.environ, **settings}


def stop(process):
    """mpirun passes a polite signal on to its processes; what is left afterwards is killed."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            pass
        try:
            return process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            continue
    return b"", b""


def start(args, processes=1, launcher=None, cwd=None, prefix=(), threads=1):
    """Starts `dnmf ARGS` in a session of its own and does not wait, see finish; one process runs without a launcher
    unless `launcher` is true. `prefix` is a command to run the program under."""
    command = [*prefix, PROGRAM, *map(str, args)]
    if launcher or (launcher is None and processes > 1):
        command = [*MPIRUN, "-n", str(processes), *command]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=environment(threads), cwd=cwd, start_new_session=True)


def finish(process, timeout=60):
    """What a started program said and how it ended; fails when it has not after `timeout` seconds."""
    try:
        stdout, stderr = map(bytes.decode, process.communicate(timeout=timeout))
    except subprocess.TimeoutExpired:
        stdout, stderr = map(bytes.decode, stop(process))
        raise AssertionError(f"no end after {timeout} s:\n{Result(process.args, None, stdout, stderr)}") from None
    return Result(process.args, process.returncode, stdout, stderr)


def children_of(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ranks_of(process):
    """The ids of the program's processes under a launcher: its children (Open MPI), or their children (MPICH)."""
    children = children_of(process.pid)
    if children and pathlib.Path(f"/proc/{children[0]}/comm").read_text().startswith("hydra"):
        return [rank for child in children for rank in children_of(child)]
    return children


def run(args, processes=1, expect=0, timeout=60, **how):
    """Runs `dnmf ARGS`; further arguments are those of start.

    Fails, showing the output, when the exit status is not `expect` (None: any) or the time is over.
    """
    result = finish(start(args, processes, **how), timeout)
    assert expect is None or result.returncode == expect, f"expected exit status {expect}:\n{result}"
    return result
