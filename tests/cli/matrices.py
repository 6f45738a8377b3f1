"""Matrices as input files hold them, and as the program hands them on."""
import h5py
import numpy as np
import scipy.sparse

from program import run


def counts(rows=7, cols=5, seed=11):
    """Small whole numbers, which every numeric type holds, with zeros and an empty row and column."""
    table = np.random.default_rng(seed).integers(0, 9, (rows, cols)) * np.random.default_rng(seed + 1).integers(
        0, 2, (rows, cols))
    table[rows // 2] = 0
    table[:, cols // 3] = 0
    return table


def read_ids(file, name):
    if name not in file:
        return None
    values = file[name]
    return list(values.asstr()[:]) if values.dtype.kind in "OS" else [int(value) for value in values]


def read_matrix(path):
    """The matrix of an imported file as a table, whether it is sparse, and its ids."""
    with h5py.File(path) as file:
        item = file["matrix"]
        sparse = isinstance(item, h5py.Group)
        if sparse:
            parts = (item["data"][:], item["indices"][:], item["indptr"][:])
            item = scipy.sparse.csr_matrix(parts, tuple(item.attrs["shape"])).toarray()
        return item[:], sparse, read_ids(file, "row_ids"), read_ids(file, "col_ids")


def check_import(folder, source, expected, processes, options=(), sparse=False, row_ids=None, col_ids=None):
    """`source` becomes just `expected`."""
    output = folder / f"out-{processes}.h5"
    run(["import", source, "-o", output, *options], processes=processes)
    values, is_sparse, rows, cols = read_matrix(output)
    np.testing.assert_array_equal(values, expected)
    assert is_sparse == sparse
    assert (rows, cols) == (row_ids, col_ids)


def check_refusal(folder, source, *parts, options=(), processes=1, status=1):
    """One message with all `parts`, and no file."""
    result = run(["import", source, "-o", folder / "none.h5", *options], processes=processes, expect=status)
    assert len(result.messages) == 1, result
    for part in parts:
        assert part in result.messages[0], result
    assert not (folder / "none.h5").exists()
