"""Compares all models: a table and a plot, best first.

scikit-learn and plotly are imported where they are used: the first takes time, and a
served model does without the second.
"""

from typing import Any

import pandas as pd

from .nodes import fit_model, score_model
from .specs import BASELINE, ModelSpec


def compare_models(
    X_train: pd.DataFrame,
    X_test: pd.DataFrame,
    y_train: pd.DataFrame,
    y_test: pd.DataFrame,
    random_state: int,
    scoring: str | None = None,
    **metrics: dict[str, Any],
) -> tuple[pd.DataFrame, Any]:
    """Rank the models against each other and against a baseline that ignores X.

    Args:
        X_train: Features of the training part.
        X_test: Features of the test part.
        y_train: Target of the training part, one column.
        y_test: Target of the test part, one column.
        random_state: Seed of the baseline.
        scoring: The score that the metrics have as model_score, as for ``score_model``.
        metrics: Metrics of each model, as ``<name>_metrics``.

    Returns:
        The leaderboard, one row per model and metric columns, best score first, models
        that failed last, with a column ``error`` if there are any; and its scores as a
        bar chart of plotly.
    """
    from sklearn.utils.multiclass import type_of_target

    scored = [values for values in metrics.values() if "error" not in values]
    if scored:
        regression = any("r2" in values for values in scored)
    else:
        regression = type_of_target(y_train.iloc[:, 0]).startswith("continuous")
    baseline = ModelSpec.model_validate(
        {"class": f"sklearn.dummy.Dummy{'Regressor' if regression else 'Classifier'}"}
    )
    _, baseline_metrics = score_model(
        fit_model(baseline, X_train, y_train, random_state), X_test, y_test, scoring
    )
    rows = [
        {"model": name.removesuffix("_metrics"), **values}
        for name, values in metrics.items()
    ]
    leaderboard = pd.DataFrame(
        [*rows, {"model": BASELINE, **baseline_metrics}]
    ).sort_values("model_score", ascending=False, kind="stable", ignore_index=True)
    leaderboard = leaderboard.drop(columns="traceback", errors="ignore")
    return leaderboard, plot_leaderboard(leaderboard.dropna(subset="model_score"))


def plot_leaderboard(leaderboard: pd.DataFrame) -> Any:
    """Draw the scores as horizontal bars, best on top.

    Args:
        leaderboard: From ``compare_models``; a column ``model_score_stderr``, if there
            is one, becomes the error bars.
    """
    from plotly import graph_objects as go

    figure = go.Figure(
        go.Bar(
            x=leaderboard["model_score"],
            y=leaderboard["model"],
            error_x={"array": leaderboard.get("model_score_stderr"), "type": "data"},
            orientation="h",
            texttemplate="%{x:.3f}",
            textposition="inside",
            insidetextanchor="start",
        )
    )
    figure.update_layout(
        title="Leaderboard", xaxis_title="model_score", template="plotly_white"
    )
    figure.update_yaxes(autorange="reversed")
    return figure
