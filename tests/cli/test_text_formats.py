"""Text as other programs write it, plain or compressed, read on several numbers of processes."""
import gzip
import json
import lzma
import os
import shutil
import subprocess

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.optimize
import scipy.sparse
import sklearn.datasets

from matrices import check_import, check_refusal, counts, read_matrix
from program import MPICH, MPIRUN, PROGRAM, environment, run

TABLE = counts()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


PACKERS = {"gzip": gzip.compress, "xz": lzma.compress, "zstd": zstd}


def packer(name):
    if name == "zstd" and not shutil.which("zstd"):
        pytest.skip("no zstd command here")
    return PACKERS[name]


# --- Compressed text ---

@pytest.fixture(scope="module")
def ratings(folder):
    """Triples beyond the pieces in which a file is unpacked, some given twice; and their import."""
    random = np.random.default_rng(3)
    rows, cols = random.integers(0, 3000, 100_000), random.integers(0, 900, 100_000)
    path = folder / "ratings.csv"
    path.write_text("user,item,rating\n" + "".join(f"u{i},item {j},{(7 * n) % 10 / 2}\n"
                                                   for n, (i, j) in enumerate(zip(rows, cols))))
    run(["import", path, "-o", folder / "plain.h5"])
    return path.read_bytes(), read_matrix(folder / "plain.h5")


@pytest.mark.parametrize("packing, processes", [("gzip", 1), ("gzip", 3), ("xz", 2), ("zstd", 1), ("zstd", 6)])
def test_compressed_triples_are_the_plain_ones(tmp_path, ratings, packing, processes):
    data, (values, sparse, row_ids, col_ids) = ratings
    half = data.index(b"\n", len(data) // 2) - 3
    pack = packer(packing)
    (tmp_path / "ratings.data").write_bytes(pack(data[:half]) + pack(data[half:]))
    check_import(tmp_path, tmp_path / "ratings.data", values, processes, sparse=sparse, row_ids=row_ids,
                 col_ids=col_ids)


@pytest.mark.parametrize("processes", [1, 3])
def test_the_line_of_an_error_in_compressed_text_is_named(tmp_path, ratings, processes):
    lines = ratings[0].splitlines(keepends=True)
    lines[90_000] = b"u1,item 1,-5\n"
    (tmp_path / "ratings.gz").write_bytes(gzip.compress(b"".join(lines), 1))
    check_refusal(tmp_path, tmp_path / "ratings.gz", "line 90001", "negative", processes=processes)


@pytest.mark.parametrize("packing", PACKERS)
def test_compressed_files_that_are_cut_off_or_of_a_wrong_checksum_are_refused(tmp_path, ratings, packing):
    data = packer(packing)(ratings[0][:100_000])
    (tmp_path / "cut").write_bytes(data[:len(data) // 2])
    check_refusal(tmp_path, tmp_path / "cut", packing, "cut off", processes=3)
    damaged = bytearray(data)
    damaged[-3] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    check_refusal(tmp_path, tmp_path / "damaged", packing)


def test_what_is_no_text_once_unpacked_is_named(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"\x89HDF\r\n\x1a\n" + bytes(100)))
    check_refusal(tmp_path, tmp_path / "a.gz", "compressed with gzip, and what is in it is HDF5")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b""))
    check_refusal(tmp_path, tmp_path / "b.gz", "is empty once it is unpacked", processes=3)


def test_pairs_may_be_compressed(tmp_path):
    (tmp_path / "ratings.csv").write_text("u,a,1\nu,b,2\nv,a,3\nv,b,4\nw,a,5\n")
    (tmp_path / "pairs.gz").write_bytes(gzip.compress(b"w,b\nu,a\nv,b\n"))
    (tmp_path / "turned.csv").write_text("b,w\na,u\nb,v\n")
    run(["fit", tmp_path / "ratings.csv", "-o", tmp_path / "model.h5", "-k", 1, "--max-iter", 5])
    for name, options, processes in (("pairs.gz", [], 3), ("turned.csv", ["--transpose"], 1)):
        run(["predict", tmp_path / "model.h5", tmp_path / name, "-o", tmp_path / f"{name}.csv", *options],
            processes=processes)
    predictions = [[line.split(",")[-1] for line in (tmp_path / f"{name}.csv").read_text().splitlines()]
                   for name in ("pairs.gz", "turned.csv")]
    assert len(predictions[0]) == 4 and predictions[0] == predictions[1]


def test_a_real_gzipped_matrix_market_file(data, tmp_path):
    path = data / "formats" / "10x_v3_matrix.mtx.gz"
    expected = scipy.io.mmread(gzip.open(path)).toarray()
    for processes in (1, 3):
        check_import(tmp_path, path, expected, processes, sparse=True)


# --- Matrix Market ---

@pytest.mark.parametrize("symmetry", ["general", "symmetric"])
def test_matrix_market_arrays_of_scipy(tmp_path, symmetry):
    table = TABLE if symmetry == "general" else TABLE @ TABLE.T
    scipy.io.mmwrite(str(tmp_path / "a.mtx"), table, symmetry=symmetry)
    (tmp_path / "a.mtx.gz").write_bytes(gzip.compress((tmp_path / "a.mtx").read_bytes()))
    check_import(tmp_path, tmp_path / "a.mtx", table, 3)
    check_import(tmp_path, tmp_path / "a.mtx.gz", table, 2)


@pytest.mark.parametrize("words", ["coordinate complex general", "coordinate real skew-symmetric",
                                   "array complex hermitian"])
def test_matrix_market_that_cannot_be_nonnegative_is_refused(tmp_path, words):
    (tmp_path / "a.mtx").write_text(f"%%MatrixMarket matrix {words}\n1 1 1\n1 1 1 0\n")
    check_refusal(tmp_path, tmp_path / "a.mtx", "line 1", "cannot be factorized")


@pytest.mark.parametrize("processes", [1, 3])
def test_entries_beyond_those_declared_are_found_in_compressed_files(tmp_path, processes):
    text = "%%MatrixMarket matrix coordinate real general\n9 9 4\n" + "".join(f"{i} {i} 1\n" for i in range(1, 8))
    (tmp_path / "a.mtx.gz").write_bytes(gzip.compress(text.encode()))
    check_refusal(tmp_path, tmp_path / "a.mtx.gz", "line 7", "more entries than the 4", processes=processes)


# --- svmlight, LIBMF ---

@pytest.mark.parametrize("zero_based, processes", [(True, 1), (False, 1), (True, 3), (False, 4)])
def test_svmlight_of_scikit_learn(tmp_path, zero_based, processes):
    table = np.hstack([np.arange(7)[:, None] + 1, TABLE]) / 4
    path = tmp_path / "samples.svm"
    sklearn.datasets.dump_svmlight_file(table, [-1, 1, 2, 1, 0, 1.5, 3], str(path), zero_based=zero_based,
                                        comment="of a test", query_id=np.arange(7))
    expected = sklearn.datasets.load_svmlight_file(str(path))[0].toarray()
    assert expected.shape == table.shape
    check_import(tmp_path, path, expected, processes, sparse=True)


def test_svmlight_columns_are_counted_from_where_one_says(tmp_path):
    (tmp_path / "a").write_text("1,3 1:2 3:4 # first\n2 # none\n0 2:1.5\n")
    expected = np.array([[2, 0, 4], [0, 0, 0], [0, 1.5, 0]])
    check_import(tmp_path, tmp_path / "a", expected, 3, sparse=True)
    check_import(tmp_path, tmp_path / "a", np.hstack([np.zeros((3, 1)), expected]), 1, ["--index-base", "0"],
                 sparse=True)
    (tmp_path / "b").write_text("1 0:2 3:4\n")
    check_refusal(tmp_path, tmp_path / "b", "has a column 0", options=["--index-base", "1"])


@pytest.mark.parametrize("line, part", [("x 1:2", "begins with its label"), ("1 1:2 7", "is not a column"),
                                        ("1 -1:2", "is not a column"), ("1 1:-2", "is negative"),
                                        ("1 1:two", "is not a number")])
def test_lines_that_are_not_svmlight_are_named(tmp_path, line, part):
    (tmp_path / "a.svm").write_text(f"1 1:2\n0 2:3\n{line}\n")
    check_refusal(tmp_path, tmp_path / "a.svm", "line 3", part, options=["--format", "svmlight"])


def test_triples_of_libmf(tmp_path):
    """Blanks between, no header, indices from 0."""
    matrix = scipy.sparse.coo_matrix(TABLE)
    (tmp_path / "train.txt").write_text("".join(f"{i} {j} {v}\n" for i, j, v in zip(matrix.row, matrix.col,
                                                                                    matrix.data)))
    rows, cols = np.unique(matrix.row), np.unique(matrix.col)
    check_import(tmp_path, tmp_path / "train.txt", TABLE[np.ix_(rows, cols)], 3, sparse=True, row_ids=list(rows),
                 col_ids=list(cols))


# --- Transposed ---

@pytest.mark.parametrize("processes", [1, 3])
def test_transposed_text(tmp_path, processes):
    (tmp_path / "table.csv").write_text(",a,b,c\nx,1,2,3\ny,4,0,6\n")
    check_import(tmp_path, tmp_path / "table.csv", [[1, 4], [2, 0], [3, 6]], processes, ["--transpose"],
                 row_ids=["a", "b", "c"], col_ids=["x", "y"])
    (tmp_path / "triples.csv").write_text("x,1,5\ny,2,3\nz,1,4\n")
    check_import(tmp_path, tmp_path / "triples.csv", [[5, 0, 4], [0, 3, 0]], processes, ["--transpose"], sparse=True,
                 row_ids=[1, 2], col_ids=["x", "y", "z"])


# --- What is taken for ids and for values ---

def entries(path):
    """Of an imported file: {(row id, column id): value}, as texts."""
    table, _, rows, cols = read_matrix(path)
    rows = rows or list(range(table.shape[0]))
    cols = cols or list(range(table.shape[1]))
    return {(str(rows[i]), str(cols[j])): table[i, j] for i, j in zip(*np.nonzero(table))}


def imported(folder, text, *options, processes=1, name="a.csv"):
    """The entries of a text, and what the program said of it."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    result = run(["import", folder / name, "-o", folder / "out.h5", *options], processes=processes)
    return entries(folder / "out.h5"), result.stdout


@pytest.mark.parametrize("processes", [1, 3])
def test_two_columns_are_interactions(tmp_path, processes):
    expected = {("u1", "a"): 2, ("u1", "b"): 1, ("u2", "a"): 1, ("u3", "c c"): 1}
    lines = "u1,a\nu1,b\nu2,a\nu1,a\nu3,c c\n"
    found, said = imported(tmp_path, "user,item\n" + lines, processes=processes)
    assert found == expected
    assert 'rows from "user", columns from "item"; no values: each line counts 1' in said, said
    assert imported(tmp_path, lines, processes=processes)[0] == expected
    assert imported(tmp_path, lines, "--duplicates", "last", processes=processes)[0] == dict.fromkeys(expected, 1)


def test_lines_with_times_and_no_values(tmp_path):
    text = "user,item,timestamp\n1,7,100\n1,7,200\n2,8,300\n"
    (tmp_path / "b.csv").write_text(text)
    check_refusal(tmp_path, tmp_path / "b.csv", "there is no column of values", "--value-column none")
    assert imported(tmp_path, text, "--value-column", "none")[0] == {("1", "7"): 2, ("2", "8"): 1}


ID_NAMES = ["customer_id", "Unnamed: 0", "gene", "cell", "sample", "barcode", "doc_id", "index", "userId", "PatientID",
            "movie"]


def test_ids_of_tables_are_found_by_their_name(tmp_path):
    for name in ID_NAMES:
        found, said = imported(tmp_path, f"{name},a,b\n1101,4,1\n1102,0,3\n1103,1,1\n", "--format", "table")
        assert found == {("1101", "a"): 4, ("1101", "b"): 1, ("1102", "b"): 3, ("1103", "a"): 1, ("1103", "b"): 1}
        assert f'row ids from column "{name}", values from 2 columns' in said, said


def test_a_table_without_ids_stays_data(tmp_path):
    for text in ("height,weight,age\n180,80,30\n170,70,40\n",  # names that are no ids
                 "product,price\n3,5\n3,6\n",                   # what does not tell rows apart
                 "id,x\n1.5,2\n2.5,3\n"):                       # what is not whole
        found, said = imported(tmp_path, text, "--format", "table")
        rows = [line.split(",") for line in text.split()]
        assert found == {(str(i), name): float(value) for i, row in enumerate(rows[1:])
                         for name, value in zip(rows[0], row)}
        assert "no row ids" in said, said


def test_the_id_column_of_a_table_can_be_named(tmp_path):
    text = "x,who,y\n1,7,2\n3,8,4\n"
    expected = {("7", "x"): 1, ("7", "y"): 2, ("8", "x"): 3, ("8", "y"): 4}
    for column in ("who", "2"):
        assert imported(tmp_path, text, "--format", "table", "--row-column", column)[0] == expected
    found, _ = imported(tmp_path, text.replace("x,", "id,"), "--format", "table", "--row-column", "none")
    assert found == {("0", "id"): 1, ("0", "who"): 7, ("0", "y"): 2, ("1", "id"): 3, ("1", "who"): 8, ("1", "y"): 4}
    (tmp_path / "b.csv").write_text(text)
    for column, part in (("7", "there are 3 columns"), ("z", 'no column "z"')):
        check_refusal(tmp_path, tmp_path / "b.csv", part, options=["--format", "table", "--row-column", column])


def test_repeated_names_of_tables_stay(tmp_path):
    (tmp_path / "a.csv").write_text(",a,b,a\nx,1,2,3\nx,4,5,6\ny,7,8,9\n")
    for processes in (1, 3):
        check_import(tmp_path, tmp_path / "a.csv", [[1, 2, 3], [4, 5, 6], [7, 8, 9]], processes,
                     row_ids=["x", "x", "y"], col_ids=["a", "b", "a"])


# --- Comments ---

def test_hashtags_are_ids(tmp_path):
    lines = [f"{'#%'[n % 2]}tag{n},{n % 3},{n + 1}\n" for n in range(40)]
    expected = {(line.split(",")[0], line.split(",")[1]): n + 1 for n, line in enumerate(lines)}
    for text in ("".join(lines), "tag,item,value\n" + "".join(lines), "# 2020, all tags\n" + "".join(lines)):
        for processes in (1, 3):
            assert imported(tmp_path, text, processes=processes)[0] == expected
    found, said = imported(tmp_path, "# made by hand\n#user,item,value\n1,2,3\n")
    assert found == {("1", "2"): 3} and "2 lines of comments before the data" in said
    (tmp_path / "ids").write_text("#tag4\n%tag5\n")
    found, _ = imported(tmp_path, "".join(lines), "--row-ids", tmp_path / "ids")
    assert found == {key: value for key, value in expected.items() if key[0] in ("#tag4", "%tag5")}


# --- Dialects ---

@pytest.mark.parametrize("processes", [1, 3])
def test_quotes_that_are_escaped(tmp_path, processes):
    text = '"User-ID";"ISBN";"Book-Rating"\n"1";"A\\"17\\"";"5"\n"2";"B\\\\";"3"\n"3";"";"7"\n"4";"a""b";"1"\n'
    expected = {("1", 'A"17"'): 5, ("2", "B\\"): 3, ("3", ""): 7, ("4", 'a"b'): 1}
    assert imported(tmp_path, text, "--escape", "\\", processes=processes)[0] == expected
    check_refusal(tmp_path, tmp_path / "a.csv", "line 2", "--escape", processes=processes)


def test_quotes_that_are_text_or_other_characters(tmp_path):
    found, _ = imported(tmp_path, '1|"Great" Movie|3\n2|5" long|4\n', "--quote", "none")
    assert found == {("1", '"Great" Movie'): 3, ("2", '5" long'): 4}
    found, _ = imported(tmp_path, "user,item,value\n'a,b','it''s',3\n", "--quote", "'")
    assert found == {("a,b", "it's"): 3}
    (tmp_path / "b.csv").write_text('1|"Great" Movie|3\n')
    check_refusal(tmp_path, tmp_path / "b.csv", "line 1", "--quote none")


def test_decimal_marks_and_thousands(tmp_path):
    for text in ("user;item;rating\n1;2;3,5\n1;29;1.234,5\n2;2;1\n", "user\titem\trating\n1\t2\t3,5\n1\t29\t1.234,5\n2\t2\t1\n"):
        assert imported(tmp_path, text, "--decimal", ",")[0] == {("1", "2"): 3.5, ("1", "29"): 1234.5, ("2", "2"): 1}
        check_refusal(tmp_path, tmp_path / "a.csv", "line 2", '"3,5" is not a number', "--decimal ,")
    found, _ = imported(tmp_path, 'user,song,plays\n1,2,"1,234"\n2,2,"1,234,567.5"\n3,2,12\n', "--decimal", ".")
    assert found == {("1", "2"): 1234, ("2", "2"): 1234567.5, ("3", "2"): 12}
    check_refusal(tmp_path, tmp_path / "a.csv", "line 2", "--decimal . reads commas as groups")
    found, _ = imported(tmp_path, "a;b\n0,5;1\n2;,25\n", "--decimal", ",", "--format", "table")
    assert found == {("0", "a"): 0.5, ("0", "b"): 1, ("1", "a"): 2, ("1", "b"): 0.25}
    for value in ("1.23,5", "1,2,3", ".5.5"):
        (tmp_path / "b.csv").write_text(f"1;2;{value}\n")
        check_refusal(tmp_path, tmp_path / "b.csv", f'"{value}" is not a number', options=["--decimal", ","])


def test_lines_that_are_skipped(tmp_path):
    found, _ = imported(tmp_path, "Report of today\n\na, b, c\n1,2,3\n2,2,4\n", "--skip-lines", "3")
    assert found == {("1", "2"): 3, ("2", "2"): 4}
    check_refusal(tmp_path, tmp_path / "a.csv", "--skip-lines", options=["--skip-lines", "9"])
    (tmp_path / "b.csv").write_text("x\ny\n1,2,3\n1,2,-3\n")
    check_refusal(tmp_path, tmp_path / "b.csv", "line 4", options=["--skip-lines", "2"], processes=3)


@pytest.mark.parametrize("processes", [1, 3])
def test_bags_of_words(tmp_path, processes):
    matrix = scipy.sparse.coo_matrix(TABLE)
    lines = "".join(f"{i + 1} {j + 1} {v}\n" for i, j, v in zip(matrix.row, matrix.col, matrix.data))
    head = f"{TABLE.shape[0]}\n{TABLE.shape[1]}\n{matrix.nnz}\n"
    (tmp_path / "docword.txt.gz").write_bytes(gzip.compress((head + lines).encode()))
    check_import(tmp_path, tmp_path / "docword.txt.gz", TABLE, processes, sparse=True)
    (tmp_path / "few.txt").write_text(head + lines.rsplit("\n", 2)[0] + "\n")
    check_refusal(tmp_path, tmp_path / "few.txt", "truncated", f"{matrix.nnz - 1} of the {matrix.nnz}",
                  processes=processes)
    (tmp_path / "far.txt").write_text(f"{TABLE.shape[0]}\n{TABLE.shape[1] - 1}\n{matrix.nnz}\n{lines}")
    check_refusal(tmp_path, tmp_path / "far.txt", "is outside the declared", processes=processes)
    rows, cols = np.unique(matrix.row), np.unique(matrix.col)
    (tmp_path / "plain.txt").write_text(head + lines)
    check_import(tmp_path, tmp_path / "plain.txt", TABLE[np.ix_(rows, cols)], processes, ["--skip-lines", "3"],
                 sparse=True, row_ids=list(rows + 1), col_ids=list(cols + 1))


# --- Repeated entries ---

@pytest.mark.parametrize("processes", [1, 3])
def test_the_latest_of_repeated_entries(tmp_path, processes):
    random = np.random.default_rng(4)
    rows, cols, times = random.integers(0, 40, 900), random.integers(0, 9, 900), random.integers(0, 200, 900)
    ratings = random.integers(1, 6, 900)
    expected = {}
    for i, j, r, t in zip(rows, cols, ratings, times):  # of equal times the last counts
        if (str(i), str(j)) not in expected or t >= expected[str(i), str(j)][1]:
            expected[str(i), str(j)] = (r, t)
    expected = {key: r for key, (r, _) in expected.items()}
    lines = [f"{i},{j},{r},{t}\n" for i, j, r, t in zip(rows, cols, ratings, times)]
    found, said = imported(tmp_path, "user,item,rating,when\n" + "".join(lines), "--time-column", "when",
                           processes=processes)
    assert found == expected
    assert f"the latest by when counts, {900 - len(expected)} left out" in said and "%" not in said, said
    dates = [f"{i},{j},{r},2020-02-{1 + t // 24:02}T{t % 24:02}:00:00Z\n"
             for i, j, r, t in zip(rows, cols, ratings, times)]
    assert imported(tmp_path, "".join(dates), "--time-column", "4", processes=processes)[0] == expected


@pytest.mark.parametrize("processes", [1, 3])
def test_repeated_entries_that_are_errors_are_named_by_ids_and_line(tmp_path, processes):
    lines = [f"u{n % 7},i {n // 7},1\n" for n in range(70)]
    (tmp_path / "a.csv").write_text("user,item,rating\n" + "".join(lines) + "u3,i 2,5\nu4,i 1,5\n")
    check_refusal(tmp_path, tmp_path / "a.csv", "line 72: row u3 and column i 2 have an entry in line 19",
                  options=["--duplicates", "error"], processes=processes)
    (tmp_path / "b.csv").write_text("user,item,rating\n" + "".join(lines))
    run(["import", tmp_path / "b.csv", "-o", tmp_path / "out.h5", "--duplicates", "error"], processes=processes)
    assert len(entries(tmp_path / "out.h5")) == 70


def test_repeated_entries_are_counted_once(tmp_path):
    (tmp_path / "a.csv").write_text("1,1,5\n1,1,2\n1,2,3\n")
    assert run(["info", tmp_path / "a.csv", "--json"]).json["stored"] == 2
    result = run(["fit", tmp_path / "a.csv", "-o", tmp_path / "m.h5", "-k", 1, "--max-iter", 1])
    assert "3 entries" in result.stdout and "150" not in result.stdout, result


# --- Bytes of 0 ---

def test_threads_read_parts_of_a_text(tmp_path):
    """Lines of several kinds, repeated entries whose order counts, and the line of an error, in any of the parts."""
    rng = np.random.default_rng(18)
    values = np.array(["3", "3.5", "0.25", "1e-3", "12345678.5", "007", "4.000000001"])
    rows, cols = rng.integers(0, 20_000, 230_000) ** 2, rng.integers(0, 90, 230_000)
    kinds = rng.integers(0, len(values), rows.size)
    lines = [f"{row},{col},{value}" for row, col, value in zip(rows, cols, values[kinds])]
    last = dict(zip(zip(rows.tolist(), cols.tolist()), values[kinds].astype(float)))
    for threads, processes in ((1, 1), (3, 1), (2, 2)):
        (tmp_path / "a.csv").write_text("\n".join(lines))
        options = ["--threads", threads]
        run(["import", tmp_path / "a.csv", "-o", tmp_path / "out.h5", *options], processes=processes)
        with h5py.File(tmp_path / "out.h5") as file:
            matrix = file["matrix"]
            places = np.repeat(file["row_ids"][:], np.diff(matrix["indptr"])), file["col_ids"][:][matrix["indices"][:]]
            found = dict(zip(zip(*(ids.tolist() for ids in places)), matrix["data"][:].tolist()))
        assert found == last
        (tmp_path / "a.csv").write_text("\n".join([*lines[:180_000], "12,x", *lines[180_000:]]))
        result = run(["import", tmp_path / "a.csv", "-o", tmp_path / "b.h5", *options], processes=processes, expect=1)
        assert "a.csv, line 180001: 2 fields where the first line has 3" in result.stderr, result


@pytest.mark.parametrize("processes", [1, 3])
def test_a_byte_of_0_is_refused_wherever_it_is(tmp_path, processes):
    lines = [f"{i % 997},{i % 89},{i % 5 + 1}" for i in range(80000)]  # beyond what is looked at first
    for at, name, pack in ((60001, "far.csv", bytes), (79999, "end.csv.gz", gzip.compress)):
        text = "\n".join(["user,item,rating", *lines[:at], lines[at] + "\0", *lines[at + 1:]]) + "\n"
        (tmp_path / name).write_bytes(pack(text.encode()))
        result = run(["import", tmp_path / name, "-o", tmp_path / "out.h5"], processes=processes, expect=1)
        assert f"{name}, line {at + 2}: a byte of 0" in result.stderr, result
        assert not (tmp_path / "out.h5").exists()


# --- svmlight for a model ---

@pytest.mark.parametrize("processes", [1, 3])
def test_test_files_are_read_with_the_base_of_the_fit(tmp_path, processes):
    train, test = np.array([[2., 1, 0, 3, 0], [1, 0, 2, 0, 1], [0, 3, 0, 0, 2], [4, 0, 0, 1, 0]]), np.zeros((2, 5))
    test[0, 1], test[0, 3], test[1, 2] = 1, 2, 3
    for name, table in (("train.svm", train), ("test.svm", test)):
        sklearn.datasets.dump_svmlight_file(table, np.arange(len(table)), str(tmp_path / name), zero_based=True)
    run(["import", tmp_path / "train.svm", "-o", tmp_path / "train.h5"])
    for source in ("train.svm", "train.h5"):
        said = run(["fit", tmp_path / source, "-o", tmp_path / "m.h5", "-k", 2], processes=processes).stdout
        assert "columns are counted from 0" in said or source == "train.h5", said
        run(["transform", tmp_path / "m.h5", tmp_path / "test.svm", "-o", tmp_path / "t.h5"], processes=processes)
        with h5py.File(tmp_path / "m.h5") as model, h5py.File(tmp_path / "t.h5") as transformed:
            assert model.attrs["index_base"] == 0
            expected = [scipy.optimize.nnls(model["H"][:].T, row)[0] for row in test]
            np.testing.assert_allclose(transformed["W"][:], expected, atol=1e-8)
            w, h = transformed["W"][:], model["H"][:]
        (tmp_path / "wanted.svm").write_text("0 1:1 3:2\n1 2:3\n")
        scores = run(["evaluate", tmp_path / "t.h5", tmp_path / "wanted.svm", "--relevant", 1, "--json"],
                     processes=processes).json
        errors = [(w @ h)[i, j] - test[i, j] for i, j in ((0, 1), (0, 3), (1, 2))]
        assert scores["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-9)
    run(["transform", tmp_path / "m.h5", tmp_path / "test.svm", "-o", tmp_path / "t.h5", "--index-base", "1"])
    with h5py.File(tmp_path / "t.h5") as transformed:  # as it is asked for
        assert not np.allclose(transformed["W"][:], expected, atol=1e-3)


# --- Pipes ---

@pytest.mark.parametrize("processes", [1, 3])
def test_standard_input_and_other_pipes(tmp_path, processes):
    lines = [f"{n % 97},{n % 89},{n % 5 + 1}\n" for n in range(30000)]
    text = "user,item,rating\n" + "".join(lines)
    expected, _ = imported(tmp_path, text)
    os.mkfifo(tmp_path / "fifo")
    launcher = [*MPIRUN, "-n", str(processes)] if processes > 1 else []
    sources = [("-", text.encode()), ("-", gzip.compress(text.encode())), (tmp_path / "fifo", text.encode())]
    if launcher and MPICH:  # Its launcher ends a job that has 64 kB of standard input waiting.
        sources = sources[2:]
    for source, data in sources:
        command = [*launcher, PROGRAM, "import", str(source), "-o", str(tmp_path / "pipe.h5")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**environment(), "TMPDIR": str(tmp_path)})
        try:
            if source == "-":
                output, errors = process.communicate(data, timeout=60)
            else:
                source.write_bytes(data)
                output, errors = process.communicate(timeout=60)
        finally:
            process.kill()  # One that waits for a pipe nobody writes to.
        assert process.returncode == 0, errors
        assert (b"standard input" if source == "-" else b"fifo") in output
        assert entries(tmp_path / "pipe.h5") == expected
        (tmp_path / "pipe.h5").unlink()
    assert not [name for name in os.listdir(tmp_path) if name.startswith("dnmf-input")]


def test_an_error_in_standard_input_names_its_line(tmp_path):
    command = [*MPIRUN, "-n", "3", PROGRAM, "import", "-", "-o", str(tmp_path / "none.h5")]
    result = subprocess.run(command, input=b"1,2,3\n2,3,4\n3,4,-5\n", capture_output=True, env=environment(), timeout=60)
    assert result.returncode == 1 and b"standard input, line 3: the value" in result.stderr, result.stderr
    result = subprocess.run([PROGRAM, "import", "-", "-o", str(tmp_path / "none.h5")], input=b"", capture_output=True,
                            env=environment(), timeout=60)
    assert b"standard input is empty" in result.stderr, result.stderr


@pytest.mark.parametrize("command, processes, why", [
    (["tune", "-", "-k", 1, "-o", "model.h5"], 1, "fits the best to all entries again"),
    (["tune", "-", "-k", 1], 2, "--groups 1"),
    (["split", "-", "--train", "a.csv", "--test", "b.csv", "--latest", "--time-column", 4], 1, "another pass"),
])
def test_a_pipe_that_would_be_read_again_is_refused_before_any_work(tmp_path, command, processes, why):
    result = run(command, processes=processes, expect=2, cwd=tmp_path)
    assert len(result.messages) == 1 and "a pipe can be read once" in result.messages[0]
    assert why in result.messages[0] and "dnmf import -" in result.messages[0]
    assert not os.listdir(tmp_path)


def test_a_pipe_is_tuned_on_where_it_is_read_once(tmp_path):
    text = "".join(f"{u},{i},{(u * i) % 5 + 1}\n" for u in range(12) for i in range(9) if (u + i) % 3)
    (tmp_path / "r.csv").write_text(text)
    options = ["-k", "1,2", "--folds", "2", "--json"]
    expected = run(["tune", tmp_path / "r.csv", *options]).json["candidates"]
    result = subprocess.run([PROGRAM, "tune", "-", *options], input=text.encode(), capture_output=True,
                            env=environment(), timeout=60)
    assert result.returncode == 0, result.stderr
    for here, there in zip(json.loads(result.stdout)["candidates"], expected):
        assert (here["components"], here["rmse"]) == (there["components"], there["rmse"])


# --- Ids that look like another form ---

@pytest.mark.parametrize("text", ["PAR1,3,5\nORC2,4,1\n", "ORC,3,5\nPAR1,4,1\n", "[x],3,5\n<b>,4,1\n", "1:,3,5\n2:,4,1\n"])
def test_ids_that_look_like_signatures_are_ids(tmp_path, text):
    rows = [line.split(",") for line in text.split()]
    assert imported(tmp_path, text)[0] == {(row, col): float(value) for row, col, value in rows}


# --- Options that would be ignored ---

def test_options_that_mean_nothing_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", TABLE)
    run(["import", tmp_path / "a.npy", "-o", tmp_path / "a.h5"])
    (tmp_path / "a.mtx").write_text("%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 3\n")
    (tmp_path / "a.svm").write_text("1 1:2 3:4\n")
    (tmp_path / "a.csv").write_text(",a,b,c\nx,1,2,3\n")
    (tmp_path / "pairs.csv").write_text("user,item\n1,2\n")
    refused = [(["--skip-lines", "1"], ["a.npy", "a.h5"]), (["--decimal", ","], ["a.npy", "a.h5", "a.mtx", "a.svm"]),
               (["--quote", "none"], ["a.h5", "a.mtx", "a.svm"]), (["--escape", "\\"], ["a.npy", "a.mtx", "a.svm"]),
               (["--time-column", "1"], ["a.npy", "a.mtx", "a.svm"]), (["--add", "1"], ["a.mtx", "a.svm", "pairs.csv"]),
               (["--missing-value", "9"], ["pairs.csv"]), (["--escape", "\\", "--quote", "none"], ["a.csv"]),
               (["--decimal", ";"], ["a.csv"]), (["--delimiter", ",", "--decimal", ","], ["a.csv"]),
               (["--time-column", "1", "--duplicates", "sum"], ["pairs.csv"])]
    for options, names in refused:
        for name in names:
            check_refusal(tmp_path, tmp_path / name, options[0], options=options, status=2)
