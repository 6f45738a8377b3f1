"""Seconds to an accuracy: the error of each solver against the seconds it iterated, on matrices of a few kinds.

Every program fits each matrix from several seeds, and takes turns with the others; where a fit is repeated, an
iteration counts with its quickest repeat, since the iterates are the same. The best error is the least that any program
reached from any seed; what is told is the median over the seeds of the seconds until the error is within 1 % and 0.2 %
of it, from how many seeds it got there, and the most memory that its process took, libraries included.

The seconds are those of the start and the iterations: of dnmf as it writes them into the model, of other programs
(peer.py, rcppml_error.R) as fits of more and more iterations take. Programs that are not installed are named and left
out. Matrices (matrices.py) that need what is not here are, too; any other one is a file named as NAME=FILE:K.

Written are NAME.json (all errors and seconds), accuracy.csv, and accuracy.png: a panel a matrix, a line a solver.
"""
import argparse
import csv
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

from needs import needs

needs("h5py", "matplotlib", "numpy", "scipy", "sklearn")

import h5py
import matplotlib
import numpy as np
import scipy.io
import scipy.sparse

from matrices import MATRICES, Absent
from peer import PEERS

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  the backend comes first

HERE = pathlib.Path(__file__).parent
SHARES = (0.01, 0.002)
SOLVERS = {"auto": [], "hals": ["--solver", "hals"], "hals 2": ["--solver", "hals", "--sweeps", "2"],
           "hals 3": ["--solver", "hals", "--sweeps", "3"], "hals 4": ["--solver", "hals", "--sweeps", "4"],
           "hals 8": ["--solver", "hals", "--sweeps", "8"], "bpp": ["--solver", "bpp"], "mu": ["--solver", "mu"],
           "ahals": ["--solver", "ahals"]}
RCPPML = "RcppML"
DEFAULT_PEERS = ("scikit-learn cd", RCPPML)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matrices", default=",".join(MATRICES), help=f"default {','.join(MATRICES)}")
    parser.add_argument("--file", action="append", default=[], metavar="NAME=FILE:K",
                        help="another matrix, for dnmf alone, any times")
    parser.add_argument("--solvers", default="auto,hals,hals 2,hals 3,hals 4,bpp",
                        help=f"default auto,hals,hals 2,hals 3,hals 4,bpp; of {', '.join(SOLVERS)}")
    parser.add_argument("--peers", default=",".join(DEFAULT_PEERS),
                        help=f"default {','.join(DEFAULT_PEERS)}; of {', '.join([*PEERS, RCPPML])}; none: leave them out")
    parser.add_argument("--python", default=sys.executable, help="that has the peers; default the one that runs this")
    parser.add_argument("--seeds", type=int, default=5, help="default 5")
    parser.add_argument("--repeats", type=int, default=1, help="of each fit, default 1")
    parser.add_argument("--iterations", type=int, default=200, help="default 200")
    parser.add_argument("--limit", type=float, default=3, help="seconds of a fit by a peer, default 3")
    parser.add_argument("--threads", type=int, default=1, help="default 1")
    parser.add_argument("--dnmf", default="build/dnmf", help="the program, default build/dnmf")
    parser.add_argument("--output", default="build/accuracy", help="folder of the results, default build/accuracy")
    parser.add_argument("--add", action="store_true", help="to the matrices that the folder has results of")
    return parser.parse_args()


def write_hdf5(path, matrix):
    with h5py.File(path, "w") as file:
        if not scipy.sparse.issparse(matrix):
            file["matrix"] = matrix
            return
        group = file.create_group("matrix")
        group.attrs["encoding-type"], group.attrs["shape"] = "csr_matrix", matrix.shape
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(matrix, name)


def write_matrix(folder, name, matrix):
    """For each program the form that it reads."""
    write_hdf5(folder / f"{name}.h5", matrix)
    scipy.io.mmwrite(folder / f"{name}.mtx", matrix)
    if scipy.sparse.issparse(matrix):
        scipy.sparse.save_npz(folder / f"{name}.npz", matrix)
        return {"hdf5": folder / f"{name}.h5", "text": folder / f"{name}.mtx", "numpy": folder / f"{name}.npz"}
    np.save(folder / f"{name}.npy", matrix)
    return {"hdf5": folder / f"{name}.h5", "text": folder / f"{name}.mtx", "numpy": folder / f"{name}.npy"}


def works(options, folder):
    """Name, files by form, and components."""
    for name in filter(None, options.matrices.split(",")):
        make, components = MATRICES[name]
        try:
            files = write_matrix(folder, name, make())
        except Absent as why:
            print(f"{name}: left out: {why}", flush=True)
            continue
        for k in components:
            yield f"{name} k={k}", files, k
    for given in options.file:
        name, rest = given.split("=", 1)
        path, k = rest.rsplit(":", 1)
        yield f"{name} k={k}", {"hdf5": path}, int(k)


# The memory of a child counts that of whoever started it, so a small process does.
STARTER = """
import os, sys
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    file.write(str(usage.ru_maxrss))
sys.exit(min(1, abs(os.waitstatus_to_exitcode(status))))
"""


def run_child(command, folder, threads, drop=()):
    """What it prints, and the most memory it takes, in MB; None and what is wrong where it fails."""
    environment = {key: value for key, value in os.environ.items() if key not in drop}
    environment |= {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    memory = folder / "memory"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", STARTER, memory, *map(str, command)], capture_output=True,
                          text=True, check=False, env=environment)
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or ["it failed"])[-1]
    return done.stdout, int(memory.read_text()) / 1024


def run_dnmf(options, solver, path, components, seed, output):
    """Errors and seconds, an iteration each, the start first, and memory."""
    said, memory = run_child([options.dnmf, "fit", path, "-o", output, "-k", components, "--missing", "zero", "--tol", 0,
                              "--max-iter", options.iterations, "--seed", seed, "--threads", options.threads, "--quiet",
                              *SOLVERS[solver]], output.parent, options.threads)
    if said is None:
        raise SystemExit(f"{solver}: {memory}")
    with h5py.File(output) as file:
        return file["history/relative_error"][:], file["history/seconds"][:], memory


def run_peer(options, name, files, components, seed, folder):
    """The same of another program; None where it is not here, or cannot do it."""
    if name == RCPPML:
        command = ["Rscript", HERE / "rcppml_error.R", files["text"], components, seed, options.iterations,
                   options.limit, options.threads]
    else:
        command = [options.python, HERE / "peer.py", name, files["numpy"], components, seed, options.iterations,
                   options.limit]
    if shutil.which(str(command[0])) is None:
        return None, f"there is no {command[0]}"
    said, memory = run_child(command, folder, options.threads, drop=("OPENBLAS_CORETYPE",))
    if said is None:
        return None, memory
    found = json.loads(said)
    return np.array(found["errors"]), np.array(found["seconds"]), memory


def measure(options, folder, files, components):
    """Of each program, errors and seconds of each seed and the memory."""
    solvers = [s.strip() for s in options.solvers.split(",")]
    peers = [p.strip() for p in options.peers.split(",") if p.strip() and p != "none" and "numpy" in files]
    runs, memory = {}, {}
    for _ in range(options.repeats):
        for seed in range(options.seeds):
            for program in solvers + peers:
                if program in SOLVERS:
                    found = run_dnmf(options, program, files["hdf5"], components, seed, folder / "model.h5")
                else:
                    found = run_peer(options, program, files, components, seed, folder)
                if found[0] is None:
                    print(f"{program}: left out: {found[1]}", flush=True)
                    peers.remove(program)
                    continue
                runs.setdefault(program, {}).setdefault(seed, []).append(found[:2])
                memory.setdefault(program, []).append(found[2])
    return {program: {"memory": statistics.median(memory[program]), "curves": [quickest(r) for r in seeds.values()],
                      "ours": program in SOLVERS} for program, seeds in runs.items()}


def quickest(repeats):
    """Errors and seconds of one seed: each iteration as in its quickest repeat."""
    length = min(len(errors) for errors, _ in repeats)
    steps = np.min([np.diff(seconds[:length], prepend=0) for _, seconds in repeats], axis=0)
    return {"errors": repeats[0][0][:length].tolist(), "seconds": np.cumsum(steps).tolist()}


def rows_of(name, programs):
    """A row a program and share: the median seconds, and from how many seeds it came so far."""
    best = min(min(c["errors"]) for p in programs.values() for c in p["curves"])
    rows = []
    for share in SHARES:
        reached = {program: [seconds_to(curve, best * (1 + share)) for curve in found["curves"]]
                   for program, found in programs.items()}
        least = min(statistics.median(values) for program, values in reached.items() if programs[program]["ours"])
        for program, values in reached.items():
            median = statistics.median(values)
            rows.append({"matrix": name, "within": share, "program": program, "seconds": median, "least": min(values),
                         "most": max(values), "times our best": median / least if np.isfinite(median) else np.inf,
                         "seeds": f"{sum(np.isfinite(values))} of {len(values)}",
                         "memory MB": round(programs[program]["memory"], 1), "best error": best})
    return rows


def seconds_to(curve, error):
    at = np.flatnonzero(np.array(curve["errors"]) <= error)
    return curve["seconds"][at[0]] if len(at) else float("inf")


def print_rows(rows):
    print(f"{rows[0]['matrix']}: best relative error {rows[0]['best error']:.6f}")
    for row in rows:
        print(f"  within {100 * row['within']:3.1f} %  {row['program']:16} {row['seconds']:10.4f} s "
              f"({row['least']:.4f}..{row['most']:.4f})  {row['times our best']:7.2f} times our best  "
              f"{row['seeds']} seeds  {row['memory MB']:7.0f} MB", flush=True)


def draw(everything, path):
    across = min(4, len(everything))
    down = -(-len(everything) // across)
    colours = {}
    figure, axes = plt.subplots(down, across, figsize=(4.6 * across, 3.6 * down), squeeze=False)
    for place in axes.flat[len(everything):]:
        place.axis("off")
    for place, (name, programs) in zip(axes.flat, everything.items()):
        best = min(min(c["errors"]) for p in programs.values() for c in p["curves"])
        for program, found in programs.items():
            colour = colours.setdefault(program, f"C{len(colours) % 10}")
            for number, curve in enumerate(found["curves"]):
                place.plot(curve["seconds"], np.array(curve["errors"]) / best - 1, color=colour, alpha=0.8 if number == 0
                           else 0.25, linewidth=1.6 if program == "auto" else 1, linestyle="-" if found["ours"] else "--",
                           label=program if number == 0 else None)
        for share in SHARES:
            place.axhline(share, color="grey", linestyle="dotted")
        place.set(xscale="log", yscale="log", ylim=(1e-4, 1), xlabel="seconds of iterating", title=name,
                  ylabel="error over the best")
        place.legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    options = arguments()
    folder = pathlib.Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    everything = {}
    for path in sorted(folder.glob("*.json")) if options.add else ():
        everything[path.stem] = json.loads(path.read_text(encoding="utf-8"))
    for name, files, components in works(options, folder):
        everything[name] = measure(options, folder, files, components)
        (folder / f"{name}.json").write_text(json.dumps(everything[name]), encoding="utf-8")
        print_rows(rows_of(name, everything[name]))
    if not everything:
        raise SystemExit("accuracy: nothing was measured")
    rows = [row for name, programs in everything.items() for row in rows_of(name, programs)]
    with open(folder / "accuracy.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    draw(everything, folder / "accuracy.png")
    print(f"written: {folder}/accuracy.csv, accuracy.png and a .json of each matrix")


if __name__ == "__main__":
    main()
