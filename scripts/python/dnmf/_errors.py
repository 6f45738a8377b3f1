"""Errors of the library as exceptions; their text is the library's."""

from __future__ import annotations


class DnmfError(Exception):
    """Anything that the library refuses or cannot do."""


class UsageError(DnmfError, ValueError):
    """An argument or a setting is wrong, or does not go with the others."""


class InputError(DnmfError, ValueError):
    """The data are wrong: a negative number, a NaN, an id that is not there."""


class FileError(DnmfError, OSError):
    """A file cannot be opened, read or written."""


class OutOfMemoryError(DnmfError, MemoryError):
    """There is not enough memory."""


class LibraryError(DnmfError, RuntimeError):
    """MPI, HDF5, BLAS or LAPACK failed, or the library cannot be used."""


class InterruptedFitError(DnmfError, RuntimeError):
    """A fit was stopped before it was done, and its checkpoint is written."""


# By the numbers of include/dnmf.h.
_BY_STATUS = {
    1: UsageError,
    2: InputError,
    3: FileError,
    4: OutOfMemoryError,
    5: LibraryError,
    6: LibraryError,
    7: InterruptedFitError,
}


def error_of(status: int, text: str) -> DnmfError:
    """The exception for a status that is not success."""
    return _BY_STATUS.get(status, LibraryError)(text or f"the library failed with status {status}")
