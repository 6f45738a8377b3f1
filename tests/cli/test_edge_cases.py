"""Fits at the edges of what is legal: each has a defined result, beside scikit-learn's or numpy's."""
import warnings

import h5py
import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition import non_negative_factorization
from sklearn.exceptions import ConvergenceWarning

from program import INPUTS, run

SOLVERS = ["hals", "mu", "bpp"]
PEERS = {"hals": "cd", "mu": "mu"}
RANDOM = np.random.default_rng(12)


def write_matrix(path, matrix):
    with h5py.File(path, "w") as file:
        if not scipy.sparse.issparse(matrix):
            file["matrix"] = matrix
            return
        group = file.create_group("matrix")
        group.attrs.update({"encoding-type": "csr_matrix", "shape": matrix.shape})
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(matrix, name)


def factors(path):
    with h5py.File(path) as file:
        return file["W"][:], file["H"][:]


def fit(folder, matrix, components, *options, processes=1):
    """W, H, the JSON object and what was said."""
    write_matrix(folder / "a.h5", matrix)
    result = run(["fit", folder / "a.h5", "-o", folder / "model.h5", "-k", components, "--json", *options], processes)
    return *factors(folder / "model.h5"), result.json, result.stderr


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("processes, precision", [(1, "double"), (3, "double"), (1, "single")])
def test_exact_residual_where_the_cheap_one_is_lost(tmp_path, kind, processes, precision):
    """A is W H but for a millionth: beyond what |A|^2 - 2 <A H', W> + <W'W, H H'> can tell in single precision."""
    share = {"dense": 1, "sparse": 0.3}[kind]
    w, h = (RANDOM.random(shape) * (RANDOM.random(shape) < share) for shape in ((43, 3), (3, 31)))
    matrix = w @ h
    with h5py.File(tmp_path / "start.h5", "w") as file:
        file["W"], file["H"] = w * (1 + 1e-6 * RANDOM.random(w.shape)), h
    stored = scipy.sparse.csr_matrix(matrix) if kind == "sparse" else matrix
    how = ["--init", f"file:{tmp_path / 'start.h5'}", "--max-iter", 0, "--precision", precision]
    w, h, exact, _ = fit(tmp_path, stored, 3, *how, "--exact-residual", processes=processes)
    matrix = matrix.astype(w.dtype).astype(float)
    residual = np.linalg.norm(matrix - w.astype(float) @ h.astype(float))
    assert exact["exact_residual"] == pytest.approx(residual, rel=1e-8)
    assert exact["relative_error"] == pytest.approx(residual / np.linalg.norm(matrix), rel=1e-8)
    assert exact["objective"] == pytest.approx(residual ** 2 / 2, rel=1e-8)


def test_a_residual_below_rounding_points_at_the_exact_one(tmp_path):
    matrix = np.outer(np.arange(1, 6), np.arange(1, 8))
    cheap = fit(tmp_path, matrix, 1, "--solver", "bpp")
    exact = fit(tmp_path, matrix, 1, "--solver", "bpp", "--exact-residual")
    assert "--exact-residual" in cheap[3] and cheap[2]["exact_residual"] is None
    assert "--exact-residual" not in exact[3]
    assert exact[2]["exact_residual"] <= 1e-14 * np.linalg.norm(matrix)


def test_ratings_have_no_other_residual(tmp_path):
    result = run(["fit", INPUTS / "ratings-triples.csv", "-o", tmp_path / "m.h5", "-k", 1, "--exact-residual"], expect=2)
    assert "--exact-residual" in result.stderr
