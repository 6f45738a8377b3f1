"""Known are rows and columns that the fit had ratings of, whatever those ratings and the factors are."""
import h5py
import numpy as np
import pytest

from program import run


def write(path, triples):
    path.write_text("user,item,rating\n" + "".join(f"{u},{i},{v}\n" for u, i, v in triples))
    return path


def say(result):
    return result.stdout + result.stderr


# A row and a column of zeros: by mu, without biases, their factors are exactly zero.
ZEROS = [("a", "x", 0), ("a", "y", 0), ("b", "x", 3), ("b", "y", 5), ("c", "x", 4), ("c", "y", 2), ("b", "z", 0),
         ("c", "z", 0)]


@pytest.fixture(scope="module")
def zeros(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zeros")
    result = run(["fit", write(folder / "r.csv", ZEROS), "-o", folder / "m.h5", "-k", 1, "--solver", "mu"])
    with h5py.File(folder / "m.h5") as file:
        assert not file["W"][0].any() and not file["H"][:, 2].any()
    return folder, say(result)


def test_a_row_of_zeros_is_rated(zeros):
    """Nothing is said of rows without data, and the row's ratings are predicted."""
    folder, words = zeros
    assert "warning" not in words
    report = run(["predict", folder / "m.h5", "--row", "a", "--col", "y", "--json"]).json
    assert report["known"] is True and report["score"] == 0


@pytest.mark.parametrize("processes", [1, 3])
def test_every_command_knows_a_row_of_zeros(zeros, tmp_path, processes):
    folder, _ = zeros
    report = run(["evaluate", folder / "m.h5", folder / "r.csv", "--json"], processes).json
    assert report["coverage"] == 1 and report["unknown"] == 0
    report = run(["recommend", folder / "m.h5", "--rows", "a", "--json"], processes).json
    assert report["empty_columns"] == 0
    assert [entry["score"] for entry in report["lists"]] == [0, 0, 0]
    run(["reconstruct", folder / "m.h5", "-o", tmp_path / "whole.h5"], processes)
    with h5py.File(tmp_path / "whole.h5") as file, h5py.File(folder / "m.h5") as model:
        np.testing.assert_allclose(file["matrix"][:], np.clip(model["W"][:] @ model["H"][:], 0, 5), atol=1e-12)


def test_held_out_ratings_of_a_row_of_zeros_are_predicted_by_the_model(zeros, tmp_path):
    """By the mean instead of the model the error is more than 1."""
    folder, _ = zeros
    held_out = write(tmp_path / "held.csv", [("a", "y", 0), ("b", "y", 5), ("c", "x", 4)])
    report = run(["fit", folder / "r.csv", "-o", tmp_path / "m.h5", "-k", 1, "--solver", "mu", "--l2", 0.1, "--validation",
                  held_out, "--json"]).json
    evaluated = run(["evaluate", tmp_path / "m.h5", held_out, "--json"]).json
    assert report["validation_rmse"] == pytest.approx(evaluated["rmse"], rel=1e-9)
    assert report["validation_rmse"] < 1


def test_equal_ratings_are_ratings(tmp_path):
    """Nothing differs, so all is explained by the mean: factors are zero, rows and columns known. And a hint."""
    plays = [("u1", "a", 1), ("u1", "b", 1), ("u2", "a", 1), ("u2", "c", 1), ("u3", "b", 1), ("u3", "d", 1)]
    words = say(run(["fit", write(tmp_path / "r.csv", plays), "-o", tmp_path / "m.h5", "-k", 2]))
    assert "every rating is 1" in words and "--implicit" in words and "no rating" not in words
    report = run(["recommend", tmp_path / "m.h5", "--seen", tmp_path / "r.csv", "--rows", "u1", "--json"]).json
    assert [entry["column"] for entry in report["lists"]] == ["c", "d"]
    assert run(["evaluate", tmp_path / "m.h5", tmp_path / "r.csv", "--json"]).json["coverage"] == 1
    report = run(["predict", tmp_path / "m.h5", "--row", "u2", "--col", "d", "--json"]).json
    assert report["known"] is True and report["score"] == 1


def test_rows_without_a_rating_are_counted(tmp_path):
    with h5py.File(tmp_path / "r.h5", "w") as file:
        group = file.create_group("matrix")
        group.attrs["encoding-type"] = "csr_matrix"
        group.attrs["shape"] = (4, 3)
        group["data"], group["indices"], group["indptr"] = [0.0, 2.0, 3.0], [0, 0, 1], [0, 1, 1, 3, 3]
    words = say(run(["fit", tmp_path / "r.h5", "-o", tmp_path / "m.h5", "-k", 1, "--missing", "unobserved"], 2))
    assert "2 of 4 rows have no rating" in words and "1 of 3 columns have no rating" in words
    assert "nonzero" not in words
