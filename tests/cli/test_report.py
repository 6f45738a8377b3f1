"""What a fit tells: the JSON object, traffic, the log, progress, and silence."""
import datetime
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time

import pytest

from program import INPUTS, PROGRAM, environment, grid_name, run

TABLE = INPUTS / "ratings-5x4.csv"


def is_text(value):
    return isinstance(value, str) and value != ""


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_real(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


FIELDS = {"command": is_text, "version": is_text, "input": is_text, "rows": is_count, "cols": is_count,
          "stored": is_count, "components": is_count, "missing": is_text, "loss": is_text, "solver": is_text,
          "init": is_text, "seed": is_count, "iterations": is_count, "converged": lambda value: isinstance(value, bool),
          "stop_reason": is_text, "objective": is_real, "relative_error": is_real, "rmse": is_real,
          "validation_rmse": lambda value: value is None or is_real(value), "processes": is_count, "grid": is_text,
          "threads": is_count, "precision": is_text, "seconds": lambda value: isinstance(value, dict),
          "iteration_seconds": lambda value: isinstance(value, dict), "traffic": lambda value: isinstance(value, dict)}


@pytest.fixture(scope="module")
def report(folder):
    return run(["fit", TABLE, "-o", folder / "model.h5", "-k", 2, "--json"], processes=2)


def test_standard_output_is_one_json_object(report):
    assert isinstance(json.loads(report.stdout), dict)
    assert "fitting k = 2" in report.stderr


@pytest.mark.parametrize("name", FIELDS)
def test_json_field(report, name):
    assert FIELDS[name](report.json[name]), report.json[name]


def test_json_values(report):
    found = report.json
    expected = {"command": "fit", "input": str(TABLE), "rows": 5, "cols": 4, "stored": 20, "components": 2,
                "missing": "zero", "loss": "frobenius", "solver": "ahals", "init": "random", "seed": 0, "processes": 2,
                "threads": 1, "precision": "double", "validation_rmse": None, "converged": True}
    assert {name: found[name] for name in expected} == expected
    assert found["grid"] in ("1x2", "2x1")
    assert found["rmse"] ** 2 * 20 / 2 == pytest.approx(found["objective"])
    assert 0 < found["relative_error"] < 1


def test_json_seconds_add_up(report):
    seconds, iteration = report.json["seconds"], report.json["iteration_seconds"]
    assert set(seconds) == {"read", "init", "iterate", "write", "total"}
    assert set(iteration) == {"product", "gram", "update", "exchange", "read", "other"}
    assert all(value >= 0 for value in [*seconds.values(), *iteration.values()])
    assert sum(seconds.values()) - seconds["total"] <= seconds["total"] * 1.05 + 1e-3
    assert 0 < seconds["total"] < 60


def test_infinite_or_absent_numbers_are_null(folder):
    """Observed entries have no objective before the first iteration."""
    found = run(["fit", INPUTS / "ratings-triples.csv", "-o", folder / "start.h5", "-k", 2, "--max-iter", 0,
                 "--json"]).json
    assert found["iterations"] == 0 and found["validation_rmse"] is None


def words(grid, rows, cols, components):
    """The formula of the MPI-FAUN scheme, all processes and one iteration, for even shares."""
    down, across = grid
    processes = down * across
    return processes * 2 * ((down - 1) * cols * components / processes + (across - 1) * rows * components / processes +
                            2 * components ** 2 * (1 - 1 / processes))


@pytest.mark.parametrize("rows, cols", [(37, 23), (6, 50)])
@pytest.mark.parametrize("grid", [(1, 1), (2, 1), (1, 2), (1, 3), (2, 2), (4, 1), (2, 3), (3, 2), (1, 6)], ids=grid_name)
def test_words_sent_equal_the_formula(tmp_path, rows, cols, grid):
    components, iterations = 3, 4
    run(["generate", "-o", tmp_path / "a.h5", "--rows", rows, "--cols", cols])
    found = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", components, "--grid", grid_name(grid), "--tol",
                 0, "--max-iter", iterations, "--solver", "hals", "--json"], processes=grid[0] * grid[1]).json
    traffic = found["traffic"]
    assert found["iterations"] == iterations and found["grid"] == grid_name(grid)
    sent = traffic["gather_words"] + traffic["scatter_words"] + traffic["gram_words"]
    assert sent == pytest.approx(iterations * words(grid, rows, cols, components), rel=1e-12)
    assert traffic["words"] == pytest.approx(sent + traffic["control_words"], rel=1e-12)
    assert traffic["control_words"] <= iterations * 2 * 2 * 8 * grid[0] * grid[1]
    assert (traffic["messages"] > 0) == (grid != (1, 1))


@pytest.mark.parametrize("rows, cols, processes", [(900, 10, 4), (10, 900, 4), (300, 300, 4), (500, 100, 6)])
def test_automatic_grid_sends_the_fewest_words_of_a_sparse_matrix(tmp_path, rows, cols, processes):
    """All grids share its work evenly, so words decide."""
    run(["generate", "-o", tmp_path / "a.h5", "--rows", rows, "--cols", cols, "--sparse", "--density", 0.1])
    found = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 2, "--max-iter", 1, "--json"],
                processes=processes).json
    grids = [(down, processes // down) for down in range(1, processes + 1) if processes % down == 0]
    chosen = tuple(map(int, found["grid"].split("x")))
    assert words(chosen, rows, cols, 2) == min(words(grid, rows, cols, 2) for grid in grids)


@pytest.mark.parametrize("rows, cols", [(900, 10), (10, 900), (300, 300)])
def test_automatic_grid_of_a_dense_matrix_is_the_planned_one(tmp_path, rows, cols, processes=4):
    run(["generate", "-o", tmp_path / "a.h5", "--rows", rows, "--cols", cols])
    chosen = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 2, "--max-iter", 1, "--json"],
                 processes=processes).json["grid"]
    assert chosen == run(["plan", tmp_path / "a.h5", "-k", 2, "-n", processes, "--json"]).json["plans"][0]["grid"]


@pytest.mark.parametrize("processes", [1, 3])
def test_log_has_a_line_a_step(tmp_path, processes):
    before = time.time()
    found = run(["fit", TABLE, "-o", tmp_path / "m.h5", "-k", 2, "--solver", "hals", "--log", tmp_path / "log.jsonl", "--json"],
                processes=processes).json
    steps = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [step["iteration"] for step in steps] == list(range(found["iterations"] + 1))
    for field in ("time", "processes", "objective", "relative_error", "violation", "validation_rmse", "seconds",
                  "iteration_seconds"):
        assert all(field in step for step in steps)
    assert steps[-1]["objective"] == pytest.approx(found["objective"], rel=1e-12)
    assert all(a["objective"] >= b["objective"] for a, b in zip(steps, steps[1:]))
    assert all(step["processes"] == processes for step in steps)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", step["time"]) for step in steps)
    assert all(a["time"] <= b["time"] for a, b in zip(steps, steps[1:]))
    latest = datetime.datetime.strptime(steps[-1]["time"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
    assert before - 1 <= latest <= time.time()


def fit_with(folder, *options, processes=1):
    return run(["fit", TABLE, "-o", folder / "m.h5", "-k", 2, *options], processes=processes)


@pytest.mark.parametrize("processes", [1, 3])
def test_a_batch_file_gets_a_line_now_and_then(folder, processes):
    result = fit_with(folder, "--tol", 0, "--max-iter", 100, processes=processes)
    assert "\r" not in result.stderr and "\033" not in result.stderr
    shown = [line for line in result.stderr.splitlines() if line.startswith("iteration ")]
    assert [line.split()[1] for line in shown] == [f"{n}/100" for n in (1, 2, 5, 10, 20, 50, 100)]
    for word in ("objective", "rel. error", "s/iter", "left"):
        assert word in shown[0]


def test_live_progress_rewrites_its_line(folder):
    result = fit_with(folder, "--progress", "always", "--tol", 0, "--max-iter", 100)
    assert "\r" in result.stderr and "iteration 100/100" in result.stderr
    assert "\r" not in result.stdout


def test_progress_never_leaves_only_the_summary(folder):
    result = fit_with(folder, "--progress", "never")
    assert result.stderr == "" and "objective" in result.stdout


def test_summary_tells_time_traffic_and_model(folder):
    text = fit_with(folder, "--verbose", processes=2).stdout
    for word in ("unstored entries are zeros", "converged after", "objective", "relative error", "RMSE", "read",
                 "product", "exchange", "words", "messages", "memory", "m.h5"):
        assert word in text


@pytest.mark.parametrize("options", [[], ["--missing", "unobserved"], ["--missing", "weak", "--missing-weight", 0.5]])
def test_summary_begins_with_what_a_person_asks(folder, options):
    """What was fitted, how good it is, where the model is, what to do next; how it was done with --verbose only."""
    short, long = (fit_with(folder, *options, *more).stdout.splitlines() for more in ([], ["-v"]))
    begin = [line.startswith("fitted") for line in short].index(True)
    told = [line.split()[0] for line in short[begin:] if line.split()[0] != "for"]
    assert told == ["fitted", "error", "objective", "model", "next"]
    assert "5 x 4, with 2 components: " in short[begin] and "dnmf " in short[-1] and "m.h5" in short[-1]
    assert {line.split()[0] for line in long} - {line.split()[0] for line in short} >= {"time", "iterating", "dnmf"}
    assert "MB of memory" in long[-1]


def on_a_terminal(columns, *arguments):
    """What a terminal of that many columns is sent."""
    main, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdin=end, stdout=end, stderr=end,
                               env=environment())
    os.close(end)
    sent = b""
    try:
        while piece := os.read(main, 65536):
            sent += piece
    except OSError:  # how Linux says that nobody has the other end any more
        pass
    os.close(main)
    assert process.wait(timeout=60) == 0, sent
    return sent.decode()


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_live_line_and_summary_fit_the_terminal(folder, columns):
    """A live line that reached the last column would begin a new one each time."""
    for options in (["--tol", 0], ["--validation", 0.5, "--missing", "unobserved", "--patience", 3000, "-v"]):
        sent = on_a_terminal(columns, "fit", TABLE, "-o", folder / "m.h5", "-k", 2, "--max-iter", 3000, *options)
        *live, after = re.findall(r"\r\x1b\[K([^\r\n]*)", sent)  # what follows takes the line's place
        assert after.startswith("fitted") and live and all(line.startswith("iteration ") for line in live)
        assert max(map(len, live)) < columns
        assert ("objective" in live[-1] and "s/iter" in live[-1] and "left" in live[-1]) == (columns == 200)
        assert "rel. error" in live[-1] or "validation" in live[-1]
        summary = re.sub(r"\r\x1b\[K(iteration [^\r\n]*)?", "", sent).split("\r\n")
        assert max(len(line) for line in summary if "/" not in line) <= columns  # a path may be longer
    assert len(on_a_terminal(columns, "help", "fit").splitlines()) > 100


def test_quiet_says_nothing(folder):
    result = fit_with(folder, "--quiet", processes=2)
    assert result.stdout == "" and result.stderr == ""


def test_quiet_with_json_gives_the_object_only(folder):
    result = fit_with(folder, "--quiet", "--json")
    assert result.json["command"] == "fit" and result.stderr == ""


def test_quiet_keeps_warnings(tmp_path):
    (tmp_path / "a.csv").write_text(",x,y,z\nr1,1,0,2\nr2,0,0,0\n")
    result = run(["fit", tmp_path / "a.csv", "-o", tmp_path / "m.h5", "-k", 1, "--quiet"])
    assert "warning: 1 of 2 rows have no nonzero entry" in result.stderr
    assert "warning: 1 of 3 columns have no nonzero entry" in result.stderr


def test_time_limit_stops_the_loop(folder):
    found = fit_with(folder, "--time-limit", 0.05, "--tol", 0, "--max-iter", 1000000000, "--json").json
    assert found["stop_reason"] == "time-limit" and not found["converged"]
    assert found["iterations"] > 0


@pytest.mark.parametrize("command", ["import", "generate", "fit", "transform", "recommend", "export", "tune"])
def test_the_last_line_names_what_was_written(folder, tmp_path, command):
    """So a script, and a person looking at a batch file's end, see that it was."""
    run(["fit", TABLE, "-o", folder / "m.h5", "-k", 2, "--quiet"])
    written = tmp_path / ("out.csv" if command == "recommend" else "out.npy" if command == "export" else "out.h5")
    arguments = {"import": [TABLE], "generate": ["--rows", 5, "--cols", 4], "fit": [TABLE, "-k", 2],
                 "transform": [folder / "m.h5", TABLE], "recommend": [folder / "m.h5", "--seen", TABLE],
                 "export": [TABLE], "tune": [TABLE, "-k", 2, "--folds", 2, "--missing", "unobserved"]}[command]
    result = run([command, *arguments, "-o", written])
    assert str(written) in result.stdout.splitlines()[-1], str(result)


def threads_with(folder, monkeypatch, *options, **variables):
    """The threads a fit takes on one process with a choice of environment variables, and its warnings."""
    for name in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    result = run(["fit", TABLE, "-o", folder / "m.h5", "-k", 2, "--json", *options], threads=None)
    return result.json["threads"], [line for line in result.stderr.splitlines() if line.startswith("warning: Slurm")]


def test_threads_follow_slurm_unless_given(folder, monkeypatch):
    cores = len(os.sched_getaffinity(0))
    assert threads_with(folder, monkeypatch) == (cores, [])
    assert threads_with(folder, monkeypatch, SLURM_CPUS_PER_TASK=1) == (1, [])
    assert threads_with(folder, monkeypatch, "--threads", 3, SLURM_CPUS_PER_TASK=1) == (3, [])
    assert threads_with(folder, monkeypatch, SLURM_CPUS_PER_TASK=1, OMP_NUM_THREADS=3) == (3, [])


def test_more_threads_than_cores_are_told(folder):
    cores = len(os.sched_getaffinity(0))
    for threads, told in ((cores, False), (cores + 1, True)):
        result = run(["fit", TABLE, "-o", folder / "m.h5", "-k", 2, "--threads", threads])
        assert (f"{cores + 1} threads a process, which has {cores} core" in result.stderr) == told, str(result)


def bound(folder, *options, processes=1, binding="core"):
    """What a fit says whose processes mpirun binds."""
    (folder / "m.h5").unlink(missing_ok=True)
    command = ["mpirun", "-n", processes, "--oversubscribe", "--bind-to", binding, PROGRAM, "fit", TABLE, "-o",
               folder / "m.h5", "-k", 2, "--verbose", *options]
    variables = {name: value for name, value in environment(None).items() if not name.startswith("OMPI_MCA_hwloc")}
    result = subprocess.run([str(word) for word in command], env=variables, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


@pytest.mark.skipif("Open MPI" not in subprocess.run(["mpirun", "--version"], capture_output=True, text=True).stdout
                    or len(os.sched_getaffinity(0)) < 2, reason="needs Open MPI's mpirun and two cores")
def test_binding_that_leaves_threads_one_core_is_told(folder):
    """With what mends it; and where each process runs, in one line."""
    told = bound(folder, "--threads", 2)
    assert "2 threads a process, which has 1 core to itself" in told and "mpirun --bind-to none" in told
    assert re.search(r"1 process of 2 threads on 1 host; process 0 on \S+, core \d+\b", told)
    told = bound(folder, "--threads", 1, processes=2)
    assert "warning" not in told
    cores = re.findall(r"process \d on \S+, core (\d+)", told)
    assert len(cores) == 2 and cores[0] != cores[1]
    told = bound(folder, "--threads", 2, binding="none")
    assert "warning" not in told and re.search(r"1 process of 2 threads on 1 host; process 0 on \S+, cores ", told)


def test_cores_lost_to_binding_are_told(folder, monkeypatch):
    cores = len(os.sched_getaffinity(0))
    threads, warnings = threads_with(folder, monkeypatch, SLURM_CPUS_PER_TASK=cores + 2)
    assert threads == cores and len(warnings) == 1
    for words in (f"granted {cores + 2} cores", f"left it {cores}", f"--cpus-per-task={cores + 2}"):
        assert words in warnings[0]
    assert threads_with(folder, monkeypatch, "--threads", 1, SLURM_CPUS_PER_TASK=cores + 2) == (1, [])


@pytest.mark.parametrize("command", ["import", "generate", "info", "export"])
def test_other_commands_answer_in_json(tmp_path, command):
    arguments = {"import": [TABLE, "-o", tmp_path / "a.h5"], "generate": ["-o", tmp_path / "a.h5", "--rows", 5, "--cols", 4],
                 "info": [TABLE], "export": [TABLE, "-o", tmp_path / "a.npy"]}[command]
    result = run([command, *arguments, "--json"], processes=2)
    assert result.json["command"] == command and is_text(result.json["version"])
