"""Splits a data set, and encodes it by what its training part says."""

from typing import Any

import pandas as pd

from ...errors import DataError, did_you_mean
from ..models.nodes import check_split, split_checked
from .specs import FILE, DatasetSpec


def split_dataset(
    raw: pd.DataFrame, dataset: DatasetSpec, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split a data set into a training and a test part.

    Args:
        raw: One row per sample; features and the target as columns.
        dataset: What ``parameters_benchmark.yml`` says of it.
        random_state: Seed of the shuffle.

    Returns:
        X_train, X_test (features) and y_train, y_test (the target as one column).

    Raises:
        DataError: Lists what does not fit the data.
    """
    fraction, target = 1 - dataset.test_fraction, dataset.target
    check_split(raw, fraction, target, FILE, keys=("test_fraction", "target"))
    positive, classes = dataset.positive_class, list(raw[target].dropna().unique())
    if positive is not None and find_class(classes, positive) is None:
        names = [str(name) for name in classes]
        problem = (
            f"positive_class: '{positive}' is no value of '{target}'"
            f"{did_you_mean(positive, names)}; values: {', '.join(names[:20])}; "
            f"{len(raw)} rows of the data"
        )
        raise DataError.listing(FILE, [problem])
    # Of features, missing values and texts are what `encode` is there for.
    return split_checked(raw, fraction, random_state, target, features="any")


def encode(
    X_train: pd.DataFrame, X_test: pd.DataFrame
) -> tuple[Any, pd.DataFrame, pd.DataFrame]:
    """Make numbers of all features, and bring them to one scale.

    Args:
        X_train: Features of the training part, which alone is learned from.
        X_test: Features of the test part.

    Returns:
        The fitted ``ColumnTransformer``, and both parts encoded: a column per number,
        its missing values replaced by the median, with mean 0 and variance 1; a column
        of 0 and 1 per category, of which a missing value is one more. A category that
        the training part does not have is 0 in all of them.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = X_train.select_dtypes("number").columns
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
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                list(X_train.columns.difference(numbers, sort=False)),
            ),
        ]
    ).set_output(transform="pandas")
    encoded_train = encoder.fit_transform(X_train)
    return encoder, encoded_train, encoder.transform(X_test)


def find_class(classes: Any, wanted: object) -> Any:
    """Return the class that is written so in YAML; None if there is none.

    Args:
        classes: The classes as the data has them, for instance numbers of NumPy.
        wanted: The class as YAML reads it.
    """
    return next((name for name in classes if str(name) == str(wanted)), None)
