"""One fit by another program, by itself: errors and seconds after more and more iterations from one start.

python3 peer.py NAME MATRIX COMPONENTS SEED ITERATIONS SECONDS, NAME one of the keys below, MATRIX a NumPy file (.npy)
or a SciPy one (.npz). Prints a JSON object. Such a program does not tell its error after each iteration, so it is
fitted anew for each number of iterations, until one fit takes longer than SECONDS; only the call is timed.
"""
import json
import sys
import time
import warnings

import numpy as np
import scipy.sparse

from needs import needs


def counts(most):
    """1, 2, 3, ... and then a quarter more each time."""
    count = 1
    while count < most:
        yield count
        count = min(most, max(count + 1, round(count * 1.25)))
    yield most


def sum_squares(matrix):
    return float((matrix.data ** 2).sum() if scipy.sparse.issparse(matrix) else np.sum(matrix ** 2))


def relative_error(matrix, w, h):
    squares = sum_squares(matrix)
    left = squares - 2 * np.sum((matrix @ h.T) * w) + np.sum((w.T @ w) * (h @ h.T))
    return float(np.sqrt(max(left, 0) / squares))


def start(matrix, components, seed):
    random, scale = np.random.default_rng(seed), np.sqrt(matrix.mean() / components)
    return [scale * np.abs(random.standard_normal(shape))
            for shape in ((matrix.shape[0], components), (components, matrix.shape[1]))]


def scikit_learn(solver):
    needs("sklearn")
    from sklearn.decomposition import non_negative_factorization

    def fit(matrix, w, h, iterations):
        return non_negative_factorization(matrix, W=w, H=h, n_components=w.shape[1], init="custom", solver=solver,
                                          tol=0, max_iter=iterations)[:2]
    return fit


PEERS = {"scikit-learn cd": lambda: scikit_learn("cd"), "scikit-learn mu": lambda: scikit_learn("mu")}


def main():
    name, path, components, seed, iterations, limit = sys.argv[1:]
    warnings.filterwarnings("ignore")
    fit = PEERS[name]()
    matrix = scipy.sparse.load_npz(path).tocsr() if path.endswith(".npz") else np.load(path)
    w, h = start(matrix, int(components), int(seed))
    fit(matrix, w.copy(), h.copy(), 1)  # what is loaded when first called is not timed
    errors, seconds = [], []
    for count in counts(int(iterations)):
        began = time.perf_counter()
        found = fit(matrix, w.copy(), h.copy(), count)
        seconds.append(time.perf_counter() - began)
        errors.append(relative_error(matrix, *found))
        if seconds[-1] > float(limit):
            break
    print(json.dumps({"errors": errors, "seconds": seconds}))


if __name__ == "__main__":
    main()
