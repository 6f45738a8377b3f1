"""``MiniBatchNMF``."""

from __future__ import annotations

import ctypes as c
import itertools
import numbers
import warnings
from typing import Any, Iterator

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from . import _abi, _structs
from ._data import Data, Rows, dense_data, matrix_data
from ._library import Library, library_on
from ._nmf import (
    LOSSES,
    FactorizationBase,
    Penalties,
    beta_of,
    check_factor,
    check_numbers,
    check_zeros,
    components_of,
    error_of_factors,
    factorize,
    seed_of,
    start_name,
    warn_of_unused,
)


class _Online:
    """A dnmf_online: H, and the numerators and denominators of its updates."""

    def __init__(self, library: Library, settings: dict[str, Any], h: np.ndarray, sums: tuple | None) -> None:
        self.lib = library
        self._shape = h.shape
        self._dtype = h.dtype
        struct = _abi.initialized(library.functions, "dnmf_online_settings")
        for name, value in settings.items():
            setattr(struct, name, value)
        struct.precision = b"single" if h.dtype == np.float32 else b"double"
        parts = [dense_data(library, part if library.rank == 0 else part[:0]) for part in (h, *(sums or ()))]
        handles = [part.handle for part in parts] + [None, None]
        self.handle = c.c_void_p()
        library.call("online_create", c.byref(struct), *handles[:3], c.byref(self.handle))

    def close(self) -> None:
        """Collective, so that it is not left to the garbage collector."""
        self.lib.functions.dnmf_online_destroy(c.byref(self.handle))

    def __enter__(self) -> _Online:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def feed(self, batch: Data, rows: int, w: np.ndarray | None) -> tuple[np.ndarray, float, float]:
        """Takes a batch into H: its W, its objective, and the change of H."""
        out = np.empty((rows, self._shape[0]))
        start = None if w is None else dense_data(self.lib, w)
        result = _structs.BatchResult()
        self.lib.call(
            "online_feed",
            self.handle,
            batch.handle,
            start.handle if start else None,
            out.ctypes.data,
            c.byref(result),
        )
        return out.astype(self._dtype, copy=False), result.objective, result.change

    def rows(self, batch: Data, rows: int) -> np.ndarray:
        """W of a batch, with H as it is."""
        out = np.empty((rows, self._shape[0]))
        self.lib.call("online_rows", self.handle, batch.handle, out.ctypes.data)
        return out.astype(self._dtype, copy=False)

    def get(self, what: str) -> np.ndarray:
        """ "h", "numerators" or "denominators"."""
        out = np.empty(self._shape)
        self.lib.call("online_get", self.handle, what.encode(), 0, self._shape[1], out.ctypes.data, 0)
        return out.astype(self._dtype, copy=False)


class _Batches:
    """The rows of X again and again: batches of all processes' rows, and what of each is here."""

    def __init__(self, library: Library, x: Any, batch_rows: int) -> None:
        whole = matrix_data(library, x)
        self._library = library
        self._x = Rows(x) if sp.issparse(x) else x
        self.rows = whole.rows()
        self._first, self._count = whole.share()
        self.batch_rows = min(batch_rows, self.rows)

    @property
    def a_pass(self) -> int:
        """Batches of one."""
        return -(-self.rows // self.batch_rows)

    def __iter__(self) -> Iterator[tuple[slice, int, Data]]:
        """The rows of this process that are in the batch, how many all of it has, and its data."""
        for begin in itertools.cycle(range(0, self.rows, self.batch_rows)):
            end = min(begin + self.batch_rows, self.rows)
            here = slice(*(min(max(at - self._first, 0), self._count) for at in (begin, end)))
            if isinstance(self._x, Rows):
                data = self._x.data(self._library, here.start, here.stop)
            else:
                data = dense_data(self._library, self._x[here])
            yield here, end - begin, data


class _Progress:
    """scikit-learn's rules for when mini-batches are enough."""

    def __init__(self, rows: int, tol: float, patience: int | None) -> None:
        self._rows = rows
        self._tol = tol
        self._patience = patience
        self._average: float | None = None  # of the objectives of batches, later ones weighing more
        self._least = np.inf
        self._without = 0

    def is_enough(self, batch_rows: int, objective: float, change: float) -> bool:
        weight = min(batch_rows / (self._rows + 1), 1)
        self._average = objective if self._average is None else self._average * (1 - weight) + objective * weight
        if self._tol > 0 and change <= self._tol and objective > 0:  # rows of zeros change nothing
            return True
        self._without = 0 if self._average < self._least else self._without + 1
        self._least = min(self._least, self._average)
        return self._patience is not None and self._without >= self._patience


class MiniBatchNMF(FactorizationBase):
    """Nonnegative matrix factorization a batch of rows at a time, by the library dnmf.

    The parameters are those of `sklearn.decomposition.MiniBatchNMF`, with ``threads`` besides. For matrices in HDF5
    files that no memory holds there is ``dnmf fit --memory``.

    Parameters
    ----------
    n_components : int or 'auto', optional
        Number of components. Default: the number of features. 'auto' as of `NMF`.
    init : {'random', 'nndsvd', 'nndsvda', 'nndsvdar', 'custom'}, optional
        As of `NMF`.
    batch_size : int, default=1024
        Rows of a batch, of all processes together.
    beta_loss : float or {'frobenius', 'kullback-leibler', 'itakura-saito'}, default='frobenius'
    tol : float, default=1e-4
        The fit ends when a batch changes H by less, relative to its norm; 0: never by this rule.
    max_no_improvement : int or None, default=10
        The fit ends after so many batches without a better smoothed objective.
    max_iter : int, default=200
        Most passes over the rows.
    alpha_W, alpha_H : float, default=0 and 'same'
        Penalties, multiplied by the number of features and the rows of a batch.
    l1_ratio : float, default=0
        The part of the penalties that is L1.
    forget_factor : float, default=0.7
        What the batches of a pass weigh after the next.
    fresh_restarts : bool, default=False
        Rows of W start anew in every batch.
    fresh_restarts_max_iter : int, default=30
        Updates of such rows.
    transform_max_iter : int, optional
        Updates of rows in `transform`. Default: max_iter.
    random_state : int, RandomState or None, default=None
        As of `NMF`.
    verbose : int, default=0
        1: print a line a batch.
    threads : int, optional
        Threads of this process. Default: OMP_NUM_THREADS, or its cores.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        H.
    n_components_ : int
    n_iter_ : int
        Passes begun.
    n_steps_ : int
        Batches.
    reconstruction_err_ : float
        The root of twice the divergence of X from W H; of `fit` only.
    n_features_in_, feature_names_in_
        As of every estimator of scikit-learn.
    """

    _sums: tuple[np.ndarray, np.ndarray] | None  # numerators and denominators of H

    def __init__(
        self,
        n_components: int | str | None = None,
        *,
        init: str | None = None,
        batch_size: int = 1024,
        beta_loss: float | str = "frobenius",
        tol: float = 1e-4,
        max_no_improvement: int | None = 10,
        max_iter: int = 200,
        alpha_W: float = 0.0,
        alpha_H: float | str = "same",
        l1_ratio: float = 0.0,
        forget_factor: float = 0.7,
        fresh_restarts: bool = False,
        fresh_restarts_max_iter: int = 30,
        transform_max_iter: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        threads: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.batch_size = batch_size
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.max_iter = max_iter
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.forget_factor = forget_factor
        self.fresh_restarts = fresh_restarts
        self.fresh_restarts_max_iter = fresh_restarts_max_iter
        self.transform_max_iter = transform_max_iter
        self.random_state = random_state
        self.verbose = verbose
        self.threads = threads

    # --- What is asked for ---

    def _check_parameters(self, n_features: int, W: Any = None, H: Any = None) -> int:
        check_numbers(
            self,
            {
                "tol": (numbers.Real, 0),
                "max_iter": (numbers.Integral, 1),
                "batch_size": (numbers.Integral, 1),
                "forget_factor": (numbers.Real, 0),
                "fresh_restarts_max_iter": (numbers.Integral, 1),
            },
        )
        if self.forget_factor > 1:
            raise ValueError(f"forget_factor has to be at most 1, not {self.forget_factor!r}")
        beta_of(self.beta_loss)
        return components_of(self, n_features, W, H)

    def _online(
        self, library: Library, h: np.ndarray, *, keep: float = 1.0, updates: int, sums: tuple | None = None
    ) -> _Online:
        penalties = Penalties.of(self)
        beta = beta_of(self.beta_loss)
        settings = {
            "loss": LOSSES.get(beta, repr(beta)).encode(),
            "l1_w": penalties.alpha_W * penalties.l1_ratio,
            "l1_h": penalties.alpha_H * penalties.l1_ratio,
            "l2_w": penalties.alpha_W * (1 - penalties.l1_ratio),
            "l2_h": penalties.alpha_H * (1 - penalties.l1_ratio),
            "keep": keep,
            "updates": updates,
            "tol": self.tol,
        }
        library.call("library_set_threads", self.threads or library.default_threads)
        return _Online(library, settings, h, sums)

    def _start(self, library: Library, X: Any, k: int, W: Any, H: Any) -> tuple[np.ndarray, np.ndarray]:
        """The first factors: those given, or what a fit would begin with."""
        shape = X.shape if library.size == 1 else (max(X.shape[0], k), X.shape[1])
        init = start_name(self.init, k, shape)
        warn_of_unused(init, W, H)
        if init == "custom":
            w = check_factor(W, (X.shape[0], k), X.dtype, "W").copy()
            return w, check_factor(H, (k, X.shape[1]), X.dtype, "H")
        seed = seed_of(self.random_state, library)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # nndsvd's zeros, of which mu has been told in the docs
            start = factorize(library, X, {"components": k, "init": init, "seed": seed, "max_iter": 0, "solver": "mu"})
        return start.w, start.h

    # --- Fits ---

    def fit(self, X: Any, y: Any = None, **params: Any) -> MiniBatchNMF:
        """Factorizes X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            With `comm` the rows of this process.
        y : ignored
        **params : dict
            W, H and comm of `fit_transform`.
        """
        self.fit_transform(X, **params)
        return self

    def fit_transform(self, X: Any, y: Any = None, W: Any = None, H: Any = None, comm: Any = None) -> np.ndarray:
        """Factorizes X and returns W.

        Parameters
        ----------
        X, y, W, H, comm
            As of `NMF.fit_transform`.

        Returns
        -------
        W : ndarray of shape (n_samples, n_components)
        """
        X = self._check_x(X, reset=True)
        k = self._check_parameters(X.shape[1], W, H)
        check_zeros(X, beta_of(self.beta_loss))
        library = library_on(comm)
        w, h = self._start(library, X, k, W, H)
        batches = _Batches(library, X, self.batch_size)
        self._keep = self.forget_factor ** (batches.batch_rows / batches.rows)
        with self._online(library, h, keep=self._keep, updates=self.fresh_restarts_max_iter) as online:
            steps = self._pass_by(batches, online, w)
            h = online.get("h")
            self._sums = (online.get("numerators"), online.get("denominators"))
        if self.fresh_restarts:
            w = self._rows(library, X, h)
        self.components_ = h
        self.n_components_ = k
        self.n_steps_ = steps
        self.n_iter_ = -(-steps // batches.a_pass)
        self.reconstruction_err_ = error_of_factors(library, X, self.beta_loss, w, h, self.threads)
        if self.n_iter_ == self.max_iter and self.tol > 0:
            warnings.warn(
                f"Maximum number of iterations {self.max_iter} reached. Increase it to improve convergence.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return w

    def _pass_by(self, batches: _Batches, online: _Online, w: np.ndarray) -> int:
        """Batch after batch, until it is enough; how many there were."""
        progress = _Progress(batches.rows, self.tol, self.max_no_improvement)
        limit = self.max_iter * batches.a_pass
        for step, (here, rows, data) in enumerate(batches, start=1):
            start = None if self.fresh_restarts else w[here]
            w[here], objective, change = online.feed(data, here.stop - here.start, start)
            if self.verbose and online.lib.rank == 0:
                print(f"batch {step} of at most {limit}: mean objective {objective / rows:.6g}", flush=True)
            if step == limit or (step > 1 and progress.is_enough(rows, objective / rows, change)):
                break
        return step

    def partial_fit(self, X: Any, y: Any = None, W: Any = None, H: Any = None, comm: Any = None) -> MiniBatchNMF:
        """Takes a batch of rows that are then gone.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            With `comm` the rows of this process.
        y : ignored
        W, H : array-like, optional
            The start of the first batch, with ``init='custom'``.
        comm : mpi4py.MPI.Comm or 'world', optional
            As of `fit`.
        """
        is_first = not hasattr(self, "components_")
        X = self._check_x(X, reset=is_first)
        k = self._check_parameters(X.shape[1], W, H) if is_first else len(self.components_)
        check_zeros(X, beta_of(self.beta_loss))
        library = library_on(comm)
        if is_first:
            h = self._start(library, X, k, W, H)[1]
            # Of batches to come nothing is known but that they are as this one.
            rows = matrix_data(library, X).rows()
            self._keep = self.forget_factor ** (min(self.batch_size, rows) / rows)
            self._sums = None
            self.n_steps_ = 0
        else:
            h = self.components_
        data = matrix_data(library, X)
        with self._online(library, h, keep=self._keep, updates=self.fresh_restarts_max_iter, sums=self._sums) as online:
            online.feed(data, X.shape[0], None)
            self.components_ = online.get("h")
            self._sums = (online.get("numerators"), online.get("denominators"))
        self.n_components_ = k
        self.n_steps_ += 1
        return self

    def transform(self, X: Any, comm: Any = None) -> np.ndarray:
        """W of new rows, with H as it is.

        Parameters
        ----------
        X, comm
            As of `NMF.transform`.

        Returns
        -------
        W : ndarray of shape (n_samples, n_components)
        """
        check_is_fitted(self)
        X = self._check_x(X, reset=False)
        return self._rows(library_on(comm), X, self.components_.astype(X.dtype, copy=False))

    def _rows(self, library: Library, X: Any, h: np.ndarray) -> np.ndarray:
        updates = self.max_iter if self.transform_max_iter is None else self.transform_max_iter
        data = matrix_data(library, X)
        with self._online(library, h, updates=updates) as online:
            return online.rows(data, X.shape[0])
