"""Settings, fits and the models that come of them."""

from __future__ import annotations

import ctypes as c
from typing import Any, Callable, Iterable, Mapping

import numpy as np

from . import _abi, _structs
from ._data import Data
from ._library import Iteration, Library

# Settings in a struct of their own, by the names of the command line's options.
_PLACES: dict[str, tuple[str, str]] = {
    name: (group, name)
    for group, struct in _abi.fields_of(_structs.FitSettings).items()
    if issubclass(struct, c.Structure)
    for name in _abi.fields_of(struct)
}
_PLACES["missing_weight"] = _PLACES.pop("weight")
_TOP = {name for name, kind in _abi.fields_of(_structs.FitSettings).items() if not issubclass(kind, c.Structure)}


def fit_settings(library: Library, values: Mapping[str, Any]) -> tuple[c.Structure, list]:
    """A dnmf_fit_settings, and what it points to. What is None stays at its default."""
    settings = _abi.initialized(library.functions, "dnmf_fit_settings")
    kept: list = []
    for name, value in values.items():
        if value is None:
            continue
        if name in _TOP:
            struct, field = settings, name
        elif name in _PLACES:
            group, field = _PLACES[name]
            struct = getattr(settings, group)
        else:
            raise ValueError(f"dnmf has no setting {name!r}; there are {', '.join(sorted(_TOP | set(_PLACES)))}")
        _put(struct, field, value, kept)
    return settings, kept


def check_options(options: Mapping[str, Any] | None, own: Iterable[str]) -> Mapping[str, Any]:
    """Settings by name, none of which has a parameter of its own."""
    for name in options or {}:
        if name in own:
            raise ValueError(f"options: {name!r} is set by a parameter of its own")
    return options or {}


def _put(struct: c.Structure, field: str, value: Any, kept: list) -> None:
    kind = _abi.fields_of(type(struct))[field]
    if isinstance(value, Data):
        kept.append(value)
        value = value.handle.value
    elif kind is _structs.Text:
        value = str(value).encode()
    elif kind is _structs.Int:
        value = int(value)
    try:
        setattr(struct, field, value)
    except (TypeError, c.ArgumentError) as error:
        raise ValueError(f"the setting {field!r} cannot be {value!r}: {error}") from None


class Model:
    """A dnmf_model."""

    def __init__(self, library: Library, handle: c.c_void_p) -> None:
        self.lib = library
        self.handle = handle
        rows, cols, components = _structs.Int(), _structs.Int(), _structs.Int()
        library.call("model_size", handle, c.byref(rows), c.byref(cols), c.byref(components))
        self.shape = (rows.value, cols.value)
        self.components = components.value

    def __del__(self) -> None:
        self.lib.functions.dnmf_model_destroy(c.byref(self.handle))

    @classmethod
    def load(cls, library: Library, path: str) -> Model:
        handle = c.c_void_p()
        library.call("model_load", path.encode(), c.byref(handle))
        return cls(library, handle)

    def save(self, path: str) -> None:
        self.lib.call("model_save", self.handle, path.encode())

    def w(self, first: int = 0, count: int | None = None) -> np.ndarray:
        """Rows of W."""
        count = self.shape[0] - first if count is None else count
        out = np.empty((count, self.components))
        self.lib.call("model_w", self.handle, first, count, out.ctypes.data, 0)
        return out

    def h(self) -> np.ndarray:
        """H, components x columns."""
        out = np.empty((self.components, self.shape[1]))
        self.lib.call("model_h", self.handle, 0, self.shape[1], out.ctypes.data, 0)
        return out

    def biases(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Of all rows and columns, and the mean."""
        rows, cols, mean = np.empty(self.shape[0]), np.empty(self.shape[1]), _structs.Real()
        self.lib.call("model_row_bias", self.handle, 0, len(rows), rows.ctypes.data)
        self.lib.call("model_col_bias", self.handle, 0, len(cols), cols.ctypes.data)
        self.lib.call("model_mean", self.handle, c.byref(mean))
        return rows, cols, mean.value

    def ids(self, side: str) -> list[str]:
        """All ids of "row" or "col" as texts."""
        count = self.shape[side == "col"]
        positions = np.arange(count, dtype=np.int64)
        texts = c.POINTER(_structs.Text)()
        self.lib.call(f"model_{side}_ids", self.handle, count, positions.ctypes.data, c.byref(texts))
        found = [texts[i].decode("utf-8", "surrogateescape") for i in range(count)]
        self.lib.functions.dnmf_ids_destroy(c.byref(texts))
        return found

    def text(self, name: str) -> str:
        found = _structs.Text()
        self.lib.call("model_get_text", self.handle, name.encode(), c.byref(found))
        return found.value.decode() if found.value else ""

    def history(self, name: str) -> np.ndarray:
        """One number an iteration, the start first."""
        count, values = _structs.Int(), c.POINTER(_structs.Real)()
        self.lib.call("model_history", self.handle, name.encode(), c.byref(count), c.byref(values))
        return np.array([values[i] for i in range(count.value)])


def fit(
    library: Library,
    data: Data,
    settings: Mapping[str, Any],
    *,
    threads: int | None = None,
    on_iteration: Callable[[Iteration], Any] | None = None,
) -> tuple[Model, Any]:
    """``dnmf_model_fit``: the model and the dnmf_result."""
    struct, kept = fit_settings(library, settings)
    handle, result = c.c_void_p(), _structs.Result()
    library.fit(
        (data.handle, c.byref(struct), c.byref(handle), c.byref(result)),
        threads=threads,
        on_iteration=on_iteration,
    )
    del kept
    return Model(library, handle), result


def print_iteration(told: Iteration) -> None:
    """What ``verbose`` shows."""
    print(f"iteration {told.iteration}: objective {told.objective:.6g}, {told.seconds:.1f} s", flush=True)


def teller(verbose: Any, callback: Callable[[Iteration], Any] | None) -> Callable[[Iteration], Any] | None:
    """What a fit calls after each iteration: prints it where that is asked for, and goes on to the user's callback."""
    if not verbose:
        return callback

    def tell(told: Iteration) -> Any:
        print_iteration(told)
        return callback(told) if callback else None

    return tell
