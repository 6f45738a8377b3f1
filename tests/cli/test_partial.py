"""Dense matrices with cells without a value: these are unobserved and zeros count; beside a masked fit in numpy."""
import copy

import h5py
import numpy as np
import pytest
import scipy.optimize

from fits import Problem, factors
from program import grid_name, run
from test_held_cells import Masked, mask_of

NAN = np.nan


def holes(shape, seed, share=0.2):
    """A matrix with zeros and missing cells, a whole row of them and a whole column."""
    rng = np.random.default_rng(seed)
    table = rng.random(shape)
    table[rng.random(shape) < 0.3] = 0
    table[rng.random(shape) < share] = NAN
    table[4] = NAN
    table[:, 6] = NAN
    return table


def save(folder, table):
    """The same matrix in every dense form."""
    np.save(folder / "a.npy", table)
    with h5py.File(folder / "a.h5", "w") as file:
        file["matrix"] = table
    lines = [",".join(["", *(f"c{j}" for j in range(table.shape[1]))])]
    lines += [",".join([f"r{i}", *("NA" if np.isnan(x) else repr(float(x)) for x in row)])
              for i, row in enumerate(table)]
    (folder / "a.csv").write_text("\n".join(lines) + "\n")
    return [folder / name for name in ("a.npy", "a.h5", "a.csv")]


@pytest.fixture(scope="module")
def partial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("partial")
    table = holes((29, 23), 1)
    return Problem(folder, table, source=save(folder, table)[0], options=["--missing", "unobserved"])


@pytest.mark.parametrize("grid", [(1, 1), (2, 1), (1, 3), (2, 2), (3, 2)], ids=grid_name)
def test_iterates_equal_the_naive_masked_fit(partial, grid):
    mask = np.isnan(partial.matrix)
    masked = Masked(np.nan_to_num(partial.matrix), mask, partial.start)
    for _ in range(10):
        masked.step()
    for name in ("a.npy", "a.h5", "a.csv") if grid[0] == 2 else ("a.npy",):
        source = copy.copy(partial)
        source.source = partial.folder / name
        w, h, report = source.fit("--max-iter", 10, grid=grid)
        np.testing.assert_allclose(w, masked.w, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(h, masked.h, rtol=1e-9, atol=1e-9)
        assert report["objective"] == pytest.approx(masked.objective(), rel=1e-9)
        assert report["rmse"] == pytest.approx(np.sqrt(2 * masked.objective() / np.sum(~mask)), rel=1e-9)
        assert (report["missing"], report["missing_cells"]) == ("unobserved", np.sum(mask))
        if grid == (2, 2):
            with h5py.File(partial.folder / "model.h5") as file:
                np.testing.assert_array_equal(file["observed/row"][:], np.sum(~mask, axis=1))
                np.testing.assert_array_equal(file["observed/col"][:], np.sum(~mask, axis=0))
                assert file.attrs["mean"] == pytest.approx(np.nanmean(partial.matrix), rel=1e-12)
                assert (file.attrs["missing"], file.attrs["bias"]) == ("unobserved", "no")


@pytest.mark.parametrize("options, solver, beta", [
    (["--solver", "bpp"], "bpp", 2), (["--loss", "1", "--solver", "mu"], "mu", 1), (["--loss", "0.5"], "mu", 0.5)])
def test_every_loss_leaves_missing_cells_out(partial, options, solver, beta):
    mask = np.isnan(partial.matrix)
    masked = Masked(np.nan_to_num(partial.matrix), mask, partial.start, solver, beta)
    for _ in range(6):
        masked.step()
    w, h, report = partial.fit("--max-iter", 6, *options, grid=(1, 2))
    np.testing.assert_allclose(w, masked.w, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(h, masked.h, rtol=1e-9, atol=1e-9)
    assert report["objective"] == pytest.approx(masked.objective(), rel=1e-9)


def test_cells_are_held_out_beside_missing_ones(partial):
    missing = np.isnan(partial.matrix)
    held = mask_of(partial.matrix.shape, 0.2) & ~missing
    masked = Masked(np.nan_to_num(partial.matrix), missing | held, partial.start)
    for _ in range(8):
        masked.step()
    w, _, report = partial.fit("--max-iter", 8, "--validation", 0.2, grid=(2, 2))
    np.testing.assert_allclose(w, masked.w, rtol=1e-9, atol=1e-9)
    errors = (np.nan_to_num(partial.matrix) - masked.w @ masked.h)[held]
    assert report["validation_rmse"] == pytest.approx(np.sqrt(np.mean(errors ** 2)), rel=1e-9)
    assert report["validation_cells"] == np.sum(held)


def test_settings_of_ratings_ask_for_ratings(partial):
    report = run(["fit", partial.source, "-o", partial.folder / "r.h5", "-k", 2, "--missing", "unobserved", "--bias", "both",
                  "--max-iter", 2, "--json"]).json
    with h5py.File(partial.folder / "r.h5") as file:
        assert file.attrs["bias"] == "row and column"
    assert report["missing_cells"] is None


def test_a_model_of_such_a_matrix_is_one_of_observed_entries(partial):
    """Rows are folded in, predicted and evaluated over the cells that have a value."""
    folder = partial.folder
    run(["fit", partial.source, "-o", folder / "m.h5", "-k", 3, "--missing", "unobserved", "--max-iter", 500])
    w, h = factors(folder / "m.h5")
    known = ~np.isnan(partial.matrix)
    rows = np.nan_to_num(partial.matrix)
    run(["transform", folder / "m.h5", partial.source, "-o", folder / "t.h5"], 2)
    for row, found in zip(range(len(rows)), factors(folder / "t.h5")[0]):
        if known[row].any() and row != 4:
            best = scipy.optimize.nnls(h[:, known[row]].T, rows[row, known[row]])[0]
            np.testing.assert_allclose(h[:, known[row]].T @ found, h[:, known[row]].T @ best, atol=1e-5)
    run(["reconstruct", folder / "m.h5", "-o", folder / "whole.h5"])
    with h5py.File(folder / "whole.h5") as file:
        np.testing.assert_allclose(file["matrix"][:][known], (w @ h)[known], rtol=1e-12)
    found = run(["evaluate", folder / "m.h5", partial.source, "--json"], 2).json
    errors = (partial.matrix - w @ h)[known]
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(errors ** 2)), rel=1e-9)


def test_the_missing_cells_of_a_planted_matrix_are_found(tmp_path):
    rng = np.random.default_rng(3)
    whole = rng.gamma(0.5, 1, (60, 3)) @ rng.gamma(0.5, 1, (3, 40))
    gone = rng.random(whole.shape) < 0.3
    np.save(tmp_path / "a.npy", np.where(gone, NAN, whole))
    run(["fit", tmp_path / "a.npy", "-o", tmp_path / "m.h5", "-k", 3, "--missing", "unobserved", "--tol", 0, "--max-iter",
         3000], 3)
    w, h = factors(tmp_path / "m.h5")
    assert np.linalg.norm((whole - w @ h)[gone]) < 0.01 * np.linalg.norm(whole[gone])


def test_what_cannot_be_is_refused(tmp_path):
    np.save(tmp_path / "none.npy", np.full((3, 4), NAN))
    np.save(tmp_path / "a.npy", np.array([[1, NAN, 2], [3, 4, 5]]))
    fit = ["fit", tmp_path / "a.npy", "-o", tmp_path / "m.h5", "-k", 1]
    for options in (["--missing", "unobserved"], ["--missing", "unobserved", "--metric", "rmse"]):
        result = run(["tune", tmp_path / "a.npy", "-k", 1, *options], 2, expect=2)
        assert len(result.messages) == 1 and "--bias" in result.messages[0], str(result)
    for options, status, words in ((["--missing", "unobserved", "--memory", "1MB"], 2, "--memory"),
                                   ([], 1, "--missing unobserved")):
        result = run([*fit, *options], 2, expect=status)
        assert len(result.messages) == 1 and words in result.messages[0], str(result)
    result = run(["fit", tmp_path / "none.npy", "-o", tmp_path / "m.h5", "-k", 1, "--missing", "unobserved"], 2, expect=1)
    assert len(result.messages) == 1 and "no cell has a value" in result.messages[0], str(result)
