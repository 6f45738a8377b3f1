"""Arrays as data of the library: without a copy where their layout allows."""

from __future__ import annotations

import ctypes as c
from typing import Any

import numpy as np
import scipy.sparse as sp

from . import _abi, _structs
from ._library import Library


class Data:
    """A matrix of the library over arrays that it keeps alive."""

    def __init__(self, library: Library, handle: c.c_void_p, arrays: tuple) -> None:
        self.lib = library
        self.handle = handle
        self._arrays = arrays

    def __del__(self) -> None:
        self.lib.functions.dnmf_data_destroy(c.byref(self.handle))

    def rows(self) -> int:
        """Of the matrix, those of all processes."""
        rows = _structs.Int()
        self.lib.call("data_size", self.handle, c.byref(rows), None)
        return rows.value

    def share(self) -> tuple[int, int]:
        """The first row that this process gave, and how many."""
        first, count = _structs.Int(), _structs.Int()
        self.lib.call("data_share", self.handle, c.byref(first), c.byref(count))
        return first.value, count.value


def _address(array: np.ndarray) -> int:
    return array.ctypes.data


def _dense_layout(x: np.ndarray) -> tuple[np.ndarray, int, bool]:
    """The array, or a copy, its leading dimension, and whether columns are contiguous."""
    if x.dtype not in (np.float64, np.float32) or not x.dtype.isnative or not x.flags.aligned:
        x = np.ascontiguousarray(x, dtype=np.float64)
    size = x.itemsize
    rows, cols = x.shape
    down, along = x.strides
    if (along == size or cols == 1) and down % size == 0 and down >= cols * size:
        return x, down // size, False
    if (down == size or rows == 1) and along % size == 0 and along >= rows * size:
        return x, along // size, True
    return np.ascontiguousarray(x), cols, False


def dense_data(library: Library, x: np.ndarray) -> Data:
    """Rows of this process; those of all processes are one below the other, in the order of ranks.

    float64 and float32 arrays in row or column order are used where they are, also parts of larger arrays.
    """
    x, leading, by_columns = _dense_layout(x)
    block = _abi.initialized(library.functions, "dnmf_dense")
    block.rows, block.cols = x.shape
    block.leading = leading
    block.by_columns = by_columns
    if x.dtype == np.float64:
        block.values = _address(x)
    else:
        block.single_values = _address(x)
    handle = c.c_void_p()
    library.call("data_from_dense", -1, x.shape[1], c.byref(block), c.byref(handle))
    return Data(library, handle, (x,))


class Rows:
    """Compressed sparse rows as the library takes them: with 64-bit indices and values."""

    def __init__(self, x: Any) -> None:
        x = sp.csr_matrix(x)
        self.shape = x.shape
        self.starts = np.ascontiguousarray(x.indptr, dtype=np.int64)
        self.cols = np.ascontiguousarray(x.indices, dtype=np.int64)
        self.values = np.ascontiguousarray(x.data, dtype=np.float64)

    def data(self, library: Library, begin: int, end: int) -> Data:
        """Some rows, of the same arrays."""
        block = _abi.initialized(library.functions, "dnmf_sparse")
        block.rows = end - begin
        block.starts = _address(self.starts[begin:])
        block.cols = _address(self.cols)
        block.values = _address(self.values)
        handle = c.c_void_p()
        library.call("data_from_sparse", -1, self.shape[1], c.byref(block), c.byref(handle))
        return Data(library, handle, (self.starts, self.cols, self.values))


def sparse_data(library: Library, x: Any) -> Data:
    """Rows of this process, as of `dense_data`."""
    rows = Rows(x)
    return rows.data(library, 0, rows.shape[0])


def is_anywhere(library: Library, here: bool) -> bool:
    """Whether it is true on any process: told by the rows of a matrix of which each has one, or two where it is."""
    return library.size > 1 and dense_data(library, np.ones((1 + here, 1))).rows() > library.size or here


def matrix_data(library: Library, x: Any) -> Data:
    """Of a dense array or a sparse matrix."""
    return sparse_data(library, x) if sp.issparse(x) else dense_data(library, np.asarray(x))


class Names:
    """Ids as the library takes them: 64-bit numbers, or the addresses of texts."""

    def __init__(self, ids: Any) -> None:
        ids = np.asarray(ids)
        if ids.ndim != 1:
            raise ValueError(f"ids have to be one-dimensional, not of shape {ids.shape}")
        if ids.dtype.kind == "f":
            whole = ids.astype(np.int64)
            if not np.array_equal(whole, ids):
                raise ValueError("ids have to be whole numbers or texts, not fractions")
            ids = whole
        self.are_numbers = ids.dtype.kind in "iub"
        self.count = len(ids)
        if self.are_numbers:
            self._array = np.ascontiguousarray(ids, dtype=np.int64)
        else:
            self._texts = _zero_terminated(ids)
            width = self._texts.itemsize
            first = _address(self._texts)
            self._array = np.arange(first, first + width * self.count, width, dtype=np.uintp)

    @property
    def address(self) -> int:
        return _address(self._array)


def _zero_terminated(ids: np.ndarray) -> np.ndarray:
    texts = ids.astype(str) if ids.dtype.kind != "U" else ids
    encoded = np.char.encode(texts, "utf-8") if len(texts) else np.zeros(0, "S1")
    return encoded.astype(f"S{encoded.itemsize + 1}")


def triples_of(library: Library, rows: Any, cols: Any, values: Any) -> tuple[c.Structure, tuple]:
    """A dnmf_triples of ids, and what it points to."""
    row_names, col_names = Names(rows), Names(cols)
    if row_names.are_numbers != col_names.are_numbers:  # one of both stands for all
        row_names, col_names = (
            Names(np.asarray(ids).astype(str)) if names.are_numbers else names
            for ids, names in ((rows, row_names), (cols, col_names))
        )
    if row_names.count != col_names.count:
        raise ValueError(f"{row_names.count} row ids and {col_names.count} column ids: they have to be as many")
    triples = _abi.initialized(library.functions, "dnmf_triples")
    triples.count = row_names.count
    triples.numbers_are_ids = row_names.are_numbers
    if row_names.are_numbers:
        triples.rows, triples.cols = row_names.address, col_names.address
    else:
        triples.row_ids, triples.col_ids = row_names.address, col_names.address
    kept: list[Any] = [row_names, col_names]
    if values is not None:
        numbers = np.ascontiguousarray(values, dtype=np.float64)
        if numbers.shape != (triples.count,):
            raise ValueError(f"{triples.count} pairs of ids need as many values, not {numbers.shape}")
        triples.values = _address(numbers)
        kept.append(numbers)
    return triples, tuple(kept)


def triples_data(
    library: Library,
    rows: Any,
    cols: Any,
    values: Any,
    *,
    duplicates: str = "last",
    shape: tuple[int, int] | None = None,
) -> Data:
    """Of ids, or with ``shape`` of positions."""
    triples, kept = triples_of(library, rows, cols, values)
    triples.duplicates = duplicates.encode()
    if shape is not None:
        triples.numbers_are_ids = False
        triples.all_rows, triples.all_cols = shape
    handle = c.c_void_p()
    library.call("data_from_triples", c.byref(triples), c.byref(handle))
    return Data(library, handle, kept)
