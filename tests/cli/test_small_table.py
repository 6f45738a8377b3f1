"""The 5 x 4 table of ratings reaches its best factorization from any seed, with every solver."""
import pytest

from program import INPUTS, run

BEST_MEAN_SQUARED_ERROR = 0.914435


@pytest.mark.parametrize("solver", ["hals", "mu", "bpp"])
@pytest.mark.parametrize("seed", range(20))
def test_best_mean_squared_error(tmp_path, solver, seed):
    report = run(["fit", INPUTS / "ratings-5x4.csv", "-o", tmp_path / "model.h5", "-k", 2, "--missing", "zero",
                  "--solver", solver, "--seed", seed, "--max-iter", 20000, "--tol", 1e-9, "--json", "--quiet"]).json
    assert report["rmse"] ** 2 == pytest.approx(BEST_MEAN_SQUARED_ERROR, abs=5e-7)


@pytest.mark.parametrize("processes", [2, 3, 6])
def test_on_several_processes(tmp_path, processes):
    report = run(["fit", INPUTS / "ratings-5x4.csv", "-o", tmp_path / "model.h5", "-k", 2, "--tol", 1e-9, "--max-iter",
                  20000, "--json"], processes=processes).json
    assert report["rmse"] ** 2 == pytest.approx(BEST_MEAN_SQUARED_ERROR, abs=5e-7)
