#!/usr/bin/env python3
"""How often `dnmf tune` suggests the number of components that a matrix was made of.

Draws are products of nonnegative factors with k components, k from 3 to 15, plus noise up to the level where singular
value k is still GAP times number k + 1. Every draw is one run of the program on 2:18 components; counted is how often
each criterion suggests k. The rule was chosen on draws of other seeds (--seed 1000 and up); figures are told for the
default seeds. Noise that is cut off at zero has a mean where the product is zero: a background, which is a component
more (singular value k + 1 of the expectation stands out of the noise in the draws where k + 1 components are found).

    scripts/bench/choose_k.py --draws 100 --csv choose_k.csv
"""
import argparse
import csv
import json
import subprocess
import tempfile
from pathlib import Path

from needs import needs

needs("numpy")

import numpy as np

GAP = 1.5
ROOT = Path(__file__).resolve().parent.parent.parent


def factors(random, rows, cols, k, kind):
    if kind == "sparse":  # half of the entries are zeros
        return (random.exponential(size=(rows, k)) * (random.random((rows, k)) < 0.5),
                random.exponential(size=(k, cols)) * (random.random((k, cols)) < 0.5))
    return random.gamma(0.5, size=(rows, k)), random.gamma(0.5, size=(k, cols))  # dense, skewed


def noisy(random_seed, product, noise, level):
    random = np.random.default_rng(random_seed)
    if noise == "poisson":  # counts whose mean is larger where the level is smaller
        scale = 1 / (level ** 2 * product.mean())
        return random.poisson(product * scale) / scale
    return np.maximum(0, product + level * product.std() * random.standard_normal(product.shape))


def gap(matrix, k):
    values = np.linalg.svd(matrix, compute_uv=False)
    return values[k - 1] / values[k]


def draw(seed, rows, cols):
    """A matrix, and what it was made of."""
    random = np.random.default_rng(seed)
    k = int(random.integers(3, 16))
    kind = ("sparse", "gamma")[int(random.integers(2))]
    noise = ("gaussian", "poisson")[int(random.integers(2))]
    share = random.random()
    w, h = factors(random, rows, cols, k, kind)
    low, high = 0.01, 20.0
    for _ in range(25):  # the level at which the gap is GAP
        middle = np.sqrt(low * high)
        low, high = (middle, high) if gap(noisy(seed, w @ h, noise, middle), k) > GAP else (low, middle)
    level = 0.05 * low + share * 0.95 * low
    matrix = noisy(seed, w @ h, noise, level)
    return matrix, {"seed": seed, "k": k, "factors": kind, "noise": noise, "level": round(level, 3),
                    "gap": round(gap(matrix, k), 2)}


def search(program, matrix, options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npy"
        np.save(path, matrix)
        command = [program, "tune", path, "-k", "2:18", "--quiet", "--json", *options]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=ROOT / "build" / "dnmf")
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the first draw")
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--cols", type=int, default=150)
    parser.add_argument("--csv", help="a line a draw")
    parser.add_argument("--keep", help="the JSON objects, a line each")
    parser.add_argument("options", nargs="*", help="of tune, behind --")
    chosen = parser.parse_args()
    rows = []
    keep = open(chosen.keep, "a", encoding="utf-8") if chosen.keep else None
    for number in range(chosen.draws):
        matrix, made = draw(chosen.seed + number, chosen.rows, chosen.cols)
        told = search(chosen.program, matrix, chosen.options)
        suggestion = told["suggestion"]
        rows.append({**made, "both": suggestion["k"], "heldout": suggestion["by_heldout"],
                     "stability": suggestion["by_stability"], "seconds": round(told["seconds"], 1)})
        print(*rows[-1].values(), flush=True)
        if keep:
            keep.write(json.dumps({"made": made, **told}) + "\n")
            keep.flush()
    for criterion in ("both", "heldout", "stability"):
        print(f"{criterion}: {sum(row[criterion] == row['k'] for row in rows)} of {len(rows)}")
    if chosen.csv:
        with open(chosen.csv, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
