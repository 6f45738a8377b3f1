"""No output is an input or another output, however it is spelt; links are followed, modes kept, names say the format."""
import os
import shutil
import stat

import h5py
import numpy as np
import pytest

from program import run

PAIRS = "row,column\n1,1\n2,3\n"


@pytest.fixture(scope="module")
def made(folder):
    """Inputs of every kind, under names that also occur as outputs."""
    files = folder / "made"
    files.mkdir()
    run(["generate", "-o", files / "a.h5", "--rows", 12, "--cols", 9])
    run(["generate", "-o", files / "r.h5", "--kind", "ratings", "--rows", 20, "--cols", 12, "--nnz", 150])
    run(["export", files / "r.h5", "-o", files / "r.csv"])
    run(["fit", files / "r.h5", "-o", files / "m.h5", "-k", 2, "--max-iter", 2])
    run(["fit", "a.h5", "-o", "z.h5", "-k", 2, "--tol", 0, "--max-iter", 3, "--checkpoint", "c.h5",
         "--checkpoint-every", 1], cwd=files)
    (files / "pairs.csv").write_text(PAIRS)
    (files / "ids.txt").write_text("1\n2\n")
    (files / "labels.csv").write_text("1,one\n2,two\n")
    shutil.copy(files / "m.h5", files / "m-W.csv")
    shutil.copy(files / "a.h5", files / "x.h5.partial")
    (files / "symbolic.h5").symlink_to("a.h5")
    os.link(files / "a.h5", files / "hard.h5")
    (files / "sub").mkdir()
    (files / "machine.json").write_text('{"flops": 1e9, "bandwidth": 1e9, "latency": 1e-6, "network": 1e9}')
    return files


@pytest.fixture
def files(made, tmp_path):
    """A copy, in which links between the files stay links."""
    copy = tmp_path / "files"
    shutil.copytree(made, copy, symlinks=True)
    (copy / "hard.h5").unlink()
    os.link(copy / "a.h5", copy / "hard.h5")
    return copy


def contents(folder):
    return {str(path.relative_to(folder)): (path.is_symlink(), path.read_bytes())
            for path in sorted(folder.rglob("*")) if path.is_file()}


FIT = ["fit", "a.h5", "-k", 2, "--max-iter", 2]
RATE = ["fit", "r.h5", "-k", 2, "--max-iter", 2]

# The command line, and the two names of the message.
REFUSED = {
    "import": (["import", "r.csv", "-o", "./r.csv"], "-o ./r.csv", "the input r.csv"),
    "fit": ([*FIT, "-o", "a.h5"], "-o a.h5", "the input a.h5"),
    "inside HDF5": (["fit", "a.h5:/matrix", "-k", 2, "-o", "a.h5"], "-o a.h5", "the input a.h5:/matrix"),
    "another spelling": ([*FIT, "-o", "sub/../a.h5"], "-o sub/../a.h5", "the input a.h5"),
    "symbolic link": ([*FIT, "-o", "symbolic.h5"], "-o symbolic.h5", "the input a.h5"),
    "input through a link": (["fit", "symbolic.h5", "-k", 2, "-o", "a.h5"], "-o a.h5", "the input symbolic.h5"),
    "hard link": ([*FIT, "-o", "hard.h5"], "-o hard.h5", "the input a.h5"),
    "log": ([*FIT, "-o", "new.h5", "--log", "a.h5"], "--log a.h5", "the input a.h5"),
    "log and output": ([*FIT, "-o", "new.h5", "--log", "./new.h5"], "-o new.h5", "--log ./new.h5"),
    "checkpoint": ([*FIT, "-o", "new.h5", "--checkpoint", "./a.h5"], "--checkpoint ./a.h5", "the input a.h5"),
    "checkpoint and output": ([*FIT, "-o", "new.h5", "--checkpoint", "sub/../new.h5"], "-o new.h5",
                              "--checkpoint sub/../new.h5"),
    "validation": ([*RATE, "-o", "new.h5", "--validation", "r.csv", "--log", "r.csv"], "--log r.csv",
                   "--validation r.csv"),
    "start": ([*FIT, "--init", "file:z.h5", "-o", "z.h5"], "-o z.h5", "--init file:z.h5"),
    "selection": ([*FIT, "--row-ids", "ids.txt", "-o", "new.h5", "--log", "ids.txt"], "--log ids.txt",
                  "--row-ids ids.txt"),
    "resumed into itself": (["fit", "a.h5", "--resume", "c.h5", "-o", "c.h5"], "-o c.h5", "--resume c.h5"),
    "resumed over its input": (["fit", "z.h5:/W", "--resume", "c.h5"], "-o z.h5",
                               "the input z.h5:/W"),
    "partial file of an output": (["fit", "x.h5.partial", "-k", 2, "-o", "x.h5"], "-o x.h5", "the input x.h5.partial"),
    "partial file and log": ([*FIT, "-o", "new.h5", "--log", "new.h5.partial"], "-o new.h5", "--log new.h5.partial"),
    "transform": (["transform", "m.h5", "r.h5", "-o", "r.h5"], "-o r.h5", "the input r.h5"),
    "transform the model": (["transform", "m.h5", "r.h5", "-o", "m.h5"], "-o m.h5", "the input m.h5"),
    "predict": (["predict", "m.h5", "pairs.csv", "-o", "pairs.csv"], "-o pairs.csv", "the input pairs.csv"),
    "recommend": (["recommend", "m.h5", "--seen", "r.csv", "-o", "r.csv"], "-o r.csv", "--seen r.csv"),
    "recommend rows": (["recommend", "m.h5", "--rows", "pairs.csv", "-o", "pairs.csv"], "-o pairs.csv",
                       "--rows pairs.csv"),
    "export": (["export", "r.h5", "--to", "csv", "-o", "r.h5"], "-o r.h5", "the input r.h5"),
    "export of both factors": (["export", "m-W.csv", "-o", "m.csv"], "the output m-W.csv", "the input m-W.csv"),
    "export into the model": (["export", "m.h5", "--into", "m.h5"], "--into m.h5", "the input m.h5"),
    "reconstruct": (["reconstruct", "m.h5", "-o", "m.h5"], "-o m.h5", "the input m.h5"),
    "tune": (["tune", "r.h5", "-k", 2, "-o", "r.h5"], "-o r.h5", "the input r.h5"),
    "split": (["split", "r.csv", "--train", "new.csv", "--test", "r.csv"], "--test r.csv", "the input r.csv"),
    "split into one file": (["split", "r.csv", "--train", "new.csv", "--test", "./new.csv"], "--train new.csv",
                            "--test ./new.csv"),
    "evaluate": (["evaluate", "m.h5", "r.csv", "--log", "r.csv"], "--log r.csv", "the input r.csv"),
    "describe": (["describe", "m.h5", "--labels", "labels.csv", "--log", "labels.csv"], "--log labels.csv",
                 "--labels labels.csv"),
    "report": (["report", "m.h5", "-o", "labels.html", "--labels", "labels.html"], "-o labels.html",
               "--labels labels.html"),
    "info": (["info", "m.h5", "--log", "m.h5"], "--log m.h5", "the input m.h5"),
    "plan": (["plan", "a.h5", "-k", 2, "--save", "a.h5"], "--save a.h5", "the input a.h5"),
    "plan a machine": (["plan", "a.h5", "-k", 2, "--machine", "machine.json", "--save", "machine.json"],
                       "--save machine.json", "--machine machine.json"),
    "generate": (["generate", "-o", "new.h5", "--rows", 2, "--cols", 2, "--log", "new.h5"], "-o new.h5",
                 "--log new.h5"),
}


def check_refused(files, name, processes):
    command, *words = REFUSED[name]
    before = contents(files)
    result = run(command, processes=processes, cwd=files, expect=2)
    assert len(result.messages) == 1, str(result)
    assert all(word in result.messages[0] for word in words), str(result)
    assert contents(files) == before


@pytest.mark.parametrize("name", REFUSED)
def test_an_output_that_is_an_input_is_refused(files, name):
    check_refused(files, name, 1)


def test_it_is_refused_by_all_processes_alike(files):
    for name in ("fit", "log", "import", "resumed over its input", "export of both factors"):
        check_refused(files, name, 3)


def test_standard_input_is_an_input_too(files):
    """A shell opens it; the name of the file is not on the command line."""
    before = contents(files)
    result = run(["info", "/dev/stdin", "--log", "r.csv"], cwd=files, expect=2,
                 prefix=["sh", "-c", 'exec "$0" "$@" < r.csv'])
    assert "--log r.csv" in result.messages[0] and contents(files) == before, str(result)


def test_a_file_of_an_input_folder_is_not_replaced(files):
    """The folder is read as a whole; a new file in it takes nothing away."""
    (files / "sub" / "matrix.mtx").write_text("text")
    before = contents(files)
    result = run(["import", "sub", "-o", "sub/matrix.h5", "--log", "sub/matrix.mtx"], cwd=files, expect=2)
    assert "--log sub/matrix.mtx is a file of the input sub" in result.messages[0], str(result)
    assert contents(files) == before


def test_a_word_of_an_option_is_no_file(files):
    """--init random beside an output of that name; `auto` likewise."""
    run([*FIT, "--init", "random", "-o", "random"], cwd=files)
    run([*FIT, "--init", "random", "-o", "random"], cwd=files)
    run([*FIT, "--checkpoint", "new.h5", "--resume", "auto", "-o", "auto"], cwd=files)
    run([*FIT, "--checkpoint", "new.h5", "--resume", "auto", "-o", "auto"], cwd=files)


def test_a_checkpoint_may_be_the_one_it_goes_on_from(files):
    (files / "link.h5").symlink_to("c.h5")
    run(["fit", "a.h5", "--resume", "c.h5", "--checkpoint", "link.h5", "--max-iter", 5, "-o", "new.h5"], cwd=files)
    assert (files / "link.h5").is_symlink()
    with h5py.File(files / "c.h5") as file:
        assert file.attrs["iterations"] == 4


@pytest.mark.parametrize("processes", [1, 3])
def test_a_link_is_followed_and_a_mode_kept(files, processes):
    """The target is replaced in its own folder; a link to nothing makes the file it names."""
    os.chmod(files / "z.h5", 0o640)
    (files / "there.h5").symlink_to("z.h5")
    (files / "new.h5").symlink_to("sub/made.h5")
    (files / "twice.h5").symlink_to("new.h5")
    before = (files / "z.h5").read_bytes()
    run([*FIT, "-o", "there.h5"], processes=processes, cwd=files)
    run([*FIT, "-o", "twice.h5"], processes=processes, cwd=files)
    assert all((files / name).is_symlink() for name in ("there.h5", "new.h5", "twice.h5"))
    assert stat.S_IMODE((files / "z.h5").stat().st_mode) == 0o640 and (files / "z.h5").read_bytes() != before
    with h5py.File(files / "sub" / "made.h5") as made, h5py.File(files / "z.h5") as replaced:
        assert np.array_equal(made["W"][:], replaced["W"][:])
    assert not [path for path in files.rglob("*.partial") if path.name != "x.h5.partial"]


def test_links_in_a_circle_are_an_error(files):
    (files / "one.h5").symlink_to("two.h5")
    (files / "two.h5").symlink_to("one.h5")
    result = run([*FIT, "-o", "one.h5"], cwd=files, expect=1)
    assert len(result.messages) == 1 and "one.h5" in result.messages[0], str(result)


@pytest.mark.parametrize("command", [
    FIT, ["import", "r.csv"], ["generate", "--rows", 2, "--cols", 2], ["transform", "m.h5", "r.h5"],
    ["reconstruct", "m.h5"], ["tune", "r.h5", "-k", 2]], ids=lambda command: command[0])
def test_what_is_written_as_hdf5_has_no_other_formats_name(files, command):
    before = contents(files)
    for name in ("new.csv", "new.h5ad", "new.JSON"):
        result = run([*command, "-o", name], cwd=files, expect=2)
        assert len(result.messages) == 1 and f"-o {name}" in result.messages[0] and ".h5" in result.messages[0]
    assert contents(files) == before


def test_a_checkpoint_has_no_other_formats_name_either(files):
    result = run([*FIT, "-o", "new.h5", "--checkpoint", "c.npz"], cwd=files, expect=2)
    assert "--checkpoint c.npz" in result.messages[0], str(result)
