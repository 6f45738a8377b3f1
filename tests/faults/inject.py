"""Makes one allocation, file call or MPI call of one process of two fail, for every command and every kind of fit.

    inject.py PROGRAM SHIM [--case TEXT] [--kind alloc|file|mpi] [--rank 0|1] [--points N] [--jobs N]

A case is a command line; the calls of a kind that it makes are counted first, then it is run again and again with one of
them failing: N of them, evenly chosen (default: all). Each run must end within a minute, and

- either fail: exit status 1, one message of the program, what was under the output's name before still there, and
  nothing beside it (a partial file may stay where MPI itself failed and the job was aborted);
- or succeed, where the failure does no harm, with the output that the run without a failure had.

A line for each run that does otherwise; the exit status says whether there was one.
"""
import argparse
import concurrent.futures
import os
import pathlib
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

import h5py
import numpy as np

MPIRUN = shlex.split(os.environ.get("DNMF_MPIRUN", "mpirun --oversubscribe --bind-to none"))
KINDS = ["alloc", "file", "mpi"]
SECONDS = 60
OLD = b"what was there before\n"

# NAME: (output, arguments); {in} is the folder of inputs, {out} an empty folder with the old output in it.
CASES = {
    "generate": ("a.h5", "generate --rows 30 --cols 20 --sparse --density 0.3 -o {out}/a.h5"),
    "import-triples": ("a.h5", "import {in}/triples.csv -o {out}/a.h5"),
    "import-table": ("a.h5", "import {in}/table.csv --header no -o {out}/a.h5"),
    "import-mm": ("a.h5", "import {in}/a.mtx -o {out}/a.h5"),
    "import-npz": ("a.h5", "import {in}/a.npz -o {out}/a.h5"),
    "import-gzip": ("a.h5", "import {in}/triples.csv.gz -o {out}/a.h5"),
    "import-selected": ("a.h5", "import {in}/table.csv --header no --min-row-count 3 --rows 2: -o {out}/a.h5"),
    "info": (None, "info {in}/zeros.h5"),
    "fit-dense": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 3 -o {out}/m.h5"),
    "fit-sparse-mu": ("m.h5", "fit {in}/zeros.h5 -k 3 --max-iter 3 --solver mu -o {out}/m.h5"),
    "fit-bpp": ("m.h5", "fit {in}/zeros.h5 -k 3 --max-iter 3 --solver bpp --precision single -o {out}/m.h5"),
    "fit-nndsvd": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 2 --init nndsvda -o {out}/m.h5"),
    "fit-grid": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 3 --grid 1x2 -o {out}/m.h5"),
    "fit-kl-dense": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 3 --loss kullback-leibler -o {out}/m.h5"),
    "fit-kl-sparse": ("m.h5", "fit {in}/zeros.h5 -k 3 --max-iter 3 --loss kullback-leibler -o {out}/m.h5"),
    "fit-observed": ("m.h5", "fit {in}/ratings.h5 -k 3 --max-iter 3 --validation 0.2 -o {out}/m.h5"),
    "fit-observed-svd": ("m.h5", "fit {in}/ratings.h5 -k 3 --max-iter 2 --init nndsvd -o {out}/m.h5"),
    "fit-batches": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 3 --batch-rows 10 -o {out}/m.h5"),
    "fit-checkpoint": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 4 --checkpoint {out}/c.h5 --checkpoint-every 1 "
                               "-o {out}/m.h5"),
    "fit-resume": ("m.h5", "fit {in}/dense.h5 --resume {in}/checkpoint.h5 -k 3 --max-iter 1 -o {out}/m.h5"),
    "fit-text-log": ("m.h5", "fit {in}/triples.csv -k 2 --max-iter 3 --log {out}/log.jsonl -o {out}/m.h5"),
    "tune": ("m.h5", "tune {in}/ratings.h5 -k 2,3 --folds 2 --max-iter 3 -o {out}/m.h5"),
    "transform": ("t.h5", "transform {in}/model.h5 {in}/dense.h5 -o {out}/t.h5"),
    "transform-observed": ("t.h5", "transform {in}/observed.h5 {in}/ratings.h5 -o {out}/t.h5"),
    "predict": ("p.csv", "predict {in}/observed.h5 {in}/pairs.csv -o {out}/p.csv"),
    "recommend": ("r.csv", "recommend {in}/observed.h5 --seen {in}/ratings.h5 -n 3 -o {out}/r.csv"),
    "evaluate": (None, "evaluate {in}/observed.h5 {in}/ratings.h5"),
    "evaluate-lists": (None, "evaluate {in}/observed.h5 {in}/ratings.h5 --at 3"),
    "describe": (None, "describe {in}/observed.h5"),
    "reconstruct": ("r.npy", "reconstruct {in}/model.h5 -o {out}/r.npy"),
    "reconstruct-hdf5": ("r.h5", "reconstruct {in}/observed.h5 -o {out}/r.h5"),
    "export-csv": ("a.csv", "export {in}/zeros.h5 -o {out}/a.csv"),
    "export-npz": ("a.npz", "export {in}/zeros.h5 -o {out}/a.npz"),
    "export-h5ad": ("a.h5ad", "export {in}/zeros.h5 -o {out}/a.h5ad"),
    "export-factors": ("f-W.csv", "export {in}/model.h5 -o {out}/f.csv"),
    "plan": (None, "plan {in}/dense.h5 -k 3 -n 1,2"),
}


def environment(**more):
    return {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1",
            "OMPI_MCA_mpi_yield_when_idle": "1", **more}


def quiet_run(program, *args, expect=0):
    done = subprocess.run([program, *map(str, args)], capture_output=True, text=True, env=environment())
    if done.returncode != expect:
        sys.exit(f"inject: {args}: {done.stderr}")


def make_inputs(program, folder):
    random_state = np.random.default_rng(1)
    table = random_state.integers(1, 6, (30, 20)) * (random_state.random((30, 20)) < 0.4)
    np.savetxt(folder / "table.csv", table, fmt="%d", delimiter=",")
    rows, cols = np.nonzero(table)
    lines = [f"u{i},i{j},{table[i, j]}" for i, j in zip(rows, cols)]
    (folder / "triples.csv").write_text("user,item,rating\n" + "\n".join(lines) + "\n")
    (folder / "pairs.csv").write_text("row,col\n" + "\n".join(f"{i},{j}" for i, j in zip(rows, cols)) + "\n")
    subprocess.run(["gzip", "-k", folder / "triples.csv"], check=True)
    (folder / "a.mtx").write_text(f"%%MatrixMarket matrix coordinate real general\n30 20 {len(rows)}\n" +
                                  "".join(f"{i + 1} {j + 1} {table[i, j]}\n" for i, j in zip(rows, cols)))
    quiet_run(program, "generate", "-o", folder / "ratings.h5", "--kind", "ratings", "--rows", 30, "--cols", 20,
              "--nnz", 240)
    quiet_run(program, "import", folder / "a.mtx", "-o", folder / "zeros.h5")
    np.save(folder / "dense.npy", random_state.random((30, 20)))
    np.savez(folder / "a.npz", x=random_state.random((30, 20)))
    quiet_run(program, "import", folder / "dense.npy", "-o", folder / "dense.h5")
    quiet_run(program, "fit", folder / "dense.h5", "-k", 3, "--max-iter", 5, "-o", folder / "model.h5")
    quiet_run(program, "fit", folder / "ratings.h5", "-k", 3, "--max-iter", 5, "-o", folder / "observed.h5")
    quiet_run(program, "fit", folder / "dense.h5", "-k", 3, "--max-iter", 10**9, "--tol", 0, "--time-limit", 0.1,
              "--checkpoint", folder / "checkpoint.h5", "-o", folder / "unused.h5", expect=75)


class Run:
    """One run of a case with one call failing, or none."""

    def __init__(self, settings, case, kind, rank, which):
        self.case, self.kind, self.rank, self.which = case, kind, rank, which
        self.output, command = CASES[case]
        self.home = pathlib.Path(tempfile.mkdtemp(dir=settings.folder))
        self.out = self.home / "out"
        self.out.mkdir()
        if self.output and which:
            (self.out / self.output).write_bytes(OLD)
        report = self.home / "report"
        arguments = command.replace("{in}", str(settings.inputs)).replace("{out}", str(self.out)).split()
        fault = {"DNMF_FAULT": f"{kind}:{which}", "DNMF_FAULT_RANK": str(rank), "DNMF_FAULT_REPORT": str(report),
                 "DNMF_FAULT_FOLDER": str(settings.folder), "LD_PRELOAD": settings.shim}
        process = subprocess.Popen([*MPIRUN, "-n", "2", "env", *(f"{name}={value}" for name, value in fault.items()),
                                    settings.program, *arguments, "--quiet"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                                   env=environment())
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
            self.status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            self.status = None
        self.stdout, self.stderr = stdout.decode(errors="replace"), stderr.decode(errors="replace")
        self.report = report.read_text() if report.exists() else ""
        self.messages = [line for line in self.stderr.splitlines() if line.startswith("dnmf: error:")]

    def seen(self):
        return sum(int(line.split()[1]) for line in self.report.splitlines() if line.startswith("seen"))

    def failed(self):
        return next((line[7:] for line in self.report.splitlines() if line.startswith("failed")), None)

    def left(self):
        """Names beside the output; a log and a checkpoint are written as they go."""
        names = sorted(path.name for path in self.out.iterdir())
        aborted = "MPI_ABORT was invoked" in self.stderr or "application called MPI_Abort" in self.stderr
        return [name for name in names if name not in (self.output, "log.jsonl", "c.h5") and
                not (aborted and name.endswith(".partial"))]

    def wrong(self, reference):
        """What is wrong with the run, or None."""
        output = self.out / self.output if self.output else None
        if self.status is None:
            return f"no end after {SECONDS} s"
        if self.failed() is None:
            return None  # the call was not made this time
        if self.status == 0:
            return "exit status 0 with a message" if self.messages else differs(self, reference)
        if self.status != 1:
            return f"exit status {self.status}"
        if len(self.messages) != 1:
            return f"{len(self.messages)} messages"
        if output is not None and (not output.exists() or output.read_bytes() != OLD):
            return "the old output is gone"
        return f"left behind: {self.left()}" if self.left() else None

    def clean(self):
        shutil.rmtree(self.home, ignore_errors=True)


def datasets(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {name: value for name, value in found.items() if not name.startswith("provenance")}


def same_file(ours, theirs):
    if not h5py.is_hdf5(ours):
        return ours.read_bytes() == theirs.read_bytes()
    left, right = datasets(ours), datasets(theirs)
    return left.keys() == right.keys() and all(np.asarray(left[name]).dtype.kind not in "fiu" or np.array_equal(
        left[name], right[name], equal_nan=np.asarray(left[name]).dtype.kind == "f") for name in left
                                               if "seconds" not in name)


def differs(run, reference):
    """What a run that succeeded gives otherwise than the one without a failure."""
    if run.output is None:
        return None if run.stdout == reference.stdout else "exit status 0 with another answer"
    try:
        same = same_file(run.out / run.output, reference.out / run.output)
    except OSError as error:
        return f"exit status 0, but the output is damaged: {error}"
    return None if same else "exit status 0 with another output"


def where(settings, run):
    """The call that failed, with the function that made it where the program has symbols."""
    name, offset = run.failed().split() if run.failed() else ("nothing", "0x0")
    return f"{name} at {offset}"


def check(settings, case, kind, rank, pool):
    """Lines about the runs of one case that went wrong, and how many there were."""
    reference = Run(settings, case, kind, rank, 0)
    if reference.status != 0:
        return [f"{case}: fails without a fault: {reference.stderr.strip()[-300:]}"], 1
    calls = reference.seen()
    chosen = [settings.call] if settings.call else list(range(1, calls + 1))
    if settings.points and settings.points < len(chosen):
        chosen = sorted(random.Random(f"{case} {kind} {rank}").sample(chosen, settings.points))
    runs = list(pool.map(lambda which: Run(settings, case, kind, rank, which), chosen))
    found = []
    for run in runs:
        wrong = run.wrong(reference)
        if wrong:
            found.append(f"{case}, process {rank}, {kind} {run.which} of {calls}: {wrong} ({where(settings, run)})"
                         f" {run.messages}")
        run.clean()
    reference.clean()
    return found, len(runs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("shim")
    parser.add_argument("--case", default="", help="cases whose name has this text")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--rank", type=int, choices=[0, 1])
    parser.add_argument("--points", type=int, default=0, help="calls of a case, a kind and a process; 0: all")
    parser.add_argument("--call", type=int, default=0, help="only this one")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    settings = parser.parse_args()
    settings.program, settings.shim = (str(pathlib.Path(path).resolve()) for path in (settings.program, settings.shim))
    found, total = [], 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(settings.jobs) as pool:
        settings.folder = pathlib.Path(folder).resolve()
        settings.inputs = settings.folder / "in"
        settings.inputs.mkdir()
        make_inputs(settings.program, settings.inputs)
        for case in CASES:
            if settings.case not in case:
                continue
            for kind in [settings.kind] if settings.kind else KINDS:
                for rank in [settings.rank] if settings.rank is not None else [0, 1]:
                    lines, runs = check(settings, case, kind, rank, pool)
                    total += runs
                    found += lines
                    for line in lines:
                        print(line, flush=True)
            print(f"{case}: done, {total} runs so far, {len(found)} wrong", flush=True)
    print(f"{total} runs, {len(found)} wrong")
    sys.exit(1 if found or total == 0 else 0)


if __name__ == "__main__":
    main()
