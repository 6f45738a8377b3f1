"""Small things that cost people: what they type, and files they have, are understood, or told for what they are."""
import h5py
import numpy as np
import pytest

from matrices import read_matrix
from program import INPUTS, run

TABLE, TRIPLES = INPUTS / "ratings-5x4.csv", INPUTS / "ratings-triples.csv"
FIT = ["-o", "out.h5", "-k", 2]


@pytest.fixture(scope="module")
def place(folder):
    """A folder with a model and with files as people have them."""
    run(["fit", TRIPLES, "-o", folder / "tm.h5", "-k", 2, "-q"])
    (folder / "pairs.csv").write_text("1,B\n2,A\n")
    for name, value in (("minus", -1), ("nothing", np.nan), ("zero", 0)):
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file["matrix"] = np.where(np.arange(12).reshape(3, 4) == 6, value, 1.0)
            file["row_ids"] = np.array([b"gene1", b"gene2", b"gene3"])
            file["col_ids"] = np.array([b"c1", b"c2", b"c3", b"c4"])
    return folder


REFUSED = {
    "a model is no matrix": (["fit", "tm.h5", *FIT], 1, ["tm.h5 is a model", "tm.h5:/W"]),
    "an address": (["fit", "https://a.org/r.csv", *FIT], 1, ["address on the network", "curl -LO 'https://a.org/r.csv'"]),
    "a directory": (["fit", ".", *FIT], 1, ["is a directory"]),
    "no such list of ids": (["fit", TRIPLES, *FIT, "--row-ids", "none.txt"], 1, ["cannot open none.txt"]),
    "no such list of rows": (["recommend", "tm.h5", "--seen", TRIPLES, "--rows", "none.txt"], 1,
                             ["--rows: there is no file none.txt, and no such id"]),
    "an option by its letter": (["fit", TABLE, "-o", "out.h5", "-k", 0], 2, ["error: -k 0: "]),
    "an option by its letter, joined": (["fit", TABLE, "-o", "out.h5", "-k0"], 2, ["error: -k 0: "]),
    "a list by its letter": (["tune", TABLE, "-k", "0:3"], 2, ["error: -k 0:3: give numbers from 1"]),
    "a list by its name": (["tune", TRIPLES, "--components", 0], 2, ["error: --components 0: give numbers from 1"]),
    "an option by its name": (["fit", TABLE, "-o", "out.h5", "--components", 0], 2, ["error: --components 0: "]),
    "tables by tabs are not written": (["predict", "tm.h5", "pairs.csv", "-o", "x.tsv"], 2, ["x.tsv", "writes CSV"]),
    "the row's id": (["fit", "minus.h5", *FIT], 1, ["the value of row gene2, column c3 is -1;"]),
    "the row's id, in batches": (["fit", "minus.h5", *FIT, "--batch-rows", 2], 1,
                                 ["minus.h5: the value of row gene2, column c3 is -1;"]),
    "the row's id, of a zero": (["fit", "zero.h5", *FIT, "--loss", "itakura-saito"], 1,
                                ["zero.h5: the value of row gene2, column c3 is 0, where a loss with beta <= 0"]),
    "the row's id, turned": (["fit", "nothing.h5", *FIT, "--transpose"], 1, ["the value of row c3, column gene2 is nan;"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_told_for_what_it_is(place, case):
    arguments, status, words = REFUSED[case]
    result = run(arguments, expect=status, cwd=place)
    assert len(result.messages) == 1
    for word in words:
        assert word in result.messages[0]
    assert not (place / "out.h5").exists() and not (place / "x.tsv").exists()


def test_ids_are_told_on_several_processes(place):
    for fit in (["minus.h5"], ["minus.h5", "--batch-rows", 2], ["zero.h5", "--loss", -1]):
        message, = run(["fit", *fit, *FIT], expect=1, cwd=place, processes=3).messages
        assert message == run(["fit", *fit, *FIT], expect=1, cwd=place).messages[0]


UNDERSTOOD = {("--solver", "cd"): ("solver", "hals"), ("--loss", "kl"): ("loss", "kullback-leibler"),
              ("--time-limit", "00:10:00"): ("stop_reason", "gradient")}


@pytest.mark.parametrize("typed", UNDERSTOOD)
def test_what_people_type_is_understood(place, typed):
    name, value = UNDERSTOOD[typed]
    found = run(["fit", TABLE, *FIT, *typed, "--json", "-q"], cwd=place).json
    (place / "out.h5").unlink()
    assert found[name] == value


def test_more_threads_than_cores_are_warned_of(place):
    result = run(["info", TABLE, "--threads", 64], cwd=place)
    assert "64 threads a process" in result.stderr


def comma(rows):
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


FRACTIONS = np.round(np.random.default_rng(3).random((6, 4)) * 9, 2)
COUNTS = np.random.default_rng(4).integers(0, 6, (5, 12))
WITHOUT_IDS = {
    "fractions, three columns": (comma(FRACTIONS[:, :3]), FRACTIONS[:, :3]),
    "fractions, named": ("height,width,depth,weight\n" + comma(FRACTIONS), FRACTIONS),
    "many columns of counts": (comma(COUNTS), COUNTS),
    "many columns of counts, named": (comma([[f"gene{i}" for i in range(12)]]) + comma(COUNTS), COUNTS),
}


@pytest.mark.parametrize("case", WITHOUT_IDS)
def test_a_table_of_numbers_saved_without_ids_is_a_table(tmp_path, case):
    text, values = WITHOUT_IDS[case]
    (tmp_path / "a.csv").write_text(text)
    result = run(["import", tmp_path / "a.csv", "-o", tmp_path / "a.h5"])
    assert "no row ids" in result.stdout
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["matrix"][:], values)
        assert "row_ids" not in file


NAMED = {
    "as R writes it": '"a" "b"\n"x" 1 0.5\n"y" 3 4\n',
    "of genes": "gene\ta\tb\nx\t1\t0.5\ny\t3\t4\n",
    "as pandas reads a sheet": "Unnamed: 0,a,b\nx,1,0.5\ny,3,4\n",
    "with fractions": "hour,a,b\nx,0.5,1\ny,4,3\n",
}


@pytest.mark.parametrize("case", NAMED)
def test_a_table_of_few_named_columns_is_a_table(tmp_path, case):
    (tmp_path / "a.txt").write_text(NAMED[case])
    run(["import", tmp_path / "a.txt", "-o", tmp_path / "a.h5"])
    with h5py.File(tmp_path / "a.h5") as file:
        expected = [[0.5, 1], [4, 3]] if case == "with fractions" else [[1, 0.5], [3, 4]]
        np.testing.assert_array_equal(file["matrix"][:], expected)
        assert list(file["row_ids"].asstr()) == ["x", "y"] and list(file["col_ids"].asstr()) == ["a", "b"]


@pytest.mark.parametrize("text", ["date,a,b,c\n2020-01-01,1,2,3\n2020-01-02,4,5,6\n", "year,a,b,c\n2019,1,2,3\n2020,4,5,6\n",
                                  "time,a,b\n10:00,1,2\n10:05,4,5\n"])
def test_tables_with_a_time_a_row_are_tables(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    run(["import", "a.csv", "-o", "a.h5"], cwd=tmp_path)
    rows = [line.split(",") for line in text.split()]
    values, _, row_ids, col_ids = read_matrix(tmp_path / "a.h5")
    np.testing.assert_array_equal(values, [[float(value) for value in row[1:]] for row in rows[1:]])
    assert [str(name) for name in row_ids] == [row[0] for row in rows[1:]] and col_ids == rows[0][1:]


@pytest.mark.parametrize("text, why", [
    ("gene\tcount\ng1\t5\ng2\t7\n", "--format table"),           # a name of values, no second id
    ("g1\t5\ng2\t7\n__no_feature\t3\n", "--format table"),        # names with a number each
    ("0.5 1.5\n2 3\n", "--format table"),                         # the first line was taken for a header
    ("id,name,x,y\nP1,G1,100,200\nP2,G2,300,0\n", "cannot tell"),  # two of values
    ("3 4 12\n" + "".join(f"{i % 3 + 1} {i % 4 + 1} {i + 1}\n" for i in range(12)), "--skip-lines 1"),
])
def test_columns_that_are_no_triples_are_refused(tmp_path, text, why):
    (tmp_path / "a.txt").write_text(text)
    for processes in (1, 3):
        message, = run(["info", "a.txt"], processes=processes, expect=1, cwd=tmp_path).messages
        assert "a.txt" in message and why in message


def test_what_is_refused_as_no_interactions_is_read_when_asked(tmp_path):
    (tmp_path / "a.txt").write_text("u1 5\nu2 7\n")
    assert "2 rows x 2 columns" in run(["info", "a.txt", "--value-column", "none"], cwd=tmp_path).stdout
    assert "2 rows x 1 columns" in run(["info", "a.txt", "--format", "table"], cwd=tmp_path).stdout
    (tmp_path / "b.txt").write_text("a b\nc d\n")
    assert "no row has more than one entry" in run(["import", "b.txt", "-o", "b.h5"], cwd=tmp_path).stderr


@pytest.mark.parametrize("text", ["kunde,artikel,menge,zeit\na,1,2,3\nb,1,4,5\n", "u,1.0,3\nv,2.0,4\n",
                                  "gene,cell,n\nx,1,5\ny,2,3\n", "1,10,3.5\n2,11,4.5\n", "u,i,r\n1.5,2,3\n2.5,7,4\n", "userId,movieId,rating\n1.5,2.5,3.5\n"])
def test_ratings_are_not_taken_for_a_table(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    assert "triples" in run(["info", tmp_path / "a.csv"]).stdout
