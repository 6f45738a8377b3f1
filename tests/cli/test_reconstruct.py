"""W H written whole or in part, beside numpy's product of the model's factors."""
import h5py
import numpy as np
import pytest

from program import INPUTS, run

ROWS, COLS = 37, 26


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models of zeros and of ratings, some of whose rows and columns have no rating."""
    folder = tmp_path_factory.mktemp("models")
    run(["generate", "-o", folder / "a.h5", "--rows", ROWS, "--cols", COLS])
    run(["fit", folder / "a.h5", "-o", folder / "zeros.h5", "-k", 4, "--max-iter", 5])
    run(["generate", "-o", folder / "r.h5", "--kind", "ratings", "--rows", ROWS, "--cols", COLS, "--nnz", 120])
    ratings = folder / "r.csv"
    lines = [f"u{i},m{j},{(i * j) % 5 + 1}" for i in range(ROWS) for j in range(COLS) if (i * 7 + j * 5) % 6 == 0]
    ratings.write_text("user,movie,rating\n" + "\n".join(lines))
    run(["fit", ratings, "-o", folder / "ratings.h5", "-k", 3, "--max-iter", 50, "--l2", 0.01])
    run(["fit", folder / "r.h5", "-o", folder / "empty.h5", "-k", 3, "--max-iter", 5])
    run(["fit", folder / "r.h5", "-o", folder / "unbiased.h5", "-k", 3, "--max-iter", 5, "--bias", "none"])
    return folder


def expected(path):
    """The model's prediction of every pair, in the file's own words."""
    with h5py.File(path) as file:
        w, h = file["W"][:], file["H"][:]
        full = w @ h
        if file.attrs["missing"] == "zero":
            return full
        biased = "bias" in file
        row, col = (file[f"bias/{side}"][:] if biased else np.zeros(n) for side, n in zip(("row", "col"), full.shape))
        known = np.outer(w.any(axis=1) | (row != 0), h.any(axis=0) | (col != 0))
        constant = file["bias/mean"][0] if biased else 0
        return full + np.where(known, constant, file.attrs["mean"]) + row[:, None] + col


def reconstruct(models, name, folder, *options, processes=1):
    report = run(["reconstruct", models / name, "-o", folder / "full.h5", "--json", *options], processes=processes).json
    with h5py.File(folder / "full.h5") as file:
        ids = [file[side][:] if side in file else None for side in ("row_ids", "col_ids")]
        return file["matrix"][:], ids, report


@pytest.mark.parametrize("name", ["zeros.h5", "ratings.h5", "empty.h5", "unbiased.h5"])
@pytest.mark.parametrize("processes", [1, 3])
def test_every_entry_is_the_models_prediction(models, tmp_path, name, processes):
    full, _, _ = reconstruct(models, name, tmp_path, processes=processes)
    assert full.dtype == np.float64
    np.testing.assert_allclose(full, expected(models / name), rtol=1e-12, atol=1e-12)


def test_some_rows_and_columns_of_the_empty_model_have_no_rating(models):
    with h5py.File(models / "empty.h5") as file:
        assert not np.all(file["observed/row"][:]) and not np.all(file["observed/col"][:])


@pytest.mark.parametrize("rows, cols, processes", [("5:9", None, 4), (None, "3:", 2), (":1", "25:26", 3), ("30:", ":7", 1)])
def test_a_range_has_its_own_ids(models, tmp_path, rows, cols, processes):
    options = [*(["--rows", rows] if rows else []), *(["--cols", cols] if cols else [])]
    part, (row_ids, col_ids), report = reconstruct(models, "ratings.h5", tmp_path, *options, processes=processes)
    begin, end = ([int(bound) if bound else None for bound in (text or ":").split(":")] for text in (rows, cols))
    row_slice, col_slice = slice(*begin), slice(*end)
    np.testing.assert_allclose(part, expected(models / "ratings.h5")[row_slice, col_slice], rtol=1e-12, atol=1e-12)
    with h5py.File(models / "ratings.h5") as file:
        np.testing.assert_array_equal(row_ids, file["row_ids"][row_slice])
        np.testing.assert_array_equal(col_ids, file["col_ids"][col_slice])
    assert report["rows"] == list(row_slice.indices(ROWS)[:2]) and report["bytes"] == 8 * part.size


def test_scores_are_clipped_when_asked(models, tmp_path):
    whole = expected(models / "ratings.h5")
    clipped, _, _ = reconstruct(models, "ratings.h5", tmp_path, "--clip", processes=2)
    assert whole.max() > 5
    np.testing.assert_allclose(clipped, np.clip(whole, 1, 5), rtol=1e-12)


def test_single_precision(models, tmp_path):
    full, _, _ = reconstruct(models, "ratings.h5", tmp_path, "--precision", "single", processes=2)
    assert full.dtype == np.float32
    # A sum of the mean, biases and a product; small ones have the rounding of terms about 1.
    np.testing.assert_allclose(full, expected(models / "ratings.h5"), rtol=1e-5, atol=2e-6)


def test_the_file_is_a_matrix_like_any_other(models, tmp_path):
    run(["reconstruct", models / "zeros.h5", "-o", tmp_path / "full.h5"])
    exact = run(["fit", tmp_path / "full.h5", "-o", tmp_path / "again.h5", "-k", 4, "--init",
                 f"file:{models / 'zeros.h5'}", "--max-iter", 0, "--json"]).json
    assert exact["missing"] == "zero" and exact["relative_error"] < 1e-7


@pytest.mark.parametrize("options, words", [
    (["--rows", "5"], ["--rows 5", "A:B"]),
    (["--rows", "5:5"], ["--rows 5:5", "empty"]),
    (["--rows", "0:38"], ["--rows 0:38", "37 rows"]),
    (["--cols", "-1:3"], ["--cols -1:3", "A:B"]),
    (["--cols", "1:99999999999999999999"], ["--cols", "A:B"]),
], ids=["no range", "empty", "beyond", "negative", "huge"])
def test_a_wrong_range_is_refused(models, tmp_path, options, words):
    result = run(["reconstruct", models / "zeros.h5", "-o", tmp_path / "full.h5", *options], expect=2)
    assert len(result.messages) == 1 and all(word in result.messages[0] for word in words), str(result)
    assert not (tmp_path / "full.h5").exists()


def test_a_model_without_a_scale_is_not_clipped(models, tmp_path):
    result = run(["reconstruct", models / "zeros.h5", "-o", tmp_path / "full.h5", "--clip"], 2, expect=1)
    assert len(result.messages) == 1 and "--clip" in result.messages[0]


def test_a_matrix_is_nothing_to_reconstruct(tmp_path):
    run(["import", INPUTS / "ratings-5x4.csv", "-o", tmp_path / "a.h5"])
    result = run(["reconstruct", tmp_path / "a.h5", "-o", tmp_path / "full.h5"], expect=1)
    assert len(result.messages) == 1 and "not a model" in result.messages[0]


@pytest.mark.parametrize("processes", [1, 3])
def test_a_result_too_large_for_the_disk_is_refused_before_it_is_begun(tmp_path, processes):
    with h5py.File(tmp_path / "m.h5", "w") as file:
        for name, shape in (("W", (2_000_000, 1)), ("H", (1, 3_000_000))):
            file.create_dataset(name, shape, dtype=np.float32, chunks=True, fillvalue=1)
    result = run(["reconstruct", tmp_path / "m.h5", "-o", tmp_path / "full.h5", "--cols", "0:2000000"], processes,
                 expect=1)
    assert len(result.messages) == 1 and "full.h5" in result.messages[0], str(result)
    assert "32.0 TB" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["m.h5"]
