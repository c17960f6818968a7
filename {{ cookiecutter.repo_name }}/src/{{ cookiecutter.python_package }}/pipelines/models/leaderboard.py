"""Ranks the models: a table and a plot, best first."""

from typing import Any

import pandas as pd

from kedro_dynamic import BASELINE, ComparisonSpec, DataSpec, ModelSpec, infer_task

from .nodes import fit_model, score_model, validate_model


def compare_models(
    models: dict[str, Any],
    data: DataSpec,
    comparison: ComparisonSpec,
    random_state: int,
    X_train: pd.DataFrame,
    X_test: pd.DataFrame,
    y_train: pd.DataFrame,
    y_test: pd.DataFrame,
    **results: Any,
) -> tuple[pd.DataFrame, Any]:
    """Rank the models against each other and a baseline that ignores the features.

    Args:
        models: The entries in ``parameters.yml``: they say what kind the baseline is.
        data: As for ``fit_model``.
        comparison: Says by which scores; the first one ranks.
        random_state: Seed of the folds.
        X_train: Features of the training part.
        X_test: Features of the test part.
        y_train: Target of the training part, one column.
        y_test: Target of the test part, one column.
        results: Of each model from ``score_model``, as ``<name>_score`` and
            ``<name>_metrics``.

    Returns:
        The leaderboard: one row per model, its name and metrics as columns, best in
        validation first (without folds, on the test part), models that failed last,
        with a column ``error`` if there are any. And its scores as a plotly figure.
    """
    parts = (X_train, X_test, y_train, y_test)
    of_dummy = score_baseline(models, data, comparison, random_state, *parts)
    rows = [{"model": BASELINE, **of_dummy}]
    for name, metrics in results.items():
        # Scores are taken for Kedro-Viz: what nobody takes, it draws beside a family.
        if name.endswith("_metrics"):
            rows.append({"model": name.removesuffix("_metrics"), **metrics})
    # A model that failed has no columns, so others come first.
    rows.sort(key=lambda row: "error" in row)
    leaderboard = pd.DataFrame(rows).drop(columns="traceback", errors="ignore")
    if scores := _scores(leaderboard):
        leaderboard = leaderboard.sort_values(
            scores[0], ascending=False, kind="stable", ignore_index=True
        )
    return leaderboard, plot_leaderboard(leaderboard)


def score_baseline(
    models: dict[str, Any],
    data: DataSpec,
    comparison: ComparisonSpec,
    random_state: int,
    *parts: pd.DataFrame,
) -> dict[str, Any]:
    """Return the metrics of a model that ignores the features, or its error.

    The arguments are those of ``compare_models``, in the same order.
    """
    X_train, X_test, y_train, y_test = parts
    regress = infer_task(models, y_train.iloc[:, 0]) == "regression"
    dummy = ModelSpec.model_validate(
        {"class": f"sklearn.dummy.Dummy{'Regressor' if regress else 'Classifier'}"}
    )
    raw = data.model_copy(update={"encode": "none"})
    training = (X_train, y_train, random_state)
    try:
        fitted_model = fit_model(dummy, raw, *training)
        validation = validate_model(dummy, raw, comparison, *training)
        return score_model(fitted_model, validation, comparison, X_test, y_test)[1]
    except Exception as error:  # a score that it cannot have is no end of the run
        return {"error": f"{type(error).__name__}: {error}"}


def plot_leaderboard(leaderboard: pd.DataFrame) -> Any:
    """Draw validation, with its standard error, and test score of each model.

    Args:
        leaderboard: From ``compare_models``.

    Returns:
        A figure of plotly, best model on top.
    """
    from plotly import graph_objects as go

    figure, scores = go.Figure(), _scores(leaderboard)
    name = scores[0].partition("_")[2] if scores else "score"
    for part, symbol in (("validation", "circle"), ("test", "diamond-open")):
        if f"{part}_{name}" in leaderboard:
            figure.add_scatter(
                x=leaderboard[f"{part}_{name}"],
                y=leaderboard["model"],
                error_x={"array": leaderboard.get(f"{part}_{name}_stderr")},
                mode="markers",
                marker={"symbol": symbol, "size": 11},
                name=part,
            )
    figure.update_layout(title="Leaderboard", xaxis_title=name, template="plotly_white")
    return figure.update_yaxes(autorange="reversed")


def _scores(leaderboard: pd.DataFrame) -> list[str]:
    """Return the columns of scores, that by which models are ranked first."""
    columns = (str(name) for name in leaderboard)
    return [name for name in columns if name.startswith(("validation_", "test_"))]
