"""Cells without a value, marks for them, and values that are shifted, in every form of input, beside numpy."""
import h5py
import numpy as np
import pytest

from matrices import check_refusal
from program import run

NAN = np.nan
TABLE = np.array([[4, NAN, 3.5, 0], [NAN, 2, 0, NAN], [5, 1, 0, 4.5], [0, 0, NAN, 1], [NAN, 7, 1, 2]])


def save(folder, table):
    """The table as the arrays that people save."""
    np.save(folder / "a.npy", table)
    np.savez_compressed(folder / "a.npz", a=table)
    with h5py.File(folder / "a.h5", "w") as file:
        file["matrix"] = table
    return [folder / name for name in ("a.npy", "a.npz", "a.h5")]


def read_entries(path):
    """Stored entries of an imported file, and what its other cells are."""
    with h5py.File(path) as file:
        item = file["matrix"]
        rows = np.repeat(np.arange(item.attrs["shape"][0]), np.diff(item["indptr"]))
        entries = {(int(i), int(j)): float(v) for i, j, v in zip(rows, item["indices"], item["data"])}
        return entries, tuple(item.attrs["shape"]), file.attrs["missing"]


def entries_of(table):
    return {(i, j): table[i, j] for i in range(table.shape[0]) for j in range(table.shape[1])
            if not np.isnan(table[i, j])}


@pytest.mark.parametrize("processes", [1, 3])
def test_nan_in_arrays_is_unobserved_and_zeros_are_not(tmp_path, processes):
    for path in save(tmp_path, TABLE):
        for options, expected in (([], TABLE), (["--transpose"], TABLE.T), (["--rows", "1:4"], TABLE[1:4])):
            run(["import", path, "-o", tmp_path / "out.h5", "--missing", "unobserved", *options], processes=processes)
            entries, shape, missing = read_entries(tmp_path / "out.h5")
            assert (shape, missing) == (expected.shape, "unobserved")
            assert entries == entries_of(expected)


def test_nan_without_the_option_is_refused_and_the_option_named(tmp_path):
    for path in save(tmp_path, TABLE):
        check_refusal(tmp_path, path, path.name, "--missing unobserved")
        check_refusal(tmp_path, path, "--missing unobserved", options=["--missing", "zero"])


def test_transform_says_which_model_leaves_cells_without_a_value_out(tmp_path):
    np.save(tmp_path / "whole.npy", np.nan_to_num(TABLE))
    run(["fit", tmp_path / "whole.npy", "-o", tmp_path / "model.h5", "-k", 1, "--max-iter", 1])
    for path in save(tmp_path, TABLE):
        result = run(["transform", tmp_path / "model.h5", path, "-o", tmp_path / "t.h5"], expect=1)
        assert len(result.messages) == 1 and "transform does so with a model that was fitted so" in result.messages[0]


def test_an_array_without_nan_keeps_the_old_rule(tmp_path):
    table = np.nan_to_num(TABLE)
    for path in save(tmp_path, table):
        run(["fit", path, "-o", tmp_path / "model.h5", "-k", 1, "--max-iter", 1, "--missing", "unobserved"])
        with h5py.File(tmp_path / "model.h5") as file:
            assert file.attrs["mean"] == pytest.approx(table[table > 0].mean(), rel=1e-12)


@pytest.mark.parametrize("processes", [1, 3])
def test_a_mark_and_a_shift(tmp_path, processes):
    jester = np.array([[-7.82, 99, 8.79, 1.25], [4.08, 99, -9.9, 99], [99, 0, -0.29, 10]])
    expected = np.where(jester == 99, NAN, jester + 10)
    for path in save(tmp_path, jester):
        run(["import", path, "-o", tmp_path / "out.h5", "--missing-value", "99", "--add", "10"], processes=processes)
        entries, _, missing = read_entries(tmp_path / "out.h5")
        assert missing == "unobserved"
        assert entries == entries_of(expected)
    check_refusal(tmp_path, path, "--add", "--missing-value")


def test_integers_are_shifted_and_marked_too(tmp_path):
    table = np.array([[-3, 99, 0], [2, 1, 99]], "i1")
    for path in save(tmp_path, table):
        run(["import", path, "-o", tmp_path / "out.h5", "--missing-value", "99", "--add", "3"])
        assert read_entries(tmp_path / "out.h5")[0] == {(0, 0): 0, (0, 2): 3, (1, 0): 5, (1, 1): 4}
        run(["import", path, "-o", tmp_path / "dense.h5", "--add", "3"])
        with h5py.File(tmp_path / "dense.h5") as file:
            np.testing.assert_array_equal(file["matrix"][:], table.astype(int) + 3)


def test_what_contradicts_itself_is_refused(tmp_path):
    path = save(tmp_path, TABLE)[0]
    check_refusal(tmp_path, path, "--missing-value 9", "--missing zero",
                  options=["--missing", "zero", "--missing-value", "9"], status=2)
    check_refusal(tmp_path, path, "give a number", options=["--missing-value", "none"], status=2)


# --- Text ---

def as_text(table, word):
    """A table with names, and the same as triples; cells without a value as `word`."""
    cells = [[word if np.isnan(x) else f"{x:g}" for x in row] for row in table]
    names = [f"c{j}" for j in range(table.shape[1])]
    lines = [",".join([f"r{i}", *row]) for i, row in enumerate(cells)]
    triples = [f"r{i},c{j},{x}" for i, row in enumerate(cells) for j, x in enumerate(row)]
    return "\n".join([",".join(["", *names]), *lines, ""]), "\n".join(["row,column,value", *triples, ""])


@pytest.mark.parametrize("processes", [1, 3])
def test_text_without_values(tmp_path, processes):
    for word in ("", "NA", "nan", "NULL"):
        for kind, text in zip(("table", "triples"), as_text(TABLE, word)):
            (tmp_path / f"{kind}.csv").write_text(text)
            run(["import", tmp_path / f"{kind}.csv", "-o", tmp_path / "out.h5", "--missing", "unobserved"],
                processes=processes)
            entries, shape, missing = read_entries(tmp_path / "out.h5")
            assert (entries, shape, missing) == (entries_of(TABLE), TABLE.shape, "unobserved")
            check_refusal(tmp_path, tmp_path / f"{kind}.csv", "line ", "--missing unobserved", processes=processes)


def test_a_table_without_missing_cells_keeps_the_old_rule(tmp_path):
    table = np.nan_to_num(TABLE)
    (tmp_path / "a.csv").write_text(as_text(table, "")[0])
    run(["import", tmp_path / "a.csv", "-o", tmp_path / "out.h5", "--missing", "unobserved"])
    with h5py.File(tmp_path / "out.h5") as file:
        np.testing.assert_array_equal(file["matrix"][:], table)
        assert file.attrs["missing"] == "unobserved"


def test_marks_and_shifts_of_text(tmp_path):
    jester = np.array([[-7.5, 99, 8.75], [4, 99, -9.5], [99, 0, -0.25]])
    expected = entries_of(np.where(jester == 99, NAN, jester + 10))
    lines = "\n".join(",".join(f"{x:g}" for x in row) for row in jester) + "\n"
    (tmp_path / "a.csv").write_text(lines)
    table = ["--format", "table", "--add", "10", "--missing-value"]
    run(["import", tmp_path / "a.csv", "-o", tmp_path / "out.h5", *table, "99"], processes=3)
    assert read_entries(tmp_path / "out.h5")[0] == expected
    (tmp_path / "b.csv").write_text(lines.replace("99", "?"))
    run(["import", tmp_path / "b.csv", "-o", tmp_path / "out.h5", *table, "?"])
    assert read_entries(tmp_path / "out.h5")[0] == expected
    check_refusal(tmp_path, tmp_path / "a.csv", "line 1", "--add", "--missing-value", options=["--format", "table"])
    (tmp_path / "c.csv").write_text("u,i,-3\nu,j,99\nv,j,2\n")
    run(["import", tmp_path / "c.csv", "-o", tmp_path / "out.h5", "--add", "3", "--missing-value", "99"])
    assert read_entries(tmp_path / "out.h5")[0] == {(0, 0): 0, (1, 1): 5}


@pytest.mark.parametrize("processes", [1, 3])
def test_zeros_beside_missing_cells_are_fitted(tmp_path, processes):
    """A table of zeros and missing cells has the mean of its cells, not of those that are not zero."""
    (tmp_path / "a.csv").write_text(as_text(TABLE, "NA")[0])
    run(["fit", tmp_path / "a.csv", "-o", tmp_path / "m.h5", "-k", 1, "--max-iter", 1, "--missing", "unobserved"],
        processes=processes)
    with h5py.File(tmp_path / "m.h5") as file:
        assert file.attrs["mean"] == pytest.approx(np.nanmean(TABLE), rel=1e-12)
    evaluated = run(["evaluate", tmp_path / "m.h5", tmp_path / "a.csv", "--json"], processes=processes).json
    assert evaluated["n"] == np.count_nonzero(~np.isnan(TABLE))
