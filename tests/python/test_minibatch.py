"""MiniBatchNMF beside scikit-learn's."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.decomposition import MiniBatchNMF as Sklearn
from sklearn.utils.estimator_checks import check_estimator

import dnmf

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def x():
    return np.random.RandomState(2).rand(37, 12) + 0.1


@pytest.fixture
def start():
    random = np.random.RandomState(0)
    return random.rand(37, 4) + 0.1, random.rand(4, 12) + 0.1


def test_check_estimator_passes():
    # As scikit-learn's tests of its own MiniBatchNMF set it.
    check_estimator(dnmf.MiniBatchNMF(max_iter=20, fresh_restarts=True))


@pytest.mark.parametrize("beta", [2, 1, 0, 0.5, 3])
@pytest.mark.parametrize(
    "settings", [{}, {"fresh_restarts": True}, {"alpha_W": 0.01, "alpha_H": 0.02, "l1_ratio": 0.3}]
)
def test_batches_are_scikit_learns_from_the_same_start(x, start, beta, settings):
    w, h = start
    both = {
        "n_components": 4,
        "init": "custom",
        "beta_loss": beta,
        "batch_size": 10,
        "max_iter": 4,
        "tol": 0,
        "max_no_improvement": None,
        "forget_factor": 0.6,
    } | settings
    ours, theirs = dnmf.MiniBatchNMF(**both), Sklearn(**both)
    expected = theirs.fit_transform(x, W=w.copy(), H=h.copy())
    for form in (x, sp.csc_matrix(x)):
        np.testing.assert_allclose(ours.fit_transform(form, W=w, H=h), expected, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(ours.components_, theirs.components_, rtol=1e-6, atol=1e-12)
        assert (ours.n_steps_, ours.n_iter_) == (theirs.n_steps_, theirs.n_iter_) == (16, 4)
    assert ours.reconstruction_err_ == pytest.approx(theirs.reconstruction_err_, rel=1e-6)
    np.testing.assert_allclose(ours.transform(x[:5]), theirs.transform(x[:5]), rtol=1e-5, atol=1e-9)


def test_batches_one_by_one_are_scikit_learns(x, start):
    w, h = start
    ours = dnmf.MiniBatchNMF(4, init="custom", beta_loss=1, batch_size=10)
    theirs = Sklearn(4, init="custom", beta_loss=1, batch_size=10)
    for begin in range(0, 30, 10):
        part = slice(begin, begin + 10)
        ours.partial_fit(x[part], W=w[part], H=h)
        theirs.partial_fit(x[part], W=w[part], H=h.copy())
        ours = pickle.loads(pickle.dumps(ours))
        np.testing.assert_allclose(ours.components_, theirs.components_, rtol=1e-6, atol=1e-12)
    assert ours.n_steps_ == theirs.n_steps_ == 3
    np.testing.assert_allclose(ours.transform(x), theirs.transform(x), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    "rule",
    [
        {"tol": 0.02, "max_no_improvement": None},
        {"tol": 0, "max_no_improvement": 3},
        {"tol": 0, "max_no_improvement": None, "max_iter": 3},
    ],
)
def test_fits_end_where_scikit_learns_do(x, start, rule):
    w, h = start
    both = {"n_components": 4, "init": "custom", "batch_size": 6, "fresh_restarts": True} | rule
    theirs = Sklearn(**both).fit(x, W=w.copy(), H=h.copy())
    ours = dnmf.MiniBatchNMF(**both).fit(x, W=w, H=h)
    assert (ours.n_steps_, ours.n_iter_) == (theirs.n_steps_, theirs.n_iter_)
    assert ours.n_steps_ < 7 * 200


def test_wrong_parameters_are_refused(x):
    for wrong in ({"forget_factor": 1.5}, {"batch_size": 0}, {"beta_loss": "other"}, {"init": "other"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            dnmf.MiniBatchNMF(3, **wrong).fit(x)
    with pytest.raises(ValueError, match="11"):
        dnmf.MiniBatchNMF(3, random_state=0).fit(x).partial_fit(x[:, :11])
