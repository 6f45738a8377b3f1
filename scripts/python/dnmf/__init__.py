"""Distributed nonnegative matrix factorization in the manner of scikit-learn.

The estimators work on ``libdnmf.so``, which does the same as the program ``dnmf``: the same settings and the same
seed give the same factors.

``NMF``
    ``X = W H`` with nonnegative factors, as ``sklearn.decomposition.NMF``.
``NMFSearch``
    The number of components that a matrix has, and the consensus of the fits with it.
``MiniBatchNMF``
    ``NMF``, a few rows of ``X`` at a time, also of rows that come one batch after another.
``Recommender``
    Ratings, or plays and clicks: predictions, lists for users, items that are alike.
"""

from ._abi import VERSION as __version__
from ._errors import DnmfError, FileError, InputError, LibraryError, UsageError
from ._library import library_version
from ._minibatch import MiniBatchNMF
from ._nmf import NMF, non_negative_factorization
from ._recommender import Recommender
from ._search import NMFSearch

__all__ = [
    "NMF",
    "NMFSearch",
    "MiniBatchNMF",
    "Recommender",
    "non_negative_factorization",
    "library_version",
    "DnmfError",
    "FileError",
    "InputError",
    "LibraryError",
    "UsageError",
    "__version__",
]
