"""Strong and weak scaling of dnmf over numbers of processes and grid shapes, on this machine or through Slurm.

Every run fits a generated matrix for the same iterations from the same start. On all grids the objective must be the
same, and the words and messages sent those of the formula: otherwise this ends with an error. Written: scaling.csv, a
picture a study, and the relative error against time (errors.csv). Strong: one matrix. Weak: the rows grow with the
processes. `planned` is what dnmf plan says for the machine measured at the beginning, `x plan` what a run took of it.
"""
import argparse
import csv
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

import pictures
from programs import cores, processor, run

SAME_OBJECTIVE = 1e-9  # relative, over all grids: summation order alone


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", default="strong,weak", help="default strong,weak")
    parser.add_argument("--processes", default="1,2,4,8,16,32,64", help="default 1,2,4,8,16,32,64")
    parser.add_argument("--grids", default="auto", choices=["auto", "all"], help="auto (default) or all shapes")
    parser.add_argument("--rows", type=int, default=20000, help="default 20000; weak: of one process")
    parser.add_argument("--cols", type=int, default=4000, help="default 4000")
    parser.add_argument("--nnz", type=int, help="stored entries of a sparse matrix; weak: of one process")
    parser.add_argument("-k", "--components", type=int, default=50, help="default 50")
    parser.add_argument("--solver", default="hals", choices=["hals", "mu", "bpp"], help="default hals")
    parser.add_argument("--precision", default="double", choices=["double", "single"], help="default double")
    parser.add_argument("--scale", type=float, default=1, help="shrinks rows and columns alike; 0.1 takes a minute")
    parser.add_argument("--iterations", type=int, default=10, help="of a run, default 10")
    parser.add_argument("--repeats", type=int, default=3, help="of a run; the median counts, default 3")
    parser.add_argument("--threads", type=int, default=1, help="OpenMP threads a process, default 1")
    parser.add_argument("--launcher", default="mpirun",
                        help="mpirun (default, Open MPI's), srun inside a Slurm job, or another command that takes -n N")
    parser.add_argument("--dnmf", default="build/dnmf", help="the program, default build/dnmf")
    parser.add_argument("--output", type=Path, default=Path("build/scaling"), help="folder, default build/scaling")
    options = parser.parse_args()
    options.studies = options.studies.split(",")
    options.processes = [int(p) for p in options.processes.split(",")]
    return options


def crowded(options, processes):
    """Whether there are more threads than cores; a Slurm job has those it asked for, on all its nodes."""
    return "SLURM_JOB_ID" not in os.environ and processes * options.threads > cores()


def launched(options, processes, command):
    """The command on so many processes. More of them than cores must not wait busily for each other."""
    if options.launcher == "srun":
        return ["srun", "--mpi=pmix", "-n", str(processes), "-c", str(options.threads), "--kill-on-bad-exit=1",
                *command]
    if options.launcher != "mpirun":
        return [*shlex.split(options.launcher), "-n", str(processes), *command]
    patience = ["--oversubscribe", "--mca", "mpi_yield_when_idle", "1"] if crowded(options, processes) else []
    return ["mpirun", "--bind-to", "none", *patience, "-n", str(processes), *command]


def generate(options, study, processes):
    growth = processes if study == "weak" else 1
    rows, cols = (max(1, round(side * options.scale)) for side in (options.rows, options.cols))
    path = options.output / f"{rows * growth}x{cols}.h5"
    command = [options.dnmf, "generate", "-o", str(path), "--rows", str(rows * growth), "--cols", str(cols), "--kind",
               "planted", "-k", str(options.components), "--seed", "1", "--json", "--quiet"]
    if options.nnz:
        command += ["--sparse", "--nnz", str(round(options.nnz * options.scale ** 2) * growth)]
    if not path.exists():
        run(command)
    return path


def job(options, path):
    return [str(path), "-k", str(options.components), "--solver", options.solver, "--precision", options.precision,
            "--missing", "zero", "--threads", str(options.threads), "--quiet", "--json"]


def measure_machine(options, path):
    machine = options.output / "machine.json"
    count = min(2, cores())
    run(launched(options, count, [options.dnmf, "plan", *job(options, path), "-n", str(max(options.processes)),
                                  "--measure", "--save", str(machine)]))
    return machine


def fit(options, path, plan):
    log = options.output / "fit.jsonl"
    return run(launched(options, plan["processes"], [
        options.dnmf, "fit", *job(options, path), "-o", str(options.output / "model.h5"), "--grid", plan["grid"],
        "--tol", "0", "--max-iter", str(options.iterations), "--log", str(log)])), log


def row_of(options, study, path, plan):
    """One row of the table: the run of median time."""
    runs = sorted((fit(options, path, plan)[0] for _ in range(options.repeats)),
                  key=lambda told: told["seconds"]["iterate"])
    told = runs[len(runs) // 2]
    n = told["iterations"]
    parts = {part: told["iteration_seconds"][part] / n for part in pictures.PARTS}
    seconds = [run["seconds"]["iterate"] / n for run in runs]
    return {"study": study, "source": "measured", "processes": told["processes"], "grid": told["grid"],
            "threads": told["threads"], "rows": told["rows"], "cols": told["cols"], "stored": told["stored"],
            "components": told["components"], "solver": told["solver"], "precision": told["precision"],
            "seconds": statistics.median(seconds), "least": seconds[0], "most": seconds[-1], **parts,
            "planned": plan["seconds"], "efficiency": None, "words": told["traffic"]["words"] / n,
            "formula_words": plan["traffic"]["words"], "messages": told["traffic"]["messages"] / n,
            "formula_messages": plan["traffic"]["messages"], "objective": told["objective"],
            "relative_error": told["relative_error"],
            "oversubscribed": crowded(options, told["processes"])}


def curve(path):
    """(seconds, relative error) of each step of a log."""
    steps = map(json.loads, path.read_text().splitlines())
    return [(step["seconds"], step["relative_error"]) for step in steps]


def check(rows):
    """The same results and the formula's traffic; what differs, a line each."""
    for r in rows:
        for counted in ("words", "messages"):
            if not math.isclose(r[counted], r[f"formula_{counted}"], rel_tol=1e-12):
                yield f"{r['processes']} processes, grid {r['grid']}: {r[counted]} {counted}, not {r[f'formula_{counted}']}"
        first = next(other for other in rows if (other["rows"], other["cols"]) == (r["rows"], r["cols"]))
        if not math.isclose(r["objective"], first["objective"], rel_tol=SAME_OBJECTIVE if r["precision"] == "double"
                            else 1e-3):
            yield f"{r['processes']} processes, grid {r['grid']}: objective {r['objective']}, not {first['objective']}"


def study_rows(options, study, curves):
    machine = None
    for processes in options.processes:
        path = generate(options, study, processes)
        machine = machine or measure_machine(options, path)
        plans = run([options.dnmf, "plan", *job(options, path), "-n", str(processes), "--grid", options.grids,
                     "--machine", str(machine)])["plans"]
        for plan in plans:
            yield row_of(options, study, path, plan)
            print(f"{study}: {processes} processes, grid {plan['grid']}", file=sys.stderr)
        if study == "strong":
            curves[f"{processes} process{'es' * (processes > 1)}"] = curve(options.output / "fit.jsonl")
        elif study == "weak":
            path.unlink()


def write_curves(curves, path):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "seconds", "relative_error"])
        writer.writerows([name, *point] for name, points in curves.items() for point in points)


def main():
    options = arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([options.dnmf, "--version"], capture_output=True, text=True, check=True).stdout
    print(f"{processor()}, {cores()} cores; {version.splitlines()[0]}")
    rows, curves = [], {}
    for study in options.studies:
        rows += study_rows(options, study, curves)
    pictures.efficiencies(rows)
    pictures.print_table(rows)
    pictures.write_csv(rows, options.output / "scaling.csv")
    write_curves(curves, options.output / "errors.csv")
    for study in options.studies:
        pictures.draw(rows, study, f"{study} scaling, k = {options.components}, {options.solver}, {processor()}",
                      options.output / f"{study}.png", curves if study == "strong" else None)
    wrong = list(check(rows))
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"written: {options.output}/scaling.csv, errors.csv, {', '.join(s + '.png' for s in options.studies)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
