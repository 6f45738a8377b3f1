#!/usr/bin/env python3
"""The consensus of restarts beside cNMF (PyPI `cnmf`, Kotliar et al. 2019) on the same matrix and numbers of components.

Counts are generated (cells x genes, programs of genes that cells use in shares), or those of a 10x Genomics file with
--file. cNMF prepares them; what it factorizes is what `dnmf tune` is given. Timed are cNMF's factorize, combine and
consensus, by --workers processes of one thread each, and one `dnmf tune` of all k from its start to the consensus
model, with the options given behind -- (cNMF's fits end by --stop objective, the default here goes on for longer); and
for each k how alike the components of both consensus models are (cosine, matched one to one).

    python3 -m venv /tmp/v && /tmp/v/bin/pip install cnmf
    /tmp/v/bin/python scripts/bench/beside_cnmf.py --cells 3000 --genes 2000 -k 5,6,7,8,9 --restarts 20 --csv cnmf.csv
"""
import argparse
import csv
import json
import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

from needs import needs

needs("anndata", "h5py", "numpy", "pandas", "scipy", "cnmf")

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse
from scipy.optimize import linear_sum_assignment

ROOT = Path(__file__).resolve().parent.parent.parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def generated(cells, genes, programs, seed):
    """Counts of cells that use a few programs each, of some thousands of molecules a cell."""
    random = np.random.default_rng(seed)
    spectra = random.gamma(0.15, 1, (programs, genes)) + 0.02
    usage = random.gamma(0.3, 1, (cells, programs))
    usage /= usage.sum(axis=1, keepdims=True)
    mean = usage @ (spectra / spectra.sum(axis=1, keepdims=True))
    return scipy.sparse.csr_matrix(random.poisson(mean * random.lognormal(8, 0.4, (cells, 1))).astype(float))


def from_10x(path):
    with h5py.File(path) as file:
        group = file["matrix"]
        counts = scipy.sparse.csc_matrix((group["data"][:], group["indices"][:], group["indptr"][:]), shape=group["shape"][:])
    counts = counts.T.tocsr().astype(float)
    counts = counts[np.asarray(counts.sum(axis=1)).ravel() > 10]
    return counts[:, np.asarray((counts > 0).sum(axis=0)).ravel() >= 3]


def factorize(arguments):
    name, worker, workers = arguments
    from cnmf import cNMF
    cNMF(output_dir=".", name=name).factorize(worker_i=worker, total_workers=workers)


def spent():
    """Processor seconds of this process and of those it has waited for."""
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage,
               (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def timed(work):
    wall, processor = time.time(), spent()
    result = work()
    return result, time.time() - wall, spent() - processor


def peer(counts, numbers, restarts, workers, variable):
    """cNMF in the current folder: its seconds, wall and processor, and the file of what it factorizes."""
    from cnmf import cNMF
    cells = anndata.AnnData(counts)
    cells.obs_names = [f"c{i}" for i in range(counts.shape[0])]
    cells.var_names = [f"g{i}" for i in range(counts.shape[1])]
    cells.write("counts.h5ad")
    fit = cNMF(output_dir=".", name="peer")
    fit.prepare(counts_fn="counts.h5ad", components=numbers, n_iter=restarts, seed=14, num_highvar_genes=variable)
    normed = anndata.read_h5ad("peer/cnmf_tmp/peer.norm_counts.h5ad").X
    np.save("normed.npy", normed.toarray() if scipy.sparse.issparse(normed) else normed)

    def work():
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            pool.map(factorize, [("peer", worker, workers) for worker in range(workers)], chunksize=1)
            pool.close()
            pool.join()
        fit.combine()
        for k in numbers:
            fit.consensus(k=k, density_threshold=0.5, show_clustering=False, close_clustergram_fig=True)

    return timed(work)[1:]


def tune(program, numbers, restarts, *options):
    command = [program, "tune", "normed.npy", "-k", ",".join(map(str, numbers)), "--restarts", str(restarts),
               "--holdout", "0", "--cluster", "h", "--json", "--quiet", *options]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def likeness(program, k, restarts, options):
    """Cosines of matched components, with the stability of ours."""
    tune(program, [k], restarts, "-o", "own.h5", *options)
    spectra = pd.read_csv(f"peer/peer.spectra.k_{k}.dt_0_5.consensus.txt", sep="\t", index_col=0).values
    with h5py.File("own.h5") as file:
        own, stability = file["H"][:], file["consensus/stability"][:]
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (own, spectra)]
    cosines = units[0] @ units[1].T
    ours, theirs = linear_sum_assignment(-cosines)
    return cosines[ours, theirs], stability[ours]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=ROOT / "build" / "dnmf")
    parser.add_argument("--file", help="a 10x Genomics file instead of generated counts")
    parser.add_argument("--cells", type=int, default=3000)
    parser.add_argument("--genes", type=int, default=2000)
    parser.add_argument("--programs", type=int, default=7)
    parser.add_argument("--variable", type=int, help="genes that cNMF keeps (default: all, of a file 200)")
    parser.add_argument("-k", default="5,6,7,8,9")
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2, help="processes of cNMF, and threads of dnmf")
    parser.add_argument("--repeats", type=int, default=3, help="of dnmf, of which the median is told")
    parser.add_argument("--csv")
    parser.add_argument("options", nargs="*", help="of tune, behind --")
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore")
    program = Path(chosen.program).resolve()
    numbers = [int(k) for k in chosen.k.split(",")]
    counts = from_10x(Path(chosen.file).resolve()) if chosen.file else generated(chosen.cells, chosen.genes,
                                                                                 chosen.programs, 3)
    target = Path(chosen.csv).resolve() if chosen.csv else None
    os.environ.update(ONE_THREAD)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        variable = chosen.variable or (min(200, counts.shape[1]) if chosen.file else counts.shape[1])
        wall, processor = peer(counts, numbers, chosen.restarts, chosen.workers, variable)
        os.environ["OMP_NUM_THREADS"] = str(chosen.workers)
        own = []
        for _ in range(chosen.repeats):
            own.append(timed(lambda: tune(program, numbers, chosen.restarts, "-o", "all.h5", *chosen.options))[1:])
        own_wall, own_processor = np.median(own, axis=0)
        rows = [{"cells": counts.shape[0], "genes": variable, "k": chosen.k, "restarts": chosen.restarts,
                 "cnmf_seconds": round(wall, 2), "dnmf_seconds": round(own_wall, 2), "ratio": round(wall / own_wall, 1),
                 "cnmf_processor": round(processor, 2), "dnmf_processor": round(own_processor, 2),
                 "processor_ratio": round(processor / own_processor, 1)}]
        print(*(f"{name} {value}" for name, value in rows[0].items()), sep="  ")
        for k in numbers:
            cosines, stability = likeness(program, k, chosen.restarts, chosen.options)
            print(f"k {k}: cosine, stability:", *(f"{c:.4f} {s:.2f};" for c, s in zip(cosines, stability)))
        os.chdir("/")
    if target:
        with open(target, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
