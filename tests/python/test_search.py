"""NMFSearch beside the program."""

import json
import pickle

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from conftest import PROGRAM, run
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

import dnmf

KL = dnmf.NMF(beta_loss="kullback-leibler", solver="newton", random_state=7)


@pytest.fixture(scope="module")
def counts():
    """Four components."""
    random = np.random.RandomState(2)
    w = random.gamma(0.3, size=(60, 4))
    h = random.gamma(0.3, size=(4, 40))
    return random.poisson(20 * w @ h).astype(float)


@pytest.mark.parametrize("sparse", [False, True])
def test_it_finds_what_the_program_finds(counts, tmp_path, sparse):
    np.save(tmp_path / "x.npy", counts)
    told = json.loads(run(PROGRAM, "tune", tmp_path / "x.npy", "-k", "3,4,5", "--loss", "kl", "--solver", "newton", "--seed",
                          7, "--restarts", 3, "--folds", 2, "--json", "--quiet", "-o", tmp_path / "m.h5"))
    search = dnmf.NMFSearch(KL, [3, 4, 5], restarts=3, folds=2)
    w = search.fit_transform(sp.csc_matrix(counts) if sparse else counts)
    assert search.n_components_ == 4 == told["suggestion"]["k"]
    assert list(search.results_["n_components"]) == [3, 4, 5]
    for name in ("relative_error", "objective", "heldout", "silhouette_min", "cophenetic", "outliers"):
        expected = [each[name] for each in told["candidates"]]
        np.testing.assert_allclose(search.results_[name], expected, rtol=1e-10)
    with h5py.File(tmp_path / "m.h5") as file:
        np.testing.assert_allclose(w, file["W"][:], rtol=1e-10)
        np.testing.assert_allclose(search.components_, file["H"][:], rtol=1e-10)
    assert "held-out" in search.reason_


def test_it_stands_in_a_pipeline_and_knows_names(counts):
    frame = pd.DataFrame(counts, columns=[f"g{i}" for i in range(counts.shape[1])])
    search = dnmf.NMFSearch(dnmf.NMF(random_state=1), range(3, 6), restarts=2, folds=1, holdout=0.1)
    pipeline = make_pipeline(MaxAbsScaler(), clone(search)).set_output(transform="pandas")
    scores = pipeline.fit_transform(frame)
    inner = pipeline[-1]
    assert list(scores.columns) == [f"nmfsearch{i}" for i in range(inner.n_components_)]
    assert list(pickle.loads(pickle.dumps(inner)).feature_names_in_) == list(pipeline[0].get_feature_names_out())
    again = pipeline.transform(frame.iloc[:5])
    estimator = inner.best_estimator_
    np.testing.assert_array_equal(again, estimator.transform(pipeline[0].transform(frame.iloc[:5])))
    assert search.get_params()["estimator__random_state"] == 1 and not hasattr(search, "components_")


def test_cells_without_a_value_take_no_part(counts):
    x = counts.copy()
    x[::7, ::5] = np.nan
    search = dnmf.NMFSearch(dnmf.NMF(missing="unobserved", random_state=0), [2, 3], restarts=2, folds=1)
    assert np.isfinite(search.fit(x).results_["heldout"]).all()
    assert search.transform(x[:4]).shape == (4, search.n_components_)


@pytest.mark.parametrize("how, why", [({"n_components": []}, "n_components"), ({"n_components": [2, 2]}, "twice"),
                                      ({"estimator": dnmf.NMF(init="nndsvd")}, "random starts"),
                                      ({"estimator": dnmf.MiniBatchNMF()}, "dnmf.NMF"), ({"criterion": "x"}, "criterion"),
                                      ({"holdout": 0.0, "restarts": 1, "n_components": [2, 3]}, "--holdout")])
def test_what_cannot_be_is_refused(counts, how, why):
    with pytest.raises(ValueError, match=why):
        dnmf.NMFSearch(**how).fit(counts)


def test_it_says_when_it_is_not_fitted(counts):
    with pytest.raises(NotFittedError):
        dnmf.NMFSearch().transform(counts)


@pytest.mark.parametrize("how", [{"holdout": 0}, {"restarts": 1}, {"holdout": 0.3}])
def test_it_decides_by_what_there_is(counts, how):
    search = dnmf.NMFSearch(KL, [3, 4], **{"restarts": 3, **how}).fit(counts)
    assert search.n_components_ in (3, 4)
    assert np.isnan(search.results_["heldout"]).all() == (how.get("holdout") == 0)
    assert np.isnan(search.results_["silhouette_min"]).all() == (how.get("restarts") == 1)
