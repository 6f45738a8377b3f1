"""Help, versions and misspelt words.

The help of every command is compared with golden/; DNMF_UPDATE_GOLDEN=1 writes the files anew.
"""
import os
import pathlib
import re

import pytest

from program import run

GOLDEN = pathlib.Path(__file__).parent / "golden"


def commands():
    """The names that the overview lists."""
    listed = run([]).stdout.split("commands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  (\w+)", listed, re.MULTILINE)


def check_golden(name, text):
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("DNMF_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"{path} differs; see tests/README.md when the change is meant"


def without_version(text):
    return re.sub(r"^dnmf \d+\.\d+\.\d+", "dnmf VERSION", text)


def test_overview_is_golden():
    check_golden("overview", without_version(run([]).stdout))


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"], ["help", "help"]])
def test_overview_has_several_names(words):
    assert run(words).stdout == run([]).stdout


@pytest.mark.parametrize("command", [name for name in commands() if name != "help"])
def test_help_of_a_command_is_golden(command):
    result = run(["help", command])
    assert result.stderr == ""
    check_golden(command, result.stdout)
    assert run([command, "--help"]).stdout == result.stdout
    assert run([command, "-h"]).stdout == result.stdout


def test_every_golden_file_has_its_command():
    assert {path.stem for path in GOLDEN.iterdir()} == set(commands()) - {"help"} | {"overview"}


@pytest.mark.parametrize("columns", [None, 70, 100, 200])
def test_help_fits_the_terminal(columns, monkeypatch):
    """80 columns where nothing tells how many there are, never more than 100; the words are the same."""
    words = {}
    if columns:
        monkeypatch.setenv("COLUMNS", str(columns))
    for command in commands():
        text = run(["help", command]).stdout
        wide = [line for line in text.splitlines() if len(line) > min(columns or 80, 100)]
        assert wide == [], command
        words[command] = text.replace("\\\n", "").split()
    monkeypatch.delenv("COLUMNS", raising=False)
    for command, found in words.items():
        assert found == run(["help", command]).stdout.replace("\\\n", "").split()


def test_version_names_libraries_and_build_flags():
    text = run(["--version"]).stdout
    assert run(["-V"]).stdout == text
    assert re.match(r"dnmf \d+\.\d+\.\d+\n", text)
    assert "Open MPI v" in text or "MPICH Version: " in text
    for word in ("HDF5", "BLAS", "OpenMP", "built with"):
        assert word in text


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["help", "fit"], ["fit", "--help"]])
def test_only_one_process_speaks(words):
    result = run(words, processes=3)
    assert result.stdout == run(words).stdout
    assert result.stderr == ""


@pytest.mark.parametrize("typed, meant", [("fti", "fit"), ("imports", "import"), ("exprot", "export")])
def test_misspelt_command_names_the_nearest(typed, meant):
    result = run([typed], expect=2)
    assert f"no command '{typed}', did you mean {meant}?" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("words", [["fti"], ["fit", "any.csv", "--sover", "mu"], ["fit", "any.csv", "-k", "abc"]])
def test_a_wrong_command_line_is_told_as_every_error(words, processes):
    assert run(words, processes=processes, expect=2).stderr.startswith("dnmf: error: ")


def test_help_of_a_misspelt_command_names_the_nearest():
    assert "did you mean generate?" in run(["help", "genrate"], expect=2).stderr


def test_word_like_no_command_gets_no_guess():
    result = run(["zzzzzzzz"], expect=2)
    assert "no command 'zzzzzzzz'" in result.stderr and "did you mean" not in result.stderr


@pytest.mark.parametrize("typed, meant", [("--componets=3", "--components"), ("--sover", "--solver"),
                                          ("--maxiter", "--max-iter")])
def test_misspelt_option_names_the_nearest(typed, meant):
    result = run(["fit", "any.csv", typed], expect=2)
    assert f"unknown option {typed}" in result.stderr and f"did you mean {meant}?" in result.stderr


@pytest.mark.parametrize("processes", [1, 3])
def test_misspelt_words_are_told_once(processes):
    for words in (["fti"], ["fit", "any.csv", "--sover", "mu"]):
        assert run(words, processes=processes, expect=2).stderr.count("did you mean") == 1
