"""Ranks the models: a table and a plot, best model first."""

from typing import Any

import pandas as pd

from kedro_dynamic import BASELINE, ComparisonSpec, DataSpec, ModelSpec, infer_task

from {{ cookiecutter.python_package }}.pipelines.models.nodes import (
    fit_model,
    score_model,
    validate_model,
)


def compare_models(
    models: dict[str, Any],
    data: DataSpec,
    comparison: ComparisonSpec,
    random_state: int,
    X_train: pd.DataFrame,
    X_test: pd.DataFrame,
    y_train: pd.DataFrame,
    y_test: pd.DataFrame,
    folds: pd.DataFrame,
    **results: Any,
) -> tuple[pd.DataFrame, Any]:
    """Rank the models, and a baseline that ignores the features.

    Args:
        models: The entries in ``parameters.yml``, by the names of the models.
        data: As in ``fit_model``.
        comparison: The scores to compare by; the first one ranks.
        random_state: Seed of models that take one.
        X_train: Features of the training set, one row per sample.
        X_test: Features of the test set, one row per sample.
        y_train: Target of the training set, one column.
        y_test: Target of the test set, one column.
        folds: The folds of the training rows.
        results: ``<model>_score`` and ``<model>_metrics`` from ``score_model``; both
            are the error if the model failed.

    Returns:
        The leaderboard and its plot, a plotly figure. The leaderboard has a row per
        model, with its name and metrics as columns: best cross-validation first, or
        best test score without folds. Models that failed are last, and have
        their error in a column ``error``.
    """
    task = infer_task(models, y_train.iloc[:, 0])
    baseline = _score_baseline(
        task, data, comparison, random_state, X_train, X_test, y_train, y_test, folds
    )

    rows = [{"model": BASELINE, **baseline}]
    for name, result in results.items():
        # The other results are inputs for Kedro-Viz alone: see pipeline.py.
        if name.endswith("_metrics"):
            rows.append({"model": name.removesuffix("_metrics"), **result})

    # The columns are those of the first row, so it must not be a model that failed.
    rows.sort(key=lambda row: "error" in row)
    leaderboard = pd.DataFrame(rows).drop(columns="traceback", errors="ignore")

    scores = _score_columns(leaderboard)
    if scores:
        leaderboard = leaderboard.sort_values(
            scores[0], ascending=False, kind="stable", ignore_index=True
        )
    return leaderboard, plot_leaderboard(leaderboard)


def plot_leaderboard(leaderboard: pd.DataFrame) -> Any:
    """Plot the validation score, with its standard error, and the test score.

    Args:
        leaderboard: The table from ``compare_models``.

    Returns:
        A plotly figure with a line per model, the best one on top.
    """
    from plotly import graph_objects as go

    scores = _score_columns(leaderboard)
    score_name = scores[0].partition("_")[2] if scores else "score"

    figure = go.Figure()
    for kind, symbol in (("validation", "circle"), ("test", "diamond-open")):
        column = f"{kind}_{score_name}"
        if column in leaderboard:
            figure.add_scatter(
                x=leaderboard[column],
                y=leaderboard["model"],
                error_x={"array": leaderboard.get(f"{column}_stderr")},
                mode="markers",
                marker={"symbol": symbol, "size": 11},
                name=kind,
            )
    figure.update_layout(
        title="Leaderboard", xaxis_title=score_name, template="plotly_white"
    )
    return figure.update_yaxes(autorange="reversed")


def _score_columns(leaderboard: pd.DataFrame) -> list[str]:
    """Return the names of the columns with scores; the first one ranks."""
    names = [str(name) for name in leaderboard.columns]
    return [name for name in names if name.startswith(("validation_", "test_"))]


def _score_baseline(
    task: str,
    data: DataSpec,
    comparison: ComparisonSpec,
    random_state: int,
    X_train: pd.DataFrame,
    X_test: pd.DataFrame,
    y_train: pd.DataFrame,
    y_test: pd.DataFrame,
    folds: pd.DataFrame,
) -> dict[str, Any]:
    """Return the metrics of a model that ignores the features, or its error."""
    dummy = "DummyRegressor" if task == "regression" else "DummyClassifier"
    model = ModelSpec.model_validate({"class": f"sklearn.dummy.{dummy}"})
    # Features that are ignored need no encoding.
    data = data.model_copy(update={"encode": "none"})

    try:
        fitted_model = fit_model(model, data, X_train, y_train, random_state)
        validation = validate_model(
            model, data, comparison, X_train, y_train, folds, random_state
        )
        _, metrics = score_model(fitted_model, validation, comparison, X_test, y_test)
    except Exception as error:  # A score it cannot have must not end the run.
        return {"error": f"{type(error).__name__}: {error}"}
    return metrics
