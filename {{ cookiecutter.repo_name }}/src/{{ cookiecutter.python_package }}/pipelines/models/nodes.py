"""Splits the data; validates, fits and scores one model.

scikit-learn is imported where it is used: every Kedro command imports the nodes, and
none but a run should wait for scikit-learn.
"""

from time import perf_counter
from typing import Any

import pandas as pd

from kedro_dynamic import (
    ComparisonSpec,
    DataError,
    DataSpec,
    Estimator,
    ModelSpec,
    build_model,
    cross_validate_model,
    score_fitted_model,
    select_columns,
    summarize_folds,
)


def split_data(
    table: pd.DataFrame, data: DataSpec, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split the data into a training and a test part.

    If there are rows enough of each class, classes keep their shares in both parts.

    Args:
        table: One row per sample; features and the target as columns.
        data: Which column is the target, which are no features, how many rows to
            train on.
        random_state: Seed of the shuffle.

    Returns:
        X_train, X_test (features) and y_train, y_test (the target as one column).

    Raises:
        DataError: If columns are not there, or hold what no model can learn from.
    """
    from sklearn.model_selection import train_test_split

    X, y = select_columns(table, data)
    smaller_part = min(data.train_fraction, 1 - data.train_fraction)
    # A number to regress on has no classes, or next to no rows of each.
    enough = y.value_counts().min() * smaller_part > 0.999  # 5 * 0.2 is less than 1
    stratify = y if enough else None
    X_train, X_test, y_train, y_test = train_test_split(
        X,
        y.to_frame(),
        train_size=data.train_fraction,
        random_state=random_state,
        stratify=stratify,
    )
    if y_train.iloc[:, 0].nunique() == 1:
        raise DataError.listing(
            "The data",
            [
                f"{y.name}: all {len(y_train)} rows of the training part have the "
                f"value '{y_train.iloc[0, 0]}'; of {len(y)} rows, too few have another"
            ],
        )
    return X_train, X_test, y_train, y_test


def validate_model(
    model: ModelSpec,
    data: DataSpec,
    comparison: ComparisonSpec,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
) -> dict[str, list[float]]:
    """Cross-validate a model within the training part.

    Args:
        model: Its entry in ``parameters.yml``.
        data: Says how features are encoded.
        comparison: Says by which scores, on how many folds.
        X_train: Features, one row per sample.
        y_train: The target, one column, same rows.
        random_state: Seed of the folds, and of models that take one.

    Returns:
        By name of the score its value on each fold; higher is better. Empty without
        folds.
    """
    y = y_train.iloc[:, 0]
    return cross_validate_model(model, data, comparison, X_train, y, random_state)


def fit_model(
    model: ModelSpec,
    data: DataSpec,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
) -> Estimator:
    """Fit a model, and the encoding of its features, to the training part.

    Args:
        model: Its entry in ``parameters.yml``.
        data: Says how features are encoded.
        X_train: Features, one row per sample.
        y_train: The target, one column, same rows.
        random_state: Seed for models that take one.

    Returns:
        The fitted estimator, which takes raw rows. The seconds it took are its
        ``fit_seconds_``: stored with the model, like ``refit_time_`` in scikit-learn's
        searches, they are still known when only the score is computed again.
    """
    y = y_train.iloc[:, 0]
    estimator = build_model(model, data, X_train, y, random_state)
    start = perf_counter()
    fitted_model = estimator.fit(X_train, y)
    fitted_model.fit_seconds_ = perf_counter() - start
    return fitted_model


def score_model(
    fitted_model: Estimator,
    validation: dict[str, list[float]],
    comparison: ComparisonSpec,
    X_test: pd.DataFrame,
    y_test: pd.DataFrame,
) -> tuple[float, dict[str, Any]]:
    """Score a fitted model on the test part, which nothing else looks at.

    To add a metric that is no score of scikit-learn, put it into ``metrics`` here: it
    is then in the leaderboard and in MLflow.

    Args:
        fitted_model: From ``fit_model``.
        validation: From ``validate_model``.
        comparison: Says by which scores.
        X_test: Features, one row per sample.
        y_test: The target, one column, same rows.

    Returns:
        The first score on the test part; and the row of the leaderboard: by score the
        mean of the validation and its standard error, and the value on the test part;
        and the seconds that fitting took.
    """
    y = y_test.iloc[:, 0]
    scores = score_fitted_model(fitted_model, comparison, X_test, y)
    model_score = next(iter(scores.values()))
    metrics: dict[str, Any] = {}
    for name, value in scores.items():
        folds = {name: validation[name]} if validation else {}
        metrics |= {**summarize_folds(folds), f"test_{name}": value}
    metrics["fit_seconds"] = fitted_model.fit_seconds_
    metrics["model_score"] = model_score
    return model_score, metrics
