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


def planted_with_holes(seed, share=0.2, shape=(40, 30)):
    rng = np.random.default_rng(seed)
    w = rng.exponential(size=(shape[0], 3)) * (rng.random((shape[0], 3)) < 0.5)
    h = rng.exponential(size=(3, shape[1])) * (rng.random((3, shape[1])) < 0.5)
    table = np.maximum(0, w @ h + 0.2 * rng.standard_normal(shape))
    table[rng.random(shape) < share] = NAN
    return table


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searched")
    np.save(folder / "a.npy", planted_with_holes(5))
    options = ["tune", folder / "a.npy", "-k", "1:4", "--missing", "unobserved", "--restarts", 3, "--holdout", 0.1, "--folds",
               3, "--seed", 3, "--json"]
    return folder, options, run([*options, "-o", folder / "consensus.h5"]).json


def test_a_search_fits_what_fit_fits(searched):
    """The fits of one candidate and, of the first fold, what fit --validation holds out: never a missing cell. With one
    component every start ends at the same optimum."""
    folder, _, told = searched
    fit = ["fit", folder / "a.npy", "-o", folder / "m.h5", "--missing", "unobserved", "-k", 4, "--json"]
    errors = [run([*fit, "--seed", seed]).json["relative_error"] for seed in (3, 4, 5)]
    found = told["candidates"][3]
    assert found["relative_error"] == pytest.approx(min(errors), rel=1e-6)
    assert found["median_error"] == pytest.approx(np.median(errors), rel=1e-6)
    fold = run([*fit, "-k", 1, "--seed", 3, "--validation", 0.1]).json
    assert told["candidates"][0]["heldout_folds"][0] == pytest.approx(fold["validation_rmse"], rel=1e-4)
    assert np.sqrt(np.mean(np.square(found["heldout_folds"]))) == pytest.approx(found["heldout"], rel=1e-12)
    missing = np.isnan(np.load(folder / "a.npy")).sum()
    assert (told["missing"], told["missing_cells"], told["suggestion"]["k"]) == ("unobserved", missing, 3)


@pytest.mark.parametrize("processes, how", [(2, ["--groups", 1]), (3, []), (4, ["--grid", "2x2"]), (6, ["--groups", 2])])
def test_a_search_is_the_same_on_any_number_of_processes(searched, processes, how):
    _, options, told = searched
    other = run([*options, *how], processes).json
    for one, two in zip(told["candidates"], other["candidates"]):
        for name in ("relative_error", "heldout_folds", "silhouette_min", "cophenetic"):
            assert two[name] == pytest.approx(one[name], rel=1e-5, abs=1e-6), name


def test_the_consensus_is_fitted_to_the_cells_that_have_a_value(searched):
    folder, _, _ = searched
    table = np.load(folder / "a.npy")
    w, h = factors(folder / "consensus.h5")
    known = ~np.isnan(table)
    best = sum(scipy.optimize.nnls(w[rows], column[rows])[1] ** 2 for rows, column in zip(known.T, table.T))
    assert best <= np.sum((table - w @ h)[known] ** 2) < 1.001 * best
    told = run(["evaluate", folder / "consensus.h5", folder / "a.npy", "--json"]).json
    assert told["entries"] == known.sum()
    assert told["rmse"] == pytest.approx(np.sqrt(np.mean((table - w @ h)[known] ** 2)), rel=1e-9)


def test_perturbed_copies_lack_the_same_cells(searched):
    """Of a tiny perturbation the errors are nearly those of the matrix, by a loss that cannot stand a zero, too."""
    folder, options, told = searched
    near = run([*options, "-k", 3, "--perturb", 1e-6, "--folds", 1], 2).json["candidates"][0]
    assert near["relative_error"] == pytest.approx(told["candidates"][2]["relative_error"], rel=1e-4)
    np.save(folder / "positive.npy", np.load(folder / "a.npy") + 0.1)
    saito = ["tune", folder / "positive.npy", "-k", 2, "--missing", "unobserved", "--loss", "itakura-saito", "--restarts", 2,
             "--max-iter", 40, "--folds", 2, "--json"]
    one = run(saito).json["candidates"][0]
    two = run([*saito, "--perturb", 1e-7], 2).json["candidates"][0]
    for name in ("relative_error", "median_error", "heldout_folds"):
        assert two[name] == pytest.approx(one[name], rel=1e-3), name


def test_exact_residuals_leave_missing_cells_out(partial):
    w, h, report = partial.fit("--max-iter", 10, "--exact-residual", grid=(2, 1))
    known = ~np.isnan(partial.matrix)
    assert report["objective"] == pytest.approx(np.sum((partial.matrix - w @ h)[known] ** 2) / 2, rel=1e-9)


def test_an_imported_matrix_is_still_dense_with_missing_cells(partial):
    """Fit, plan, info and split of the file are those of the text, bit for bit."""
    folder = partial.folder
    text = [folder / "a.csv", "--missing", "unobserved"]
    missing = int(np.isnan(partial.matrix).sum())
    run(["import", *text, "-o", folder / "i.h5"], 3)
    for processes in (1, 4):
        for source, name in ((text, "t.h5"), ([folder / "i.h5"], "m.h5")):
            run(["fit", *source, "-o", folder / name, "-k", 3, "--grid", f"{processes // 2 or 1}x{(processes + 1) // 2}"],
                processes)
        for one, two in zip(factors(folder / "t.h5"), factors(folder / "m.h5")):
            np.testing.assert_array_equal(one, two)
    for source in (text[0], folder / "i.h5"):
        told = run(["info", source, "--json"]).json
        assert (told["missing_cells"], told["missing"]) == (missing, "unobserved")
    one, two = (run(["plan", *source, "-k", 3, "--processes", 4, "--json"]).json for source in (text, [folder / "i.h5"]))
    for told in (one, two):
        del told["input"], told["plans"][0]["memory"]["program"]
    assert one == two
    run(["split", folder / "i.h5", "--fraction", 0.2, "--train", folder / "train.h5", "--test", folder / "test.h5"])
    told = run(["fit", folder / "train.h5", "-o", folder / "m.h5", "-k", 2, "--json"]).json
    held = run(["info", folder / "test.h5", "--json"]).json["stored"]
    assert told["missing_cells"] == missing + held
    refused = run(["fit", folder / "i.h5", "-o", folder / "m.h5", "-k", 3, "--missing", "zero"], 2, expect=1)
    assert len(refused.messages) == 1 and "have no value" in refused.messages[0]
    with h5py.File(folder / "i.h5", "r+") as file:
        file.attrs["missing_cells"] = missing + 1
    refused = run(["info", folder / "i.h5"], expect=1)
    assert "missing_cells" in refused.messages[0]


def test_what_cannot_be_is_refused(tmp_path):
    np.save(tmp_path / "none.npy", np.full((3, 4), NAN))
    np.save(tmp_path / "a.npy", np.array([[1, NAN, 2], [3, 4, 5]]))
    fit = ["fit", tmp_path / "a.npy", "-o", tmp_path / "m.h5", "-k", 1]
    result = run(["tune", tmp_path / "a.npy", "-k", 1, "--missing", "unobserved", "--metric", "rmse"], 2, expect=2)
    assert len(result.messages) == 1 and "--bias" in result.messages[0], str(result)
    for options, status, words in ((["--missing", "unobserved", "--memory", "1MB"], 2, "--memory"),
                                   ([], 1, "--missing unobserved")):
        result = run([*fit, *options], 2, expect=status)
        assert len(result.messages) == 1 and words in result.messages[0], str(result)
    result = run(["fit", tmp_path / "none.npy", "-o", tmp_path / "m.h5", "-k", 1, "--missing", "unobserved"], 2, expect=1)
    assert len(result.messages) == 1 and "no cell has a value" in result.messages[0], str(result)
