"""Ranks the models: a table and a plot, best model first."""

from typing import Any

import pandas as pd

from kedro_dynamic import (
    BASELINE,
    ComparisonSpec,
    DataSpec,
    add_notes,
    find_baseline,
    infer_task,
    is_failure,
    plot_leaderboard,
    score_columns,
)

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
        results: ``<model>_validation`` from ``validate_model``, and ``<model>_score``,
            ``<model>_metrics`` and ``<model>_resamples`` from ``score_model``; each of
            them is the error if the model failed.

    Returns:
        The leaderboard and its plot, a matplotlib figure. The leaderboard has a row per
        model, with its name and metrics as columns: best cross-validation first, or
        best test score without folds. A column ``note`` marks models that chance may
        have put above the baseline, or below the first model. Models that failed are
        last, and have their error in a column ``error``.
    """
    split = (X_train, X_test, y_train, y_test, folds)
    baseline = _score_baseline(models, data, comparison, random_state, *split)
    results = baseline | results
    rows = [
        {"model": name.removesuffix("_metrics"), **result}
        for name, result in results.items()
        if name.endswith("_metrics")
    ]
    # The columns are those of the first row, so it must not be a model that failed.
    rows.sort(key=lambda row: "error" in row)
    leaderboard = pd.DataFrame(rows).drop(columns="traceback", errors="ignore")

    scores = score_columns(leaderboard)
    if scores:
        leaderboard = leaderboard.sort_values(
            scores[0], ascending=False, kind="stable", ignore_index=True
        )
        add_notes(leaderboard, results, data, y_train, y_test, folds)

    validation = {
        name.removesuffix("_validation"): result
        for name, result in results.items()
        if name.endswith("_validation") and not is_failure(result)
    }
    return leaderboard, plot_leaderboard(leaderboard, validation)


def _score_baseline(
    models: dict[str, Any],
    data: DataSpec,
    comparison: ComparisonSpec,
    random_state: int,
    X_train: pd.DataFrame,
    X_test: pd.DataFrame,
    y_train: pd.DataFrame,
    y_test: pd.DataFrame,
    folds: pd.DataFrame,
) -> dict[str, Any]:
    """Return the results of the best answer without features, or its error."""
    # Features that are ignored need no encoding.
    data = data.model_copy(update={"encode": "none"})
    y = y_train.iloc[:, 0]

    try:
        task = infer_task(models, y)
        model = find_baseline(data, comparison, y, task == "classification")
        fitted_model = fit_model(model, data, X_train, y_train, random_state)
        validation = validate_model(
            model, data, comparison, X_train, y_train, folds, random_state
        )
        _, metrics, resamples = score_model(
            fitted_model, validation, data, comparison, X_test, y_train, y_test
        )
    except Exception as error:  # A score it cannot have must not end the run.
        return {f"{BASELINE}_metrics": {"error": f"{type(error).__name__}: {error}"}}
    return {
        f"{BASELINE}_validation": validation,
        f"{BASELINE}_metrics": metrics,
        f"{BASELINE}_resamples": resamples,
    }
