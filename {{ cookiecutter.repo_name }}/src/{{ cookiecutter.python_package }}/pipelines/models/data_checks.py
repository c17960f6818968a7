"""Looks for what makes a table unfit to learn from, before any model is fitted.

Missing values, texts or infinite numbers would otherwise come up in each model anew,
in its library's own wording.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...errors import DataError

MAX_PROBLEMS = 10


def check_table(
    data: pd.DataFrame, target_column: str, features: str = "numbers"
) -> None:
    """Refuse a table that models cannot learn from.

    Args:
        data: One row per sample, at least one; features and the target as columns.
        target_column: Name of the column to predict.
        features: "numbers" if every feature must be a number in every row, "any" if
            missing values and texts are somebody else's business.

    Raises:
        DataError: Lists the columns, in how many rows, and what is wrong with them.
    """
    X, y = data.drop(columns=target_column), data[target_column]
    problems = _column_problems(data, target_column) + _infinite_problems(X)
    problems += _target_problems(y)
    unfit = _number_problems(X) if features == "numbers" else []
    advice = (
        "For models that take such features themselves, write 'features: any' into "
        "parameters.yml"
    )
    _refuse([*problems, *unfit], advice if unfit else "")


def check_rows(data: pd.DataFrame) -> None:
    """Refuse a table without rows, of which nothing else can be said.

    Raises:
        DataError: Names the columns that there are.
    """
    if data.empty:
        columns = ", ".join(map(str, data.columns)) or "none"
        _refuse([f"0 rows; columns: {columns}"])


def check_training_part(y_train: "pd.Series[Any]", rows: int) -> None:
    """Refuse a training part that has only one class, where the data has more.

    Args:
        y_train: The target of the training part.
        rows: How many the data has.

    Raises:
        DataError: Names the class.
    """
    if y_train.nunique() == 1:
        _refuse(
            [
                f"{y_train.name}: all {len(y_train)} rows of the training part have "
                f"the value '{y_train.iloc[0]}'; of {rows} rows, too few have another"
            ]
        )


def _column_problems(data: pd.DataFrame, target_column: str) -> list[str]:
    """Return which columns are there twice, and whether there is any feature."""
    rows, names = len(data), list(map(str, data.columns))
    problems = []
    if names == [target_column]:
        problems.append(f"{target_column}: {rows} rows have the target and no feature")
    for name in names:
        numbered = re.fullmatch(r"(.+)\.[1-9]\d*", name, re.DOTALL)
        if numbered and numbered[1] in names:
            problems.append(
                f"{name}: the column '{numbered[1]}' seems to be there twice, in all "
                f"{rows} rows (pandas numbers the second); remove or rename one"
            )
    return problems


def _infinite_problems(X: pd.DataFrame) -> list[str]:
    """Return which features are infinite somewhere; no model takes that."""
    problems = []
    for name, column in X.items():
        infinite = pd.api.types.is_float_dtype(column) and int(np.isinf(column).sum())
        if infinite:
            problems.append(f"{name}: infinite in {infinite} of {len(X)} rows")
    return problems


def _target_problems(y: "pd.Series[Any]") -> list[str]:
    """Return what is wrong with the column to predict."""
    rows, problems = len(y), []
    if missing := int(y.isna().sum()):
        problems.append(
            f"{y.name}: the target has no value in {missing} of {rows} rows"
        )
    if pd.api.types.is_float_dtype(y) and (infinite := int(np.isinf(y).sum())):
        problems.append(
            f"{y.name}: the target is infinite in {infinite} of {rows} rows"
        )
    if y.nunique() == 1:
        problems.append(
            f"{y.name}: the target is '{y.dropna().iloc[0]}' in all of {rows} rows, "
            "so there is nothing to learn"
        )
    return problems


def _number_problems(X: pd.DataFrame) -> list[str]:
    """Return which features are not a number in every row."""
    rows, problems = len(X), []
    for name, column in X.items():
        missing = column.isna()
        if count := int(missing.sum()):
            problems.append(f"{name}: no value in {count} of {rows} rows")
        if pd.api.types.is_numeric_dtype(column):
            continue
        texts = column[pd.to_numeric(column, errors="coerce").isna() & ~missing]
        if len(texts):
            problems.append(
                f"{name}: no number in {len(texts)} of {rows} rows, "
                f"such as '{str(texts.iloc[0])[:40]}'"
            )
    return problems


def _refuse(problems: Sequence[str], advice: str = "") -> None:
    """Raise an error of all problems, if there are any.

    Args:
        problems: One line each, beginning with the column.
        advice: A last line.
    """
    if problems:
        raise DataError.listing("The data", problems, MAX_PROBLEMS, advice)
