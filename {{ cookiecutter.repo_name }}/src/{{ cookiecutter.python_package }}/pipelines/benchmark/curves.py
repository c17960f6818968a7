"""How models do with more and more training rows: numbers, and a plot of them."""

import logging
import warnings
from typing import Any

import pandas as pd
from plotly import graph_objects as go
from plotly.colors import hex_to_rgb, qualitative
from plotly.subplots import make_subplots

from ..models.specs import ModelSpec
from .specs import TuningSpec
from .validation import Validation, with_parameters

logger = logging.getLogger(__name__)

# Shares of the rows of a fold's training part.
SHARES = (0.1, 0.325, 0.55, 0.775, 1.0)
MEASURED = ("train_score", "validation_score", "fit_seconds", "score_seconds")
COLUMNS = ["samples", *(f"{name}{of}" for name in MEASURED for of in ("", "_std"))]
COLORS = qualitative.Plotly


def measure_learning_curve(
    model: ModelSpec,
    tuned_parameters: dict[str, Any],
    tuning: TuningSpec,
    encoder: Any,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
) -> pd.DataFrame:
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
        train_score, validation_score, fit_seconds and score_seconds. Of a model that
        cannot be fitted or scored, no rows.
    """
    from sklearn.model_selection import learning_curve

    validation = Validation(tuning, encoder, X_train, y_train, random_state)
    estimator = validation.pipeline(with_parameters(model, tuned_parameters))
    with warnings.catch_warnings():
        # Of parts too small for the model: they have no score.
        warnings.simplefilter("ignore")
        try:
            samples, *measured = learning_curve(
                estimator,
                X_train,
                y_train.iloc[:, 0],
                train_sizes=SHARES,
                cv=validation.folds(),
                scoring=tuning.scoring,
                shuffle=True,
                random_state=tuning.random_state,
                return_times=True,
            )
        except (Exception, SystemExit) as error:
            # scikit-learn adds the tracebacks of all fits; the metrics have the reason.
            reason = str(error).partition("\n")[0]
            logger.error("No learning curve of %s: %s", model.class_path, reason)
            return pd.DataFrame(columns=COLUMNS)
    statistics = [part for by in measured for part in (by.mean(axis=1), by.std(axis=1))]
    return pd.DataFrame(dict(zip(COLUMNS, [samples, *statistics], strict=True)))


def plot_learning_curves(tuning: TuningSpec, **curves: pd.DataFrame) -> go.Figure:
    """Draw the four panels that scikit-learn's example has made known, for all models.

    Args:
        tuning: Says which score.
        curves: From ``measure_learning_curve``, as ``<model>_curve``.

    Returns:
        The figure. In its legend, a click hides a model, a double click all others.
    """
    samples, score = "training samples", tuning.scoring
    panels = [
        (1, 1, "samples", "validation_score", samples, f"{score} (dotted: training)"),
        (1, 1, "samples", "train_score", samples, f"{score} (dotted: training)"),
        (1, 2, "samples", "fit_seconds", samples, "fit time (s)"),
        (2, 1, "fit_seconds", "validation_score", "fit time (s)", score),
        (2, 2, "samples", "score_seconds", samples, "score time (s)"),
    ]
    titles = ["Score against samples", "Fit time against samples"]
    titles += ["Score against fit time", "Score time against samples"]
    figure = make_subplots(2, 2, subplot_titles=titles, vertical_spacing=0.16)
    for row, column, x, y, x_title, y_title in panels:
        figure.update_xaxes(title=x_title, row=row, col=column)
        figure.update_yaxes(title=y_title, row=row, col=column)
        for i, (name, curve) in enumerate(curves.items()):
            line, band = _line_with_band(curve, x, y, COLORS[i % len(COLORS)])
            model = name.removesuffix("_curve")
            line.update(name=model, showlegend=panels[0][:4] == (row, column, x, y))
            for trace in (band, line):
                figure.add_trace(trace.update(legendgroup=model), row, column)
    figure.update_layout(title="Learning curves", template="plotly_white", height=700)
    return figure


def _line_with_band(
    curve: pd.DataFrame, x: str, y: str, color: str
) -> tuple[go.Scatter, go.Scatter]:
    """Return the means as a line, and a band of one standard deviation around it."""
    curve = curve.dropna(subset=y).sort_values(x)
    low, high = curve[y] - curve[f"{y}_std"], curve[y] + curve[f"{y}_std"]
    red, green, blue = hex_to_rgb(color)
    line = go.Scatter(
        x=curve[x],
        y=curve[y],
        mode="lines+markers",
        line={"color": color, "dash": "dot" if y == "train_score" else "solid"},
    )
    band = go.Scatter(
        x=[*curve[x], *curve[x][::-1]],
        y=[*high, *low[::-1]],
        fill="toself",
        fillcolor=f"rgba({red}, {green}, {blue}, 0.15)",
        mode="none",
        hoverinfo="skip",
        showlegend=False,
    )
    return line, band
