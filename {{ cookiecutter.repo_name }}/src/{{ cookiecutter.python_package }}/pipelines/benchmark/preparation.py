"""Splits a data set, and encodes it by what its training part says."""

import logging
import re
from typing import Any

import pandas as pd

from ...errors import VERBATIM, DataError, did_you_mean
from ..models.nodes import check_split, split_checked
from .specs import FILE, DatasetSpec, TuningSpec

logger = logging.getLogger(__name__)

# Fewer different values than this are never taken for names of rows.
MANY = 20


def split_dataset(
    raw: pd.DataFrame, dataset: DatasetSpec, tuning: TuningSpec, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split a data set into a training and a test part.

    Args:
        raw: One row per sample; features and the target as columns.
        dataset: What ``parameters_benchmark.yml`` says of it.
        tuning: Says into how many folds the training part will be cut.
        random_state: Seed of the shuffle.

    Returns:
        X_train, X_test (features) and y_train, y_test (the target as one column).

    Raises:
        DataError: Lists what does not fit the data.
    """
    fraction, target = 1 - dataset.test_fraction, dataset.target
    check_split(raw, fraction, target, FILE, keys=("test_fraction", "target"))
    problems = _drop_problems(list(map(str, raw.columns)), dataset)
    problems += _target_problems(raw[target].dropna(), dataset)
    if problems:
        raise DataError.listing(FILE, problems)
    table = raw.drop(columns=dataset.drop)
    # Missing values and texts in features are what `encode` is there for.
    parts = split_checked(table, fraction, random_state, target, features="any")
    rows = int(parts[2].iloc[:, 0].value_counts().max())
    if tuning.folds > rows:
        raise DataError.listing(
            FILE,
            [
                f"benchmark.tuning.folds: {tuning.folds}, but no class has more than "
                f"{rows} rows in the training part of the data; write {rows} or less"
            ],
        )
    return parts


def encode(
    X_train: pd.DataFrame, X_test: pd.DataFrame
) -> tuple[Any, pd.DataFrame, pd.DataFrame]:
    """Encode all features as numbers of one scale.

    Args:
        X_train: Features of the training part, which alone is learned from.
        X_test: Features of the test part.

    Returns:
        The fitted ``ColumnTransformer``, and both parts encoded: a column per number,
        its missing values replaced by the median, with mean 0 and variance 1; a column
        of 0 and 1 per category (``<column>=<category>``), where a missing value is one
        more category. One that the training part does not have is 0 in all of them.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = X_train.select_dtypes("number").columns
    categories = X_train.columns.difference(numbers, sort=False)
    _warn_of_identifiers(X_train[categories])
    encoder = ColumnTransformer(
        [
            (
                "number",
                make_pipeline(
                    SimpleImputer(strategy="median", keep_empty_features=True),
                    StandardScaler(),
                ),
                list(numbers),
            ),
            (
                "category",
                OneHotEncoder(
                    handle_unknown="ignore",
                    sparse_output=False,
                    feature_name_combiner=name_category,
                ),
                list(categories),
            ),
        ]
    ).set_output(transform="pandas")
    encoded_train = encoder.fit_transform(X_train)
    return encoder, encoded_train, encoder.transform(X_test)


def name_category(column: str, category: object) -> str:
    """Name the column of a category, so that no two are the same.

    Args:
        column: Name of the column that holds the category.
        category: One of its values. Characters that xgboost refuses are escaped.
    """
    parts = (
        re.sub(r"[%=<\[\]]", lambda found: f"%{ord(found[0]):02X}", str(part))
        for part in (column, category)
    )
    return "=".join(parts)


def find_class(classes: Any, wanted: object) -> Any:
    """Return the class that is written so in YAML; None if there is none.

    Args:
        classes: The classes as the data has them, for instance numbers of NumPy.
        wanted: The class as YAML reads it; 1 also stands for 1.0.
    """
    number = isinstance(wanted, int | float) and not isinstance(wanted, bool)
    for name in classes:
        if str(name) == str(wanted) or (number and name == wanted):
            return name
    return None


def _drop_problems(columns: list[str], dataset: DatasetSpec) -> list[str]:
    """Return which columns cannot be left out."""
    return [
        f"drop: '{name}' is "
        + (
            "the target"
            if name == dataset.target
            else f"no column of the data{did_you_mean(name, columns)}"
        )
        for name in dataset.drop
        if name == dataset.target or name not in columns
    ]


def _warn_of_identifiers(X: pd.DataFrame) -> None:
    """Warn of texts that differ in most rows: they cost a column each, for nothing."""
    for name, column in X.items():
        count = column.nunique()
        if count > max(MANY, len(column) / 2):
            logger.warning(
                "%s: %d different values in %d rows become as many columns; if it is a "
                "name, a number of the row or a date, leave it out with 'drop: [%s]'",
                name,
                count,
                len(column),
                name,
                extra=VERBATIM,
            )


def _target_problems(y: "pd.Series[Any]", dataset: DatasetSpec) -> list[str]:
    """Return what is wrong with the column to predict, where it has values."""
    from sklearn.utils.multiclass import type_of_target

    if len(y) and type_of_target(y).startswith("continuous"):
        return [
            f"target: '{y.name}' is a continuous number in the data; the benchmark "
            "compares classifiers, so name a column of classes"
        ]
    positive, classes = dataset.positive_class, list(y.unique())
    if positive is None or find_class(classes, positive) is not None:
        return []
    names = [str(name) for name in classes]
    quotes = "; put a word such as yes in quotes" if isinstance(positive, bool) else ""
    return [
        f"positive_class: '{positive}' is no value of '{y.name}'"
        f"{did_you_mean(positive, names)}; values: {', '.join(names[:20])}; "
        f"{len(y)} rows of the data{quotes}"
    ]
