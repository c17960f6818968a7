"""Looks for what makes a table unfit to learn from, before any model is fitted.

Missing values, texts or infinite numbers would otherwise come up in each model anew,
in its library's own wording.
"""

import logging
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.errors import VERBATIM, DataError, did_you_mean
from kedro_dynamic.config.schema import FILE, DataSpec

logger = logging.getLogger(__name__)


# Fewer different values than this are never taken for names of rows.
MANY = 20


def select_columns(
    table: pd.DataFrame, data: DataSpec
) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """Return features X and target y of a table that models can learn from.

    Raises:
        DataError: Lists the columns, in how many rows, and what is wrong with them.
    """
    columns = [str(name) for name in table.columns]
    target = data.target_column
    problems = [
        f"{key}: '{name}' is not a column of the table{did_you_mean(name, columns)}; "
        f"columns: {', '.join(columns[:50])}"
        for key, name in [
            ("data.target_column", target),
            *(("data.drop", name) for name in data.drop),
        ]
        if name not in columns
    ]
    if target in data.drop:
        problems.append(f"data.drop: '{target}' is the target")
    if not problems and not 1 <= int(len(table) * data.train_fraction) < len(table):
        problems.append(
            f"data.train_fraction: {data.train_fraction} of the {len(table)} rows of "
            "the table leaves a part without rows"
        )
    if problems:
        raise DataError(*problems, file=FILE)
    X, y = table.drop(columns=[target, *data.drop]), table[target]
    unfit = _target_problems(y) + _feature_problems(X, data.encode)
    if unfit:
        raise DataError(*unfit)
    if data.encode != "none":
        _warn_of_identifiers(X)
    return X, y


def _target_problems(y: "pd.Series[Any]") -> list[str]:
    """Return what is wrong with the column to predict."""
    rows, problems = len(y), []
    if missing := int(y.isna().sum()):
        problems.append(
            f"{y.name}: the target has no value in {missing} of {rows} rows"
        )
    if infinite := _infinite(y):
        problems.append(
            f"{y.name}: the target is infinite in {infinite} of {rows} rows"
        )
    if y.nunique() == 1:
        problems.append(
            f"{y.name}: the target is '{y.dropna().iloc[0]}' in all of {rows} rows, "
            "so there is nothing to learn"
        )
    return problems


def _feature_problems(X: pd.DataFrame, encode: str) -> list[str]:
    """Return which features no model takes, and without encoding which few do."""
    rows = len(X)
    if X.columns.empty:
        return [f"{rows} rows have the target and no feature"]
    problems = []
    for name, column in X.items():
        if infinite := _infinite(column):
            problems.append(f"{name}: infinite in {infinite} of {rows} rows")
        elif encode != "none" and column.isna().all():
            problems.append(f"{name}: no value in any row; add it to data.drop")
    return problems


def _infinite(column: "pd.Series[Any]") -> int:
    """Return how many values are infinite."""
    is_float = pd.api.types.is_float_dtype(column)
    return int(np.isinf(column).sum()) if is_float else 0


def _warn_of_identifiers(X: pd.DataFrame) -> None:
    """Warn of texts that differ in most rows: they cost a column each, for nothing."""
    for name, column in X.select_dtypes(exclude="number").items():
        count = column.nunique()
        if count > max(MANY, len(column) / 2):
            logger.warning(
                "%s: %d different texts in %d rows become as many columns; if it is a "
                "name or a date, write 'drop: [%s]' below 'data' in %s",
                name,
                count,
                len(column),
                name,
                FILE,
                extra=VERBATIM,
            )
