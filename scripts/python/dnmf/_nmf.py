"""``NMF`` and ``non_negative_factorization``."""

from __future__ import annotations

import numbers
import warnings
from typing import Any, Callable, Mapping, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, check_non_negative

from . import _model
from ._compat import all_finite, validate_data
from ._data import dense_data, is_anywhere, matrix_data
from ._errors import InputError
from ._library import Iteration, Library, library_on

_BETAS = {"frobenius": 2.0, "kullback-leibler": 1.0, "itakura-saito": 0.0}
LOSSES = {beta: name for name, beta in _BETAS.items()}
_SOLVERS = {"cd": "hals"}
# Settings that are made of parameters.
_OWN = {"components", "seed", "init", "start_w", "start_h", "solver", "loss", "tol", "max_iter", "penalty_scale"} | {
    "l1_w",
    "l1_h",
    "l2",
    "l2_w",
    "l2_h",
    "restarts",
    "sweeps",
    "stop",
    "validation",
    "time_limit",
    "fix",
    "implicit",
}
_STARTS = ("random", "nndsvd", "nndsvda", "nndsvdar")

# --- From scikit-learn's parameters to the library's settings --------------------------------------------------


def beta_of(beta_loss: float | str) -> float:
    """The number of a beta-divergence."""
    if isinstance(beta_loss, str):
        if beta_loss not in _BETAS:
            raise ValueError(f"Invalid beta_loss parameter: {beta_loss!r}; give {', '.join(_BETAS)} or a number")
        return _BETAS[beta_loss]
    return float(beta_loss)


def seed_of(random_state: Any, library: Library) -> int:
    """A whole number is the seed itself, as of ``dnmf fit --seed``; of a generator it is drawn."""
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    if library.size > 1:
        raise ValueError("random_state has to be a whole number, the same on every process of the communicator")
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def components_of(estimator: Any, n_features: int, w: Any, h: Any) -> int:
    """The number of components; by default that of features, "auto" first that of the factors that are given."""
    k = estimator.n_components
    if isinstance(k, str) and k == "auto" and estimator.init == "custom":
        k = np.shape(w)[1] if w is not None else None if h is None else np.shape(h)[0]
    if k is None or (isinstance(k, str) and k == "auto"):
        k = n_features
    if isinstance(k, bool) or not isinstance(k, numbers.Integral) or k < 1:
        raise ValueError(f"n_components has to be a whole number of at least 1, 'auto' or None, not {k!r}")
    return int(k)


def warn_of_unused(init: str, w: Any, h: Any) -> None:
    """As scikit-learn does."""
    if init != "custom" and (w is not None or h is not None):
        warnings.warn("When init!='custom', provided W or H are ignored", RuntimeWarning, stacklevel=3)


def check_numbers(estimator: Any, names: Mapping[str, tuple]) -> None:
    """Parameters that have to be numbers in a range: name -> (type, least)."""
    for name, (kind, least) in names.items():
        value = getattr(estimator, name)
        if isinstance(value, bool) or not isinstance(value, kind) or not value >= least:
            what = "a whole number" if kind is numbers.Integral else "a number"
            raise ValueError(f"{name} has to be {what} of at least {least}, not {value!r}")


class Penalties(NamedTuple):
    """Of W and H, to be multiplied by the columns and rows of X."""

    alpha_W: float
    alpha_H: float
    l1_ratio: float

    @classmethod
    def of(cls, estimator: Any) -> Penalties:
        alpha_w, alpha_h, l1_ratio = estimator.alpha_W, estimator.alpha_H, estimator.l1_ratio
        alpha_h = alpha_w if isinstance(alpha_h, str) and alpha_h == "same" else alpha_h
        for name, value in (("alpha_W", alpha_w), ("alpha_H", alpha_h), ("l1_ratio", l1_ratio)):
            if isinstance(value, (bool, str)) or not isinstance(value, numbers.Real) or value < 0:
                raise ValueError(f"{name} has to be a number of at least 0, not {value!r}")
        if l1_ratio > 1:
            raise ValueError(f"l1_ratio has to be at most 1, not {l1_ratio!r}")
        return cls(float(alpha_w), float(alpha_h), float(l1_ratio))

    def settings(self) -> dict[str, Any]:
        if self.alpha_W == 0 and self.alpha_H == 0:
            return {}
        return {
            "penalty_scale": "dimension",
            "l1_w": self.alpha_W * self.l1_ratio,
            "l1_h": self.alpha_H * self.l1_ratio,
            "l2_w": self.alpha_W * (1 - self.l1_ratio),
            "l2_h": self.alpha_H * (1 - self.l1_ratio),
        }

    def of_factors(self, w: np.ndarray, h: np.ndarray) -> float:
        """What they add to the objective."""
        rows, cols = len(w), h.shape[1]
        l1 = self.alpha_W * cols * w.sum() + self.alpha_H * rows * h.sum()
        l2 = self.alpha_W * cols * np.vdot(w, w) + self.alpha_H * rows * np.vdot(h, h)
        return float(self.l1_ratio * l1 + 0.5 * (1 - self.l1_ratio) * l2)


# --- Checks, with scikit-learn's messages ----------------------------------------------------------------------


def check_zeros(x: Any, beta: float) -> None:
    """Zeros have an infinite divergence for a beta of 0 and less."""
    values = x.data if sp.issparse(x) else x
    has_zeros = np.size(values) < np.prod(x.shape) or (np.size(values) and values.min() == 0)
    if beta <= 0 and has_zeros:
        raise ValueError(
            "When beta_loss <= 0 and X contains zeros, the solver may diverge. "
            "Please add small values to X, or use a positive beta_loss."
        )


def check_factor(factor: Any, shape: tuple[int, int], dtype: Any, name: str) -> np.ndarray:
    """A factor that was given."""
    factor = check_array(factor, dtype=[np.float64, np.float32])
    if factor.dtype != dtype:
        raise TypeError(f"{name} should have the same dtype as X. Got {factor.dtype}, and X has {dtype}.")
    for which, found, expected in zip(("first", "second"), factor.shape, shape):
        if found != expected:
            raise ValueError(
                f"Array with wrong {which} dimension passed to NMF (input {name}). "
                f"Expected {expected}, but got {found}."
            )
    check_non_negative(factor, f"NMF (input {name})")
    if factor.max() == 0:
        raise ValueError(f"Array passed to NMF (input {name}) is full of zeros.")
    return factor


def start_name(init: str | None, k: int, shape: tuple[int, int]) -> str:
    """The start: scikit-learn's default is nndsvda where there are as many singular vectors, else random."""
    if init is None:
        return "nndsvda" if k <= min(shape) else "random"
    if init not in _STARTS and init != "custom" and not str(init).startswith("file:"):
        raise ValueError(f"Invalid init parameter: {init!r}; give {', '.join(_STARTS)}, 'custom', 'file:PATH' or None")
    if init.startswith("nndsvd") and k > min(shape):
        raise ValueError(f"init = '{init}' can only be used when n_components <= min(n_samples, n_features)")
    return init


# --- The fit ---------------------------------------------------------------------------------------------------


class Factors(NamedTuple):
    """What a fit comes to; W has the rows of this process."""

    w: np.ndarray
    h: np.ndarray
    result: Any
    history: np.ndarray


def factorize(
    library: Library,
    x: Any,
    settings: Mapping[str, Any],
    *,
    w: np.ndarray | None = None,
    h: np.ndarray | None = None,
    threads: int | None = None,
    on_iteration: Callable[[Iteration], Any] | None = None,
) -> Factors:
    """Fits ``x``, this process's rows, from ``w`` and ``h`` where they are given, in the precision of ``x``."""
    data = matrix_data(library, x)
    first, count = data.share()
    single = x.dtype == np.float32
    chosen = {"precision": "single" if single else "double", **settings}
    if w is not None:
        chosen["start_w"] = dense_data(library, w)
    if h is not None:  # the same on every process, which the first gives
        chosen["start_h"] = dense_data(library, h if library.rank == 0 else h[:0])
    model, result = _model.fit(library, data, chosen, threads=threads, on_iteration=on_iteration)
    dtype = np.float32 if single else np.float64
    return Factors(
        model.w(first, count).astype(dtype, copy=False),
        model.h().astype(dtype, copy=False),
        result,
        model.history("objective"),
    )


def error_of_factors(
    library: Library, x: Any, beta_loss: float | str, w: np.ndarray, h: np.ndarray, threads: int | None
) -> float:
    """The root of twice the loss, as a fit without penalties and iterations tells it; NaN of a factor of zeros."""
    beta = beta_of(beta_loss)
    settings = {"components": len(h), "loss": LOSSES.get(beta, repr(beta)), "solver": "mu", "max_iter": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the matrix, told before
        try:
            told = factorize(library, x, settings, w=w, h=h, threads=threads)
        except InputError:
            return float("nan")
    return float(np.sqrt(2 * max(told.result.objective, 0.0)))


def warn_of_end(result: Any, max_iter: int, tol: float) -> None:
    """As scikit-learn does where the limit ends a fit."""
    if not result.converged and tol > 0 and result.stop_reason == b"max-iter":
        warnings.warn(
            f"Maximum number of iterations {max_iter} reached. Increase it to improve convergence.",
            ConvergenceWarning,
            stacklevel=4,
        )


class FactorizationBase(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """What estimators of ``X = W H`` have in common."""

    components_: np.ndarray

    def inverse_transform(self, W: Any) -> np.ndarray:
        """``W @ components_``.

        Parameters
        ----------
        W : array-like of shape (n_samples, n_components)
            What `transform` returns.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        return np.asarray(W) @ self.components_

    @property
    def _n_features_out(self) -> int:
        return self.components_.shape[0]

    def _more_tags(self) -> dict[str, Any]:
        return {
            "requires_positive_X": True,
            "preserves_dtype": [np.float64, np.float32],
            "allow_nan": getattr(self, "missing", "zero") == "unobserved",
        }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = getattr(self, "missing", "zero") == "zero"
        tags.input_tags.allow_nan = getattr(self, "missing", "zero") == "unobserved"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _check_x(self, X: Any, *, reset: bool) -> Any:
        allows_nan = getattr(self, "missing", "zero") == "unobserved"
        X = validate_data(
            self,
            X,
            accept_sparse=("csr", "csc"),
            dtype=[np.float64, np.float32],
            reset=reset,
            **all_finite("allow-nan" if allows_nan else True),
        )
        if allows_nan and sp.issparse(X):
            raise ValueError(
                "missing='unobserved' does not take sparse X, but dense X with NaN; for ratings, where what is not "
                "stored is unknown, there is dnmf.Recommender"
            )
        if allows_nan:
            if X.size and np.nanmin(X) < 0:
                raise ValueError(f"Negative values in data passed to {type(self).__name__} (input X)")
        else:
            check_non_negative(X, f"{type(self).__name__} (input X)")
        return X


class NMF(FactorizationBase):
    """Nonnegative matrix factorization, ``X = W H``, by the library dnmf.

    The parameters of `sklearn.decomposition.NMF` mean the same here, and are followed by those that only dnmf has.
    The objective is the same, penalties included.

    Parameters
    ----------
    n_components : int or 'auto', optional
        Number of components, at most the larger dimension of X. Default: the number of features. 'auto': that of W or H
        where these are given, else of features.
    init : {'random', 'nndsvd', 'nndsvda', 'nndsvdar', 'custom', 'file:PATH'}, optional
        The start. Default: 'nndsvda' where n_components <= min(n_samples, n_features), else 'random'. 'random' is that
        of ``dnmf fit``, other numbers than scikit-learn's. 'custom': W and H that `fit` is given.
    solver : {'cd', 'hals', 'ahals', 'mu', 'bpp', 'newton'}, default='cd'
        'cd' and 'hals' are the same: coordinate descent; 'ahals' goes further in an iteration. 'bpp' solves every
        half-step exactly. 'newton' is for the Kullback-Leibler divergence.
    beta_loss : float or {'frobenius', 'kullback-leibler', 'itakura-saito'}, default='frobenius'
        Others than 'frobenius' need the solver 'mu' or, for 'kullback-leibler', 'newton'.
    tol : float, default=1e-4
        Of the stopping rule (`stop`); 0: never stop by it.
    max_iter : int, default=200
        Most iterations.
    random_state : int, RandomState or None, default=None
        A whole number is the seed of ``dnmf fit --seed``.
    alpha_W, alpha_H : float, default=0 and 'same'
        Penalties, multiplied by the number of features and samples.
    l1_ratio : float, default=0
        The part of the penalties that is L1.
    verbose : int, default=0
        1: print a line an iteration.
    shuffle : bool, default=False
        There for scikit-learn's sake: True is refused, since components are always visited in order.
    missing : {'zero', 'unobserved'}, default='zero'
        'unobserved': entries of a dense X that are NaN are unknown and take no part.
    restarts : int, default=1
        Fits from so many seeds, of which the best is kept.
    sweeps : int, optional
        Coordinate sweeps an iteration of 'cd', or steps of 'newton'. Default: 1.
    stop : {'gradient', 'objective', 'validation'}, optional
        The stopping rule. Default: 'gradient', as scikit-learn's 'cd'; 'objective', as its 'mu', for that and 'newton'.
    validation : float, optional
        Hold out this share of all cells; `validation_rmse_` is the error on them.
    time_limit : float, optional
        Seconds of iterating after which the fit ends.
    threads : int, optional
        Threads of this process. Default: OMP_NUM_THREADS, or its cores.
    callback : callable, optional
        Called with an `Iteration` after each; a true value ends the fit, after one more. Of several processes it is
        called on the first.
    options : dict, optional
        Other settings of ``dnmf fit`` by name, for example ``{"checkpoint": "fit.h5", "resume": "auto"}``.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        H.
    n_components_ : int
    n_iter_ : int
    reconstruction_err_ : float
        The root of twice the divergence of X from W H; with 'frobenius' the norm of X - W H.
    objective_ : float
        With penalties.
    history_ : ndarray
        The objective of the start and after each iteration.
    stop_reason_ : str
    validation_rmse_ : float
        NaN where nothing is held out.
    n_features_in_, feature_names_in_
        As of every estimator of scikit-learn.
    """

    def __init__(
        self,
        n_components: int | str | None = None,
        *,
        init: str | None = None,
        solver: str = "cd",
        beta_loss: float | str = "frobenius",
        tol: float = 1e-4,
        max_iter: int = 200,
        random_state: Any = None,
        alpha_W: float = 0.0,
        alpha_H: float | str = "same",
        l1_ratio: float = 0.0,
        verbose: int = 0,
        shuffle: bool = False,
        missing: str = "zero",
        restarts: int = 1,
        sweeps: int | None = None,
        stop: str | None = None,
        validation: float | None = None,
        time_limit: float | None = None,
        threads: int | None = None,
        callback: Callable[[Iteration], Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.verbose = verbose
        self.shuffle = shuffle
        self.missing = missing
        self.restarts = restarts
        self.sweeps = sweeps
        self.stop = stop
        self.validation = validation
        self.time_limit = time_limit
        self.threads = threads
        self.callback = callback
        self.options = options

    # --- What is asked for ---

    def _check_parameters(self, n_features: int, W: Any = None, H: Any = None) -> int:
        check_numbers(
            self,
            {
                "tol": (numbers.Real, 0),
                "max_iter": (numbers.Integral, 1),
                "restarts": (numbers.Integral, 1),
            },
        )
        if self.missing not in ("zero", "unobserved"):
            raise ValueError(f"missing={self.missing!r}: give 'zero' or 'unobserved'")
        if self.shuffle:
            raise ValueError("shuffle=True: dnmf visits components in order")
        beta = beta_of(self.beta_loss)
        if self.solver in ("cd", "hals", "ahals", "bpp") and beta != 2:
            raise ValueError(
                f"Invalid beta_loss parameter: solver {self.solver!r} does not handle beta_loss = {self.beta_loss!r}"
            )
        return components_of(self, n_features, W, H)

    def _loss(self) -> str:
        beta = beta_of(self.beta_loss)
        return LOSSES.get(beta, repr(beta))

    def _settings(self, k: int) -> dict[str, Any]:
        return {
            "components": k,
            "loss": self._loss(),
            "solver": _SOLVERS.get(self.solver, self.solver),
            "tol": self.tol,
            "max_iter": self.max_iter,
            **Penalties.of(self).settings(),
        }

    def _missing(self, X: Any, library: Library) -> dict[str, str]:
        """A matrix without NaN is a plain one."""
        if self.missing == "unobserved" and is_anywhere(library, bool(np.isnan(X).any())):
            return {"missing": "unobserved"}
        return {}

    # --- Fits ---

    def fit(self, X: Any, y: Any = None, **params: Any) -> NMF:
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
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            With `comm` the rows of this process.
        y : ignored
        W, H : array-like, optional
            The start, with ``init='custom'``; W the rows of this process, H the same on all.
        comm : mpi4py.MPI.Comm or 'world', optional
            Processes that fit one matrix together: its rows are those of all processes, in the order of ranks.
            Default: this process alone.

        Returns
        -------
        W : ndarray of shape (n_samples, n_components)
        """
        X = self._check_x(X, reset=True)
        k = self._check_parameters(X.shape[1], W, H)
        beta = beta_of(self.beta_loss)
        check_zeros(X, beta)
        library = library_on(comm)
        settings = {
            **self._settings(k),
            "restarts": self.restarts if self.restarts > 1 else None,
            "sweeps": self.sweeps,
            "stop": self.stop,
            "validation": self.validation,
            "time_limit": self.time_limit,
        }
        w = h = None
        shape = X.shape if library.size == 1 else (max(X.shape[0], k), X.shape[1])
        init = start_name(self.init, k, shape)
        if init != "custom" or self.validation is not None:
            settings["seed"] = seed_of(self.random_state, library)
        warn_of_unused(init, W, H)
        if init == "custom":
            w = check_factor(W, (X.shape[0], k), X.dtype, "W")
            h = check_factor(H, (k, X.shape[1]), X.dtype, "H")
        else:
            settings["init"] = init
        settings.update(self._missing(X, library))
        settings.update(_model.check_options(self.options, _OWN))
        told = _model.teller(self.verbose, self.callback)
        factors = factorize(library, X, settings, w=w, h=h, threads=self.threads, on_iteration=told)
        warn_of_end(factors.result, self.max_iter, self.tol)
        self._keep(library, X, factors)
        return factors.w

    def _keep(self, library: Library, X: Any, factors: Factors) -> None:
        result = factors.result
        self.components_ = factors.h
        self.n_components_ = len(factors.h)
        self.n_iter_ = int(result.iterations)
        self.objective_ = float(result.objective)
        self.history_ = factors.history
        self.stop_reason_ = result.stop_reason.decode()
        self.validation_rmse_ = float(result.validation_rmse)
        self.reconstruction_err_ = self._error(library, X, factors)

    def _error(self, library: Library, X: Any, factors: Factors) -> float:
        """Of fits with penalties from the objective, less what they add."""
        penalties = Penalties.of(self)
        loss = factors.result.objective
        if library.size > 1 and (penalties.alpha_W or penalties.alpha_H):
            return error_of_factors(library, X, self.beta_loss, factors.w, factors.h, self.threads)
        if penalties.alpha_W or penalties.alpha_H:
            loss -= penalties.of_factors(factors.w.astype(np.float64), factors.h.astype(np.float64))
        return float(np.sqrt(2 * max(loss, 0.0)))

    def transform(self, X: Any, comm: Any = None) -> np.ndarray:
        """W of new rows, with H as it is: of the squared error the exact minimizer.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            With `comm` the rows of this process.
        comm : mpi4py.MPI.Comm or 'world', optional
            As of `fit_transform`.

        Returns
        -------
        W : ndarray of shape (n_samples, n_components)
        """
        check_is_fitted(self)
        X = self._check_x(X, reset=False)
        check_zeros(X, beta_of(self.beta_loss))
        return self._rows_for(X, self.components_.astype(X.dtype, copy=False), library_on(comm)).w

    def _rows_for(self, X: Any, h: np.ndarray, library: Library) -> Factors:
        """The W of X for this H."""
        settings = {**self._settings(len(h)), **self._missing(X, library), "fix": "h"}
        if "missing" not in settings and beta_of(self.beta_loss) == 2 and self.solver != "mu":
            settings.update(solver="bpp", max_iter=1, tol=None)
        return factorize(library, X, settings, h=h, threads=self.threads)


def non_negative_factorization(
    X: Any,
    W: Any = None,
    H: Any = None,
    n_components: int | str | None = None,
    *,
    init: str | None = None,
    update_H: bool = True,
    solver: str = "cd",
    beta_loss: float | str = "frobenius",
    tol: float = 1e-4,
    max_iter: int = 200,
    alpha_W: float = 0.0,
    alpha_H: float | str = "same",
    l1_ratio: float = 0.0,
    random_state: Any = None,
    verbose: int = 0,
    shuffle: bool = False,
    **others: Any,
) -> tuple[np.ndarray, np.ndarray, int]:
    """`NMF` as a function, as `sklearn.decomposition.non_negative_factorization`.

    Parameters
    ----------
    X, W, H, n_components, init, solver, beta_loss, tol, max_iter, alpha_W, alpha_H, l1_ratio, random_state, verbose
        As of `NMF`.
    update_H : bool, default=True
        False: H stays as it is given, and W is fitted to it.
    **others
        Further parameters of `NMF`.

    Returns
    -------
    W : ndarray of shape (n_samples, n_components)
    H : ndarray of shape (n_components, n_features)
    n_iter : int
    """
    estimator = NMF(
        n_components,
        init=init,
        solver=solver,
        beta_loss=beta_loss,
        tol=tol,
        max_iter=max_iter,
        random_state=random_state,
        alpha_W=alpha_W,
        alpha_H=alpha_H,
        l1_ratio=l1_ratio,
        verbose=verbose,
        shuffle=shuffle,
        **others,
    )
    if update_H:
        w = estimator.fit_transform(X, W=W, H=H)
        return w, estimator.components_, estimator.n_iter_
    X = estimator._check_x(X, reset=True)
    k = np.shape(H)[0] if n_components is None or isinstance(n_components, str) else n_components
    if W is not None:
        warnings.warn("When update_H=False, the provided initial W is not used.", RuntimeWarning, stacklevel=2)
    h = check_factor(H, (k, X.shape[1]), X.dtype, "H")
    estimator._check_parameters(X.shape[1])
    check_zeros(X, beta_of(beta_loss))
    factors = estimator._rows_for(X, h, library_on(None))
    warn_of_end(factors.result, max_iter, tol)
    return factors.w, h, int(factors.result.iterations)
