"""How a model does with more and more training rows: numbers, and a plot of them."""

import warnings
from typing import Any

import pandas as pd
from plotly import graph_objects as go
from plotly.colors import hex_to_rgb, qualitative
from plotly.subplots import make_subplots

from ..models.specs import ModelSpec
from .specs import TuningSpec
from .validation import Validation, with_parameters

# Shares of the rows of a fold's training part.
SHARES = (0.1, 0.325, 0.55, 0.775, 1.0)
BLUE, ORANGE = qualitative.Plotly[0], qualitative.Plotly[4]


def draw_learning_curve(
    model: ModelSpec,
    tuned_parameters: dict[str, Any],
    tuning: TuningSpec,
    encoder: Any,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
) -> tuple[pd.DataFrame, go.Figure]:
    """Measure the tuned model on growing parts of the training rows.

    Args:
        model: What ``parameters.yml`` says of the model.
        tuned_parameters: By name.
        tuning: Says which folds and which score.
        encoder: Fitted to X_train; copies of it are fitted again in each fold.
        X_train: Features, one row per sample, as they were split.
        y_train: The target, one column, same rows.
        random_state: Seed for models that take one.

    Returns:
        One row per number of samples: mean and standard deviation over the folds of
        train_score, validation_score, fit_seconds and score_seconds; and the figure.
    """
    from sklearn.model_selection import learning_curve

    validation = Validation(tuning, encoder, X_train, y_train, random_state)
    with warnings.catch_warnings():
        # Of parts too small for the model: they have no score.
        warnings.simplefilter("ignore")
        samples, *measured = learning_curve(
            validation.pipeline(with_parameters(model, tuned_parameters)),
            X_train,
            y_train.iloc[:, 0],
            train_sizes=SHARES,
            cv=validation.folds(),
            scoring=tuning.scoring,
            shuffle=True,
            random_state=tuning.random_state,
            return_times=True,
        )
    columns = {"samples": samples}
    names = ("train_score", "validation_score", "fit_seconds", "score_seconds")
    for name, values in zip(names, measured, strict=True):
        columns[name] = values.mean(axis=1)
        columns[f"{name}_std"] = values.std(axis=1)
    curve = pd.DataFrame(columns)
    return curve, plot_learning_curve(curve, tuning.scoring)


def plot_learning_curve(curve: pd.DataFrame, scoring: str) -> go.Figure:
    """Draw the four panels that scikit-learn's example has made known.

    Args:
        curve: From ``draw_learning_curve``.
        scoring: Name of the score.
    """
    figure = make_subplots(
        rows=2,
        cols=2,
        subplot_titles=[
            "Score against samples",
            "Fit time against samples",
            "Score against fit time",
            "Score time against samples",
        ],
        vertical_spacing=0.16,
    )
    panels = [
        (1, 1, "samples", "train_score", ORANGE),
        (1, 1, "samples", "validation_score", BLUE),
        (1, 2, "samples", "fit_seconds", BLUE),
        (2, 1, "fit_seconds", "validation_score", BLUE),
        (2, 2, "samples", "score_seconds", BLUE),
    ]
    for i, (row, column, x, y, color) in enumerate(panels):
        for trace in _line_with_band(curve.sort_values(x), x, y, color):
            trace.update(showlegend=i < 2 and trace.mode != "none")
            figure.add_trace(trace, row, column)
    for row, column, x, y in [
        (1, 1, "training samples", scoring),
        (1, 2, "training samples", "fit time (s)"),
        (2, 1, "fit time (s)", scoring),
        (2, 2, "training samples", "score time (s)"),
    ]:
        figure.update_xaxes(title=x, row=row, col=column)
        figure.update_yaxes(title=y, row=row, col=column)
    figure.update_layout(title="Learning curve", template="plotly_white", height=700)
    return figure


def _line_with_band(
    curve: pd.DataFrame, x: str, y: str, color: str
) -> list[go.Scatter]:
    """Return the means as a line, in a band of one standard deviation."""
    curve = curve.dropna(subset=y)
    low, high = curve[y] - curve[f"{y}_std"], curve[y] + curve[f"{y}_std"]
    red, green, blue = hex_to_rgb(color)
    band = go.Scatter(
        x=[*curve[x], *curve[x][::-1]],
        y=[*high, *low[::-1]],
        fill="toself",
        fillcolor=f"rgba({red}, {green}, {blue}, 0.15)",
        mode="none",
        hoverinfo="skip",
    )
    line = go.Scatter(
        x=curve[x],
        y=curve[y],
        mode="lines+markers",
        line={"color": color},
        name=y.replace("_", " "),
    )
    return [band, line]
