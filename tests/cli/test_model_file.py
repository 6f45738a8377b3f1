"""The model file as h5py, numpy and scipy read it, and what info and export make of it."""
import csv
import re

import h5py
import numpy as np
import pytest
import scipy.io

from program import INPUTS, run

ROWS = [f"User{i}" for i in range(1, 6)]
COLS = [f"Movie{i}" for i in range(1, 5)]
ITERATIONS = 7


@pytest.fixture(scope="module")
def model(folder):
    run(["fit", INPUTS / "ratings-5x4.csv", "-o", folder / "model.h5", "-k", 2, "--max-iter", ITERATIONS, "--tol", 0,
         "--seed", 3, "--grid", "1x2"], processes=2)
    return folder / "model.h5"


@pytest.fixture(scope="module")
def rated(folder):
    """A model of ratings with biases; ids are integers and strings."""
    run(["fit", INPUTS / "ratings-triples.csv", "-o", folder / "rated.h5", "-k", 2, "--max-iter", 5], processes=2)
    return folder / "rated.h5"


def test_two_lines_of_h5py_read_the_factors(model):
    with h5py.File(model) as file:
        w, h = file["W"][:], file["H"][:]
    assert w.shape == (5, 2) and h.shape == (2, 4)
    assert w.dtype == h.dtype == np.float64
    assert w.min() >= 0 and h.min() >= 0


def test_h_has_a_column_for_each_column_of_the_matrix(model):
    """W H, not W times some other order of H, is near the table."""
    table = np.array([[5, 3, 0, 1], [4, 0, 0, 1], [1, 1, 0, 5], [1, 0, 0, 4], [0, 1, 5, 4]])
    with h5py.File(model) as file:
        residual = np.linalg.norm(table - file["W"][:] @ file["H"][:])
        assert residual / np.linalg.norm(table) == pytest.approx(file.attrs["relative_error"], rel=1e-9)
        assert residual ** 2 / 2 == pytest.approx(file.attrs["objective"], rel=1e-9)


def test_ids_are_those_of_the_input(model, rated):
    with h5py.File(model) as file:
        assert list(file["row_ids"].asstr()) == ROWS
        assert list(file["col_ids"].asstr()) == COLS
    with h5py.File(rated) as file:
        assert list(file["row_ids"]) == [1, 2, 3]
        assert list(file["col_ids"].asstr()) == ["A", "B", "C"]


def test_history_starts_before_the_first_iteration(model):
    with h5py.File(model) as file:
        objective, seconds = file["history/objective"][:], file["history/seconds"][:]
        assert objective[-1] == file.attrs["objective"]
    assert len(objective) == len(seconds) == ITERATIONS + 1
    assert np.all(np.diff(objective) <= 0) and np.all(np.diff(seconds) >= 0)


def test_attributes_say_how_to_repeat_the_fit(model):
    with h5py.File(model) as file:
        facts = dict(file.attrs)
    expected = {"program": "dnmf", "rows": 5, "cols": 4, "stored": 20, "components": 2, "missing": "zero",
                "loss": "frobenius", "solver": "ahals", "init": "random", "seed": 3, "max_iter": ITERATIONS, "tol": 0,
                "stop": "gradient", "penalty_scale": "raw", "precision": "double", "processes": 2, "grid": "1x2",
                "iterations": ITERATIONS, "stop_reason": "max-iter", "l1_w": 0, "l2_h": 0}
    assert {name: facts[name] for name in expected} == expected
    assert "ratings-5x4.csv -o" in facts["command_line"] and facts["command_line"].endswith("--grid 1x2")
    assert facts["input"] == str(INPUTS / "ratings-5x4.csv")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", facts["date"])
    assert re.fullmatch(r"[0-9a-f]{16}", facts["checksum"])
    assert "HDF5" in facts["libraries"] and "MPI" in facts["libraries"]


def test_checksum_depends_on_the_data_only(model, folder):
    def checksum(source, processes):
        run(["fit", source, "-o", folder / "again.h5", "-k", 1, "--max-iter", 1], processes=processes)
        with h5py.File(folder / "again.h5") as file:
            return file.attrs["checksum"]
    with h5py.File(model) as file:
        known = file.attrs["checksum"]
    changed = folder / "changed.csv"
    changed.write_text((INPUTS / "ratings-5x4.csv").read_text().replace("User5,0", "User5,1"))
    assert checksum(INPUTS / "ratings-5x4.csv", 3) == known
    assert checksum(changed, 1) != known


def test_biases_of_ratings(rated):
    with h5py.File(rated) as file:
        assert file["bias/mean"].size == 1 and file["bias/row"].shape == (3,) and file["bias/col"].shape == (3,)
        assert file.attrs["missing"] == "unobserved"
        assert (file.attrs["smallest"], file.attrs["largest"]) == (2.5, 5.0)


def test_no_biases_with_zeros(model):
    with h5py.File(model) as file:
        assert "bias" not in file


@pytest.mark.parametrize("processes", [1, 3])
def test_info_of_a_model(model, processes):
    report = run(["info", model, "--json"], processes=processes).json
    assert (report["command"], report["kind"], report["rows"], report["cols"], report["components"]) == \
        ("info", "model", 5, 4, 2)
    assert report["provenance"]["solver"] == "ahals" and report["provenance"]["seed"] == 3
    text = run(["info", model]).stdout
    assert "W 5 x 2, H 2 x 4" in text and "strings, first User1" in text


@pytest.mark.parametrize("processes", [1, 3])
def test_info_of_a_matrix(processes):
    report = run(["info", INPUTS / "ratings-triples.csv", "--json"], processes=processes).json
    assert (report["kind"], report["rows"], report["cols"], report["stored"], report["missing"]) == \
        ("matrix", 3, 3, 4, "unobserved")
    text = run(["info", INPUTS / "ratings-triples.csv"]).stdout
    assert "3 rows x 3 columns" in text and "integers, first 1" in text and "strings, first A" in text


def exported(model, folder, ending, *options, processes=2):
    run(["export", model, "-o", folder / f"out{ending}", *options], processes=processes)


@pytest.mark.parametrize("processes", [1, 3])
def test_export_of_factors_as_npy(model, tmp_path, processes):
    exported(model, tmp_path, ".npy", processes=processes)
    with h5py.File(model) as file:
        np.testing.assert_array_equal(np.load(tmp_path / "out-W.npy"), file["W"][:])
        np.testing.assert_array_equal(np.load(tmp_path / "out-H.npy"), file["H"][:].T)


@pytest.mark.parametrize("processes", [1, 3])
def test_export_of_factors_as_csv(model, tmp_path, processes):
    exported(model, tmp_path, ".csv", processes=processes)
    with h5py.File(model) as file:
        for name, ids, factor in (("W", ROWS, file["W"][:]), ("H", COLS, file["H"][:].T)):
            lines = list(csv.reader(open(tmp_path / f"out-{name}.csv", encoding="utf-8")))
            assert lines[0][1:] == ["component0", "component1"]
            assert [line[0] for line in lines[1:]] == ids
            np.testing.assert_array_equal(np.array([line[1:] for line in lines[1:]], dtype=float), factor)


@pytest.mark.parametrize("factor", ["W", "H"])
def test_export_of_one_factor_as_matrix_market(model, tmp_path, factor):
    exported(model, tmp_path, ".mtx", "--factor", factor)
    with h5py.File(model) as file:
        expected = file["W"][:] if factor == "W" else file["H"][:].T
    found = scipy.io.mmread(str(tmp_path / "out.mtx"))
    np.testing.assert_array_equal(found if isinstance(found, np.ndarray) else found.toarray(), expected)


def test_exported_factors_multiply_to_the_same_product(model, tmp_path):
    exported(model, tmp_path, ".npy")
    with h5py.File(model) as file:
        np.testing.assert_array_equal(np.load(tmp_path / "out-W.npy") @ np.load(tmp_path / "out-H.npy").T,
                                      file["W"][:] @ file["H"][:])


@pytest.fixture(scope="module")
def matrices(folder):
    """A dense and a sparse matrix of the program's own making, and what h5py sees in them."""
    run(["generate", "-o", folder / "dense.h5", "--rows", 13, "--cols", 7])
    run(["generate", "-o", folder / "sparse.h5", "--rows", 13, "--cols", 7, "--sparse", "--density", 0.3])
    found = {}
    with h5py.File(folder / "dense.h5") as file:
        found["dense"] = file["matrix"][:].astype(float)
    with h5py.File(folder / "sparse.h5") as file:
        group = file["matrix"]
        found["sparse"] = scipy.sparse.csr_matrix((group["data"][:], group["indices"][:], group["indptr"][:]),
                                                  (13, 7)).toarray().astype(float)
    return found


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("processes", [1, 3])
def test_export_of_a_matrix_as_matrix_market(matrices, folder, tmp_path, kind, processes):
    exported(folder / f"{kind}.h5", tmp_path, ".mtx", processes=processes)
    found = scipy.io.mmread(str(tmp_path / "out.mtx"))
    np.testing.assert_array_equal(found if isinstance(found, np.ndarray) else found.toarray(), matrices[kind])


def test_export_of_a_matrix_as_npy(matrices, folder, tmp_path):
    exported(folder / "dense.h5", tmp_path, ".npy", processes=3)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), matrices["dense"])


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_export_of_a_matrix_as_triples(matrices, folder, tmp_path, kind):
    exported(folder / f"{kind}.h5", tmp_path, ".csv", "--to", "triples", processes=3)
    lines = list(csv.reader(open(tmp_path / "out.csv", encoding="utf-8")))
    found = np.zeros((13, 7))
    for row, col, value in lines[1:]:
        found[int(row), int(col)] = float(value)
    np.testing.assert_array_equal(found, matrices[kind])


def test_ratings_survive_a_round_trip_through_triples(tmp_path):
    run(["import", INPUTS / "ratings-triples.csv", "-o", tmp_path / "a.h5"])
    run(["export", tmp_path / "a.h5", "-o", tmp_path / "b.csv"], processes=2)
    original = [line.split(",") for line in (INPUTS / "ratings-triples.csv").read_text().split()[1:]]
    found = [line.split(",") for line in (tmp_path / "b.csv").read_text().split()[1:]]
    assert sorted((u, i, float(r)) for u, i, r in found) == sorted((u, i, float(r)) for u, i, r in original)


def test_export_asks_for_a_format_when_the_ending_tells_none(model, tmp_path):
    result = run(["export", model, "-o", tmp_path / "out.xyz"], expect=2)
    assert "--to" in result.stderr
    assert list(tmp_path.iterdir()) == []
