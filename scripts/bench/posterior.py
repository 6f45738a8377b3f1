#!/usr/bin/env python3
"""Test RMSE of averages over the posterior distribution: `dnmf fit --samples` beside myfm on the same splits.

myfm is Bayesian matrix factorization with row and column ids alone, as many components, and as many sweeps before and
within the chain; its ids are grouped, so that rows and columns have priors of their own. The splits are the canonical
ones of MovieLens 100K (uN.base, uN.test in --folds), or a fifth of a file of ratings by hash for each seed (--ratings).
Needs numpy, scipy and, but for --alone, myfm. Nothing is chosen here: both have their defaults, but for --chains and
--implicit-terms, which are of dnmf.

    scripts/bench/posterior.py --folds ml-100k
    scripts/bench/posterior.py --ratings ml-latest-small/ratings.csv
"""
import argparse
import contextlib
import csv
import io
import tempfile
import time
from pathlib import Path

from needs import needs

needs("numpy", "scipy")

import numpy as np
from scipy import sparse

from programs import run

ROOT = Path(__file__).resolve().parent.parent.parent
BURN_IN = 50


def splits(options, folder):
    if options.folds:
        return [(f"u{n}", options.folds / f"u{n}.base", options.folds / f"u{n}.test") for n in range(1, 6)]
    made = []
    for seed in range(1, 6):
        train, test = folder / f"train{seed}.csv", folder / f"test{seed}.csv"
        run([options.dnmf, "split", options.ratings, "--fraction", "0.2", "--seed", str(seed), "--train", train,
             "--test", test, "--json"])
        made.append((f"seed {seed}", train, test))
    return made


def read(path):
    """Row ids, column ids and values; the canonical splits are separated by tabs and have no header."""
    with open(path) as file:
        lines = list(csv.reader(file, delimiter="," if path.suffix == ".csv" else "\t"))
    lines = lines[1:] if path.suffix == ".csv" else lines
    return [line[0] for line in lines], [line[1] for line in lines], np.array([float(line[2]) for line in lines])


def measure_dnmf(options, train, test, folder):
    began = time.monotonic()
    model = folder / "model.h5"
    fit = run(["mpirun", "--bind-to", "none", "-n", str(options.processes), options.dnmf, "fit", train, "-o", model,
               "-k", str(options.components), "--samples", str(options.samples), "--chains", str(options.chains),
               "--implicit-terms", options.implicit_terms, "--json"])
    seconds = time.monotonic() - began
    found = run([options.dnmf, "evaluate", model, test, "--json"])
    return found["rmse"], seconds, found["covered_50"], found["covered_90"], fit["seconds"]["iterate"]


def measure_myfm(options, train, test):
    """Ids that the training file does not have are left out of a test entry, which the other id and the mean predict."""
    rows, cols, values = read(train)
    row_places = {name: at for at, name in enumerate(sorted(set(rows)))}
    col_places = {name: len(row_places) + at for at, name in enumerate(sorted(set(cols)))}

    def features(row_ids, col_ids):
        at = [(line, place) for line, pair in enumerate(zip(row_ids, col_ids))
              for place in (row_places.get(pair[0]), col_places.get(pair[1])) if place is not None]
        lines, places = zip(*at)
        shape = (len(row_ids), len(row_places) + len(col_places))
        return sparse.csr_matrix((np.ones(len(lines)), (lines, places)), shape=shape)

    import myfm

    began = time.monotonic()
    peer = myfm.MyFMRegressor(rank=options.components, random_seed=1)
    with contextlib.redirect_stderr(io.StringIO()):
        peer.fit(features(rows, cols), values, n_iter=options.samples + BURN_IN, n_kept_samples=options.samples,
                 group_shapes=[len(row_places), len(col_places)])
    seconds = time.monotonic() - began
    test_rows, test_cols, truth = read(test)
    predicted = np.clip(peer.predict(features(test_rows, test_cols)), values.min(), values.max())
    return float(np.sqrt(np.mean((predicted - truth) ** 2))), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--folds", type=Path)
    source.add_argument("--ratings", type=Path)
    parser.add_argument("--dnmf", default=ROOT / "build" / "dnmf", type=Path)
    parser.add_argument("--components", type=int, default=10)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--chains", type=int, default=1)
    parser.add_argument("--implicit-terms", default="none")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--alone", action="store_true", help="dnmf without myfm")
    options = parser.parse_args()
    ours, theirs = [], []
    print("             dnmf: RMSE, seconds, of iterating, in 50 %, in 90 %   myfm: RMSE, seconds")
    with tempfile.TemporaryDirectory() as folder:
        for name, train, test in splits(options, Path(folder)):
            rmse, seconds, half, most, iterating = measure_dnmf(options, train, test, Path(folder))
            peer, peer_seconds = (np.nan, np.nan) if options.alone else measure_myfm(options, train, test)
            ours.append(rmse)
            theirs.append(peer)
            print(f"{name:<12} {rmse:.4f} {seconds:.1f} {iterating:.1f} {half:.3f} {most:.3f}   {peer:.4f} "
                  f"{peer_seconds:.1f}", flush=True)
    print(f"mean         {np.mean(ours):.4f}   {np.mean(theirs):.4f}")


if __name__ == "__main__":
    main()
