"""Seconds to an accuracy: the error of each solver against the seconds it iterated, on matrices of a few kinds.

Every program fits each matrix from several seeds; repeats take turns, and the seconds of an iteration are the least of
its repeats, since the iterates are the same. The best error is the least that any program reached from any seed; what
is told is the median over the seeds of the seconds until the error is within 1 % and 0.2 % of it, and from how many
seeds it got there. A matrix is generated, scikit-learn's digits, or a file named as NAME=FILE:K.

scikit-learn's `cd` is timed by fits of more and more iterations from one start of each seed.
"""
import argparse
import csv
import pathlib
import statistics
import subprocess
import time
import warnings

from needs import needs

needs("h5py", "matplotlib", "numpy", "scipy", "sklearn")

import h5py
import matplotlib
import numpy as np
import scipy.sparse
from sklearn.datasets import load_digits
from sklearn.decomposition import non_negative_factorization

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  the backend comes first

SHARES = (0.01, 0.002)
SOLVERS = {"auto": [], "hals": ["--solver", "hals"], "hals 2": ["--solver", "hals", "--sweeps", "2"],
           "hals 4": ["--solver", "hals", "--sweeps", "4"], "hals 8": ["--solver", "hals", "--sweeps", "8"],
           "bpp": ["--solver", "bpp"], "mu": ["--solver", "mu"]}
PEER = "scikit-learn cd"


def planted(rows=3000, cols=1200, components=12):
    random = np.random.default_rng(5)
    exact = random.gamma(0.5, 1, (rows, components)) @ random.gamma(0.5, 1, (components, cols))
    return exact + 0.05 * exact.mean() * np.abs(random.standard_normal(exact.shape))


def text(rows=3000, cols=5000, topics=20):
    """Words by Zipf's law, a few topics a row, weighted and of length 1."""
    random = np.random.default_rng(6)
    frequency = 1 / np.arange(1, cols + 1) ** 1.05
    words = random.gamma(0.1, 1, (topics, cols)) * frequency
    words /= words.sum(1, keepdims=True)
    shares = random.dirichlet(np.full(topics, 0.15), rows) @ words
    counts = random.poisson(70 * shares)
    weights = np.log1p(counts) * (np.log((1 + rows) / (1 + (counts > 0).sum(0))) + 1)
    return scipy.sparse.csr_matrix(weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12))


MATRICES = {"digits": (lambda: load_digits().data, 10), "planted": (planted, 12), "text": (text, 20),
            "uniform": (lambda: np.random.default_rng(7).random((1000, 800)), 16)}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matrices", default=",".join(MATRICES), help="default digits,planted,text,uniform")
    parser.add_argument("--file", action="append", default=[], metavar="NAME=FILE:K", help="another matrix, any times")
    parser.add_argument("--solvers", default="auto,hals,hals 2,hals 4,hals 8,bpp",
                        help="default auto,hals,hals 2,hals 4,hals 8,bpp; also mu")
    parser.add_argument("--no-peer", action="store_true", help="leave out scikit-learn")
    parser.add_argument("--seeds", type=int, default=3, help="default 3")
    parser.add_argument("--repeats", type=int, default=5, help="default 5")
    parser.add_argument("--iterations", type=int, default=200, help="default 200")
    parser.add_argument("--threads", type=int, default=1, help="default 1")
    parser.add_argument("--dnmf", default="build/dnmf", help="the program, default build/dnmf")
    parser.add_argument("--output", default="build/bench", help="folder of matrices and results, default build/bench")
    return parser.parse_args()


def write(path, matrix):
    with h5py.File(path, "w") as file:
        if not scipy.sparse.issparse(matrix):
            file["matrix"] = matrix
            return
        group = file.create_group("matrix")
        group.attrs["encoding-type"], group.attrs["shape"] = "csr_matrix", matrix.shape
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(matrix, name)


def works(options, folder):
    """Name, file, components, and the matrix where scikit-learn can have it."""
    for name in filter(None, options.matrices.split(",")):
        make, components = MATRICES[name]
        matrix = make()
        write(folder / f"{name}.h5", matrix)
        yield name, folder / f"{name}.h5", components, matrix
    for given in options.file:
        name, rest = given.split("=", 1)
        path, components = rest.rsplit(":", 1)
        yield name, path, int(components), None


def run_dnmf(options, solver, path, components, seed, output):
    """Errors and seconds, an iteration each, the start first."""
    subprocess.run([options.dnmf, "fit", str(path), "-o", str(output), "-k", str(components), "--missing", "zero",
                    "--tol", "0", "--max-iter", str(options.iterations), "--seed", str(seed), "--threads",
                    str(options.threads), "--quiet", *SOLVERS[solver]], check=True, stderr=subprocess.DEVNULL)
    with h5py.File(output) as file:
        return file["history/relative_error"][:], file["history/seconds"][:]


def run_peer(options, matrix, components, seed):
    """The same of scikit-learn, from fits of more and more iterations."""
    norm = np.sqrt((matrix.multiply(matrix)).sum() if scipy.sparse.issparse(matrix) else np.sum(matrix ** 2))
    random, scale = np.random.default_rng(seed), np.sqrt(matrix.mean() / components)
    w = scale * np.abs(random.standard_normal((matrix.shape[0], components)))
    h = scale * np.abs(random.standard_normal((components, matrix.shape[1])))
    errors, seconds = [], []
    count = 1
    while count <= options.iterations:
        began = time.perf_counter()
        found = non_negative_factorization(matrix, W=w.copy(), H=h.copy(), n_components=components, init="custom",
                                           solver="cd", tol=0, max_iter=count)
        seconds.append(time.perf_counter() - began)
        cross = np.sum((matrix @ found[1].T) * found[0])
        squares = norm ** 2 - 2 * cross + np.sum((found[0].T @ found[0]) * (found[1] @ found[1].T))
        errors.append(np.sqrt(max(squares, 0)) / norm)
        count = max(count + 1, round(count * 1.25))
    return np.array(errors), np.array(seconds)


def measure(options, folder, name, path, components, matrix):
    """Of each program and seed, errors and seconds: each iteration as in its quickest repeat."""
    programs = [s.strip() for s in options.solvers.split(",")]
    found = {}
    for _ in range(options.repeats):
        for seed in range(options.seeds):
            for program in programs:
                errors, seconds = run_dnmf(options, program, path, components, seed, folder / "model.h5")
                found.setdefault((program, seed), []).append((errors, np.diff(seconds, prepend=0)))
    curves = {key: (runs[0][0], np.cumsum(np.min([taken for _, taken in runs], axis=0))) for key, runs in found.items()}
    for seed in range(0 if options.no_peer or matrix is None else options.seeds):
        curves[(PEER, seed)] = run_peer(options, matrix, components, seed)
    print(f"{name}: k = {components}, best relative error {min(e.min() for e, _ in curves.values()):.6f}", flush=True)
    return curves


def rows_of(name, curves):
    """A row a program and share: the median seconds, and from how many seeds it came so far."""
    best = min(errors.min() for errors, _ in curves.values())
    rows = []
    for share in SHARES:
        reached = {}
        for (program, _), (errors, seconds) in curves.items():
            at = np.flatnonzero(errors <= best * (1 + share))
            reached.setdefault(program, []).append(seconds[at[0]] if len(at) else np.inf)
        least = min(statistics.median(values) for values in reached.values())
        for program, values in reached.items():
            median = statistics.median(values)
            rows.append({"matrix": name, "within": share, "program": program, "seconds": median, "least": min(values),
                         "most": max(values), "times best": median / least if np.isfinite(median) else np.inf,
                         "seeds": f"{sum(np.isfinite(values))} of {len(values)}"})
    return rows


def print_rows(rows):
    for row in rows:
        print(f"  within {100 * row['within']:3.1f} %  {row['program']:16} {row['seconds']:10.4f} s "
              f"({row['least']:.4f} to {row['most']:.4f})  {row['times best']:6.2f} times the best  {row['seeds']} seeds")


def draw(everything, path):
    figure, axes = plt.subplots(1, len(everything), figsize=(5 * len(everything), 4), squeeze=False)
    for place, (name, curves) in zip(axes[0], everything.items()):
        best = min(errors.min() for errors, _ in curves.values())
        for (program, seed), (errors, seconds) in curves.items():
            if seed == 0:
                place.plot(seconds, errors / best - 1, label=program)
        for share in SHARES:
            place.axhline(share, color="grey", linestyle="dotted")
        place.set(xscale="log", yscale="log", xlabel="seconds of iterating", title=name, ylabel="error over the best")
        place.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def main():
    options = arguments()
    folder = pathlib.Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore", module="sklearn")
    everything, rows = {}, []
    for name, path, components, matrix in works(options, folder):
        everything[name] = measure(options, folder, name, path, components, matrix)
        rows += rows_of(name, everything[name])
        print_rows([row for row in rows if row["matrix"] == name])
    with open(folder / "accuracy.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    draw(everything, folder / "accuracy.png")
    print(f"written: {folder}/accuracy.csv and accuracy.png")


if __name__ == "__main__":
    main()
