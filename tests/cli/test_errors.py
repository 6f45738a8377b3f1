"""Bad input: one message that says what and where, the right exit status, nothing left behind, no hang."""
import os

import h5py
import numpy as np
import pytest

from mount import Mount
from program import INPUTS, run

PROCESSES = [1, 3]


def check_refused(arguments, output, words, processes, status=1):
    """Runs the command; it must end with one message that holds all `words`, and without `output`."""
    result = run(arguments, processes=processes, expect=status)
    messages = result.messages
    if status == 2 and processes == 1:  # Without a launcher a wrong command line is told plainly.
        messages = messages or result.stderr.splitlines()
    assert len(messages) == 1, str(result)
    for word in words:
        assert str(word) in messages[0], str(result)
    for left in (output, f"{output}.partial"):
        assert not os.path.lexists(left), f"{left} was left behind"
    return messages[0]


GOOD = "user,item,rating\n" + "".join(f"{u},{i},{(u + i) % 5 + 1}\n" for u in range(1, 9) for i in range(1, 6))
LINE = "3,4,3\n"  # line 15 of GOOD


def with_line(line):
    assert GOOD.count(LINE) == 1
    return GOOD.replace(LINE, line)


def matrix_market(text, kind="matrix coordinate real general"):
    return f"%%MatrixMarket {kind}\n{text}"


# name: (file, text, words of the message)
BAD_TEXTS = {
    "negative": ("a.csv", with_line("3,4,-2\n"), ["line 15", "-2", "negative"]),
    "nan": ("a.csv", with_line("3,4,nan\n"), ["line 15", "nan"]),
    "infinity": ("a.csv", with_line("3,4,inf\n"), ["line 15", "inf"]),
    "overflow": ("a.csv", with_line("3,4,1e400\n"), ["line 15", "1e400"]),
    "not a number": ("a.csv", with_line("3,4,good\n"), ["line 15", "good", "not a number"]),
    "no value": ("a.csv", with_line("3,4,\n"), ["line 15"]),
    "no id": ("a.csv", with_line(",4,3\n"), ["line 15", "id"]),
    "short line": ("a.csv", with_line("3,4\n"), ["line 15"]),
    "long line": ("a.csv", with_line("3,4,3,7\n"), ["line 15"]),
    "empty file": ("a.csv", "", ["empty"]),
    "blank file": ("a.csv", "\n\n\n", ["no data"]),
    "header only": ("a.csv", "user,item,rating\n", ["header"]),
    "two columns of fractions below words": ("a.csv", "lat,lon\n37.5,122.1\n38.2,121.0\n",
                                             ["a.csv", "two columns", "--format table"]),
    "two columns of fractions": ("a.csv", "user,item\n1,2.5\n3,4.5\n", ["a.csv", "two columns", "--format table"]),
    "unknown columns": ("a.csv", "a,b,c,d,e\n1,2,3,4,5\n", ["--row-column"]),
    "ragged table": ("a.csv", ",x,y,z\nr1,1,2,3\nr2,4,5\n", ["line 3"]),
    "wrong mm header": ("a.mtx", matrix_market("1 1 1\n1 1 1\n", "matrix coordinates real general"), ["coordinate"]),
    "complex mm": ("a.mtx", matrix_market("1 1 1\n1 1 1 0\n", "matrix coordinate complex general"), ["complex"]),
    "mm size line": ("a.mtx", matrix_market("3 3\n1 1 1\n"), ["line 2"]),
    "mm outside": ("a.mtx", matrix_market("3 3 2\n1 1 1\n4 1 1\n"), ["line 4", "4"]),
    "mm index 0": ("a.mtx", matrix_market("3 3 2\n1 1 1\n0 1 1\n"), ["line 4"]),
    "mm too few": ("a.mtx", matrix_market("3 3 3\n1 1 1\n2 2 1\n"), ["2", "3"]),
    "mm too many": ("a.mtx", matrix_market("3 3 1\n1 1 1\n2 2 1\n"), ["a.mtx"]),
    "mm array short": ("a.mtx", matrix_market("2 2\n1\n2\n3\n", "matrix array real general"), ["a.mtx"]),
    "mm negative": ("a.mtx", matrix_market("3 3 2\n1 1 1\n3 2 -1\n"), ["negative", "-1"]),
}


@pytest.mark.parametrize("name", BAD_TEXTS)
@pytest.mark.parametrize("processes", PROCESSES)
def test_bad_text(tmp_path, name, processes):
    file, text, words = BAD_TEXTS[name]
    (tmp_path / file).write_text(text)
    output = tmp_path / "out.h5"
    check_refused(["import", tmp_path / file, "-o", output], output, [file, *words], processes)


@pytest.mark.parametrize("name", ["negative", "short line"])
@pytest.mark.parametrize("processes", PROCESSES)
def test_fit_refuses_bad_text_too(tmp_path, name, processes):
    file, text, words = BAD_TEXTS[name]
    (tmp_path / file).write_text(text)
    output = tmp_path / "model.h5"
    check_refused(["fit", tmp_path / file, "-o", output, "-k", 2], output, [file, *words], processes)


@pytest.mark.parametrize("option, value", [("--row-column", "who"), ("--value-column", "9"), ("--col-column", "0")])
@pytest.mark.parametrize("processes", PROCESSES)
def test_columns_that_are_not_there(tmp_path, option, value, processes):
    (tmp_path / "a.csv").write_text(GOOD)
    output = tmp_path / "out.h5"
    check_refused(["import", tmp_path / "a.csv", "-o", output, option, value], output, [value], processes)


@pytest.fixture(scope="module")
def hdf5(folder):
    """An HDF5 file that holds a bit of everything."""
    path = folder / "many.h5"
    with h5py.File(path, "w") as file:
        file["good/matrix"] = np.ones((4, 3))
        file["list"] = np.ones(4)
        file["cube"] = np.ones((4, 3, 2))
        file["text"] = np.array([[b"a", b"b"]])
        for name, value in (("negative", -2.5), ("nan", np.nan), ("infinite", np.inf)):
            table = np.ones((7, 5))
            table[5, 3] = value
            file[name] = table
        file["empty"] = np.ones((0, 3))
        group = file.create_group("sparse")
        group.attrs["encoding-type"] = "csr_matrix"
        group.attrs["shape"] = (2, 2)
        group["data"], group["indices"], group["indptr"] = [1.0, 2.0], [0, 7], [0, 1, 2]
    return path


BAD_DATASETS = {
    "missing": ["good/matrix"],
    "list": ["1", "2"],
    "cube": ["3", "2"],
    "text": ["text", "numbers"],
    "negative": ["row 5", "column 3", "-2.5"],
    "nan": ["row 5", "column 3"],
    "infinite": ["row 5", "column 3"],
    "empty": ["empty"],
    "sparse": ["7"],
}


@pytest.mark.parametrize("name", BAD_DATASETS)
@pytest.mark.parametrize("processes", PROCESSES)
def test_bad_dataset(hdf5, tmp_path, name, processes):
    output = tmp_path / "out.h5"
    check_refused(["import", f"{hdf5}:/{name}", "-o", output], output, ["many.h5", *BAD_DATASETS[name]], processes)


@pytest.mark.parametrize("processes", PROCESSES)
def test_several_matrices_ask_for_one(hdf5, tmp_path, processes):
    output = tmp_path / "out.h5"
    check_refused(["import", hdf5, "-o", output], output, ["many.h5:/", "good/matrix", "sparse"], processes)


@pytest.mark.parametrize("processes", PROCESSES)
def test_truncated_hdf5(hdf5, tmp_path, processes):
    whole = hdf5.read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[:len(whole) // 2])
    output = tmp_path / "out.h5"
    check_refused(["import", tmp_path / "cut.h5", "-o", output], output, ["cut.h5", "cut off"], processes)


@pytest.mark.parametrize("processes", PROCESSES)
def test_not_hdf5(tmp_path, processes):
    (tmp_path / "fake.h5").write_bytes(b"\x00\x01binary" * 100)
    output = tmp_path / "out.h5"
    check_refused(["import", f"{tmp_path / 'fake.h5'}:/a", "-o", output], output, ["fake.h5", "not an HDF5"], processes)


@pytest.mark.parametrize("processes", PROCESSES)
def test_input_that_is_not_there(tmp_path, processes):
    output = tmp_path / "out.h5"
    check_refused(["import", tmp_path / "nowhere.csv", "-o", output], output, ["nowhere.csv", "No such file"], processes)


@pytest.mark.parametrize("processes", PROCESSES)
def test_too_many_components(tmp_path, processes):
    output = tmp_path / "model.h5"
    check_refused(["fit", INPUTS / "ratings-5x4.csv", "-o", output, "-k", 6], output, ["-k 6", "5 x 4"], processes,
                  status=2)


@pytest.mark.parametrize("command", [["fit", "-k", 2], ["import"]], ids=lambda words: words[0])
@pytest.mark.parametrize("processes", PROCESSES)
def test_output_directory_that_is_not_there(tmp_path, command, processes):
    output = tmp_path / "nowhere" / "out.h5"
    check_refused([command[0], INPUTS / "ratings-5x4.csv", *command[1:], "-o", output], output,
                  ["nowhere", "directory does not exist"], processes)


@pytest.mark.parametrize("processes", PROCESSES)
def test_output_that_is_a_directory(tmp_path, processes):
    (tmp_path / "taken").mkdir()
    result = run(["import", INPUTS / "ratings-5x4.csv", "-o", tmp_path / "taken"], processes=processes, expect=1)
    assert len(result.messages) == 1 and "directory" in result.messages[0]
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


@pytest.mark.parametrize("processes", PROCESSES)
def test_directory_without_write_permission(tmp_path, processes):
    with Mount(tmp_path / "readonly", "ro,size=1m") as folder:
        output = folder / "out.h5"
        check_refused(["import", INPUTS / "ratings-5x4.csv", "-o", output], output, [output], processes)


@pytest.mark.parametrize("command", [["import"], ["fit", "-k", 40, "--max-iter", 1], ["export", "--to", "csv"]],
                         ids=lambda words: words[0])
@pytest.mark.parametrize("processes", PROCESSES)
def test_full_disk(tmp_path, command, processes):
    source = tmp_path / "a.h5"
    run(["generate", "-o", source, "--rows", 400, "--cols", 300])
    with Mount(tmp_path / "full", "size=64k") as folder:
        output = folder / "out"
        (folder / "other").write_text("stays")
        check_refused([command[0], source, *command[1:], "-o", output], output, ["out", "No space left"], processes)
        assert [path.name for path in folder.iterdir()] == ["other"]


@pytest.mark.parametrize("processes", PROCESSES)
def test_what_was_under_the_final_name_stays(tmp_path, processes):
    output = tmp_path / "out.h5"
    output.write_text("precious")
    (tmp_path / "a.csv").write_text(with_line("3,4,-2\n"))
    run(["import", tmp_path / "a.csv", "-o", output], processes=processes, expect=1)
    assert output.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "out.h5"]


USAGE = {
    "unknown option": (["--speed", 9], ["unknown option --speed"]),
    "not a whole number": (["--max-iter", "many"], ["--max-iter many", "whole number"]),
    "below the range": (["--max-iter", -1], ["--max-iter", "from 0"]),
    "above the range": (["--tol", 2], ["--tol 2", "from 0 to 1"]),
    "not a number": (["--l2", "nan"], ["--l2 nan"]),
    "not a choice": (["--solver", "als"], ["--solver als", "hals, mu, bpp"]),
    "no components": (["-k", 0], ["-k 0"]),
    "a grid that does not fit": (["--grid", "5x7"], ["5x7"]),
    "not a grid": (["--grid", "square"], ["square"]),
    "not a start": (["--init", "zeros"], ["--init zeros"]),
    "missing value of an option": (["--seed"], ["--seed needs a value"]),
    "a second input": (["other.csv"], ["other.csv"]),
    "bias on zeros": (["--bias", "both"], ["--bias", "--missing unobserved"]),
    "validation file on zeros": (["--validation", "test.csv"], ["--validation test.csv", "--missing unobserved"]),
    "validation stop on zeros": (["--stop", "validation"], ["--stop validation", "--validation"]),
    "validation in batches": (["--validation", "0.1", "--batch-rows", 2], ["--validation", "mini-batches"]),
    "fraction out of range on zeros": (["--validation", "1"], ["--validation 1", "between 0 and 1"]),
    "count penalty on zeros": (["--penalty-scale", "count"], ["--penalty-scale count", "--missing unobserved"]),
    "loss without its solver": (["--missing", "unobserved", "--loss", "kullback-leibler", "--solver", "bpp"], ["--solver mu"]),
    "fraction out of range": (["--missing", "unobserved", "--validation", "1.5"], ["--validation 1.5"]),
}


@pytest.mark.parametrize("name", USAGE)
@pytest.mark.parametrize("processes", PROCESSES)
def test_wrong_command_line(tmp_path, name, processes):
    options, words = USAGE[name]
    output = tmp_path / "model.h5"
    check_refused(["fit", INPUTS / "ratings-5x4.csv", "-k", 2, "-o", output, *options], output, words, processes,
                  status=2)


# Options that the fit at hand would ignore.
UNUSED = {
    "bias penalty on zeros": (["--l2-bias", 3], ["--l2-bias", "--missing unobserved"]),
    "patience on zeros": (["--validation", 0.5, "--patience", 3], ["--patience", "--stop validation"]),
    "tolerance with held-out cells": (["--validation", 0.5, "--stop", "validation", "--tol", 0],
                                      ["--tol", "--stop validation"]),
    "exact residual with held-out cells": (["--validation", 0.5, "--exact-residual"],
                                           ["--exact-residual", "--validation"]),
    "sweeps of mu on zeros": (["--sweeps", 2, "--solver", "mu"], ["--sweeps", "hals"]),
    "scale of the start on zeros": (["--init-scale", 1], ["--init-scale", "--missing unobserved"]),
    "three penalties for two factors": (["--l2", 1, "--l2-w", 1, "--l2-h", 0], ["--l2 ", "--l2-w", "--l2-h"]),
    "patience without held-out ratings": (["--missing", "unobserved", "--patience", 3], ["--patience", "--validation"]),
    "sweeps of another solver": (["--missing", "unobserved", "--solver", "bpp", "--sweeps", 2], ["--sweeps", "hals"]),
    "penalty of no biases": (["--missing", "unobserved", "--bias", "none", "--l2-bias", 2], ["--l2-bias", "no biases"]),
    "tolerance with held-out ratings": (["--missing", "unobserved", "--validation", 0.5, "--tol", 0],
                                        ["--tol", "--validation"]),
    "two stopping rules": (["--missing", "unobserved", "--validation", 0.5, "--stop", "gradient"],
                           ["--stop", "--validation"]),
}


@pytest.mark.parametrize("name", UNUSED)
def test_an_option_without_use_is_refused(tmp_path, name):
    options, words = UNUSED[name]
    output = tmp_path / "model.h5"
    check_refused(["fit", INPUTS / "ratings-5x4.csv", "-k", 2, "-o", output, *options], output, words, 1, status=2)


@pytest.mark.parametrize("command", ["fit", "import", "export", "generate", "info"])
@pytest.mark.parametrize("processes", PROCESSES)
def test_command_without_its_arguments(tmp_path, command, processes):
    check_refused([command], tmp_path / "none", [f"dnmf {command}"], processes, status=2)


def test_fit_without_components_says_so(tmp_path):
    output = tmp_path / "model.h5"
    check_refused(["fit", INPUTS / "ratings-5x4.csv", "-o", output], output, ["-k"], 1, status=2)


@pytest.mark.parametrize("processes", PROCESSES)
def test_start_file_of_another_shape(tmp_path, processes):
    run(["fit", INPUTS / "ratings-5x4.csv", "-o", tmp_path / "start.h5", "-k", 3])
    output = tmp_path / "model.h5"
    check_refused(["fit", INPUTS / "ratings-5x4.csv", "-o", output, "-k", 2, "--init", f"file:{tmp_path / 'start.h5'}"],
                  output, ["start.h5", "components"], processes)


@pytest.mark.parametrize("processes", PROCESSES)
def test_start_file_that_is_no_model(hdf5, tmp_path, processes):
    output = tmp_path / "model.h5"
    check_refused(["fit", INPUTS / "ratings-5x4.csv", "-o", output, "-k", 2, "--init", f"file:{hdf5}"], output,
                  ["many.h5", "not a model"], processes)


@pytest.mark.parametrize("processes", PROCESSES)
def test_log_that_cannot_be_written(tmp_path, processes):
    output = tmp_path / "model.h5"
    check_refused(["fit", INPUTS / "ratings-5x4.csv", "-o", output, "-k", 2, "--log", tmp_path / "no" / "log.jsonl"],
                  output, ["--log", "log.jsonl"], processes)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_standard_output_that_cannot_be_written():
    result = run(["info", INPUTS / "ratings-5x4.csv"], expect=None, prefix=["sh", "-c", 'exec "$@" > /dev/full', "sh"])
    assert result.returncode == 1, str(result)
    assert len(result.messages) == 1 and "standard output" in result.messages[0]


@pytest.mark.parametrize("text", ["-3", "3 s", "1:70:00", "00:10", "ten", "1d", "inf", "0x:00:01"])
def test_a_time_that_is_none(tmp_path, text):
    result = run(["fit", INPUTS / "ratings-3x3.csv", "-o", tmp_path / "m.h5", "-k", 2, "--time-limit", text], expect=2)
    assert len(result.messages) == 1 and f"--time-limit {text}" in result.messages[0], str(result)
    assert "00:10:00" in result.messages[0]


def test_times_are_given_in_any_unit(tmp_path):
    """A limit of no time ends a fit after one iteration, a long one does not."""
    fit = ["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 2, "--tol", 0, "--max-iter", 3, "--json"]
    run(["generate", "-o", tmp_path / "a.h5", "--rows", 9, "--cols", 8])
    for text, iterations in (("1e-9s", 1), ("1e-12h", 1), ("00:00:00", 1), ("600", 3), ("10min", 3), ("00:10:00", 3)):
        assert run([*fit, "--time-limit", text]).json["iterations"] == iterations, text


def test_what_is_no_matrix_is_named(tmp_path):
    run(["generate", "-o", tmp_path / "a.h5", "--rows", 9, "--cols", 8])
    run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 2, "--max-iter", 1])
    for name, words in ((tmp_path / "m.h5", "m.h5 is a model, not a matrix"), (tmp_path, "is a directory"),
                        ("https://example.org/a.csv", "is an address on the network; download it")):
        result = run(["fit", name, "-o", tmp_path / "new.h5", "-k", 2], expect=1)
        assert len(result.messages) == 1 and words in result.messages[0], str(result)
    result = run(["predict", tmp_path / "m.h5", tmp_path / "pairs.csv", "-o", tmp_path / "scores.tsv"], expect=2)
    assert len(result.messages) == 1 and "scores.tsv: dnmf predict writes CSV" in result.messages[0], str(result)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.h5", "m.h5"]
