"""Splits the table; cross-validates, fits and scores one model.

scikit-learn is imported where it is used: every Kedro command imports this module, but
only a run needs scikit-learn, which takes a second to import.
"""

from time import perf_counter
from typing import Any

import pandas as pd

from kedro_dynamic import (
    ComparisonSpec,
    DataSpec,
    Estimator,
    ModelSpec,
    build_model,
    build_scorers,
    cross_validate_model,
    groups_and_times,
    make_folds,
    score_fitted_model,
    score_interval,
    score_resamples,
    select_columns,
    select_rows,
    split_rows,
    summarize_folds,
)


def split_data(
    table: pd.DataFrame,
    data: DataSpec,
    folds: int,
    random_state: int,
    is_tuned: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split a table into a training set and a test set, and the former into folds.

    Rows are drawn at random. With a group column, all rows of a group are in one part;
    with a time column, models are tested on later rows than they are trained on.

    For a split of your own, see the top of ``kedro_dynamic/models/split.py``.

    Args:
        table: One row per sample, with the features and the target as columns.
        data: The columns' roles, and the share of rows to train on.
        folds: The number of folds; 0 leaves validation out.
        random_state: Seed of the shuffle.
        is_tuned: True keeps a third of the training rows for tuning.

    Returns:
        X_train, X_test, y_train, y_test and folds: X has the features, y has the target
        as its only column, folds has a row per training row.

    Raises:
        ConfigurationError: If the table cannot be learnt from, or split like that.
    """
    table = select_rows(table, data)
    X, y = select_columns(table, data)

    train_rows, test_rows = split_rows(table, data, random_state)
    X_train, y_train = X.iloc[train_rows], y.iloc[train_rows]
    X_test, y_test = X.iloc[test_rows], y.iloc[test_rows]

    table_of_folds = make_folds(
        X_train,
        y_train,
        *groups_and_times(table, data, train_rows),
        folds=folds,
        is_tuned=is_tuned,
        random_state=random_state,
    )
    return X_train, X_test, y_train.to_frame(), y_test.to_frame(), table_of_folds


def split_for_tuning(
    table: pd.DataFrame, data: DataSpec, folds: int, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split a table as ``split_data`` does, and keep rows for tuning.

    So tuned models are validated on rows that no study has seen.

    Args:
        table: As for ``split_data``, and so are the others.
        data: The columns' roles, and the share of rows to train on.
        folds: The number of folds.
        random_state: Seed of the shuffle.

    Returns:
        X_train, X_test, y_train, y_test and folds, as from ``split_data``.
    """
    return split_data(table, data, folds, random_state, is_tuned=True)


def validate_model(
    model: ModelSpec,
    data: DataSpec,
    comparison: ComparisonSpec,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    folds: pd.DataFrame,
    random_state: int,
    columns: pd.DataFrame | None = None,
) -> dict[str, list[float]]:
    """Cross-validate a model on the training set.

    Args:
        model: The model's entry in ``parameters.yml``.
        data: Says if features are encoded, and which class is the positive one.
        comparison: The scores.
        X_train: Features, one row per sample.
        y_train: Target, one column.
        folds: The folds of the training rows, from ``split_data``.
        random_state: Seed of the model if it takes a seed.
        columns: How each column is read, from ``read_columns``.

    Returns:
        By the name of each score, its value on each fold, where higher is better. Empty
        without folds.
    """
    y = y_train.iloc[:, 0]
    return cross_validate_model(
        model, data, comparison, X_train, y, folds, random_state, columns
    )


def fit_model(
    model: ModelSpec,
    data: DataSpec,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
    columns: pd.DataFrame | None = None,
) -> Estimator:
    """Fit a model, together with the encoding of its features, to the training set.

    Args:
        model: The model's entry in ``parameters.yml``.
        data: Says if features are encoded.
        X_train: Features, one row per sample.
        y_train: Target, one column.
        random_state: Seed of the model if it takes a seed.
        columns: How each column is read, from ``read_columns``.

    Returns:
        The fitted estimator, which predicts from rows as they are in the table. Its
        attribute ``fit_seconds_`` is the time to fit, like ``refit_time_`` in
        scikit-learn: so it is known even if only the scores are computed again.
    """
    y = y_train.iloc[:, 0]
    estimator = build_model(model, data, X_train, y, random_state, columns)

    start = perf_counter()
    fitted_model = estimator.fit(X_train, y)
    fitted_model.fit_seconds_ = perf_counter() - start
    return fitted_model


def score_model(
    fitted_model: Estimator,
    validation: dict[str, list[float]],
    data: DataSpec,
    comparison: ComparisonSpec,
    X_test: pd.DataFrame,
    y_train: pd.DataFrame,
    y_test: pd.DataFrame,
) -> tuple[float, dict[str, Any], list[float]]:
    """Score a fitted model on the test set.

    A metric that scikit-learn does not have is added here: every entry of ``metrics``
    is shown in the leaderboard and logged to MLflow.

    Args:
        fitted_model: The estimator from ``fit_model``.
        validation: The scores from ``validate_model``.
        data: The positive class.
        comparison: The scores to compute.
        X_test: Features, one row per sample.
        y_train: Target of the training set, one column.
        y_test: Target, one column.

    Returns:
        The first score on the test set. All metrics by name: of each score the mean and
        standard error over the folds and the value on the test set, of the first one
        its 95 % interval, the seconds to fit, and ``model_score``, which is the first
        score again. And without folds, the first score on resamples of the test set,
        by which models are compared then.
    """
    y = y_test.iloc[:, 0]
    scorers = build_scorers(data, comparison, y_train.iloc[:, 0], fitted_model)
    test_scores = score_fitted_model(fitted_model, scorers, X_test, y)
    first, model_score = next(iter(test_scores.items()))

    metrics: dict[str, Any] = {}
    for name, test_score in test_scores.items():
        if validation:
            metrics |= summarize_folds({name: validation[name]})
        metrics[f"test_{name}"] = test_score
        if name == first:
            metrics |= score_interval(
                fitted_model, data, scorers, X_test, y, test_score
            )
    metrics["fit_seconds"] = fitted_model.fit_seconds_
    metrics["model_score"] = model_score

    resamples: list[float] = []
    if not validation:
        _, resamples = score_resamples(fitted_model, scorers[first], X_test, y)
    return model_score, metrics, resamples
