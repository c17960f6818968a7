"""Splits the data, then fits and scores one model.

scikit-learn is imported where it is used: every Kedro command imports the nodes, and
none but a run should wait for scikit-learn.
"""

import pickle
from time import perf_counter
from typing import Any

import pandas as pd

from ...errors import DataError, did_you_mean
from .data_checks import check_rows, check_table, check_training_part
from .estimators import Estimator, build_estimator
from .specs import ModelSpec


def split_data(
    data: pd.DataFrame,
    train_fraction: float,
    random_state: int,
    target_column: str,
    features: str = "numbers",
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split the data into a training and a test part.

    Args:
        data: One row per sample; features and the target as columns.
        train_fraction: Share of the rows to train on, between 0 and 1.
        random_state: Seed of the shuffle.
        target_column: Name of the column to predict. If there are rows enough of
            each class, classes keep their shares in both parts.
        features: "any" leaves missing values and texts in features to the models.

    Returns:
        X_train, X_test (features) and y_train, y_test (the target as one column).

    Raises:
        DataError: If the data has no such column, too few rows, or values that
            models cannot learn from.
    """
    check_split(data, train_fraction, target_column)
    return split_checked(data, train_fraction, random_state, target_column, features)


def check_split(
    data: pd.DataFrame,
    train_fraction: float,
    target_column: str,
    file: str = "parameters.yml",
    keys: tuple[str, str] = ("train_fraction", "target_column"),
) -> None:
    """Refuse data that cannot be split as the parameters say.

    Args:
        data: One row per sample; features and the target as columns.
        train_fraction: Share of the rows to train on, between 0 and 1.
        target_column: Name of the column to predict.
        file: Where the parameters stand.
        keys: Paths of the two in it.

    Raises:
        DataError: If the data has no such column, or too few rows.
    """
    check_rows(data)
    problems = []
    columns = list(map(str, data.columns))
    if target_column not in columns:
        problems.append(
            f"{keys[1]}: '{target_column}' is no column of the data"
            f"{did_you_mean(target_column, columns)}; columns: {', '.join(columns)}; "
            f"{len(data)} rows"
        )
    if not 1 <= int(len(data) * train_fraction) < len(data):
        problems.append(
            f"{keys[0]}: it splits {len(data)} rows of the data so that a part is "
            "without rows"
        )
    if problems:
        raise DataError.listing(file, problems)


def split_checked(
    data: pd.DataFrame,
    train_fraction: float,
    random_state: int,
    target_column: str,
    features: str,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split data that ``check_split`` has passed; as ``split_data`` otherwise."""
    from sklearn.model_selection import train_test_split

    check_table(data, target_column, features)
    X = data.drop(columns=target_column)
    y = data[[target_column]]
    rows_per_class = y[target_column].value_counts()
    smaller_part = min(train_fraction, 1 - train_fraction)
    # A number to regress on has no classes, or next to no rows of each.
    stratify = rows_per_class.min() * smaller_part >= 1
    X_train, X_test, y_train, y_test = train_test_split(
        X,
        y,
        train_size=train_fraction,
        random_state=random_state,
        stratify=y if stratify else None,
    )
    check_training_part(y_train[target_column], rows=len(data))
    return X_train, X_test, y_train, y_test


def fit_model(
    model: ModelSpec, X_train: pd.DataFrame, y_train: pd.DataFrame, random_state: int
) -> Estimator:
    """Build the model and fit it.

    Args:
        model: What ``parameters.yml`` says of the model.
        X_train: Features, one row per sample.
        y_train: The target, one column, same rows.
        random_state: Seed for models that take one.

    Returns:
        The fitted estimator, with the seconds it took as ``fit_seconds_``: stored with
        the model, like ``refit_time_`` in scikit-learn's searches, they are still
        known when only the score is computed again.
    """
    estimator = build_estimator(model, random_state)
    start = perf_counter()
    fitted_model = estimator.fit(X_train, y_train.iloc[:, 0])
    fitted_model.fit_seconds_ = perf_counter() - start
    return fitted_model


def score_model(
    fitted_model: Estimator,
    X_test: pd.DataFrame,
    y_test: pd.DataFrame,
    scoring: str | None = None,
) -> tuple[float, dict[str, Any]]:
    """Score a fitted model on the test part.

    Args:
        fitted_model: From ``fit_model``.
        X_test: Features, one row per sample.
        y_test: The target, one column, same rows.
        scoring: A name of scikit-learn's for a score; without one it is the estimator's
            own, accuracy for classifiers and R2 for regressors.

    Returns:
        The score (higher is better) and all metrics by name: for classifiers accuracy,
        f1_macro and, if the score is the accuracy, its standard error, for regressors
        r2, rmse and mae; for both fit_seconds, predict_seconds and model_bytes
        (pickled).
    """
    from sklearn import metrics
    from sklearn.base import is_classifier

    y_true = y_test.iloc[:, 0]
    start = perf_counter()
    y_pred = fitted_model.predict(X_test)
    predict_seconds = perf_counter() - start
    score = metrics.get_scorer(scoring) if scoring else type(fitted_model).score
    model_score = float(score(fitted_model, X_test, y_true))

    quality: dict[str, float] = {}
    if is_classifier(fitted_model):
        accuracy = metrics.accuracy_score(y_true, y_pred)
        if model_score == accuracy:
            # Binomial: each test row is right or wrong.
            quality["model_score_stderr"] = (
                accuracy * (1 - accuracy) / len(y_true)
            ) ** 0.5
        quality |= {
            "accuracy": accuracy,
            "f1_macro": metrics.f1_score(y_true, y_pred, average="macro"),
        }
    else:
        quality |= {
            "r2": metrics.r2_score(y_true, y_pred),
            "rmse": metrics.root_mean_squared_error(y_true, y_pred),
            "mae": metrics.mean_absolute_error(y_true, y_pred),
        }
    return model_score, {
        "model_score": model_score,
        **{name: float(value) for name, value in quality.items()},
        "fit_seconds": fitted_model.fit_seconds_,
        "predict_seconds": predict_seconds,
        "model_bytes": len(pickle.dumps(fitted_model)),
    }
