"""Seconds per iteration of dnmf's hals beside scikit-learn's cd, and dnmf's memory, on generated matrices.

Everything compared is measured in this run, interleaved: each repeat times every program once. What is reported is
the median over the repeats, with the least and the most. dnmf tells the seconds of its own loop; scikit-learn's are
the difference between a long and a short fit, so that neither counts reading or checking the matrix.
"""
import argparse
import pathlib
import statistics
import subprocess
import time
import warnings

import h5py
import numpy as np
import scipy.sparse
import sklearn
from sklearn.decomposition import non_negative_factorization

import report
from programs import cores, processor, run

# Rows, columns, stored entries (None: dense), of the full size.
CASES = {"dense": (20000, 4000, None), "sparse": (138000, 27000, 18_600_000)}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1, help="share of the full size: of entries, dense or stored")
    parser.add_argument("--cases", default="dense,sparse", help="default dense,sparse")
    parser.add_argument("--components", default="16,50", help="default 16,50")
    parser.add_argument("--processes", default="1,2", help="default 1,2; the cores are shared out as threads")
    parser.add_argument("--precision", default="double", choices=["double", "single"], help="default double, for both")
    parser.add_argument("--iterations", type=int, default=5, help="iterations timed in one fit, default 5")
    parser.add_argument("--repeats", type=int, default=5, help="default 5")
    parser.add_argument("--dnmf", default="build/dnmf", help="the program, default build/dnmf")
    parser.add_argument("--output", default="build/bench", help="folder for matrices and results, default build/bench")
    options = parser.parse_args()
    options.cases = options.cases.split(",")
    options.components = [int(k) for k in options.components.split(",")]
    options.processes = [int(p) for p in options.processes.split(",")]
    options.output = pathlib.Path(options.output)
    return options


def size_of(case, scale):
    """Rows and columns shrink alike, and so that dense or stored entries shrink by `scale`."""
    rows, cols, stored = CASES[case]
    side = scale ** 0.5
    return max(1, round(rows * side)), max(1, round(cols * side)), stored and max(1, round(stored * scale))


def generate(options, case):
    rows, cols, stored = size_of(case, options.scale)
    path = options.output / f"{case}-{rows}x{cols}.h5"
    command = [options.dnmf, "generate", "-o", str(path), "--rows", str(rows), "--cols", str(cols), "--seed", "1"]
    if stored:
        command += ["--sparse", "--nnz", str(stored)]
    run(command + ["--json", "--quiet"])
    return path


def load(path, precision):
    dtype = np.float64 if precision == "double" else np.float32
    with h5py.File(path, "r") as file:
        matrix = file["matrix"]
        if isinstance(matrix, h5py.Dataset):
            return matrix[:].astype(dtype, copy=False)
        parts = (matrix["data"][:].astype(dtype, copy=False), matrix["indices"][:], matrix["indptr"][:])
        return scipy.sparse.csr_matrix(parts, shape=tuple(matrix.attrs["shape"]))


def dnmf_command(options, path, components, processes):
    launcher = []
    if processes > 1:
        launcher = ["mpirun", "--bind-to", "none", "-n", str(processes)]
        if processes > cores():
            launcher.insert(1, "--oversubscribe")
    return launcher + [options.dnmf, "fit", str(path), "-o", str(options.output / "model.h5"), "-k", str(components),
                       "--solver", "hals", "--missing", "zero", "--tol", "0", "--max-iter", str(options.iterations),
                       "--precision", options.precision, "--threads", str(max(1, cores() // processes)),
                       "--quiet", "--json"]


def time_dnmf(command):
    """Seconds an iteration and the largest process's peak memory in bytes (None where it is not told)."""
    told = run(command)
    return told["seconds"]["iterate"] / told["iterations"], told.get("peak_memory")


def time_sklearn(a, components, iterations):
    """Seconds an iteration: of `iterations` more than one."""
    random = np.random.default_rng(1)
    scale = np.sqrt(a.mean() / components)
    w = (scale * np.abs(random.standard_normal((a.shape[0], components)))).astype(a.dtype)
    h = (scale * np.abs(random.standard_normal((components, a.shape[1])))).astype(a.dtype)
    seconds = []
    for count in (1, 1 + iterations):
        began = time.perf_counter()
        non_negative_factorization(a, W=w.copy(), H=h.copy(), n_components=components, init="custom", solver="cd",
                                   tol=0, max_iter=count)
        seconds.append(time.perf_counter() - began)
    return (seconds[1] - seconds[0]) / iterations


def block_bytes(a, processes):
    """The largest block of A: values and, when sparse, indices, by rows and by columns."""
    rows = -(-a.shape[0] // processes)
    if not scipy.sparse.issparse(a):
        return rows * a.shape[1] * a.itemsize
    entries = max(int(a.indptr[min(begin + rows, a.shape[0])] - a.indptr[begin]) for begin in range(0, a.shape[0], rows))
    return 2 * entries * (a.data.itemsize + 4) + 8 * (rows + a.shape[1] + 2)


def measure(options, case, path, a, components):
    """One result a program; the programs take turns."""
    commands = {p: dnmf_command(options, path, components, p) for p in options.processes}
    seconds = {program: [] for program in [*commands, "sklearn"]}
    memory = {}
    for _ in range(options.repeats):
        for processes, command in commands.items():
            taken, memory[processes] = time_dnmf(command)
            seconds[processes].append(taken)
        seconds["sklearn"].append(time_sklearn(a, components, options.iterations))
    entries = a.nnz if scipy.sparse.issparse(a) else a.size
    reference = statistics.median(seconds["sklearn"])
    for program, taken in seconds.items():
        median = statistics.median(taken)
        ours = program != "sklearn"
        block = block_bytes(a, program) if ours else None
        yield {
            "case": case, "rows": a.shape[0], "cols": a.shape[1], "stored": entries, "components": components,
            "precision": options.precision, "program": f"dnmf, {program} process{'es' * (program > 1)}" if ours
            else "scikit-learn cd", "seconds": median, "least": min(taken), "most": max(taken),
            "gflops": 4e-9 * entries * components / median, "times_sklearn": reference / median,
            "memory_bytes": memory.get(program), "block_bytes": block,
            "command": " ".join(commands[program]) if ours else "non_negative_factorization(solver='cd')",
        }


def main():
    options = arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
    version = subprocess.run([options.dnmf, "--version"], capture_output=True, text=True, check=True).stdout
    print(f"{processor()}, {cores()} cores; scikit-learn {sklearn.__version__}, numpy {np.__version__}")
    print(version.splitlines()[0])
    results = []
    for case in options.cases:
        path = generate(options, case)
        a = load(path, options.precision)
        for components in options.components:
            results += measure(options, case, path, a, components)
        del a
        path.unlink()
    report.print_table(results)
    report.write_csv(results, options.output / "bench.csv")
    report.draw(results, options.output / "bench.png")
    print(f"written: {options.output}/bench.csv and bench.png")


if __name__ == "__main__":
    main()
