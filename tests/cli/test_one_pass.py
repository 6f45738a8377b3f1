"""Fits that read a dense matrix once an iteration give the iterates of those that read it twice."""
import numpy as np
import pytest

from fits import Problem, peer
from program import PROCESSES, run

ROWS, COLS = 700, 4100  # several tiles of 128 rows of 32 kB, the last one short


@pytest.fixture(scope="module", params=["double", "single"])
def problem(folder, request):
    matrix = np.random.default_rng(8).random((ROWS, COLS))
    home = folder / request.param
    home.mkdir()
    return Problem(home, matrix, components=7, options=["--precision", request.param])


def tolerance(problem):
    return {"double": 1e-12, "single": 1e-3}[problem.options[-1]]


@pytest.mark.parametrize("solver, options", [("hals", []), ("ahals", []), ("mu", []), ("hals", ["--l1-w", 2, "--l2-h", 3]),
                                             ("hals", ["--sweeps", 3])])
def test_one_reading_gives_the_iterates_of_two(problem, solver, options):
    once = problem.fit("--solver", solver, "--max-iter", 5, *options, grid=(2, 1))
    twice = problem.fit("--solver", solver, "--max-iter", 5, *options, grid=(1, 2))
    assert (once[2]["passes"], twice[2]["passes"]) == (1, 2)
    for ours, theirs in zip(once[:2], twice[:2]):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance(problem), atol=tolerance(problem))
    for name in ("objective", "relative_error", "rmse"):
        assert once[2][name] == pytest.approx(twice[2][name], rel=tolerance(problem))


@pytest.mark.parametrize("processes", PROCESSES)
def test_iterates_are_scikit_learns(problem, processes):
    iterations = 4
    w, h, report = problem.fit("--solver", "hals", "--max-iter", iterations, grid=(processes, 1))
    start = [factor.astype(float) for factor in problem.start]
    expected_w, expected_h, estimator = peer(problem.matrix, start, "hals", iterations)
    near = {"rtol": 100 * tolerance(problem), "atol": 100 * tolerance(problem)}
    assert report["passes"] == 1
    np.testing.assert_allclose(w, expected_w, **near)
    np.testing.assert_allclose(h, expected_h, **near)
    assert report["relative_error"] == pytest.approx(estimator.reconstruction_err_ / np.linalg.norm(problem.matrix),
                                                     rel=near["rtol"])


def test_threads_do_not_change_a_bit(problem):
    one, three = (problem.fit("--max-iter", 3, "--threads", threads) for threads in (1, 3))
    assert one[2]["passes"] == three[2]["passes"] == 1
    for ours, theirs in zip(one[:2], three[:2]):
        np.testing.assert_array_equal(ours, theirs)
    assert one[2]["objective"] == three[2]["objective"]


@pytest.mark.parametrize("options, passes", [([], 1), (["--solver", "bpp"], 2), (["--loss", "kullback-leibler"], 2)])
def test_what_is_read_once_is_told(tmp_path, options, passes):
    """bpp inverts the Gram matrix for all rows together, other losses need W H: two readings. The log line says when it is one."""
    run(["generate", "-o", tmp_path / "a.h5", "--rows", 30, "--cols", 20])
    done = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 3, "--max-iter", 2, "--json", "--verbose",
                *options])
    assert done.json["passes"] == passes
    assert ("A is read once an iteration" in done.stderr) == (passes == 1)


def test_more_sweeps_lower_the_error_faster(problem):
    one, three = (problem.fit("--max-iter", 6, "--sweeps", sweeps)[2]["relative_error"] for sweeps in (1, 3))
    assert three < one


def test_a_long_job_measures_its_machine_and_tells_what_it_predicted(tmp_path):
    run(["generate", "-o", tmp_path / "a.h5", "--rows", 300, "--cols", 200])
    fit = ["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 4, "--tol", 1e-2, "--json", "-v"]
    long = run([*fit, "--max-iter", 10**9], processes=2)
    assert long.json["predicted_iteration_seconds"] > 0 and "predicted" in long.stderr
    for short in (["--max-iter", 3], ["--max-iter", 10**9, "--grid", "2x1"]):
        assert run([*fit, *short], processes=2).json["predicted_iteration_seconds"] is None
