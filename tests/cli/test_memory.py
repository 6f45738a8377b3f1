"""What no memory holds is refused before any of it is taken, with what is needed, what there is, and what to do."""
import pathlib
import subprocess

import numpy as np
import pytest

from program import run


def available():
    """Bytes, as the kernel says."""
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    pytest.skip("this kernel does not tell how much memory is available")


def assert_refused(result, *words):
    assert len(result.messages) == 1, str(result)
    assert "not enough memory" in result.messages[0]
    for word in ("on this machine", "of the machine's memory", "control group", *words):
        assert word in result.messages[0]


@pytest.fixture
def small_machine(tmp_path):
    """A command to run the program under, on a machine that has 50 MB left."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 60000 kB\nMemAvailable: 50000 kB\n")
    prefix = ["unshare", "-m", "sh", "-c", f'mount --bind "{meminfo}" /proc/meminfo && exec "$@"', "sh"]
    try:
        permitted = subprocess.run([*prefix, "grep", "-q", "50000", "/proc/meminfo"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("no unshare command")
    if permitted.returncode != 0:
        pytest.skip(f"mounting in a namespace is not permitted: {permitted.stderr.decode().strip()}")
    return prefix


def test_a_generated_matrix(tmp_path):
    refused = run(["generate", "-o", tmp_path / "a.h5", "--rows", 3_000_000, "--cols", 10_000_000], expect=1)
    assert_refused(refused, "240.0 TB", "use more machines")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("processes", [1, 3])
def test_a_matrix_market_file_that_declares_too_many_rows(tmp_path, processes):
    """Each costs memory, though it is empty."""
    rows = int(1.2 * available() / 40)
    (tmp_path / "a.mtx").write_text(f"%%MatrixMarket matrix coordinate real general\n{rows} 3 1\n1 1 2.5\n")
    refused = run(["import", tmp_path / "a.mtx", "-o", tmp_path / "a.h5"], processes=processes, expect=1)
    assert_refused(refused, str(tmp_path / "a.mtx"), f"{processes} process")
    assert not (tmp_path / "a.h5").exists()


@pytest.mark.parametrize("command", ["fit", "transform", "import"])
def test_a_matrix_that_is_larger_than_the_machine(tmp_path, small_machine, command):
    """80 MB; with --memory the fit goes through it in batches."""
    np.save(tmp_path / "a.npy", np.random.default_rng(1).random((10000, 1000)))
    run(["import", tmp_path / "a.npy", "-o", tmp_path / "a.h5"])
    run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 2, "--max-iter", 1])
    arguments = {"fit": ["-k", 2], "transform": [], "import": []}[command]
    inputs = [tmp_path / "m.h5"] if command == "transform" else []
    refused = run([command, *inputs, tmp_path / "a.npy", "-o", tmp_path / "out.h5", *arguments], processes=2, expect=1,
                  prefix=small_machine)
    assert_refused(refused, "(2 processes)", "51 MB", "--memory SIZE" if command == "fit" else "use more machines")
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize("missing", ["zero", "unobserved"])
def test_the_plan_of_a_fit_counts_more_than_the_block(tmp_path, small_machine, missing):
    """40 MB of entries, which a fit holds twice: by rows and by columns."""
    run(["generate", "-o", tmp_path / "a.h5", "--rows", 40000, "--cols", 3000, "--sparse", "--nnz", 3_000_000])
    arguments = ["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 8, "--missing", missing, "--max-iter", 1]
    run(arguments)
    assert_refused(run(arguments, expect=1, prefix=small_machine), "--precision single")


@pytest.mark.parametrize("processes, options", [(3, ["--groups", 3]), (1, ["--perturb", 0.05])])
def test_a_search_counts_every_copy(tmp_path, small_machine, processes, options):
    """30 MB, of which groups on one machine hold one each, and a perturbed restart a second one."""
    np.save(tmp_path / "a.npy", np.random.default_rng(1).random((3750, 1000)))
    arguments = ["tune", tmp_path / "a.npy", "-k", "1:3", "--restarts", 2, "--holdout", 0, "--max-iter", 1]
    run([*arguments, "--groups", 1], prefix=small_machine)
    assert_refused(run([*arguments, *options], processes, expect=1, prefix=small_machine), "fewer --groups")


def test_what_fits_is_done(tmp_path, small_machine):
    np.save(tmp_path / "a.npy", np.random.default_rng(1).random((2000, 1000)))
    run(["fit", tmp_path / "a.npy", "-o", tmp_path / "m.h5", "-k", 2, "--max-iter", 1], processes=2,
        prefix=small_machine)


def test_kullback_leibler_takes_the_update_that_fits(tmp_path, small_machine):
    """26 MB, of which newton holds two copies on two processes: the default is then mu, with one line that says so."""
    np.save(tmp_path / "a.npy", np.random.default_rng(2).random((2200, 1500)))
    command = ["fit", tmp_path / "a.npy", "-o", tmp_path / "m.h5", "-k", 2, "--loss", "kullback-leibler", "--max-iter",
               2, "--json"]
    small = run(command, processes=2, prefix=small_machine)
    warnings = [line for line in small.stderr.splitlines() if "warning" in line]
    assert len(warnings) == 1 and "the fit is by mu" in warnings[0]
    named = run([*command, "--solver", "mu"], processes=2)
    assert small.json["solver"] == "mu" and small.json["objective"] == named.json["objective"]
    refused = run([*command, "--solver", "newton"], processes=2, expect=1, prefix=small_machine)
    assert_refused(refused, "(2 processes)", "51 MB")
    assert run(command, processes=2).json["solver"] == "newton"
