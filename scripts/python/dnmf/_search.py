"""``NMFSearch``: how many components a matrix has."""

from __future__ import annotations

import ctypes as c
import numbers
from typing import Any, Iterable

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from . import _abi, _model, _structs
from ._data import matrix_data
from ._library import Library, library_on
from ._nmf import _OWN, NMF, FactorizationBase, beta_of, check_numbers, check_zeros, seed_of


class NMFSearch(FactorizationBase):
    """Fits X with several numbers of components and takes one, as ``dnmf tune`` does.

    Each number is fitted from several seeds, whose components are clustered, and with some cells held out. The number
    that is taken is the smallest whose error on the held-out cells is within a standard error of the least, and whose
    components are stable.

    Parameters
    ----------
    estimator : NMF, optional
        How X is fitted; its `n_components` and `restarts` are not looked at. Default: ``NMF()``, from random starts.
    n_components : iterable of int, default=range(2, 11)
        Numbers to try.
    restarts : int, default=10
        Fits of each, from the seed of the estimator on.
    perturb : str, default='none'
        What each is fitted to: 'none', X itself; '0.03', each value times a number in 1 -+ that; 'poisson'.
    cluster : {'w', 'h'}, default='w'
        The factor whose components are compared.
    holdout : float, default=0.05
        Share of all cells, zeros too, that a fit holds out; 0: none are.
    folds : int, optional
        Such shares, each held out once; 5 where cells are held out, but no more than there are shares.
    criterion : {'both', 'heldout', 'stability'}, optional
        What decides: whatever there is of both.

    Attributes
    ----------
    n_components_ : int
        The number taken, and
    reason_ : str
        why.
    components_ : ndarray of shape (n_components_, n_features)
        Of the consensus of the fits with so many components; `fit_transform` returns its W.
    results_ : dict of ndarrays
        A value for each number, in the order given: 'n_components', 'relative_error' (the least of the restarts),
        'median_error', 'objective', 'heldout' and its standard error 'heldout_spread', 'silhouette_min',
        'silhouette_mean', 'cophenetic', 'outliers', 'seconds'. What is not defined is NaN.
    best_estimator_ : NMF
        The estimator with these components, for `transform`.
    n_features_in_, feature_names_in_
        As of scikit-learn.

    Examples
    --------
    >>> search = dnmf.NMFSearch(dnmf.NMF(beta_loss="kullback-leibler", solver="newton"), n_components=range(2, 9))
    >>> W = search.fit_transform(counts)  # doctest: +SKIP
    """

    def __init__(
        self,
        estimator: NMF | None = None,
        n_components: Iterable[int] = range(2, 11),
        *,
        restarts: int = 10,
        perturb: str = "none",
        cluster: str = "w",
        holdout: float = 0.05,
        folds: int | None = None,
        criterion: str | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_components = n_components
        self.restarts = restarts
        self.perturb = perturb
        self.cluster = cluster
        self.holdout = holdout
        self.folds = folds
        self.criterion = criterion

    @property
    def missing(self) -> str:
        """Of the estimator: whether NaN may be in X."""
        return getattr(self.estimator, "missing", "zero")

    def fit(self, X: Any, y: Any = None, **params: Any) -> NMFSearch:
        """Searches; see `fit_transform`."""
        self.fit_transform(X, **params)
        return self

    def fit_transform(self, X: Any, y: Any = None, comm: Any = None) -> np.ndarray:
        """Searches, and returns W of the consensus.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            With `comm` the rows of this process.
        y : ignored
        comm : mpi4py.MPI.Comm or 'world', optional
            As of `NMF.fit_transform`.

        Returns
        -------
        W : ndarray of shape (n_samples, n_components_)
        """
        X = self._check_x(X, reset=True)
        estimator = NMF() if self.estimator is None else clone(self.estimator)
        library = library_on(comm)
        settings = self._settings(estimator, X, library)
        search, candidates, numbers_kept = self._search(library)
        data = matrix_data(library, X)
        first, count = data.share()
        struct, kept = _model.fit_settings(library, settings)
        handle, found = c.c_void_p(), _structs.SearchSuggestion()
        arguments = (data.handle, c.byref(struct), c.byref(search), candidates, c.byref(found), c.byref(handle))
        library.fit(arguments, threads=estimator.threads, on_iteration=None, function="model_search")
        del kept, numbers_kept
        model = _model.Model(library, handle)
        fields = [name for name in _abi.fields_of(_structs.SearchCandidate) if name not in ("components", "restarts")]
        self.results_ = {"n_components": np.array([each.components for each in candidates])}
        self.results_.update({name: np.array([getattr(each, name) for each in candidates]) for name in fields})
        self.reason_ = found.reason.decode()
        self.components_ = model.h().astype(X.dtype, copy=False)
        self.n_components_ = len(self.components_)
        self.best_estimator_ = estimator.set_params(n_components=self.n_components_)
        for name in ("components_", "n_components_", "n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                setattr(self.best_estimator_, name, getattr(self, name))
        return model.w(first, count).astype(X.dtype, copy=False)

    def transform(self, X: Any, comm: Any = None) -> np.ndarray:
        """W of new rows: `best_estimator_.transform`."""
        check_is_fitted(self)
        return self.best_estimator_.transform(X, comm=comm)

    def _settings(self, estimator: NMF, X: Any, library: Library) -> dict[str, Any]:
        if not isinstance(estimator, NMF):
            raise ValueError(f"estimator has to be a dnmf.NMF, not {estimator!r}")
        if estimator.init not in (None, "random"):
            raise ValueError(f"init={estimator.init!r}: a search fits from random starts; give 'random' or None")
        estimator._check_parameters(X.shape[1])
        check_zeros(X, beta_of(estimator.beta_loss))
        return {
            **estimator._settings(1),
            "components": None,
            "sweeps": estimator.sweeps,
            "stop": estimator.stop,
            "seed": seed_of(estimator.random_state, library),
            "precision": "single" if X.dtype == np.float32 else "double",
            **estimator._missing(X, library),
            **_model.check_options(estimator.options, _OWN),
        }

    def _search(self, library: Library) -> tuple[c.Structure, c.Array, c.Array]:
        """The settings of the search, and places for what is found; the last is pointed to."""
        check_numbers(self, {"restarts": (numbers.Integral, 1), "holdout": (numbers.Real, 0)})
        if self.folds is not None:
            check_numbers(self, {"folds": (numbers.Integral, 1)})
        tried = [self.n_components] if isinstance(self.n_components, numbers.Integral) else list(self.n_components)
        if not tried or not all(isinstance(k, numbers.Integral) and k > 0 for k in tried):
            raise ValueError(f"n_components has to be whole numbers of at least 1, not {self.n_components!r}")
        search = _abi.initialized(library.functions, "dnmf_search_settings")
        chosen = (_structs.Int * len(tried))(*tried)
        search.count, search.components = len(tried), c.addressof(chosen)
        search.restarts, search.holdout = self.restarts, self.holdout
        if self.folds is not None:
            search.folds = self.folds
        elif 0 < self.holdout < 1:
            search.folds = min(5, int(1 / self.holdout))
        for name in ("perturb", "cluster", "criterion"):
            if getattr(self, name) is not None:
                setattr(search, name, str(getattr(self, name)).encode())
        return search, (_structs.SearchCandidate * len(tried))(), chosen
