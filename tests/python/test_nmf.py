"""NMF beside the program, numpy and scikit-learn."""

import json
import os
import pickle
import signal
import warnings

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from conftest import MPIRUN, PROGRAM, run
from sklearn.base import clone
from sklearn.decomposition import NMF as Sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

import dnmf

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def program_fit(x, folder, *options):
    """What `dnmf fit` makes of an array: W, H and its JSON object."""
    np.save(folder / "x.npy", x)
    told = run(PROGRAM, "fit", folder / "x.npy", "-o", folder / "model.h5", "--json", "--quiet", *options)
    with h5py.File(folder / "model.h5") as file:
        return file["W"][:], file["H"][:], json.loads(told)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("missing", ["zero", "unobserved"])
def test_check_estimator_passes(missing):
    # As many iterations as scikit-learn's tests of its own NMF set.
    check_estimator(dnmf.NMF(max_iter=500, missing=missing))


@pytest.mark.parametrize("solver", ["hals", "mu", "bpp"])
def test_the_program_makes_the_same_factors_of_the_same_seed(planted, tmp_path, solver):
    w, h, told = program_fit(planted, tmp_path, "-k", 3, "--seed", 11, "--solver", solver, "--max-iter", 40)
    model = dnmf.NMF(3, init="random", solver=solver, random_state=11, max_iter=40)
    found = model.fit_transform(planted)
    assert np.array_equal(found, w)
    assert np.array_equal(model.components_, h)
    assert model.n_iter_ == told["iterations"]
    assert model.objective_ == pytest.approx(told["objective"], rel=1e-13)
    assert model.reconstruction_err_ == pytest.approx(np.linalg.norm(planted - w @ h), rel=1e-9)


@pytest.mark.parametrize("layout", ["C", "F", "part", "single", "integers", "csr", "csc"])
def test_every_layout_is_the_same_matrix(layout):
    x = np.random.RandomState(0).randint(0, 5, (30, 20)).astype(float)
    as_given = {
        "C": x,
        "F": np.asfortranarray(x),
        "part": np.tile(x, 2)[:, :20],
        "single": x.astype(np.float32),
        "integers": x.astype(np.int16),
        "csr": sp.csr_matrix(x),
        "csc": sp.csc_matrix(x),
    }[layout]
    expected = dnmf.NMF(4, random_state=1, init="random", max_iter=15).fit_transform(x)
    found = dnmf.NMF(4, random_state=1, init="random", max_iter=15).fit_transform(as_given)
    assert found.dtype == (np.float32 if layout == "single" else np.float64)
    np.testing.assert_allclose(found, expected, rtol=2e-3 if layout == "single" else 1e-8, atol=1e-5)


@pytest.mark.parametrize("penalties", [{}, {"alpha_W": 0.02, "alpha_H": 0.05, "l1_ratio": 0.4}])
def test_iterates_are_scikit_learns_from_the_same_start(planted, penalties):
    random = np.random.RandomState(0)
    w, h = random.rand(40, 3), random.rand(3, 25)
    ours = dnmf.NMF(3, init="custom", max_iter=30, tol=0, **penalties)
    theirs = Sklearn(3, init="custom", max_iter=30, tol=0, **penalties)
    np.testing.assert_allclose(
        ours.fit_transform(planted, W=w.copy(), H=h.copy()),
        theirs.fit_transform(planted, W=w.copy(), H=h.copy()),
        rtol=1e-8,
        atol=1e-12,
    )
    assert ours.reconstruction_err_ == pytest.approx(theirs.reconstruction_err_, rel=1e-9)
    assert len(ours.history_) == ours.n_iter_ + 1


def test_transform_is_the_exact_minimizer(planted):
    model = dnmf.NMF(3, random_state=0, max_iter=30).fit(planted[:30])
    new = planted[30:]
    w = model.transform(new)
    gradient = (w @ model.components_ - new) @ model.components_.T
    assert np.all(w >= 0) and np.all(gradient > -1e-8)
    assert np.abs(w * gradient).max() < 1e-8
    np.testing.assert_allclose(model.transform(sp.csc_matrix(new)), w, rtol=1e-8)


def test_cells_that_are_nan_are_unknown(planted):
    holes = np.random.RandomState(1).rand(*planted.shape) < 0.2
    x = np.where(holes, np.nan, planted)
    model = dnmf.NMF(4, missing="unobserved", init="random", random_state=0, max_iter=1500, tol=1e-6)
    w = model.fit_transform(x)
    assert np.abs(w @ model.components_ - planted)[holes].mean() < 0.1 * planted.mean()
    with pytest.raises(ValueError, match="NaN"):
        dnmf.NMF(2).fit(x)
    with pytest.raises(ValueError, match="Recommender"):
        dnmf.NMF(2, missing="unobserved").fit(sp.csr_matrix(planted))


def test_restarts_keep_the_best_seed(planted):
    errors = [dnmf.NMF(4, init="random", random_state=seed).fit(planted).objective_ for seed in range(5, 9)]
    best = dnmf.NMF(4, init="random", random_state=5, restarts=4).fit(planted)
    assert best.objective_ == pytest.approx(min(errors), rel=1e-12)


def test_a_pipeline_of_pandas_has_names(planted):
    table = pd.DataFrame(planted, columns=[f"gene{j}" for j in range(25)], index=[f"cell{i}" for i in range(40)])
    pipeline = make_pipeline(MinMaxScaler(), dnmf.NMF(3, random_state=0)).set_output(transform="pandas")
    w = pipeline.fit_transform(table)
    assert list(w.columns) == ["nmf0", "nmf1", "nmf2"] and list(w.index) == list(table.index)
    model = dnmf.NMF(3, random_state=0).fit(table)
    assert list(model.feature_names_in_) == list(table.columns)
    with pytest.raises(ValueError, match="feature names"):
        model.transform(table.rename(columns={"gene0": "other"}))


def test_models_are_pickled_cloned_and_searched(planted):
    model = dnmf.NMF(3, random_state=0).fit(planted)
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copy.transform(planted), model.transform(planted))
    assert clone(model).get_params() == model.get_params()
    search = GridSearchCV(
        dnmf.NMF(random_state=0),
        {"n_components": [1, 4]},
        cv=2,
        scoring=lambda fitted, x: -np.linalg.norm(x - fitted.transform(x) @ fitted.components_),
    )
    assert search.fit(planted).best_params_ == {"n_components": 4}


def test_running_out_of_iterations_is_a_convergence_warning(planted):
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 2 reached"):
        dnmf.NMF(3, max_iter=2).fit(planted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dnmf.NMF(3, max_iter=2, tol=0).fit(planted)


def test_the_librarys_warnings_and_errors_are_pythons(planted):
    planted[:, 3] = 0
    with pytest.warns(UserWarning, match="1 of 25 columns have no nonzero entry"):
        dnmf.NMF(2).fit(planted)
    with pytest.raises(dnmf.UsageError, match="larger than both dimensions"):
        dnmf.NMF(41).fit(planted)
    with pytest.raises(dnmf.FileError, match="nowhere"):
        dnmf.NMF(2, options={"output": "/nowhere/model.h5"}).fit(planted)
    with pytest.raises(ValueError, match="no setting 'iterations'"):
        dnmf.NMF(2, options={"iterations": 3}).fit(planted)
    with pytest.raises(ValueError, match="'max_iter' is set by a parameter of its own"):
        dnmf.NMF(2, options={"max_iter": 3}).fit(planted)
    with pytest.raises(ValueError, match="shuffle"):
        dnmf.NMF(2, shuffle=True).fit(planted)


def test_a_callback_sees_every_iteration_and_ends_the_fit(planted, capsys):
    seen = []
    model = dnmf.NMF(3, tol=0, verbose=1, callback=lambda told: seen.append(told) or told.iteration == 7).fit(planted)
    assert [told.iteration for told in seen] == [*range(8)] and model.stop_reason_ == "signal"
    assert model.n_iter_ == 8 and seen[7].objective == model.history_[7]
    assert capsys.readouterr().out.splitlines()[-1].startswith("iteration 7: objective ")

    def fails(told):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        dnmf.NMF(3, callback=fails).fit(planted)


def test_ctrl_c_ends_the_fit_with_a_keyboard_interrupt(planted):
    def press(told):
        if told.iteration == 3:
            os.kill(os.getpid(), signal.SIGINT)
        assert told.iteration < 50

    with pytest.raises(KeyboardInterrupt):
        dnmf.NMF(3, tol=0, max_iter=100000, callback=press).fit(planted)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_of_mpi_can_be_started_afterwards(planted, tmp_path):
    dnmf.NMF(2).fit(planted)
    np.save(tmp_path / "x.npy", planted)
    assert "40 rows x" in run(*MPIRUN, "-n", 2, PROGRAM, "info", tmp_path / "x.npy")
