"""split: the parts make up the whole, are what was asked for, and are the same on any number of processes."""
import collections
import csv
import datetime

import h5py
import numpy as np
import pytest

from program import run

ROWS, COLS = 60, 45


@pytest.fixture(scope="module")
def table(folder):
    """Ratings with times, zeros and one-entry rows among them, in no order."""
    rng = np.random.default_rng(2)
    entries = {}
    for i in range(ROWS):
        for j in rng.permutation(COLS)[:1 if i < 3 else rng.integers(2, 30)]:
            entries[f"u {i}", f"film {j}é"] = (0.5 * rng.integers(0, 11), int(rng.integers(0, 400)))
    lines = [(row, col, value, time) for (row, col), (value, time) in entries.items()]
    with open(folder / "ratings.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["user", "item", "rating", "timestamp"])
        writer.writerows(lines[n] for n in rng.permutation(len(lines)))
    return folder / "ratings.csv", entries


def read(path):
    """{(row, column): value} of a file of either kind."""
    if path.suffix == ".csv":
        with open(path, encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
        assert lines[0] == ["row", "column", "value"]
        return {(row, col): float(value) for row, col, value in lines[1:]}
    with h5py.File(path) as file:
        rows, cols = ([x.decode() for x in file[name][:]] for name in ("row_ids", "col_ids"))
        assert len(rows) == ROWS and file.attrs["missing"] == "unobserved"
        starts, columns, values = (file["matrix"][name][:] for name in ("indptr", "indices", "data"))
        row_of = np.repeat(np.arange(len(rows)), np.diff(starts))
        return {(rows[i], cols[j]): value for i, j, value in zip(row_of, columns, values)}


def split(folder, source, *options, processes=1, names=("train.csv", "test.csv"), fold_in=None):
    """The parts as dictionaries."""
    files = dict(zip(("--train", "--test", "--fold-in"), [*names, *([fold_in] if fold_in else [])]))
    paths = {option: folder / name for option, name in files.items()}
    result = run(["split", source, *(x for pair in paths.items() for x in pair), *options, "--json"], processes).json
    parts = [read(path) for path in paths.values()]
    for part, key in zip(parts, ("train", "test", "fold_in")):
        assert result[key]["entries"] == len(part)
        assert result[key]["rows"] == len({row for row, _ in part})
    return parts, [path.read_bytes() for path in paths.values()]


def check_whole(parts, entries):
    together = collections.ChainMap(*parts)
    assert sum(map(len, parts)) == len(together) == len(entries)
    assert dict(together) == {place: value for place, (value, _) in entries.items()}


def by_row(part):
    counts = collections.Counter(row for row, _ in part)
    return [counts[f"u {i}"] for i in range(ROWS)]


def nearest(x):
    return int(np.floor(x + 0.5))


@pytest.mark.parametrize("names", [("a.csv", "b.csv"), ("a.h5", "b.h5")])
def test_a_share_is_exact_random_and_the_same_on_any_number_of_processes(table, tmp_path, names):
    source, entries = table
    found = [split(tmp_path, source, "--fraction", 0.3, processes=p, names=names) for p in (1, 2, 3)]
    (train, test), _ = found[0]
    check_whole([train, test], entries)
    assert len(test) == nearest(0.3 * len(entries))
    if names[0].endswith("csv"):
        assert found[0][1] == found[1][1] == found[2][1]
    assert all(parts == [train, test] for parts, _ in found)
    other, _ = split(tmp_path, source, "--fraction", 0.3, "--seed", 1, names=names)
    common = len(other[1].keys() & test.keys())
    assert abs(common - 0.3 * len(test)) < 5 * np.sqrt(0.3 * 0.7 * len(test))
    first = sum(int(row.split()[1]) < ROWS // 2 for row, _ in test)
    total = sum(int(row.split()[1]) < ROWS // 2 for row, _ in entries)
    assert abs(first - 0.3 * total) < 5 * np.sqrt(0.3 * 0.7 * total)


@pytest.mark.parametrize("order", [[], ["--latest", "--time-column", "timestamp"]])
def test_some_entries_of_each_row_are_left_out(table, tmp_path, order):
    source, entries = table
    (train, test), _ = split(tmp_path, source, "--leave-out", 3, *order, processes=2)
    check_whole([train, test], entries)
    assert by_row(test) == [min(3, n - 1) for n in by_row(entries)]
    if order:
        check_latest(train, test, entries)


def check_latest(train, test, entries):
    """In each row, no entry of the test is earlier than one of the training set."""
    for i in range(ROWS):
        times = [[entries[place][1] for place in part if place[0] == f"u {i}"] for part in (train, test)]
        assert not times[1] or max(times[0]) <= min(times[1])


@pytest.mark.parametrize("processes", [1, 3])
def test_the_latest_share_of_each_row(table, tmp_path, processes):
    source, entries = table
    (train, test), _ = split(tmp_path, source, "--latest", "--time-column", 4, "--fraction", 0.4, processes=processes)
    check_whole([train, test], entries)
    check_latest(train, test, entries)
    assert by_row(test) == [min(nearest(0.4 * n), n - 1) for n in by_row(entries)]


@pytest.mark.parametrize("processes", [1, 3])
def test_the_latest_share_of_the_table(table, tmp_path, processes):
    """Times repeat, so that hashes decide between entries of the time at the border."""
    source, entries = table
    (train, test), files = split(tmp_path, source, "--latest", "--time-column", "timestamp", "--globally",
                                 processes=processes)
    check_whole([train, test], entries)
    assert len(test) == nearest(0.2 * len(entries))
    assert max(entries[place][1] for place in train) <= min(entries[place][1] for place in test)
    assert files == split(tmp_path, source, "--latest", "--time-column", "timestamp", "--globally")[1]


def test_times_may_be_dates_also_before_1970(table, tmp_path):
    source, entries = table
    with open(source, encoding="utf-8", newline="") as file:
        head, *lines = list(csv.reader(file))
    start = datetime.date(1969, 8, 1)
    with open(tmp_path / "dated.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [head] + [[*line[:3], (start + datetime.timedelta(days=int(line[3]))).isoformat()] for line in lines])
    options = ["--latest", "--time-column", "timestamp", "--leave-out", 2]
    assert split(tmp_path, tmp_path / "dated.csv", *options, processes=2)[0] == split(tmp_path, source, *options)[0]


@pytest.mark.parametrize("processes", [1, 3])
def test_whole_rows_are_held_out_and_a_part_of_each_is_known(table, tmp_path, processes):
    source, entries = table
    (train, test, known), files = split(tmp_path, source, "--held-out-rows", 0.25, "--fraction", 0.3,
                                        processes=processes, fold_in="known.csv")
    check_whole([train, test, known], entries)
    rows = [{row for row, _ in part} for part in (train, test, known)]
    assert not rows[0] & (rows[1] | rows[2])
    assert len(rows[2]) == ROWS // 4 and rows[1] <= rows[2]
    everything = by_row(entries)
    assert [x for x in zip(by_row(test), everything) if x[0]] == [
        (min(nearest(0.3 * n), n - 1), n) for n, k in zip(everything, by_row(known)) if k and nearest(0.3 * n) and n > 1]
    assert files == split(tmp_path, source, "--held-out-rows", 0.25, "--fraction", 0.3, fold_in="known.csv")[1]
    (again, whole), _ = split(tmp_path, source, "--held-out-rows", 0.25, "--fraction", 0.3)
    assert again == train and whole == {**test, **known}


def test_held_out_rows_are_folded_in_and_evaluated(table, tmp_path):
    """The strong-generalization protocol, with files of every kind."""
    source, _ = table
    split(tmp_path, source, "--held-out-rows", 0.3, names=("a.h5", "b.csv"), fold_in="known.h5")
    run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 2, "--quiet"])
    run(["transform", tmp_path / "m.h5", tmp_path / "known.h5", "-o", tmp_path / "t.h5", "--quiet"])
    result = run(["evaluate", tmp_path / "t.h5", tmp_path / "b.csv", "--seen", tmp_path / "known.h5", "--relevant", 0,
                  "--at", 5, "--json"], 2).json
    assert result["relevant_rows"] > 0 and result["relevant_unknown_rows"] == 0
    assert result["relevant_seen"] == 0


@pytest.mark.parametrize("options, message", [
    (["--train", "a.csv"], "--test B"),
    (["--train", "a.csv", "--test", "a.csv"], "a name of its own"),
    (["--train", "a.csv", "--test", "b.txt"], "neither .csv nor .h5"),
    (["--train", "a.csv", "--test", "b.csv", "--leave-out", "1", "--fraction", "0.5"], "not both"),
    (["--train", "a.csv", "--test", "b.csv", "--latest"], "--time-column"),
    (["--train", "a.csv", "--test", "b.csv", "--latest", "--time-column", "4", "--leave-out", "1", "--globally"],
     "--globally"),
    (["--train", "a.csv", "--test", "b.csv", "--fold-in", "c.csv"], "--held-out-rows"),
    (["--train", "a.csv", "--test", "b.csv", "--fraction", "1"], "between 0 and 1"),
])
def test_what_cannot_be_meant_is_refused(table, tmp_path, options, message):
    result = run(["split", table[0], *options], expect=2, cwd=tmp_path)
    assert len(result.messages) == 1 and message in result.messages[0]
    assert not list(tmp_path.iterdir())


def test_hdf5_parts_keep_the_base_of_svmlight_columns(tmp_path):
    (tmp_path / "a.svm").write_text("1 0:1 2:2 3:1\n0 1:3 2:1\n1 0:2 3:4\n")
    run(["split", tmp_path / "a.svm", "--fraction", 0.4, "--train", tmp_path / "a.h5", "--test", tmp_path / "b.h5"])
    for part in ("a.h5", "b.h5"):
        with h5py.File(tmp_path / part) as file:
            assert file.attrs["index_base"] == 0
    run(["fit", tmp_path / "a.h5", "-k", 1, "-o", tmp_path / "m.h5"])
    with h5py.File(tmp_path / "m.h5") as model:
        assert model.attrs["index_base"] == 0
