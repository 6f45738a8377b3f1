"""Seconds per iteration of dnmf beside scikit-learn, RcppML and the machine's own peaks, on generated matrices.

Everything compared is measured in this run, interleaved: each repeat times every program once. What is reported is
the median over the repeats, with the least and the most. The floor is the time of the products' operations at the rate
of a square matrix product, or of reading the matrix once, whichever is longer. `planned` is what `dnmf plan
--measure` says before the fits, `x plan` what they took of it.
"""
import argparse
import pathlib
import statistics
import subprocess
import warnings

import numpy as np
import scipy.sparse
import sklearn

import draw
import files
import peaks
import ratings
import report
from fits import Dnmf, Rcppml, Sklearn, load
from programs import cores, processor, run
from works import MATRICES, flops, matrix_bytes, size_of, works


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1, help="share of the full size: of entries, dense or stored")
    parser.add_argument("--matrices", default="dense,sparse", help="default dense,sparse; none: only what else is asked")
    parser.add_argument("--solvers", default="hals,bpp", help="default hals,bpp; also mu")
    parser.add_argument("--components", default="16,50", help="default 16,50")
    parser.add_argument("--precisions", default="double,single", help="default double,single")
    parser.add_argument("--processes", default="1,2", help="default 1,2; the cores are shared out as threads")
    parser.add_argument("--iterations", type=int, default=5, help="iterations timed in one fit, default 5")
    parser.add_argument("--repeats", type=int, default=5, help="default 5")
    parser.add_argument("--ratings", metavar="TRAIN,TEST", help="two files of ratings: observed-only fits of the first, "
                        "k = 32, and when their error on the second is as low as --target")
    parser.add_argument("--target", type=float, default=0.7793, help="RMSE, default 0.7793 (LIBMF's after 20 epochs on "
                        "18.8 million power-law ratings)")
    parser.add_argument("--no-files", action="store_true", help="leave out reading and importing")
    parser.add_argument("--dnmf", default="build/dnmf", help="the program, default build/dnmf")
    parser.add_argument("--output", default="build/bench", help="folder for matrices and results, default build/bench")
    options = parser.parse_args()
    for name in ("matrices", "solvers", "precisions"):
        setattr(options, name, getattr(options, name).split(","))
    options.components = [int(k) for k in options.components.split(",")]
    options.processes = [int(p) for p in options.processes.split(",")]
    options.output = pathlib.Path(options.output)
    options.matrices = [] if options.matrices == ["none"] else options.matrices
    options.ratings = options.ratings.split(",") if options.ratings else None
    if options.ratings and len(options.ratings) != 2:
        parser.error("--ratings: give two files, TRAIN,TEST")
    unknown = [name for name in options.matrices if name not in MATRICES]
    if unknown:
        parser.error(f"--matrices {unknown[0]}: give dense, sparse or both")
    return options


def generate(options, matrix):
    rows, cols, stored = size_of(matrix, options.scale)
    path = options.output / f"{matrix}-{rows}x{cols}.h5"
    command = [options.dnmf, "generate", "-o", str(path), "--rows", str(rows), "--cols", str(cols), "--seed", "1"]
    if stored:
        command += ["--sparse", "--nnz", str(stored)]
    run(command + ["--json", "--quiet"])
    return path


def block_bytes(a, processes):
    """The largest block of A: values and, when sparse, indices, by rows alone."""
    rows = -(-a.shape[0] // processes)
    if not scipy.sparse.issparse(a):
        return rows * a.shape[1] * a.itemsize
    entries = max(int(a.indptr[min(begin + rows, a.shape[0])] - a.indptr[begin]) for begin in range(0, a.shape[0], rows))
    return entries * (a.data.itemsize + 4) + 8 * (rows + 1)


def result_of(work, a, program, path, seconds, extra, found_peaks):
    entries = a.nnz if scipy.sparse.issparse(a) else a.size
    median = statistics.median(seconds)
    least_bytes = matrix_bytes(a.shape[0], entries, work.matrix == "dense", work.precision)
    result = {"work": str(work), "matrix": work.matrix, "solver": work.solver, "components": work.components,
              "precision": work.precision, "rows": a.shape[0], "cols": a.shape[1], "stored": entries,
              "program": program.name, "seconds": median, "least": min(seconds), "most": max(seconds),
              "gflops": 1e-9 * flops(entries, work.components) / median,
              "floor": peaks.floor(found_peaks, work.precision, flops(entries, work.components), least_bytes),
              "planned": extra.get("planned"), "memory": extra.get("memory"), "block": None,
              "command": " ".join(program.command(work, path))}
    result.update({f"seconds_{name}": value for name, value in extra.get("parts", {}).items()})
    if isinstance(program, Dnmf):
        result["block"] = block_bytes(a, program.processes)
    return result


def measure(options, work, path, a, programs, found_peaks):
    """A result a program; the programs take turns."""
    taking_part = [p for p in programs if isinstance(p, Dnmf) or p.takes(work)]
    seconds, extra = {p: [] for p in taking_part}, {}
    planned = {p: p.planned(work, path) for p in taking_part if isinstance(p, Dnmf)}
    for _ in range(options.repeats):
        for program in taking_part:
            taken, extra[program] = program.time(work, path, a)
            seconds[program].append(taken)
    for program in planned:
        extra[program]["planned"] = planned[program]
    results = [result_of(work, a, p, path, seconds[p], extra[p], found_peaks) for p in taking_part]
    medians = {r["program"]: r["seconds"] for r in results}
    for result in results:
        for rival in (Sklearn.name, Rcppml.name):
            result[f"times {rival}"] = medians[rival] / result["seconds"] if rival in medians else None
        full = options.scale == 1 and work.planc
        result["times PLANC"] = work.planc / result["seconds"] if full else None
    return results


def programs_of(options):
    programs = [Dnmf(options.dnmf, p, options.output, options.iterations) for p in options.processes]
    programs.append(Sklearn(options.iterations))
    if Rcppml.installed():
        programs.append(Rcppml(options.output, options.iterations))
    else:
        print("RcppML is left out: Rscript or the package is missing (Debian: apt-get install r-cran-rcppml)")
    return programs


def main():
    options = arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
    version = subprocess.run([options.dnmf, "--version"], capture_output=True, text=True, check=True).stdout
    print(f"{processor()}, {cores()} cores; scikit-learn {sklearn.__version__}, numpy {np.__version__}")
    print(version.splitlines()[0])
    found_peaks = peaks.measure(cores(), options.repeats)
    print(f"peaks on {cores()} cores: dgemm {found_peaks['dgemm'] / 1e9:.0f} GF/s, sgemm "
          f"{found_peaks['sgemm'] / 1e9:.0f} GF/s, memory {found_peaks['stream'] / 1e9:.1f} GB/s", flush=True)
    programs = programs_of(options)
    results = []
    for matrix in options.matrices:
        path = generate(options, matrix)
        if matrix == "dense" and not options.no_files:
            files.print_dense_read(options, path)
        for precision in options.precisions:
            a = load(path, precision)
            for work in works([matrix], options.solvers, options.components, [precision]):
                results += measure(options, work, path, a, programs, found_peaks)
                report.print_work(results[-1]["work"], results)
            del a
        path.unlink()
    if options.ratings:
        ratings.print_ratings(options)
    if not options.no_files:
        files.print_import(options)
    if results:
        report.write_csv(results, options.output / "bench.csv")
        draw.draw(results, options.output / "bench.png")
        print(f"written: {options.output}/bench.csv and bench.png")


if __name__ == "__main__":
    main()
