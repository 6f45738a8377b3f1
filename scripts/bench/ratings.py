"""Fits of observed ratings: seconds of iterating until the held-out error is as low as a target, and the lowest.

The seconds include those of the start. The error after each iteration comes from a fit that is told the held-out
ratings, the seconds of an iteration from fits that are not, since looking is no part of the work. Weights and start
are given, not chosen here.
"""
import statistics

import h5py

from fits import launch
from programs import cores, run

COMPONENTS = 32
WAYS = {"without biases": ["--bias", "none", "--l2", "0.05", "--init", "nndsvd", "--sweeps", "2",
                           "--max-iter", "12"],
        "with biases": ["--bias", "both", "--l2", "0.065", "--init", "nndsvd", "--max-iter", "8"],
        "without biases, from random": ["--bias", "none", "--l2", "0.05", "--init-scale", "0.003", "--max-iter", "20"],
        "with biases, from random": ["--bias", "both", "--l2", "0.065", "--max-iter", "16"]}


def command(options, processes, way):
    threads = str(max(1, cores() // processes))
    return launch(processes) + [options.dnmf, "fit", options.ratings[0], "-o", str(options.output / "ratings-model.h5"),
                                "-k", str(COMPONENTS), "--precision", "single", "--penalty-scale", "count", "--threads",
                                threads, "--quiet", "--json", *way]


def errors_after(options, fit):
    run(fit + ["--validation", options.ratings[1], "--patience", "1000"])
    with h5py.File(options.output / "ratings-model.h5") as model:
        return model["history/validation_rmse"][:]


def print_ratings(options):
    processes = options.processes[-1]
    for name, way in WAYS.items():
        fit = command(options, processes, way)
        errors = errors_after(options, fit)
        told = [run(fit + ["--tol", "0"]) for _ in range(options.repeats)]
        seconds = [t["seconds"]["iterate"] / t["iterations"] for t in told]
        per_iteration = statistics.median(seconds)
        start = statistics.median(t["seconds"]["init"] for t in told)
        needed = next((i for i, error in enumerate(errors) if error <= options.target), None)
        reached = "not reached"
        if needed is not None:
            reached = f"{start + needed * per_iteration:.2f} s, the start's {start:.2f} included, {needed} iterations"
        print(f"\nratings {name}, k={COMPONENTS}, single precision, {processes} processes: {per_iteration:.3f} s an "
              f"iteration ({min(seconds):.3f}..{max(seconds):.3f}); held-out RMSE {options.target}: {reached}; "
              f"lowest {min(errors):.4f}, iteration {errors.argmin()}", flush=True)
        print("  after 0, 1, ...: " + " ".join(f"{error:.4f}" for error in errors))
