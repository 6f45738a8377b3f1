"""A table that has grown, fitted anew from the model of its earlier state: beside the same fit from a start that numpy
puts together by the ids."""
import zlib

import h5py
import numpy as np
import pytest

from fits import factors
from program import run

OLD_ROWS = [f"u{i}" for i in range(23)]
NEW_ROWS = ["n1", *reversed(OLD_ROWS), "n2", "n0"]
OLD_COLS = [f"i{j}" for j in range(17)]
NEW_COLS = [*OLD_COLS[9:], "new", *OLD_COLS[:9]]


def value(row, col):
    return 1.0 + (sum(map(ord, row)) * 7 + sum(map(ord, col)) * 11 + int(row[1:]) * len(col)) % 5


def write_table(path, rows, cols):
    lines = [",".join(["", *cols])]
    lines += [",".join([row, *(str(value(row, col)) for col in cols)]) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def write_triples(path, rows, cols):
    lines = [f"{row},{col},{value(row, col)}" for row in rows for col in cols
             if zlib.crc32(f"{row} {col}".encode()) % 3 > 0]
    path.write_text("\n".join(["user,item,rating", *lines]) + "\n")


def texts(dataset):
    return [x.decode() if isinstance(x, bytes) else str(x) for x in dataset[:]]


def numpys_start(model, new, start):
    """The model's rows and columns in the order of a fit of the new table; new ones are the mean."""
    with h5py.File(model) as file, h5py.File(new) as later, h5py.File(start, "w") as to:
        level = file.attrs.get("level", 0.0)
        for name, ids, bias, mean, unknown in (("W", "row_ids", "bias/row", "mean_row", "unknown_row_bias"),
                                               ("H", "col_ids", "bias/col", "mean_col", "unknown_col_bias")):
            factor = file[name][:] if name == "W" else file[name][:].T
            middle = file[mean][:] if mean in file else factor.mean(axis=0)
            old = {key: i for i, key in enumerate(texts(file[ids]))}
            wanted = [old.get(key, -1) for key in texts(later[ids])]
            rows = np.array([factor[i] if i >= 0 else middle for i in wanted])
            to[name] = rows if name == "W" else rows.T
            if bias in file:
                new_bias = file.attrs.get(unknown, -level * middle.sum() if mean in file else 0.0)
                to[bias] = np.array([file[bias][i] if i >= 0 else new_bias for i in wanted])
        if "bias/mean" in file:
            to["bias/mean"] = file["bias/mean"][...]
            to.attrs["level"] = level


@pytest.mark.parametrize("kind, options", [
    ("table", ["--loss", "kullback-leibler", "--l1-w", 0.1]), ("table", ["--solver", "bpp"]),
    ("ratings", []), ("ratings", ["--shrink-to", "mean", "--bias", "row"]),
    ("ratings", ["--missing", "weak", "--missing-weight", 0.1])])
@pytest.mark.parametrize("processes", [1, 3])
def test_the_fit_is_that_of_the_new_table_from_the_old_factors(tmp_path, kind, options, processes):
    write = write_table if kind == "table" else write_triples
    write(tmp_path / "old.csv", OLD_ROWS, OLD_COLS)
    write(tmp_path / "new.csv", NEW_ROWS, NEW_COLS)
    run(["fit", tmp_path / "old.csv", "-o", tmp_path / "old.h5", "-k", 3, "--max-iter", 8, "--tol", 0, "--seed", 4,
         *options], processes)
    report = run(["fit", tmp_path / "new.csv", "-o", tmp_path / "new.h5", "--update", tmp_path / "old.h5",
                  "--max-iter", 6, "--json"], processes).json
    numpys_start(tmp_path / "old.h5", tmp_path / "new.h5", tmp_path / "start.h5")
    run(["fit", tmp_path / "new.csv", "-o", tmp_path / "same.h5", "-k", 3, "--max-iter", 6, "--tol", 0, "--seed", 4,
         "--init", f"file:{tmp_path / 'start.h5'}", *options])
    for ours, theirs in zip(factors(tmp_path / "new.h5"), factors(tmp_path / "same.h5")):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)
    assert report["iterations"] == 6 and report["init"] == "update" and report["rows"] == len(NEW_ROWS)
    with h5py.File(tmp_path / "new.h5") as file, h5py.File(tmp_path / "same.h5") as other:
        for name in ("loss", "solver", "l1_w", "l2_w", "seed", "tol", "missing", "bias", "shrink_to"):
            assert file.attrs.get(name) == other.attrs.get(name)
        if "bias/row" in file:
            np.testing.assert_allclose(file["bias/row"][:], other["bias/row"][:], rtol=1e-7, atol=1e-9)


def test_it_begins_where_the_old_fit_ended_and_can_be_saved(tmp_path):
    """The same table: the objective begins at the old end; stopped at a checkpoint it goes on to the same model."""
    write_table(tmp_path / "a.csv", OLD_ROWS, OLD_COLS)
    old = run(["fit", tmp_path / "a.csv", "-o", tmp_path / "old.h5", "-k", 3, "--max-iter", 20, "--json"]).json
    command = ["fit", tmp_path / "a.csv", "-o", tmp_path / "m.h5", "--update", tmp_path / "old.h5", "--tol", 0,
               "--max-iter", 9]
    run(command)
    whole = factors(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        assert file["history/objective"][0] == pytest.approx(old["objective"], rel=1e-9)
    saving = ["--checkpoint", tmp_path / "c.h5", "--checkpoint-every", 3]
    run([*command, *saving, "--time-limit", "0.000001"], expect=75)
    run([*command, *saving, "--resume", tmp_path / "c.h5"], 2)
    for ours, theirs in zip(factors(tmp_path / "m.h5"), whole):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_without_ids_places_are_the_ids_and_what_is_gone_is_told(tmp_path):
    table = np.random.default_rng(1).random((12, 9))
    np.save(tmp_path / "old.npy", table[:10, :8])
    np.save(tmp_path / "new.npy", table)
    np.save(tmp_path / "less.npy", table[:7])
    run(["fit", tmp_path / "old.npy", "-o", tmp_path / "old.h5", "-k", 2])
    run(["fit", tmp_path / "new.npy", "-o", tmp_path / "m.h5", "--update", tmp_path / "old.h5", "--max-iter", 0])
    w, h = factors(tmp_path / "m.h5")
    before = factors(tmp_path / "old.h5")
    assert np.array_equal(w[:10], before[0]) and np.array_equal(h[:, :8], before[1])
    np.testing.assert_allclose(w[10:], np.tile(before[0].mean(axis=0), (2, 1)), rtol=1e-12)
    np.testing.assert_allclose(h[:, 8], before[1].mean(axis=1), rtol=1e-12)
    result = run(["fit", tmp_path / "less.npy", "-o", tmp_path / "m.h5", "--update", tmp_path / "old.h5"])
    assert "lacks 3 of the 10 rows" in result.stderr and "whole table" in result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("update")
    write_table(folder / "a.csv", OLD_ROWS, OLD_COLS)
    write_table(folder / "other.csv", ["x1", "x2", "x3"], ["y1", "y2", "y3"])
    write_triples(folder / "ratings.csv", OLD_ROWS, OLD_COLS)
    np.save(folder / "bare.npy", np.ones((23, 17)))
    run(["fit", folder / "a.csv", "-o", folder / "model.h5", "-k", 2, "--max-iter", 2])
    run(["fit", folder / "ratings.csv", "-o", folder / "chain.h5", "-k", 2, "--samples", 4, "--burn-in", 2])
    return folder


@pytest.mark.parametrize("source, model, options, status, words", [
    ("a.csv", "model.h5", ["-k", 3], 2, ["2 components, not 3"]),
    ("a.csv", "model.h5", ["--init", "nndsvd"], 2, ["leave --init out"]),
    ("a.csv", "model.h5", ["--fix", "h"], 2, ["leave --fix out"]),
    ("a.csv", "model.h5", ["--restarts", 3], 2, ["--restarts"]),
    ("a.csv", "model.h5", ["--missing", "unobserved"], 2, ["model of zeros", "--missing"]),
    ("ratings.csv", "model.h5", ["--missing", "unobserved"], 2, ["model of zeros"]),
    ("ratings.csv", "chain.h5", [], 1, ["draws of a chain"]),
    ("other.csv", "model.h5", [], 1, ["none of the rows"]),
    ("bare.npy", "model.h5", [], 1, ["no ids"]),
    ("a.csv", "a.csv", ["-k", 2], 1, ["a.csv"]),
    ("a.csv", "none.h5", [], 1, ["none.h5"]),
])
def test_what_cannot_be_updated_is_refused(folder, source, model, options, status, words):
    output = folder / "refused.h5"
    result = run(["fit", folder / source, "-o", output, "--update", folder / model, *options], expect=status)
    assert len(result.messages) == 1 and all(word in result.messages[0] for word in words)
    assert not output.exists()


def test_the_model_is_not_written_over(folder):
    result = run(["fit", folder / "a.csv", "-o", folder / "model.h5", "--update", folder / "model.h5"], expect=2)
    assert len(result.messages) == 1
