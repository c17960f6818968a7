"""Splits the table; cross-validates, fits and scores one model.

scikit-learn is imported where it is used: every Kedro command imports this module, but
only a run needs scikit-learn, which takes a second to import.
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
    """Split a table into a training set and a test set.

    Both sets have the same shares of the classes, if each class has enough rows.

    Args:
        table: One row per sample, with the features and the target as columns.
        data: The target column, the columns that are not features, and the share of
            rows to train on.
        random_state: Seed of the shuffle.

    Returns:
        X_train, X_test, y_train and y_test: X has the features as columns, y has the
        target as its only column.

    Raises:
        DataError: If columns are missing, or no model can learn from their values.
    """
    from sklearn.model_selection import train_test_split

    X, y = select_columns(table, data)

    # Both sets need a row of each class. The values of a numeric target are too rare.
    rarest_count = y.value_counts().min()
    smaller_fraction = min(data.train_fraction, 1 - data.train_fraction)
    # Not 1, because 1 - 0.8 is a little less than 0.2.
    can_stratify = rarest_count * smaller_fraction > 0.999

    X_train, X_test, y_train, y_test = train_test_split(
        X,
        y.to_frame(),
        train_size=data.train_fraction,
        random_state=random_state,
        stratify=y if can_stratify else None,
    )

    if y_train.iloc[:, 0].nunique() == 1:
        raise DataError(
            f"{y.name}: all {len(y_train)} rows of the training set have the value "
            f"'{y_train.iloc[0, 0]}'; too few of the {len(y)} rows have another value"
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
    """Cross-validate a model on the training set.

    Args:
        model: The model's entry in ``parameters.yml``.
        data: How to encode the features.
        comparison: The scores, and the number of folds.
        X_train: Features, one row per sample.
        y_train: Target, one column.
        random_state: Seed of the folds, and of the model if it takes a seed.

    Returns:
        By the name of each score, its value on each fold, where higher is better. Empty
        without folds.
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
    """Fit a model, together with the encoding of its features, to the training set.

    Args:
        model: The model's entry in ``parameters.yml``.
        data: How to encode the features.
        X_train: Features, one row per sample.
        y_train: Target, one column.
        random_state: Seed of the model if it takes a seed.

    Returns:
        The fitted estimator, which predicts from rows as they are in the table. Its
        attribute ``fit_seconds_`` is the time to fit, like ``refit_time_`` in
        scikit-learn: so it is known even if only the scores are computed again.
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
    """Score a fitted model on the test set.

    A metric that scikit-learn does not have is added here: every entry of ``metrics``
    is shown in the leaderboard and logged to MLflow.

    Args:
        fitted_model: The estimator from ``fit_model``.
        validation: The scores from ``validate_model``.
        comparison: The scores to compute.
        X_test: Features, one row per sample.
        y_test: Target, one column.

    Returns:
        The first score on the test set, and all metrics by name: of each score the mean
        and standard error over the folds and the value on the test set, the seconds to
        fit, and ``model_score``, which is the first score again.
    """
    y = y_test.iloc[:, 0]
    test_scores = score_fitted_model(fitted_model, comparison, X_test, y)
    model_score = next(iter(test_scores.values()))

    metrics: dict[str, Any] = {}
    for name, test_score in test_scores.items():
        if validation:
            metrics |= summarize_folds({name: validation[name]})
        metrics[f"test_{name}"] = test_score
    metrics["fit_seconds"] = fitted_model.fit_seconds_
    metrics["model_score"] = model_score
    return model_score, metrics
