"""The scaling scripts, small: measured runs on every grid, and, where SimGrid is installed, a simulation."""
import csv
import json
import os
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest

from program import GRIDS, MPICH, MPIRUN, PROGRAM, ROOT, environment, grid_name, run

SCRIPTS = ROOT / "scripts" / "scaling"


def script(name, *options):
    paths = {"PYTHONPATH": str(ROOT / "scripts" / "bench")}
    return subprocess.run([sys.executable, "-B", SCRIPTS / name, *map(str, options)], env=environment() | paths,
                          capture_output=True, text=True, timeout=300)


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_measured_runs_agree_and_send_what_the_formula_says(tmp_path):
    done = script("measure.py", "--processes", "1,4", "--grids", "all", "--scale", 0.01, "--repeats", 1, "-k", 3,
                  "--iterations", 3, "--studies", "strong", "--dnmf", PROGRAM, "--output", tmp_path,
                  *(["--launcher", shlex.join(MPIRUN)] if MPICH else []))
    assert done.returncode == 0, done.stderr
    rows = table(tmp_path / "scaling.csv")
    assert {row["grid"] for row in rows} == {grid_name(grid) for grid in GRIDS if grid[0] * grid[1] in (1, 4)}
    for row in rows:
        assert float(row["words"]) == pytest.approx(float(row["formula_words"]), rel=1e-12)
        assert float(row["objective"]) == pytest.approx(float(rows[0]["objective"]), rel=1e-9)
        assert float(row["seconds"]) > 0 and float(row["planned"]) > 0
    assert {row["run"] for row in table(tmp_path / "errors.csv")} == {"1 process", "4 processes"}
    assert (tmp_path / "strong.png").stat().st_size > 0
    assert "not speed" in done.stdout


def test_every_panel_has_a_title_and_labelled_ticks(tmp_path, monkeypatch):
    """Whatever the range of a logarithmic axis is."""
    monkeypatch.syspath_prepend(SCRIPTS)
    monkeypatch.syspath_prepend(ROOT / "scripts" / "bench")
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import pictures
    monkeypatch.setattr(plt, "close", lambda figure: None)
    for growth in (1.01, 3, 1e6):
        rows = [{"study": "strong", "source": "measured", "processes": p, "grid": f"{p}x1", "seconds": 1 / growth ** i,
                 "planned": 1, "efficiency": 1, "words": 5 * growth ** i, "formula_words": 5 * growth ** i,
                 "oversubscribed": p > 2, **{part: 0.2 / growth ** i for part in pictures.PARTS}}
                for i, p in enumerate((1, 2, 4))]
        pictures.draw(rows, "strong", "title", tmp_path / "strong.png", {"run": [(0.1, 1), (0.2, 1 / growth)]})
        panels = plt.gcf().axes
        assert len(panels) == 6 and all(panel.get_title() for panel in panels)
        for panel in panels:
            for axis in (panel.xaxis, panel.yaxis):
                low, high = axis.get_view_interval()
                labels = [label.get_text() for tick, label in zip(axis.get_ticklocs(), axis.get_ticklabels())
                          if low <= tick <= high]
                assert len(labels) >= 3 and all(labels), (growth, panel.get_title())
        plt.clf()


@pytest.fixture(scope="module")
def simulation(folder):
    """The simulation built, or DNMF_SIMULATE; SimGrid is no package the tests install."""
    if os.environ.get("DNMF_SIMULATE"):
        return os.environ["DNMF_SIMULATE"]
    if not shutil.which("smpicc") or not shutil.which("smpirun"):
        pytest.skip("no smpicc: SimGrid (libsimgrid-dev) is not installed")
    settings = {name: value for name, value in os.environ.items() if name != "CMAKE_C_COMPILER_LAUNCHER"}
    for command in (["cmake", "-S", SCRIPTS / "simulation", "-B", folder / "build"],
                    ["cmake", "--build", folder / "build", "--parallel", "2"]):
        done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build" / "simulate"


@pytest.fixture(scope="module")
def simulate(folder, simulation):
    """A function: what a simulation of so many processes, one a host, prints."""
    sys.path[:0] = [str(SCRIPTS), str(ROOT / "scripts" / "bench")]
    try:
        from simulate import PLATFORM, SETTINGS
    finally:
        del sys.path[:2]
    (folder / "platform.xml").write_text(PLATFORM.format(last=15, cores=1, link=1e9, latency=1e-6, inside=1e9,
                                                         inside_latency=1e-7, leaf=4))
    (folder / "hosts").write_text("".join(f"n{host}\n" for host in range(16)))

    def simulate(processes, *job):
        command = ["smpirun", "-np", str(processes), "-no-privatize", "-platform", folder / "platform.xml",
                   "-hostfile", folder / "hosts", "--log=root.thres:error", *(f"--cfg={one}" for one in SETTINGS),
                   simulation, *map(str, job)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return simulate


@pytest.mark.parametrize("grid", [(1, 1), (2, 1), (3, 1), (2, 2), (6, 1), (2, 3), (1, 4)], ids=grid_name)
def test_a_simulated_fit_sends_what_the_program_counts(tmp_path, simulate, grid):
    """In its own account, and in what passes through the simulated network."""
    rows, cols, k, processes = 61, 47, 3, grid[0] * grid[1]
    np.save(tmp_path / "a.npy", np.random.default_rng(1).random((rows, cols)))
    real = run(["fit", tmp_path / "a.npy", "-o", tmp_path / "m.h5", "-k", k, "--solver", "hals", "--grid",
                grid_name(grid), "--tol", 0, "--max-iter", 2, "--json"], processes).json
    one, three = (simulate(processes, "zeros", rows, cols, k, *grid, n, 1e9, 1e9, 1e9, 1e9) for n in (1, 3))
    assert three["words"] == pytest.approx(real["traffic"]["words"] / 2, rel=1e-12)
    assert three["messages"] == real["traffic"]["messages"] / 2
    assert three["sent_words"] - one["sent_words"] == pytest.approx(2 * three["words"], rel=1e-12)


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 6])
def test_a_simulated_fit_of_ratings_fetches_the_rows_that_the_program_does(tmp_path, simulate, processes):
    """Rows and columns with entries by power laws; some rows have none."""
    rows, cols, k = 90, 40, 3
    rng = np.random.default_rng(2)
    places = np.unique(rng.choice(rows, 500, p=(w := rng.pareto(1.1, rows) + 1) / w.sum()) * cols +
                       rng.choice(cols, 500, p=(w := np.arange(1.0, cols + 1) ** -0.9) / w.sum()))
    of_rows, of_cols = places // cols, places % cols
    with open(tmp_path / "sample.bin", "wb") as file:
        np.array([rows, cols, len(places)], np.int64).tofile(file)
        for count, mine, other in (rows, of_rows, of_cols), (cols, of_cols, of_rows):
            np.searchsorted(np.sort(mine), np.arange(count + 1)).astype(np.int64).tofile(file)
            other[np.argsort(mine, kind="stable")].astype(np.int32).tofile(file)
    (tmp_path / "a.mtx").write_text(f"%%MatrixMarket matrix coordinate real general\n{rows} {cols} {len(places)}\n" +
                                    "".join(f"{r + 1} {c + 1} {1 + (r + c) % 5}\n" for r, c in zip(of_rows, of_cols)))
    real = run(["fit", tmp_path / "a.mtx", "-o", tmp_path / "m.h5", "-k", k, "--missing", "unobserved", "--tol", 0,
                "--max-iter", 2, "--json"], processes).json["traffic"]
    told = simulate(processes, "ratings", tmp_path / "sample.bin", k, 2, 1e9)
    assert (real["gather_words"] > 0) == (processes > 1)
    for counted in ("gather_words", "words", "messages"):
        assert told[counted] == pytest.approx(real[counted] / 2, rel=1e-12)


def test_simulated_processes_send_what_the_formula_says(tmp_path, simulation):
    """Exchange near the plan's, and products exactly: their rates are given."""
    (tmp_path / "core.json").write_text(
        '{"flops": 1e9, "measured": {"components": 4, "precision": "double", "threads": 1, "rates": '
        '{"dense": 1e9, "dense_transposed": 2e9, "gram": 1e9, "hals": 1e9, "observed": 1e9}}}')
    done = script("simulate.py", "--processes", "16", "--side", 4000, "-k", 4, "--studies", "strong,ratings", "--ratings",
                  "900x400:20000", "--rating-components", 4, "--machine",
                  tmp_path / "core.json", "--nodes", 4, "--cores", 4, "--dnmf", PROGRAM, "--simulate", simulation,
                  "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    row, ratings = table(tmp_path / "simulated.csv")
    assert float(row["words"]) == pytest.approx(float(row["formula_words"]), rel=1e-12)
    assert float(row["product"]) == pytest.approx(2 * 1000 * 1000 * 4 * (1e-9 + 0.5e-9), rel=1e-4)
    assert 0.2 < float(row["exchange"]) / float(row["planned_exchange"]) < 5
    assert 0 < float(ratings["words"]) <= float(ratings["formula_words"])
    assert 0 < float(ratings["update"]) < float(ratings["seconds"])
