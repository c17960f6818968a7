"""Prepares rows by a function of the project: the first step of a fitted model.

A fitted model needs this module, and no other packages than pandas and scikit-learn.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from kedro_dynamic.config.library import Versioned

Function = Callable[[pd.DataFrame], pd.DataFrame]


class RowPreparer(
    Versioned,
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Adds or changes columns of raw rows.

    Args:
        function: Takes a table, which it may change, and returns one of the same rows.
    """

    def __init__(self, function: Function):
        self.function = function

    def fit(self, X: Any, y: Any = None) -> "RowPreparer":
        """Learn nothing."""
        return self

    def transform(self, X: Any) -> pd.DataFrame:
        """Return the rows with the columns that the function makes.

        Raises:
            ValueError: If the function does not return a table of the same rows.
        """
        prepared = self.function(pd.DataFrame(X).copy())
        is_table = isinstance(prepared, pd.DataFrame)
        if not is_table or not prepared.index.equals(pd.DataFrame(X).index):
            name = self.function.__name__
            raise ValueError(
                f"{name} must return a table with the rows that it is given"
            )
        return prepared

    def __sklearn_is_fitted__(self) -> bool:
        return True


def import_function(path: str) -> Function:
    """Import a function of the project.

    Args:
        path: Import path, such as ``flower_shop.features.prepare``.

    Raises:
        ValueError: If the function does not exist, or its package is not trusted.
    """
    # Not where a model is served, which has its function.
    from kedro_dynamic.config.allowlist import import_trusted

    function: Function = import_trusted(path)
    if not callable(function):
        raise ValueError(f"'{path}' is not a function")
    return function
