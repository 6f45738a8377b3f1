"""``Recommender``: ratings, or plays and clicks."""

from __future__ import annotations

import ctypes as c
import pathlib
import tempfile
from typing import Any, Callable, Mapping, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from . import _abi, _model, _structs
from ._data import Data, triples_data, triples_of
from ._library import Iteration, Library, library_on
from ._nmf import seed_of, warn_of_end


class Table(NamedTuple):
    """Ratings as triples."""

    users: np.ndarray
    items: np.ndarray
    values: np.ndarray
    shape: tuple[int, int] | None  # of a sparse matrix: users and items are positions


def _column(values: Any) -> np.ndarray:
    """A column of ids or ratings, of objects too, of which none may be missing."""
    column = np.asarray(values)
    if column.dtype != object:
        return column
    if any(value is None or value != value for value in column.tolist()):
        raise ValueError("an id is missing (None or NaN); leave such ratings out")
    whole = len(column) > 0 and all(isinstance(value, int) for value in column.tolist())
    return column.astype(np.int64) if whole else column


def table_of(ratings: Any) -> Table:
    """Triples of whatever `Recommender.fit` takes."""
    if sp.issparse(ratings):
        entries = ratings.tocoo()
        values = np.asarray(entries.data, dtype=np.float64)
        return Table(entries.row.astype(np.int64), entries.col.astype(np.int64), values, ratings.shape)
    if isinstance(ratings, tuple):
        columns = [_column(part) for part in ratings]
    elif hasattr(ratings, "iloc"):  # a table of pandas, by the order of its columns
        columns = [_column(ratings.iloc[:, at].to_numpy()) for at in range(min(3, ratings.shape[1]))]
    else:
        array = np.asarray(ratings)
        if array.ndim != 2:
            raise ValueError(
                "ratings have to be a table or an array of users, items and ratings, a tuple of these columns, or a "
                f"sparse matrix, not an array of shape {array.shape}"
            )
        columns = [_column(array[:, at]) for at in range(min(3, array.shape[1]))]
    if len(columns) not in (2, 3):
        raise ValueError(f"ratings have to be users, items and ratings, not {len(columns)} columns")
    values = columns[2] if len(columns) == 3 else np.ones(len(columns[0]))
    return Table(columns[0], columns[1], np.asarray(values, dtype=np.float64), None)


class Recommender(BaseEstimator):
    """Predictions and lists from ratings, or from plays, clicks and purchases, by the library dnmf.

    Only the entries that are there are fitted; what is not there is unknown. The defaults are those of ``dnmf fit``,
    and the same settings and seed give the same model.

    Parameters
    ----------
    n_components : int, default=20
        Latent factors.
    implicit : bool, default=False
        Values are strengths, as of plays and clicks, and what is not there counts as a weak zero: for good lists.
    loss : {'frobenius', 'kullback-leibler'}, default='frobenius'
    l2 : float, optional
        Weight of the squares of the factors. Default: chosen from the data.
    penalty_scale : str, optional
        'raw', 'count', 'sqrt-count', or a number from 0 to 1. Default: 'sqrt-count'.
    bias : {'both', 'row', 'col', 'none'}, optional
        Default: 'both'.
    implicit_terms : {'rows', 'cols', 'both', 'none'}, optional
        Which items a user has is itself evidence of what the user is like.
    samples : int, optional
        Average over so many sweeps of a Gibbs chain: better predictions, with their standard deviations.
    validation : float, optional
        Hold out this share of the ratings, and stop when the error on them no longer falls.
    max_iter : int, optional
        Default: 200, with `implicit` 100.
    tol : float, optional
        Of the stopping rule. Default: 1e-4.
    random_state : int, RandomState or None, default=0
        A whole number is the seed of ``dnmf fit --seed``.
    time_limit : float, optional
        Seconds of iterating after which the fit ends.
    threads : int, optional
        Threads of this process. Default: OMP_NUM_THREADS, or its cores.
    verbose : int, default=0
        1: print a line an iteration.
    callback : callable, optional
        Called with an `Iteration` after each; a true value ends the fit, after one more.
    options : dict, optional
        Other settings of ``dnmf fit`` by name, for example ``{"shrink_to": "mean", "patience": 5}``.

    Attributes
    ----------
    user_ids_, item_ids_ : ndarray
        The ids, in the order of the factors.
    user_factors_ : ndarray of shape (n_users, n_components)
    item_factors_ : ndarray of shape (n_items, n_components)
    user_bias_, item_bias_ : ndarray
    mean_ : float
        Predictions are ``mean_ + user_bias_[u] + item_bias_[i] + user_factors_[u] @ item_factors_[i]``, clipped to the
        scale of the ratings.
    n_iter_ : int
    rmse_ : float
        On the fitted ratings.
    validation_rmse_ : float
        NaN where nothing is held out.
    stop_reason_ : str
    """

    _seen: Table | None  # the fitted ratings, and the library's data of them
    _seen_data: Data | None

    def __init__(
        self,
        n_components: int = 20,
        *,
        implicit: bool = False,
        loss: str = "frobenius",
        l2: float | None = None,
        penalty_scale: str | None = None,
        bias: str | None = None,
        implicit_terms: str | None = None,
        samples: int | None = None,
        validation: float | None = None,
        max_iter: int | None = None,
        tol: float | None = None,
        random_state: Any = 0,
        time_limit: float | None = None,
        threads: int | None = None,
        verbose: int = 0,
        callback: Callable[[Iteration], Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.n_components = n_components
        self.implicit = implicit
        self.loss = loss
        self.l2 = l2
        self.penalty_scale = penalty_scale
        self.bias = bias
        self.implicit_terms = implicit_terms
        self.samples = samples
        self.validation = validation
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.time_limit = time_limit
        self.threads = threads
        self.verbose = verbose
        self.callback = callback
        self.options = options

    # --- Fitting ---

    def fit(self, ratings: Any, y: Any = None, *, comm: Any = None) -> Recommender:
        """Fits ratings.

        Parameters
        ----------
        ratings : DataFrame, array-like of shape (n, 3), tuple of arrays, or sparse matrix
            Users, items and ratings, in this order; two columns count 1 each. Ids are whole numbers or texts. Of a
            sparse matrix, users are rows, items are columns, and the stored entries are the ratings; ids are then
            positions. Of ratings of one item by one user the last counts, with `implicit` their sum.
        y : ignored
        comm : mpi4py.MPI.Comm or 'world', optional
            Processes that fit together, each its own ratings. All other methods are then called by all of them.
        """
        library = library_on(comm)
        table = table_of(ratings)
        data = self._data(library, table)
        settings = {
            "components": self.n_components,
            "missing": None if self.implicit else "unobserved",
            "implicit": True if self.implicit else None,
            "loss": None if self.loss == "frobenius" else self.loss,
            "l2": self.l2,
            "penalty_scale": self.penalty_scale,
            "bias": self.bias,
            "implicit_terms": self.implicit_terms,
            "samples": self.samples,
            "validation": self.validation,
            "max_iter": self.max_iter,
            "tol": self.tol,
            "seed": seed_of(self.random_state, library),
            "time_limit": self.time_limit,
            **_model.check_options(self.options, {*self.get_params(deep=False), "components", "seed"}),
        }
        told = _model.teller(self.verbose, self.callback)
        model, result = _model.fit(library, data, settings, threads=self.threads, on_iteration=told)
        self._take(model, table.users.dtype.kind in "iufb", table.items.dtype.kind in "iufb")
        self._seen = table
        self._seen_data = data
        self.n_iter_ = int(result.iterations)
        self.rmse_ = float(result.rmse)
        self.validation_rmse_ = float(result.validation_rmse)
        self.stop_reason_ = result.stop_reason.decode()
        warn_of_end(result, self.n_iter_, 1 if self.tol is None else self.tol)
        return self

    def _data(self, library: Library, table: Table) -> Data:
        return triples_data(
            library,
            table.users,
            table.items,
            table.values,
            duplicates="sum" if self.implicit else "last",
            shape=table.shape,
        )

    def _take(self, model: _model.Model, users_are_numbers: bool, items_are_numbers: bool) -> None:
        """The model, and what is shown of it."""
        numbers = users_are_numbers and items_are_numbers
        self._fitted = model
        self.user_ids_ = _ids(model.ids("row"), numbers)
        self.item_ids_ = _ids(model.ids("col"), numbers)
        self.user_factors_ = model.w()
        self.item_factors_ = np.ascontiguousarray(model.h().T)
        self.user_bias_, self.item_bias_, self.mean_ = model.biases()

    def fold_in(self, ratings: Any) -> Recommender:
        """A recommender for other users, from ratings of items that this one knows; the items stay as they are.

        Parameters
        ----------
        ratings : as of `fit`
        """
        check_is_fitted(self)
        library = self._fitted.lib
        table = table_of(ratings)
        data = self._data(library, table)
        handle = c.c_void_p()
        library.call("model_transform", self._fitted.handle, data.handle, c.byref(handle))
        folded = type(self)(**self.get_params(deep=False))
        folded._take(_model.Model(library, handle), self.user_ids_.dtype.kind == "i", self.item_ids_.dtype.kind == "i")
        folded._seen = table
        folded._seen_data = data
        return folded

    # --- What it is for ---

    def predict(
        self, users: Any, items: Any, *, unknown: str = "average", return_std: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """What each user would rate the item beside it.

        Parameters
        ----------
        users, items : array-like of shape (n,)
        unknown : {'average', 'bias', 'mean', 'nan', 'error'}, default='average'
            What is predicted of a user or an item that is not known: as of one like others, the mean and the bias that
            is known, the mean, NaN, or an error.
        return_std : bool, default=False
            Also standard deviations, where the fit had `samples`, else NaN.

        Returns
        -------
        scores : ndarray of shape (n,)
        deviations : ndarray of shape (n,)
            With `return_std`.
        """
        check_is_fitted(self)
        library = self._fitted.lib
        pairs, kept = triples_of(library, _column(users), _column(items), None)
        scoring = _abi.initialized(library.functions, "dnmf_predict_settings")
        scoring.unknown = unknown.encode()
        scores, deviations = np.empty(pairs.count), np.empty(pairs.count)
        library.call(
            "model_predict_spread",
            self._fitted.handle,
            c.byref(pairs),
            c.byref(scoring),
            scores.ctypes.data,
            deviations.ctypes.data,
        )
        del kept
        return (scores, deviations) if return_std else scores

    def recommend(
        self,
        users: Any,
        n: int = 10,
        *,
        seen: Any = "fit",
        candidates: Any = None,
        min_count: int = 0,
        optimism: float = 0.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best items for each user.

        Parameters
        ----------
        users : array-like of shape (n_users,)
            Users that are not known are listed the items with most ratings, without scores.
        n : int, default=10
            Items a user.
        seen : 'fit', None or ratings, default='fit'
            Leave out what a user has here: the fitted ratings, nothing, or others.
        candidates : array-like, optional
            List only these items.
        min_count : int, default=0
            List only items with so many ratings.
        optimism : float, default=0
            Rank by the prediction plus so many standard deviations; the fit needs `samples`.

        Returns
        -------
        items : ndarray of shape (n_users, n)
            Ids; -1, or None where ids are texts, where there are no more.
        scores : ndarray of shape (n_users, n)
            NaN where there are no more.
        """
        check_is_fitted(self)
        positions = _positions(self.user_ids_, users)
        found = np.empty((len(positions), n), dtype=np.int64)
        scores = np.empty((len(positions), n))
        listing, kept = self._listing(n, seen, candidates, min_count)
        listing.optimism = optimism
        self._fitted.lib.call(
            "model_recommend",
            self._fitted.handle,
            len(positions),
            positions.ctypes.data,
            c.byref(listing),
            found.ctypes.data,
            scores.ctypes.data,
        )
        del kept
        return _named(self.item_ids_, found), scores

    def similar_items(
        self, items: Any, n: int = 10, *, candidates: Any = None, min_count: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """The items most like each item, and the cosines of their factors.

        Parameters
        ----------
        items : array-like of shape (n_items,)
        n : int, default=10
        candidates : array-like, optional
            List only these items.
        min_count : int, default=0
            List only items with so many ratings.

        Returns
        -------
        similar : ndarray of shape (n_items, n)
        cosines : ndarray of shape (n_items, n)
        """
        check_is_fitted(self)
        positions = _positions(self.item_ids_, items)
        if (positions < 0).any():
            raise ValueError(f"item {np.asarray(items)[positions < 0].tolist()[0]!r} is not known")
        found = np.empty((len(positions), n), dtype=np.int64)
        cosines = np.empty((len(positions), n))
        listing, kept = self._listing(n, None, candidates, min_count)
        self._fitted.lib.call(
            "model_similar",
            self._fitted.handle,
            len(positions),
            positions.ctypes.data,
            c.byref(listing),
            found.ctypes.data,
            cosines.ctypes.data,
        )
        del kept
        return _named(self.item_ids_, found), cosines

    def _listing(self, n: int, seen: Any, candidates: Any, min_count: int) -> tuple[c.Structure, list]:
        listing = _abi.initialized(self._fitted.lib.functions, "dnmf_recommend_settings")
        listing.top = n
        listing.min_count = min_count
        kept: list = []
        data = self._seen_entries(seen)
        if data is not None:
            listing.seen = data.handle
            kept.append(data)
        if candidates is not None:
            positions = _positions(self.item_ids_, candidates)
            positions = np.ascontiguousarray(positions[positions >= 0])
            listing.candidate_count = len(positions)
            listing.candidates = positions.ctypes.data
            kept.append(positions)
        return listing, kept

    def _seen_entries(self, seen: Any) -> Data | None:
        if seen is None:
            return None
        if not isinstance(seen, str):
            return self._data(self._fitted.lib, table_of(seen))
        if seen != "fit":
            raise ValueError(f"seen={seen!r}: give 'fit', None or ratings")
        if self._seen is None:
            raise ValueError("this recommender was loaded without its ratings; give them as `seen`, or seen=None")
        if self._seen_data is None:
            self._seen_data = self._data(self._fitted.lib, self._seen)
        return self._seen_data

    def evaluate(self, ratings: Any, *, at: int = 10, relevant: float | None = None, seen: Any = None) -> dict:
        """How well it predicts other ratings, the figures of ``dnmf evaluate``.

        Parameters
        ----------
        ratings : as of `fit`
        at : int, default=10
            Length of lists.
        relevant : float, optional
            Ratings of this and more are relevant. Default: the mean of the fitted ones.
        seen : 'fit', None or ratings, default=None
            Also rank all items but those that a user has here: ``lists`` and ``popular`` in the result.

        Returns
        -------
        figures : dict
        """
        check_is_fitted(self)
        library = self._fitted.lib
        data = self._data(library, table_of(ratings))
        asked = _abi.initialized(library.functions, "dnmf_evaluate_settings")
        asked.at = at
        if relevant is not None:
            asked.relevant = relevant
        entries = self._seen_entries(seen)
        if entries is not None:
            asked.seen = entries.handle
        figures = _structs.Evaluation()
        library.call("model_evaluate", self._fitted.handle, data.handle, c.byref(asked), c.byref(figures))
        return _as_dict(figures)

    def score(self, ratings: Any, y: Any = None) -> float:
        """Minus the root mean squared error; with `implicit` the NDCG of lists of 10."""
        if self.implicit:
            return self.evaluate(ratings, seen="fit")["lists"]["ndcg"]
        return -self.evaluate(ratings)["rmse"]

    # --- Files ---

    def save(self, path: str | pathlib.Path) -> None:
        """Writes the model for ``dnmf predict``, ``recommend`` and the others; the fitted ratings are not in it."""
        check_is_fitted(self)
        self._fitted.save(str(path))

    @classmethod
    def load(cls, path: str | pathlib.Path, *, comm: Any = None) -> Recommender:
        """A recommender from a model file of `save` or of ``dnmf fit``."""
        model = _model.Model.load(library_on(comm), str(path))
        made = cls(model.components, implicit=_is_implicit(model))
        numbers = all(_is_number(text) for side in ("row", "col") for text in model.ids(side))
        made._take(model, numbers, numbers)
        made._seen = made._seen_data = None
        return made

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_seen_data", None)
        model = state.pop("_fitted", None)
        if model is not None:
            if model.lib.size > 1:
                raise TypeError("a recommender on several processes is not pickled; use save and load")
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "model.h5"
                model.save(str(path))
                state["_file"] = path.read_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        file = state.pop("_file", None)
        super().__setstate__(state)
        if file is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "model.h5"
                path.write_bytes(file)
                self._fitted = _model.Model.load(library_on(None), str(path))
            self._seen_data = None

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")


# --- Ids -------------------------------------------------------------------------------------------------------


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdigit() and str(int(text)) == text


def _ids(texts: list[str], are_numbers: bool) -> np.ndarray:
    return np.array([int(text) for text in texts], dtype=np.int64) if are_numbers else np.array(texts, dtype=object)


def _positions(ids: np.ndarray, wanted: Any) -> np.ndarray:
    """Where each wanted id is; -1 where it is not."""
    wanted = _column(wanted)
    if wanted.ndim != 1:
        raise ValueError(f"ids have to be one-dimensional, not of shape {wanted.shape}")
    convert = int if ids.dtype.kind == "i" else str
    place = {id_: at for at, id_ in enumerate(ids.tolist())}
    return np.array([place.get(convert(id_), -1) for id_ in wanted.tolist()], dtype=np.int64)


def _named(ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The ids at positions; where these are negative, -1 or None."""
    nothing = -1 if ids.dtype.kind == "i" else None
    return np.append(ids, np.array([nothing], dtype=ids.dtype))[positions]


def _is_implicit(model: _model.Model) -> bool:
    number = _structs.Real()
    try:
        model.lib.call("model_get_number", model.handle, b"implicit", c.byref(number))
    except ValueError:
        return False
    return number.value == 1


def _as_dict(struct: c.Structure) -> dict[str, Any]:
    return {
        name: _as_dict(getattr(struct, name)) if issubclass(kind, c.Structure) else getattr(struct, name)
        for name, kind in _abi.fields_of(type(struct)).items()
    }
