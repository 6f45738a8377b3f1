"""The scaling scripts, small: measured runs on every grid, and, where SimGrid is installed, a simulation."""
import csv
import os
import shlex
import shutil
import subprocess
import sys

import pytest

from program import GRIDS, MPICH, MPIRUN, PROGRAM, ROOT, environment, grid_name

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
    """The simulation built; SimGrid is no package the tests install."""
    if not shutil.which("smpicc") or not shutil.which("smpirun"):
        pytest.skip("no smpicc: SimGrid (libsimgrid-dev) is not installed")
    settings = {name: value for name, value in os.environ.items() if name != "CMAKE_C_COMPILER_LAUNCHER"}
    for command in (["cmake", "-S", SCRIPTS / "simulation", "-B", folder / "build"],
                    ["cmake", "--build", folder / "build", "--parallel", "2"]):
        done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build" / "simulate"


def test_simulated_processes_send_what_the_formula_says(tmp_path, simulation):
    """Exchange near the plan's, and products exactly: their rates are given."""
    (tmp_path / "core.json").write_text(
        '{"flops": 1e9, "measured": {"components": 4, "precision": "double", "threads": 1, "rates": '
        '{"dense": 1e9, "dense_transposed": 2e9, "gram": 1e9, "hals": 1e9}}}')
    done = script("simulate.py", "--processes", "16", "--side", 4000, "-k", 4, "--studies", "strong", "--machine",
                  tmp_path / "core.json", "--nodes", 4, "--cores", 4, "--dnmf", PROGRAM, "--simulate", simulation,
                  "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    row, = table(tmp_path / "simulated.csv")
    assert float(row["words"]) == pytest.approx(float(row["formula_words"]), rel=1e-12)
    assert float(row["product"]) == pytest.approx(2 * 1000 * 1000 * 4 * (1e-9 + 0.5e-9), rel=1e-4)
    assert 0.2 < float(row["exchange"]) / float(row["planned_exchange"]) < 5
