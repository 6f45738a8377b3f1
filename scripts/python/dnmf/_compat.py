"""What differs between versions of scikit-learn."""

from __future__ import annotations

from typing import Any

try:  # since 1.6
    from sklearn.utils.validation import validate_data
except ImportError:

    def validate_data(estimator: Any, X: Any, **keywords: Any) -> Any:
        return estimator._validate_data(X, **keywords)


def all_finite(allow: bool | str) -> dict[str, Any]:
    """The argument of check_array that was renamed in 1.6."""
    import inspect

    from sklearn.utils import check_array

    known = inspect.signature(check_array).parameters
    return {"ensure_all_finite" if "ensure_all_finite" in known else "force_all_finite": allow}
