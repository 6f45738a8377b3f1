"""Makes one allocation, file call or MPI call of one process of two fail, for every command and every kind of fit.

    inject.py PROGRAM SHIM [--case TEXT] [--kind alloc|file|full|mpi] [--rank 0|1] [--points N] [--jobs N] [--quick]

A case is a command line; the calls of a kind that each process makes are counted first, then it is run again and again
with one of them failing, chosen by the names of the case and the kind (full: the disk is full from that call on). Each
run must end within a minute, and

- either fail: exit status 1, one message of the program, what was under the outputs' names before still there, and
  nothing beside it;
- or succeed, where the failure does no harm, with the outputs that the run without a failure had.

A log that could not be written is told at the end, when the outputs are there. Where MPI itself fails, the job ends at
once: after the last call of MPI the new outputs may be there already; and a call of another process that fails while
process 0 makes a file leaves that under its partial name to the next job, which removes it.

A line for each run that does otherwise; the exit status says whether there was one.
"""
import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

import h5py
import numpy as np

MPIRUN = shlex.split(os.environ.get("DNMF_MPIRUN", "mpirun --oversubscribe --bind-to none"))
KINDS = ["alloc", "file", "full", "mpi"]
SECONDS = 60
LAYING_OUT = "dnmf_(output_begin|dense_file_begin|.*_write)" # functions during which process 0 makes a file
OLD = b"what was there before\n"

# NAME: (outputs, arguments); {in} is the folder of inputs, {out} a folder with the old outputs in it.
CASES = {
    "generate": ("a.h5", "generate --rows 30 --cols 20 --sparse --density 0.3 -o {out}/a.h5"),
    "import-triples": ("a.h5", "import {in}/triples.csv -o {out}/a.h5"),
    "import-table": ("a.h5", "import {in}/table.csv --format table --header no -o {out}/a.h5"),
    "import-mm": ("a.h5", "import {in}/a.mtx -o {out}/a.h5"),
    "import-npz": ("a.h5", "import {in}/a.npz -o {out}/a.h5"),
    "import-gzip": ("a.h5", "import {in}/triples.csv.gz -o {out}/a.h5"),
    "import-selected": ("a.h5", "import {in}/table.csv --format table --header no --min-row-count 3 --rows 2: "
                                "-o {out}/a.h5"),
    "info": ("", "info {in}/zeros.h5"),
    "fit-dense": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 3 -o {out}/m.h5"),
    "fit-sparse-mu": ("m.h5", "fit {in}/zeros.h5 -k 3 --max-iter 3 --solver mu -o {out}/m.h5"),
    "fit-bpp": ("m.h5", "fit {in}/zeros.h5 -k 3 --max-iter 3 --solver bpp --precision single -o {out}/m.h5"),
    "fit-nndsvd": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 2 --init nndsvda -o {out}/m.h5"),
    "fit-grid": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 3 --grid 1x2 -o {out}/m.h5"),
    "fit-kl-dense": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 3 --loss kullback-leibler -o {out}/m.h5"),
    "fit-kl-sparse": ("m.h5", "fit {in}/zeros.h5 -k 3 --max-iter 3 --loss kullback-leibler -o {out}/m.h5"),
    "fit-observed": ("m.h5", "fit {in}/ratings.h5 -k 3 --max-iter 3 --validation 0.2 -o {out}/m.h5"),
    "fit-observed-svd": ("m.h5", "fit {in}/ratings.h5 -k 3 --max-iter 2 --init nndsvd -o {out}/m.h5"),
    "fit-implicit": ("m.h5", "fit {in}/ratings.h5 -k 3 --max-iter 3 --implicit -o {out}/m.h5"),
    "fit-batches": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 3 --batch-rows 10 -o {out}/m.h5"),
    "fit-checkpoint": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 4 --checkpoint {out}/c.h5 --checkpoint-every 1 "
                               "-o {out}/m.h5"),
    "fit-restarts": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 4 --restarts 3 --checkpoint {out}/c.h5 "
                             "--checkpoint-every 2 -o {out}/m.h5"),
    "fit-resume-restarts": ("m.h5", "fit {in}/dense.h5 --resume {in}/restarts-checkpoint.h5 -k 3 --restarts 3 "
                                    "--max-iter 1 -o {out}/m.h5"),
    "fit-resume": ("m.h5", "fit {in}/dense.h5 --resume {in}/checkpoint.h5 -k 3 --max-iter 1 -o {out}/m.h5"),
    "fit-text-log": ("m.h5", "fit {in}/triples.csv -k 2 --max-iter 3 --log {out}/log.jsonl -o {out}/m.h5"),
    "fit-resume-observed": ("m.h5", "fit {in}/ratings.h5 --resume {in}/observed-checkpoint.h5 -k 3 --max-iter 1 "
                                    "-o {out}/m.h5"),
    "fit-held-out-file": ("m.h5", "fit {in}/triples.csv -k 2 --max-iter 3 --validation {in}/triples.csv.gz "
                                  "-o {out}/m.h5"),
    "fit-start-file": ("m.h5", "fit {in}/dense.h5 -k 3 --max-iter 2 --init file:{in}/model.h5 --fix h -o {out}/m.h5"),
    "split": ("a.h5 b.csv", "split {in}/ratings.h5 --train {out}/a.h5 --test {out}/b.csv"),
    "split-rows": ("a.h5 b.h5 c.csv", "split {in}/triples.csv --held-out-rows 0.3 --leave-out 2 --train {out}/a.h5 "
                                      "--test {out}/b.h5 --fold-in {out}/c.csv"),
    "tune": ("m.h5", "tune {in}/ratings.h5 -k 2,3 --folds 2 --max-iter 3 -o {out}/m.h5"),
    "transform": ("t.h5", "transform {in}/model.h5 {in}/dense.h5 -o {out}/t.h5"),
    "transform-observed": ("t.h5", "transform {in}/observed.h5 {in}/ratings.h5 -o {out}/t.h5"),
    "predict": ("p.csv", "predict {in}/observed.h5 {in}/pairs.csv -o {out}/p.csv"),
    "recommend": ("r.csv", "recommend {in}/observed.h5 --seen {in}/ratings.h5 -n 3 -o {out}/r.csv"),
    "evaluate": ("", "evaluate {in}/observed.h5 {in}/ratings.h5"),
    "evaluate-lists": ("", "evaluate {in}/observed.h5 {in}/ratings.h5 --at 3"),
    "evaluate-seen": ("", "evaluate {in}/observed.h5 {in}/ratings.h5 --seen {in}/triples.csv --relevant 1 --at 3"),
    "recommend-new": ("r.h5", "recommend {in}/observed.h5 --new {in}/ratings.h5 --labels {in}/labels.csv --min-count 2 "
                              "-o {out}/r.h5"),
    "recommend-unknown": ("r.csv", "recommend {in}/observed.h5 --seen {in}/ratings.h5 --rows 1,nobody -o {out}/r.csv"),
    "describe": ("", "describe {in}/observed.h5"),
    "describe-csv": ("d.csv", "describe {in}/observed.h5 --labels {in}/labels.csv -o {out}/d.csv"),
    "report": ("p.html", "report {in}/observed.h5 --labels {in}/labels.csv -o {out}/p.html"),
    "tune-lists": ("m.h5", "tune {in}/ratings.h5 -k 2 --folds 2 --max-iter 2 --metric ndcg@3 -o {out}/m.h5"),
    "reconstruct": ("r.h5", "reconstruct {in}/observed.h5 -o {out}/r.h5"),
    "export-csv": ("a.csv", "export {in}/zeros.h5 -o {out}/a.csv"),
    "export-npz": ("a.npz", "export {in}/zeros.h5 -o {out}/a.npz"),
    "export-h5ad": ("a.h5ad", "export {in}/zeros.h5 -o {out}/a.h5ad"),
    "export-factors": ("f-W.csv f-H.csv", "export {in}/model.h5 -o {out}/f.csv"),
    "export-into": ("a.h5ad", "export {in}/model.h5 --into {out}/a.h5ad"),
    "plan": ("", "plan {in}/dense.h5 -k 3 -n 1,2"),
}

# One of each command and of each kind of fit.
QUICK = ["generate", "import-triples", "import-gzip", "fit-dense", "fit-sparse-mu", "fit-kl-sparse", "fit-observed",
         "fit-observed-svd", "fit-implicit", "fit-batches", "fit-resume", "tune", "transform-observed", "predict",
         "recommend", "recommend-new", "evaluate-lists", "describe-csv", "report", "export-factors", "split", "reconstruct"]


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
    (folder / "labels.csv").write_text("".join(f"{j},column {j}\n" for j in range(20)))
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
    quiet_run(program, "fit", folder / "dense.h5", "-k", 3, "--max-iter", 10**9, "--tol", 0, "--time-limit", 0.1,
              "--restarts", 3, "--checkpoint", folder / "restarts-checkpoint.h5", "-o", folder / "none.h5", expect=75)
    quiet_run(program, "fit", folder / "ratings.h5", "-k", 3, "--max-iter", 10**9, "--tol", 0, "--time-limit", 0.1,
              "--checkpoint", folder / "observed-checkpoint.h5", "-o", folder / "unused.h5", expect=75)
    quiet_run(program, "export", folder / "dense.h5", "-o", folder / "old.h5ad")


class Run:
    """One run of a case with one call failing, or none."""

    def __init__(self, settings, case, kind="alloc", rank="all", which=0):
        self.case, self.kind, self.rank, self.which = case, kind, rank, which
        outputs, command = CASES[case]
        self.outputs = outputs.split()
        self.home = pathlib.Path(tempfile.mkdtemp(dir=settings.folder))
        self.out = self.home / "out"
        self.out.mkdir()
        self.old = {name: OLD for name in self.outputs if which} if "--into" not in command else \
                   {name: (settings.inputs / "old.h5ad").read_bytes() for name in self.outputs}
        for name, content in self.old.items():
            (self.out / name).write_bytes(content)
        arguments = command.replace("{in}", str(settings.inputs)).replace("{out}", str(self.out)).split()
        fault = {"DNMF_FAULT": f"{kind}:{which}", "DNMF_FAULT_RANK": str(rank),
                 "DNMF_FAULT_REPORT": str(self.home / "report"), "DNMF_FAULT_FOLDER": str(settings.folder),
                 "LD_PRELOAD": settings.shim}
        process = subprocess.Popen([*MPIRUN, "-n", str(settings.processes), "env",
                                    *(f"{name}={value}" for name, value in fault.items()), settings.program, *arguments,
                                    "--quiet"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True, env=environment())
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
            self.status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            self.status = None
        self.stdout, self.stderr = stdout.decode(errors="replace"), stderr.decode(errors="replace")
        self.messages = [line for line in self.stderr.splitlines() if line.startswith("dnmf: error:")]

    def report(self, rank):
        path = self.home / f"report.{rank}"
        return path.read_text().splitlines() if path.exists() else []

    def seen(self, kind, rank):
        return sum(int(line.split()[2]) for line in self.report(rank) if line.startswith(f"seen {kind} "))

    def failed(self):
        return next((line[7:] for line in self.report(self.rank) if line.startswith("failed")), None)

    def callers(self):
        """Offsets in the program of what called."""
        return [line.split("(+")[1].split(")")[0] for line in self.report(self.rank)
                if re.search(r"dnmf[^ /]*\(\+", line)]

    def left(self):
        """Names beside the outputs; a log and a checkpoint are written as they go."""
        expected = (*self.outputs, "log.jsonl", "c.h5")
        return [path.name for path in sorted(self.out.iterdir()) if path.name not in expected]

    def has_old(self):
        return all((self.out / name).exists() and (self.out / name).read_bytes() == content
                   for name, content in self.old.items())

    def differs(self, reference):
        """What a run that succeeded gives otherwise than the one without a failure."""
        if not self.outputs:
            return None if self.stdout == reference.stdout else "another answer"
        for name in self.outputs:
            try:
                if not same_file(self.out / name, reference.out / name):
                    return f"another {name}"
            except OSError as error:
                return f"a damaged {name}: {error}"
        return None

    def wrong(self, reference, functions):
        """What is wrong with the run, or None."""
        if self.status is None:
            return f"no end after {SECONDS} s"
        if self.failed() is None:
            return None  # the call was not made this time
        if self.status == 0:
            other = "a message" if self.messages else self.differs(reference)
            return f"exit status 0 with {other}" if other else self.litter(functions)
        if self.status != 1:
            return f"exit status {self.status}"
        if len(self.messages) != 1:
            return f"{len(self.messages)} messages"
        may_be_new = self.kind == "mpi" or "--log" in self.messages[0]
        if not self.has_old() and not (may_be_new and self.differs(reference) is None):
            return "the old outputs are gone"
        return self.litter(functions)

    def litter(self, functions):
        left = self.left()
        if self.kind == "mpi" and any(re.match(LAYING_OUT, name) for name in functions):
            left = [name for name in left if not name.endswith(".partial")]
        return f"left behind: {left}" if left else None

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


def functions_of(settings, run):
    """The program's functions that made the call, the innermost first."""
    done = subprocess.run(["addr2line", "-f", "-e", settings.program, *run.callers()], capture_output=True, text=True)
    return done.stdout.splitlines()[::2] if run.callers() else []


def chosen_calls(settings, reference, case, kind, rank):
    calls = list(range(1, reference.seen(kind, rank) + 1))
    if settings.call:
        return [settings.call]
    if settings.points and settings.points < len(calls):
        return sorted(random.Random(f"{case} {kind} {rank}").sample(calls, settings.points))
    return calls


def check(settings, reference, kind, rank, which):
    """What is wrong with a run of a case, in a line, or None."""
    run = Run(settings, reference.case, kind, rank, which)
    functions = functions_of(settings, run)
    wrong = run.wrong(reference, functions)
    line = f"{run.case}, process {rank}, {kind} {which} of {reference.seen(kind, rank)}: {wrong} " \
           f"({run.failed()} by {', '.join(functions)}) {run.messages}"
    run.clean()
    return line if wrong else None


def check_case(settings, case, pool):
    """Lines about the runs that went wrong, and how many runs there were."""
    reference = Run(settings, case)
    if reference.status != 0:
        return [f"{case}: fails without a fault: {reference.stderr.strip()[-300:]}"], 0
    runs = [pool.submit(check, settings, reference, kind, rank, which)
            for kind in ([settings.kind] if settings.kind else KINDS)
            for rank in ([settings.rank] if settings.rank is not None else range(settings.processes))
            for which in chosen_calls(settings, reference, case, kind, rank)]
    lines = [line for line in (run.result() for run in runs) if line]
    reference.clean()
    return lines, len(runs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("shim")
    parser.add_argument("--case", default="", help="cases whose name has this text")
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--rank", type=int)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--points", type=int, default=0, help="calls of a case, a kind and a process; 0: all")
    parser.add_argument("--quick", action="store_true", help="one call of each kind and process, of fewer cases")
    parser.add_argument("--call", type=int, default=0, help="only this one")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    settings = parser.parse_args()
    settings.points = 1 if settings.quick else settings.points
    settings.program, settings.shim = (str(pathlib.Path(path).resolve()) for path in (settings.program, settings.shim))
    found, total = [], 0
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(settings.jobs) as pool, \
            concurrent.futures.ThreadPoolExecutor(settings.jobs) as cases:
        settings.folder = pathlib.Path(folder).resolve()
        settings.inputs = settings.folder / "in"
        settings.inputs.mkdir()
        make_inputs(settings.program, settings.inputs)
        chosen = [case for case in (QUICK if settings.quick else CASES) if settings.case in case]
        for case, (lines, runs) in zip(chosen, cases.map(lambda case: check_case(settings, case, pool), chosen)):
            total += runs
            found += lines
            print(*lines, f"{case}: done, {total} runs so far, {len(found)} wrong", sep="\n", flush=True)
    print(f"{total} runs, {len(found)} wrong")
    sys.exit(1 if found or total == 0 else 0)


if __name__ == "__main__":
    main()
