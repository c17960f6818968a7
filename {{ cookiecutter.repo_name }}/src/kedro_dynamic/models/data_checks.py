"""Looks for what makes a table unfit to learn from, before any model is fitted.

Missing values, texts or infinite numbers would otherwise come up in each model anew,
in its library's own wording.
"""

import logging
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.errors import (
    MAX_PROBLEMS,
    VERBATIM,
    DataError,
    find_unknown_columns,
)
from kedro_dynamic.config.schema import FILE, DataSpec
from kedro_dynamic.models.columns.kinds import numbers_of_texts
from kedro_dynamic.models.snippets import in_yaml
from kedro_dynamic.models.target import MANY_CLASSES

logger = logging.getLogger(__name__)


# From this share of numbers on, a target that also has texts is taken for a quantity.
MOSTLY = 0.9
SHOWN_TEXTS = 5


def check_table(table: Any) -> None:
    """Reject what models cannot learn from or predict: see ``check_type``.

    Raises:
        DataError: If it is not a table of pandas, or an empty one.
    """
    check_type(table)
    if table.empty:
        raise DataError("expected rows and columns, not an empty table")


def check_type(table: Any) -> None:
    """Reject what is not a table of pandas, such as the list of a JSON file.

    Raises:
        DataError: Says what it is, and which types of datasets make tables; or which
            names several columns have.
    """
    if not isinstance(table, pd.DataFrame):
        raise DataError(
            f"expected a DataFrame of pandas, not a {type(table).__name__}; give its "
            "catalog entry a type such as pandas.CSVDataset or pandas.JSONDataset"
        )
    repeated = table.columns[table.columns.duplicated()].unique()
    if len(repeated):
        problem = "several columns have this name"
        raise DataError(*[f"{name}: {problem}" for name in repeated])


def select_rows(table: pd.DataFrame, data: DataSpec) -> pd.DataFrame:
    """Return the rows of a table that have a target, as ``missing_target`` says.

    The names of the columns are texts. A target of texts such as ``$1,164.00`` becomes
    numbers, as it would if it were a feature.

    With ``missing_target: drop``, rows without a target are left out, with a warning
    that says how many. Otherwise all rows are returned, and ``select_columns`` raises.

    Args:
        table: One row per sample, with the target as a column.
        data: The target column, and what to do about rows without a target.

    Raises:
        DataError: If it is not a table of pandas, or an empty one.
    """
    check_table(table)
    name = data.target_column
    names = [str(column) for column in table]
    if list(table) != names:  # a file without names
        table = table.set_axis(names, axis="columns")
    if name not in table:
        return table
    found = numbers_of_texts(table[name])
    if found is not None:
        numbers, how, doubt = found
        logger.info("%s: read as %s", name, how, extra=VERBATIM)
        if doubt:
            logger.warning("%s: %s", name, doubt, extra=VERBATIM)
        table = table.assign(**{name: numbers})
    if data.missing_target == "error":
        return table

    y = table[name]
    strays = _stray_texts(y)
    if not strays.empty:
        table = table.assign(**{name: pd.to_numeric(y.astype(str), errors="coerce")})
    is_missing = table[name].isna()
    if is_missing.any():
        logger.warning(
            "%s: %d of %d rows have no target and are left out%s",
            name,
            is_missing.sum(),
            len(table),
            f", {_in_words(strays)}" if len(strays) else "",
            extra=VERBATIM,
        )
    return table[~is_missing]


def select_columns(
    table: pd.DataFrame, data: DataSpec
) -> tuple[pd.DataFrame, "pd.Series[Any]"]:
    """Return features X and target y of a table that models can learn from.

    Args:
        table: One row per sample, with the target as a column.
        data: The target column, and the columns that are not features. The group
            column never is a feature.

    Raises:
        DataError: Lists the columns, in how many rows, and what is wrong with them.
    """
    problems = _parameter_problems(table, data)
    if problems:
        raise DataError(*problems, file=FILE)

    y = table[data.target_column]
    others = {data.target_column, data.group_column, *data.drop} - {None}
    X = table.drop(columns=list(others))
    unfit = _target_problems(y) + _feature_problems(X)
    if unfit:
        raise DataError(*unfit)
    return X, y


def _parameter_problems(table: pd.DataFrame, data: DataSpec) -> list[str]:
    """Return what the parameters say of a table that is not so."""
    columns = [str(name) for name in table.columns]
    others: dict[str, Collection[str]] = {
        "data.drop": data.drop,
        # A function that prepares rows may add columns, which are checked after it.
        "data.columns": [] if data.prepare else data.columns,
        "data.group_column": [data.group_column] if data.group_column else [],
        "data.time_column": [data.time_column] if data.time_column else [],
    }
    named = {"data.target_column": [data.target_column], **others}
    problems = find_unknown_columns(named, columns)
    problems += [
        f"{key}: '{data.target_column}' is the target"
        for key, names in others.items()
        if data.target_column in names
    ]
    rows = len(table)
    if not problems and not 1 <= int(rows * data.train_fraction) < rows:
        problems.append(
            f"data.train_fraction: {data.train_fraction} of the {rows} rows of "
            "the table leaves a part without rows"
        )
    return problems


def _stray_texts(y: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return the texts of a target that otherwise is a quantity, such as ``Unrated``.

    Few different numbers beside texts may be classes, so their texts are not stray.
    """
    texts = y.dropna()
    if pd.api.types.is_numeric_dtype(y) or texts.empty:
        return texts[:0]
    numbers = pd.to_numeric(texts.astype(str), errors="coerce")
    is_number = numbers.notna()
    if is_number.mean() < MOSTLY or numbers.nunique() <= MANY_CLASSES:
        return texts[:0]
    return texts[~is_number]


def _in_words(strays: "pd.Series[Any]") -> str:
    """Return how many rows have each of some texts, as ``'Unrated' in 3 rows``."""
    counts = strays.value_counts()
    shown = [
        f"'{text}' in {count} row{'s' if count > 1 else ''}"
        for text, count in counts.head(SHOWN_TEXTS).items()
    ]
    if len(counts) > SHOWN_TEXTS:
        shown.append(f"{len(counts) - SHOWN_TEXTS} more")
    return ", ".join(shown)


def _target_problems(y: "pd.Series[Any]") -> list[str]:
    """Return what is wrong with the column to predict."""
    remedy = f"write 'missing_target: drop' below 'data' in {FILE} to leave them out"
    rows, problems = len(y), []
    if missing := int(y.isna().sum()):
        problems.append(
            f"{y.name}: the target has no value in {missing} of {rows} rows; {remedy}"
        )
    strays = _stray_texts(y)
    if len(strays):
        # All of them, since each that is left out would be the next error.
        texts = in_yaml(strays.value_counts().index[:MAX_PROBLEMS].tolist())
        problems.append(
            f"{y.name}: the target is a number, but {_in_words(strays)}; write "
            f"'na_values: {texts}' in load_args of the table's entry, or "
            f"'missing_target: drop' below 'data' in {FILE}"
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


def _feature_problems(X: pd.DataFrame) -> list[str]:
    """Return which features no model takes."""
    rows = len(X)
    if X.columns.empty:
        return [f"{rows} rows have the target and no feature"]
    problems = []
    for name, column in X.items():
        if infinite := _infinite(column):
            problems.append(f"{name}: infinite in {infinite} of {rows} rows")
    return problems


def _infinite(column: "pd.Series[Any]") -> int:
    """Return how many values are infinite."""
    is_float = pd.api.types.is_float_dtype(column)
    return int(np.isinf(column).sum()) if is_float else 0
