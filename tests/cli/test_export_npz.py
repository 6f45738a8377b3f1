"""Matrices exported as NumPy archives, as scipy and numpy read them."""
import zipfile

import numpy as np
import pytest
import scipy.sparse

from program import PROCESSES, run


@pytest.fixture(scope="module")
def matrices(folder):
    """What scipy and numpy wrote, imported: with an empty row and column, and fractions."""
    chance = np.random.default_rng(3)
    table = chance.random((23, 11)) * (chance.random((23, 11)) < 0.2)
    table[4], table[:, 2] = 0, 0
    sparse = scipy.sparse.csr_matrix(table)
    found = {"sparse": sparse, "dense": chance.random((9, 6)), "whole": chance.integers(0, 9, (7, 4)).astype(float)}
    for name, matrix in found.items():
        source = folder / f"{name}-source.npz"
        if name == "sparse":
            scipy.sparse.save_npz(source, matrix)
        else:
            np.savez(source, matrix)
        run(["import", source, "-o", folder / f"{name}.h5"])
    return found


@pytest.mark.parametrize("processes", PROCESSES)
def test_scipy_reads_a_sparse_matrix(matrices, folder, tmp_path, processes):
    run(["export", folder / "sparse.h5", "-o", tmp_path / "a.npz"], processes=processes)
    found = scipy.sparse.load_npz(tmp_path / "a.npz")
    assert found.format == "csr" and found.indptr.dtype == found.indices.dtype == np.int32
    np.testing.assert_array_equal(found.toarray(), matrices["sparse"].toarray())
    assert zipfile.ZipFile(tmp_path / "a.npz").testzip() is None


@pytest.mark.parametrize("processes", [1, 4])
@pytest.mark.parametrize("name", ["dense", "whole"])
def test_numpy_reads_a_dense_matrix(matrices, folder, tmp_path, name, processes):
    run(["export", folder / f"{name}.h5", "-o", tmp_path / "a.out", "--to", "npz"], processes=processes)
    with np.load(tmp_path / "a.out") as archive:
        assert archive.files == ["arr_0"]
        np.testing.assert_array_equal(archive["arr_0"], matrices[name])


@pytest.mark.parametrize("name", ["sparse", "dense"])
def test_the_same_bytes_on_any_number_of_processes(matrices, folder, tmp_path, name):
    for processes in (1, 3):
        run(["export", folder / f"{name}.h5", "-o", tmp_path / f"{processes}.npz"], processes=processes)
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "3.npz").read_bytes()


def test_what_was_exported_is_an_input(matrices, folder, tmp_path):
    run(["export", folder / "sparse.h5", "-o", tmp_path / "a.npz", "--rows", "3:20"], processes=2)
    run(["export", tmp_path / "a.npz", "-o", tmp_path / "b.npz"], processes=3)
    np.testing.assert_array_equal(scipy.sparse.load_npz(tmp_path / "b.npz").toarray(),
                                  matrices["sparse"].toarray()[3:20])


def test_factors_are_archives_too(matrices, folder, tmp_path):
    run(["fit", folder / "dense.h5", "-o", tmp_path / "model.h5", "-k", 2, "--max-iter", 3])
    for ending in ("npz", "npy"):
        run(["export", tmp_path / "model.h5", "-o", tmp_path / f"f.{ending}"], processes=2)
    for factor in "WH":
        np.testing.assert_array_equal(np.load(tmp_path / f"f-{factor}.npz")["arr_0"],
                                      np.load(tmp_path / f"f-{factor}.npy"))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_narrow_numbers_keep_their_type(tmp_path, dtype):
    matrix = np.arange(21, dtype=dtype).reshape(7, 3)
    np.save(tmp_path / "a.npy", matrix)
    run(["export", tmp_path / "a.npy", "-o", tmp_path / "b.npz"], processes=2)
    found = np.load(tmp_path / "b.npz")["arr_0"]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, matrix)
