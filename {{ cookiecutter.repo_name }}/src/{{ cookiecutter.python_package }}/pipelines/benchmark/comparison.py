"""Compares models on one data set, and over all of them."""

from typing import Any

import pandas as pd
from plotly import graph_objects as go

from ..models.leaderboard import compare_models
from ..models.specs import BASELINE
from .specs import TuningSpec


def compare_on_dataset(
    tuning: TuningSpec, **data_and_metrics: Any
) -> tuple[pd.DataFrame, go.Figure]:
    """Rank models by the score that they were tuned for, on the test part.

    Args:
        tuning: Says which score.
        data_and_metrics: As for ``compare_models``.
    """
    return compare_models(scoring=tuning.scoring, **data_and_metrics)


def compare_datasets(
    **leaderboards: pd.DataFrame,
) -> tuple[pd.DataFrame, go.Figure, pd.DataFrame]:
    """Set the leaderboards of all data sets side by side.

    Args:
        leaderboards: By name of the data set, as ``<name>_leaderboard``.

    Returns:
        The scores, one row per data set and one column per model, the model best on
        average first; the same as a heat map; and the models by their mean rank, one
        row each, where 1 is best and equals share the mean of their ranks.
    """
    scores = pd.DataFrame(
        {
            name.removesuffix("_leaderboard"): board.set_index("model")["model_score"]
            for name, board in leaderboards.items()
        }
    ).T
    models = scores.drop(columns=BASELINE)
    # A model that failed on a data set is last on it.
    ranks = models.rank(axis="columns", ascending=False, na_option="bottom")
    best = ranks.eq(ranks.min(axis="columns"), axis="index") & models.notna()
    table = pd.DataFrame(
        {
            "mean_rank": ranks.mean(),
            "mean_score": models.mean(),
            "best_on": best.sum(),
        }
    ).sort_values("mean_rank", kind="stable")
    scores = scores[[*table.index, BASELINE]]
    return (
        scores.rename_axis("dataset").reset_index(),
        plot_heat_map(scores),
        table.rename_axis("model").reset_index(),
    )


def plot_heat_map(scores: pd.DataFrame) -> go.Figure:
    """Draw the scores as a map, data sets from top to bottom, models left to right.

    Args:
        scores: One row per data set, one column per model.
    """
    figure = go.Figure(
        go.Heatmap(
            z=scores,
            x=scores.columns,
            y=scores.index,
            colorscale="Viridis",
            texttemplate="%{z:.3f}",
            colorbar={"title": "model_score"},
            xgap=2,
            ygap=2,
        )
    )
    figure.update_layout(
        title="Score on the test part, tuned models", template="plotly_white"
    )
    figure.update_yaxes(autorange="reversed")
    return figure
