"""Starts from singular vectors beside scikit-learn's, on every grid."""
import h5py
import numpy as np
import pytest
import scipy.sparse
from sklearn.decomposition._nmf import _initialize_nmf

from fits import write_hdf5
from program import GRIDS, INPUTS, grid_name, run

COMPONENTS = 4


def matrix_with_falling_spectrum(rows, cols, density):
    """Blocks of different weights and a little noise: the first singular values are well apart from the others."""
    random = np.random.default_rng(3)
    w = random.random((rows, 6)) * (random.random((rows, 6)) < 0.4)
    h = random.random((6, cols)) * (random.random((6, cols)) < 0.4)
    matrix = w * [32, 16, 8, 4, 2, 1] @ h + 1e-3 * random.random((rows, cols))
    return matrix * (random.random((rows, cols)) < density)


MATRICES = {
    "dense": matrix_with_falling_spectrum(41, 33, 1),
    "wide": matrix_with_falling_spectrum(17, 50, 1),
    "sparse": scipy.sparse.csr_matrix(matrix_with_falling_spectrum(43, 14, 0.6)),
    "few columns": matrix_with_falling_spectrum(23, COMPONENTS, 1),
}


def start(folder, matrix, init, grid=(1, 1), options=()):
    write_hdf5(folder / "a.h5", matrix)
    run(["fit", folder / "a.h5", "-o", folder / "start.h5", "-k", COMPONENTS, "--init", init, "--max-iter", 0,
         "--quiet", "--grid", grid_name(grid), *options], processes=grid[0] * grid[1])
    with h5py.File(folder / "start.h5") as file:
        return file["W"][:], file["H"][:]


def expected(matrix, init):
    return _initialize_nmf(matrix, COMPONENTS, init=init, random_state=0)


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("init", ["nndsvd", "nndsvda"])
def test_start_equals_scikit_learns(tmp_path, name, init):
    for ours, theirs in zip(start(tmp_path, MATRICES[name], init), expected(MATRICES[name], init)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("grid", GRIDS, ids=grid_name)
def test_every_grid_has_the_same_start(tmp_path, grid):
    for ours, theirs in zip(start(tmp_path, MATRICES["sparse"], "nndsvdar", grid),
                            start(tmp_path, MATRICES["sparse"], "nndsvdar")):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_random_values_take_the_place_of_zeros(tmp_path):
    matrix = MATRICES["dense"]
    for zeros, filled in zip(start(tmp_path, matrix, "nndsvd"), start(tmp_path, matrix, "nndsvdar")):
        np.testing.assert_array_equal(filled[zeros > 0], zeros[zeros > 0])
        small = filled[zeros == 0]
        assert len(small) > 20 and np.all(small > 0)
        assert np.mean(small) == pytest.approx(matrix.mean() / 100 * np.sqrt(2 / np.pi), rel=0.5)


def test_single_precision_starts_the_same(tmp_path):
    for ours, theirs in zip(start(tmp_path, MATRICES["dense"], "nndsvda", options=["--precision", "single"]),
                            expected(MATRICES["dense"], "nndsvda")):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("arguments, words", [
    ((INPUTS / "ratings-triples.csv", "-k", 2), "observed"),
    ((INPUTS / "ratings-5x4.csv", "-k", 5), "smaller dimension"),
], ids=["ratings", "too many components"])
def test_what_cannot_start_so_is_refused(tmp_path, arguments, words):
    result = run(["fit", *arguments, "-o", tmp_path / "model.h5", "--init", "nndsvda"], expect=2)
    assert words in result.messages[0] and "--init nndsvda" in result.messages[0]
    assert not (tmp_path / "model.h5").exists()


def test_multiplicative_updates_warn_of_zeros(tmp_path):
    command = ["fit", INPUTS / "ratings-5x4.csv", "-k", 2, "--solver", "mu", "-o", tmp_path / "model.h5"]
    assert "cannot change" not in run([*command, "--init", "nndsvda"]).stderr
    assert "cannot change" in run([*command, "--init", "nndsvd"]).stderr
