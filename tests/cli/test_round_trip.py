"""What export writes as text is what import reads: the same ids and values, whatever bytes the ids are made of."""
import h5py
import numpy as np
import pytest
import scipy.sparse

from program import run

# What CSV, comments, numbers, headers and other formats are made of; chosen often, beside any other byte.
PIECES = [b",", b";", b"|", b"::", b"\t", b" ", b'"', b'""', b"'", b"\\", b'\\"', b"\n", b"\r", b"\r\n", b"#", b"%", b"0",
          b"17", b"-1", b"2.5", b"1e5", b"nan", b"NA", b"inf", b"row", b"column", b"value", b"user", b"item", b"id",
          b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\xc3\xa9", b"%%MatrixMarket", b"{", b"[", b"<html", b"@relation", b"1:2",
          b"qid:", b"component0", b"x"]


def random_ids(random, count):
    """Distinct ids, the empty one among them. HDF5 pads with zeros, which are the only bytes that cannot be."""
    ids = {b""}
    while len(ids) < count:
        pieces = [PIECES[random.integers(len(PIECES))] if random.random() < 0.8 else
                  bytes([random.integers(1, 256)]) for _ in range(random.integers(1, 5))]
        ids.add(b"".join(pieces))
    ids = sorted(ids)
    random.shuffle(ids)
    return ids


def write_ids(file, name, ids):
    if ids is not None:
        file[name] = np.array(ids, "S" + str(max(1, max(map(len, ids)))))


def write_matrix(path, table, sparse, row_ids, col_ids):
    with h5py.File(path, "w") as file:
        if sparse:
            matrix = scipy.sparse.csr_matrix(table)
            group = file.create_group("matrix")
            group.attrs["encoding-type"] = "csr_matrix"
            group.attrs["shape"] = matrix.shape
            for name in ("data", "indices", "indptr"):
                group[name] = getattr(matrix, name)
        else:
            file["matrix"] = table
        write_ids(file, "row_ids", row_ids)
        write_ids(file, "col_ids", col_ids)


def read_ids(file, name, count):
    if name not in file:
        return [str(i).encode() for i in range(count)]
    ids = file[name][:]
    return [bytes(i) if isinstance(i, bytes) else str(i).encode() for i in ids]


def read_table(path):
    with h5py.File(path) as file:
        item = file["matrix"]
        if isinstance(item, h5py.Group):
            parts = (item["data"][:], item["indices"][:], item["indptr"][:])
            table = scipy.sparse.csr_matrix(parts, tuple(item.attrs["shape"])).toarray()
        else:
            table = item[:]
        return table, read_ids(file, "row_ids", table.shape[0]), read_ids(file, "col_ids", table.shape[1])


def entries_of(table, row_ids, col_ids):
    return {(row_ids[i], col_ids[j]): table[i, j] for i, j in zip(*np.nonzero(table))}


def values(random, shape):
    table = random.integers(1, 9, shape) / 4 + (random.random(shape) < 0.1) * random.random(shape)
    return table * (random.random(shape) < 0.4)


@pytest.mark.parametrize("seed, processes", [(1, 1), (2, 3), (3, 1), (4, 3)])
def test_triples_come_back(tmp_path, seed, processes):
    random = np.random.default_rng(seed)
    row_ids, col_ids = random_ids(random, 300), random_ids(random, 200)
    table = values(random, (300, 200))
    write_matrix(tmp_path / "a.h5", table, True, row_ids, col_ids)
    run(["export", tmp_path / "a.h5", "-o", tmp_path / "a.csv"], processes=processes)
    run(["import", tmp_path / "a.csv", "-o", tmp_path / "back.h5"], processes=processes)
    assert entries_of(*read_table(tmp_path / "back.h5")) == entries_of(table, row_ids, col_ids)


@pytest.mark.parametrize("seed, processes", [(5, 1), (6, 3)])
@pytest.mark.parametrize("named", ["both", "rows", "columns", "neither"])
def test_tables_come_back(tmp_path, seed, processes, named):
    random = np.random.default_rng(seed)
    rows, cols = 120, 90
    row_ids = random_ids(random, rows) if named in ("both", "rows") else None
    col_ids = random_ids(random, cols) if named in ("both", "columns") else None
    table = values(random, (rows, cols))
    write_matrix(tmp_path / "a.h5", table, False, row_ids, col_ids)
    run(["export", tmp_path / "a.h5", "-o", tmp_path / "a.csv"], processes=processes)
    format = ["--format", "table"] if named == "neither" else []  # else the empty corner tells
    run(["import", tmp_path / "a.csv", "-o", tmp_path / "back.h5", *format], processes=processes)
    back, back_rows, back_cols = read_table(tmp_path / "back.h5")
    np.testing.assert_array_equal(back, table)
    assert back_rows == (row_ids or [str(i).encode() for i in range(rows)])
    assert back_cols == (col_ids or [str(j).encode() for j in range(cols)])


@pytest.mark.parametrize("ids", [["7", "12", "-3"], ["user", "item", "rating"], ["#a", "%b", "#c"], ["nan", "NA", "1.5"]])
def test_small_tables_come_back(tmp_path, ids):
    """Two and three columns are what triples have, too."""
    for cols in (1, 2, 3):
        table = np.arange(1, 3 * cols + 1).reshape(3, cols) / 2
        names = [f"{name}" for name in ids[:cols]]
        write_matrix(tmp_path / "a.h5", table, False, [i.encode() for i in ids], [n.encode() for n in names])
        run(["export", tmp_path / "a.h5", "-o", tmp_path / "a.csv"])
        run(["import", tmp_path / "a.csv", "-o", tmp_path / "back.h5", "--format", "table"])
        back, back_rows, back_cols = read_table(tmp_path / "back.h5")
        np.testing.assert_array_equal(back, table)
        assert back_rows == [i.encode() for i in ids] and back_cols == [n.encode() for n in names]


@pytest.mark.parametrize("processes", [1, 3])
def test_line_breaks_in_quoted_fields(tmp_path, processes):
    """Reviews hold line breaks, in quotes; pandas writes and reads them so."""
    pandas = pytest.importorskip("pandas")
    random = np.random.default_rng(8)
    reviews = ["good", "two\nlines", 'with "quotes"\r\nand more', ",,,\n\n", "", "\n# no comment\n"]
    frame = pandas.DataFrame({"user": [f"u{n % 400}" for n in range(3000)],
                              "review": [reviews[n] for n in random.integers(0, len(reviews), 3000)],
                              "item": [f"i\n{n % 7}" for n in range(3000)],
                              "rating": [n % 5 + 1 for n in range(3000)]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    columns = ["--row-column", "user", "--col-column", "item", "--value-column", "rating"]
    run(["import", tmp_path / "a.csv", "-o", tmp_path / "back.h5", *columns], processes=processes)
    last = frame.drop_duplicates(["user", "item"], keep="last")
    expected = {(u.encode(), i.encode()): r for u, i, r in zip(last.user, last.item, last.rating)}
    assert entries_of(*read_table(tmp_path / "back.h5")) == expected
    lines = (tmp_path / "a.csv").read_bytes() + b'u1,"a\nb",i1,-3\n'
    (tmp_path / "bad.csv").write_bytes(lines)
    result = run(["import", tmp_path / "bad.csv", "-o", tmp_path / "none.h5", *columns], processes=processes, expect=1)
    assert f"line {lines.count(bytes([10])) - 1}: the value \"-3\" is negative" in result.messages[0], result


@pytest.mark.parametrize("processes", [1, 3])
def test_predicted_pairs_keep_their_ids(tmp_path, processes):
    random = np.random.default_rng(9)
    ids = random_ids(random, 60)
    quoted = [b'"' + i.replace(b'"', b'""') + b'"' for i in ids]
    lines = [b",".join((quoted[i], quoted[j], str(i % 5 + 1).encode())) for i in range(60) for j in range(0, 60, 7)]
    (tmp_path / "a.csv").write_bytes(b"user,item,rating\n" + b"\n".join(lines) + b"\n")
    run(["fit", tmp_path / "a.csv", "-o", tmp_path / "model.h5", "-k", 2, "--max-iter", 2], processes=processes)
    run(["predict", tmp_path / "model.h5", tmp_path / "a.csv", "-o", tmp_path / "scores.csv"], processes=processes)
    run(["import", tmp_path / "scores.csv", "-o", tmp_path / "scores.h5"], processes=processes)
    entries = entries_of(*read_table(tmp_path / "scores.h5"))
    assert set(entries) == {(ids[i], ids[j]) for i in range(60) for j in range(0, 60, 7)}
