"""Rows folded into a model against least squares written out in numpy and scipy."""
import h5py
import numpy as np
import pytest
import scipy.optimize

from program import run

PROCESSES = [1, 2, 3, 4]
ROWS, COLS = 41, 23


def write_triples(path, table, row_names, col_names):
    with open(path, "w", encoding="ascii") as file:
        file.write("row,column,value\n")
        for i, j in np.argwhere(~np.isnan(table)):
            file.write(f"{row_names[i]},{col_names[j]},{table[i, j]}\n")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Ratings to fit, and new rows: columns in another order, two unknown, one absent, a row with unknown ones only."""
    folder = tmp_path_factory.mktemp("transform")
    rng = np.random.default_rng(8)

    def draw(rows, cols):
        return np.where(rng.random((rows, cols)) < 0.5, rng.integers(1, 11, (rows, cols)) / 2, np.nan)

    old = draw(ROWS, COLS)
    write_triples(folder / "old.csv", old, [f"r{i:02d}" for i in range(ROWS)], [f"c{j:02d}" for j in range(COLS)])
    names = [f"c{j:02d}" for j in rng.permutation(COLS - 1)] + ["zz", "a"]
    new = draw(9, len(names))
    new[4, :-2] = np.nan
    new[4, -1] = 3
    write_triples(folder / "new.csv", new, [f"n{i}" for i in range(9)], names)
    return folder, old, new, names


MODELS = {
    "zeros": ["--missing", "zero", "--solver", "bpp", "--l1-w", 0.3, "--l2-w", 0.2],
    "dimension": ["--missing", "zero", "--l2", 0.01, "--penalty-scale", "dimension"],
    "biased": ["--shrink-to", "mean"],
    "level": [],
    "raw": ["--penalty-scale", "raw", "--l2", 0.7, "--bias", "col"],
    "plain": ["--bias", "none", "--l1-w", 0.1, "--penalty-scale", "count", "--shrink-to", "zero"],
}


@pytest.fixture(scope="module", params=sorted(MODELS))
def model(request, tables):
    path = tables[0] / f"{request.param}.h5"
    run(["fit", tables[0] / "old.csv", "-o", path, "-k", 4, "--max-iter", 30, *MODELS[request.param]])
    return path


def nonnegative(gram, rhs):
    """The x >= 0 that minimizes 1/2 x'Gx - rhs'x."""
    root = np.linalg.cholesky(gram + 1e-13 * np.trace(gram) * np.eye(len(gram)))
    return scipy.optimize.nnls(root.T, np.linalg.solve(root, rhs), maxiter=1000)[0]


def fold(path, row):
    """One row's w and bias, from the model's own description of its objective; NaN is what the row does not have."""
    with h5py.File(path) as file:
        h, facts = file["H"][:], dict(file.attrs)
        bias = file["bias/col"][:] if "bias" in file else np.zeros(h.shape[1])
        mean = float(file["bias/mean"][:].item()) if "bias" in file else 0.0
        towards = file["mean_row"][:] if "mean_row" in file else np.zeros(len(h))
    k = len(h)
    l1, l2 = facts["l1_w"], facts["l2_w"]
    if facts["missing"] == "zero":
        scale = h.shape[1] if facts["penalty_scale"] == "dimension" else 1
        return nonnegative(h @ h.T + scale * l2 * np.eye(k), h @ np.nan_to_num(row) - scale * l1), 0.0
    known = ~np.isnan(row)
    count = known.sum()
    around = facts["shrink_to"] == "level"
    level = facts["level"] if around else 0.0
    mean_row, towards = towards, np.full(k, level) if around else towards
    fitted = facts["bias"] in ("row", "row and column")
    expected = facts["row_bias_at_none"] + facts["row_bias_slope"] * np.log1p(count / 200) if around and fitted else 0.0
    shrink = 0.25 * facts["l2_bias"] * np.sqrt(count) if around else facts["l2_bias"]
    if count == 0:
        return (mean_row, facts["unknown_row_bias"]) if around else (towards, 0.0)
    f = h[:, known].T - level
    rest = row[known] - mean - bias[known] - expected
    centre = np.eye(count)
    if fitted:
        centre -= np.ones((count, count)) / (count + shrink)
    weight = l2 * (count + facts.get("count_extra", 0)) ** facts["count_power"]
    w = nonnegative(f.T @ centre @ f + weight * np.eye(k), f.T @ centre @ rest - l1 + weight * towards)
    return w, ((rest - f @ w).sum() / (count + shrink) if fitted else 0.0) + expected - level * w.sum()


def in_model_order(new, names):
    table = np.full((len(new), COLS), np.nan)
    for j, name in enumerate(names):
        if name[1:].isdigit() and name[0] == "c":
            table[:, int(name[1:])] = new[:, j]
    return table


@pytest.mark.parametrize("processes", PROCESSES)
def test_new_rows_minimize_the_objective_of_the_fit(tables, model, processes):
    folder, _, new, names = tables
    out = folder / f"out{processes}.h5"
    told = run(["transform", model, folder / "new.csv", "-o", out, "--json"], processes).json
    table = in_model_order(new, names)
    with h5py.File(out) as file, h5py.File(model) as old:
        assert [x.decode() for x in file["row_ids"][:]] == [f"n{i}" for i in range(9)]
        assert np.array_equal(file["H"][:], old["H"][:])
        assert np.array_equal(file["col_ids"][:], old["col_ids"][:])
        for i, row in enumerate(table):
            w, bias = fold(model, row)
            assert np.allclose(file["W"][i], w, atol=1e-6)
            if "bias" in file:
                assert file["bias/row"][i] == pytest.approx(bias, abs=1e-6)
    assert told["unknown_columns"] == 2 and told["absent_columns"] == 1 and told["empty_rows"] == 1
    assert told["stored"] == (~np.isnan(table)).sum()
    assert told["unknown_entries"] == (~np.isnan(new[:, -2:])).sum()


@pytest.mark.parametrize("missing", ["zero", "unobserved"])
def test_rows_of_a_converged_fit_come_back(tables, tmp_path, missing):
    folder, _, _, _ = tables
    model, out = tmp_path / "model.h5", tmp_path / "out.h5"
    run(["fit", folder / "old.csv", "-o", model, "-k", 3, "--missing", missing, "--solver", "bpp", "--l2", 0.1,
         "--stop", "gradient", "--tol", 1e-10, "--max-iter", 5000])
    run(["transform", model, folder / "old.csv", "-o", out], processes=2)
    with h5py.File(model) as before, h5py.File(out) as after:
        assert np.allclose(before["W"][:], after["W"][:], atol=1e-5)
        assert ("mean_row" in after) == (missing == "unobserved")
        for name in ("bias/row", "observed/row", "mean_row"):
            if name in before:
                assert np.allclose(before[name][:], after[name][:], atol=1e-5)


def test_kullback_leibler_rows_stand_still(tables, tmp_path):
    folder, _, _, _ = tables
    model, out = tmp_path / "model.h5", tmp_path / "out.h5"
    run(["fit", folder / "old.csv", "-o", model, "-k", 2, "--solver", "mu", "--loss", "kullback-leibler",
         "--max-iter", 3000, "--tol", 0])
    run(["transform", model, folder / "old.csv", "-o", out])
    with h5py.File(model) as before, h5py.File(out) as after:
        assert np.allclose(before["W"][:], after["W"][:], atol=1e-3)


def test_a_transformed_model_recommends(tables, model, tmp_path):
    folder, _, _, _ = tables
    run(["transform", model, folder / "new.csv", "-o", tmp_path / "out.h5"])
    run(["recommend", tmp_path / "out.h5", "--seen", folder / "new.csv", "-o", tmp_path / "lists.csv"])
    rows = {line.split(",")[0] for line in (tmp_path / "lists.csv").read_text().splitlines()[1:]}
    assert rows == {f"n{i}" for i in range(9)}


def test_provenance_says_where_it_came_from(tables, model, tmp_path):
    folder, _, _, _ = tables
    run(["transform", model, folder / "new.csv", "-o", tmp_path / "out.h5"])
    with h5py.File(tmp_path / "out.h5") as file:
        assert file.attrs["transformed_from"] == str(model)
        assert file.attrs["rows"] == 9 and file.attrs["input"] == str(folder / "new.csv")
        assert "history" not in file


def test_columns_of_another_model_are_refused(tables, model, tmp_path):
    (tmp_path / "other.csv").write_text("a,x,1\nb,y,2\n")
    result = run(["transform", model, tmp_path / "other.csv", "-o", tmp_path / "out.h5"], processes=2, expect=1)
    assert "none of its 2 columns is in the model" in result.messages[0]
    assert not (tmp_path / "out.h5").exists()


def test_more_processes_than_rows_of_the_model(tmp_path):
    """Processes that hold no row of the model hold new rows, with their biases and counts."""
    rng = np.random.default_rng(3)
    write_triples(tmp_path / "old.csv", rng.integers(1, 6, (2, 4)).astype(float), "ab", "wxyz")
    new = np.where(rng.random((20, 4)) < 0.7, rng.integers(1, 6, (20, 4)), np.nan)
    write_triples(tmp_path / "new.csv", new, [f"n{i}" for i in range(20)], "wxyz")
    run(["fit", tmp_path / "old.csv", "-o", tmp_path / "m.h5", "-k", 2, "--max-iter", 5])
    for processes in (1, 3):
        run(["transform", tmp_path / "m.h5", tmp_path / "new.csv", "-o", tmp_path / f"{processes}.h5"], processes)
    with h5py.File(tmp_path / "1.h5") as one, h5py.File(tmp_path / "3.h5") as three:
        assert np.ptp(one["bias/row"][:]) > 0
        for name in ("W", "bias/row", "observed/row"):
            np.testing.assert_allclose(three[name][:], one[name][:], rtol=1e-12)
