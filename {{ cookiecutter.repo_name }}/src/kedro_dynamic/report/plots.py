"""Plots as matplotlib figures, most of them by scikit-learn's displays.

Figures are made without pyplot, so they belong to no window. matplotlib and
scikit-learn are imported where they are used.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.schema import BASELINE
from kedro_dynamic.models.scores import (
    baseline_score,
    display_name,
    display_number,
    display_value,
    score_columns,
    score_of_column,
)
from kedro_dynamic.runs.console import HIGH_SUFFIX, LOW_SUFFIX, MAX_ROWS, STDERR_SUFFIX

# Inches of a figure, of which two stand beside each other on a wide page. A wide one
# has names beside its axes, and is legible on a phone.
WIDTH, HEIGHT, WIDE = 4.6, 3.6, 5.4
ROW = 0.28

MAX_NAME = 26
# A matrix of more classes lacks room for numbers.
MAX_CLASSES = 12
MAX_POINTS = 1000
MAX_BINS, ROWS_PER_BIN = 10, 20

# Legible on white, and on black when a browser inverts the lightness.
BLUE, ORANGE, GREY = "#2563c8", "#b45309", "#6b7280"

# What matplotlib would write into an SVG, with addresses on the internet.
METADATA = ("Creator", "Date", "Format", "Type")


def new_axes(width: float = WIDTH, height: float = HEIGHT) -> Any:
    """Return the axes of a new figure, without the lines on top and on the right.

    Args:
        width: Of the figure, in inches.
        height: Of the figure, in inches.
    """
    from matplotlib.figure import Figure

    axes = Figure(figsize=(width, height)).subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _mark_numbers(axis: Any) -> None:
    """Give an axis few numbers, those of thousands with separators."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    if max(map(abs, axis.get_view_interval())) >= 1000:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _place_legend(axes: Any) -> None:
    """Put a legend above the axes, where it covers nothing."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)


def to_svg(figure: Any) -> str:
    """Return a figure as an SVG element that takes the fonts of its page."""
    import matplotlib

    text = StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "report"}):
        figure.savefig(
            text,
            format="svg",
            bbox_inches="tight",
            transparent=True,
            metadata=dict.fromkeys(METADATA),
        )
    svg = text.getvalue()
    # Several figures of one page would have the same ids of groups.
    return re.sub(r'<g id="[^"]*">', "<g>", svg[svg.index("<svg") :])


def shorten(name: object, limit: int = MAX_NAME) -> str:
    """Return a name with at most so many letters, which lacks its middle."""
    text = str(name)
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return f"{text[:half]}\N{HORIZONTAL ELLIPSIS}{text[-half:]}"


def short_names(names: Iterable[object]) -> dict[str, str]:
    """Return shortened names, each with as many letters as tell all of them apart."""
    texts = [*dict.fromkeys(map(str, names))]
    limit = MAX_NAME
    while len({shorten(text, limit) for text in texts}) < len(texts):
        limit += 2
    return {text: shorten(text, limit) for text in texts}


def _labels(names: Iterable[object]) -> list[str]:
    """Return names as matplotlib shows them, which takes dollars for formulas."""
    texts = [*map(str, names)]
    short = short_names(texts)
    return [short[text].replace("$", r"\$") for text in texts]


def plot_leaderboard(
    leaderboard: pd.DataFrame,
    validation: Mapping[str, Mapping[str, Sequence[float]]],
) -> Any:
    """Plot the scores of the best models: on each fold, their mean, on the test set.

    Args:
        leaderboard: The table, a row per model, best first.
        validation: The scores on the folds by the names of model and score; models may
            be missing.

    Returns:
        A matplotlib figure with a line per model. Its axis has room for the models; the
        baseline is a line, and named below.
    """
    columns = score_columns(leaderboard)
    score = score_of_column(columns[0]) if columns else "score"
    by_model = leaderboard.set_index("model")
    scored = by_model[by_model[columns[0]].notna()] if columns else by_model[:0]
    models = scored.drop(index=BASELINE, errors="ignore").head(MAX_ROWS)
    rows = np.arange(len(models))

    axes = new_axes(width=WIDE, height=1.2 + ROW * len(models))
    for row, name in zip(rows, models.index, strict=True):
        folds = np.array(validation.get(name, {}).get(score, []))
        axes.plot(
            display_value(score, folds),
            np.full(len(folds), row),
            "o",
            color=BLUE,
            alpha=0.3,
            markersize=4,
            label=None if row else "each fold",
        )
    marks = (
        (f"validation_{score}", "mean of the folds", "o", BLUE, BLUE),
        (f"test_{score}", "test set", "D", ORANGE, "none"),
    )
    for column, label, marker, color, filling in marks:
        if column in models:
            axes.errorbar(
                display_value(score, models[column]),
                rows,
                xerr=_error_bars(models, column, is_first=column == columns[0]),
                fmt=marker,
                color=color,
                markerfacecolor=filling,
                label=label,
            )
    baseline = baseline_score(leaderboard, columns[0]) if columns else None
    _name_score(axes, score, baseline)
    axes.set_yticks(rows, labels=_labels(models.index))
    axes.set_ylim(max(len(models), 1) - 0.5, -0.5)
    if len(models):
        _place_legend(axes)
    return axes.figure


def _name_score(axes: Any, score: str, baseline: float | None) -> None:
    """Name a score below its axis; draw the baseline if it is among the models."""
    title = display_name(score)
    if baseline is not None:
        baseline = display_value(score, baseline)
        title += f" (baseline: {display_number(baseline)})"
        limits = axes.get_xlim()
        axes.axvline(baseline, color=GREY, linestyle=":")
        axes.set_xlim(limits)
    axes.set_xlabel(title)
    _mark_numbers(axes.xaxis)


def _error_bars(models: pd.DataFrame, column: str, *, is_first: bool) -> Any:
    """Return the length of the bars of a score: standard errors, or an interval."""
    if f"{column}{STDERR_SUFFIX}" in models:
        return models[f"{column}{STDERR_SUFFIX}"]
    bounds = [f"{column}{LOW_SUFFIX}", f"{column}{HIGH_SUFFIX}"]
    if not is_first or not {*bounds} <= {*models}:
        return None
    # A loss, which is shown with the other sign, has its bounds in the other order.
    score = score_of_column(column)
    distances = [abs(models[bound] - models[column]) for bound in bounds]
    return distances[::-1] if (display_value(score, 1.0) < 0) else distances


def plot_heat_map(scores: pd.DataFrame, score_names: Mapping[str, str]) -> Any:
    """Plot the scores of models on data sets; each data set has its own scale.

    Args:
        scores: A row per data set, a column per model; higher is better.
        score_names: The name of the score on each data set. Losses are shown positive.

    Returns:
        A matplotlib figure.
    """
    from matplotlib.figure import Figure

    shown, labels = scores.copy(), []
    for dataset, name in score_names.items():
        shown.loc[dataset] = display_value(name, shown.loc[dataset])
        labels.append(f"{dataset} ({display_name(name)})")

    # What is comparable are the models on one data set.
    low, high = shown.min(axis="columns"), shown.max(axis="columns")
    spans = (high - low).replace(0, 1)
    shades = shown.sub(low, axis="index").div(spans, axis="index")

    rows, columns = scores.shape
    figure = Figure(figsize=(2 + 0.9 * columns, 1.5 + 0.4 * rows), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shades, cmap="Blues", vmin=0, vmax=2, aspect="auto")
    axes.set_yticks(range(rows), labels=labels)
    axes.set_xticks(range(columns), labels=scores.columns, rotation=30, ha="right")
    for (row, column), score in np.ndenumerate(shown):
        if np.isfinite(score):
            axes.text(column, row, display_number(score), ha="center", va="center")
    return figure


def plot_learning_curves(curves: pd.DataFrame) -> Any:
    """Plot how models improve with the number of training rows.

    Args:
        curves: A row per ``model``, number of ``samples`` and kind ``measured``, with
            ``mean`` and ``std`` over the folds.

    Returns:
        A matplotlib figure, with a part for each kind.
    """
    from matplotlib.figure import Figure

    kinds = curves["measured"].dropna().unique()
    figure = Figure(figsize=(WIDTH * len(kinds), HEIGHT), layout="constrained")
    parts = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axes, kind in zip(parts, kinds, strict=True):
        for model, line in curves[curves["measured"] == kind].groupby("model"):
            axes.errorbar(
                line["samples"], line["mean"], line["std"], label=_labels([model])[0]
            )
        axes.set(title=kind, xlabel="training rows")
        _mark_numbers(axes.xaxis)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = parts[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def plot_confusion(counts: Any, labels: Sequence[object]) -> Any:
    """Plot a confusion matrix: the share of each class, and the number of rows.

    Args:
        counts: An array, with a row per class and a column per prediction.
        labels: The classes.
    """
    from sklearn.metrics import ConfusionMatrixDisplay

    side = max(HEIGHT, 0.55 * min(len(labels), MAX_CLASSES) + 1)
    axes = new_axes(side + 0.4, side)
    totals = np.sum(counts, axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(np.shape(counts)), where=totals > 0)
    has_numbers = len(labels) <= MAX_CLASSES
    display = ConfusionMatrixDisplay(shares, display_labels=_labels(labels))
    display.plot(
        ax=axes,
        include_values=has_numbers,
        xticks_rotation=90 if len(labels) > 3 else "horizontal",
        cmap="Blues",
        colorbar=False,
        im_kw={"vmin": 0, "vmax": 1},
    )
    if has_numbers:
        for cell, share, count in zip(
            display.text_.flat, shares.flat, np.ravel(counts), strict=True
        ):
            cell.set_text(f"{share:.0%}\n{count:,}" if count else "")
            cell.set_color("white" if share > 0.7 else "black")
            cell.set_fontsize(8)
    else:
        axes.set(xticks=[], yticks=[])
    axes.set(xlabel="predicted", ylabel="true")
    return axes.figure


def plot_reliability(truth: "pd.Series[Any]", predictions: pd.DataFrame) -> Any:
    """Plot which share of the predictions is right at which probability.

    Args:
        truth: The true label of each row.
        predictions: Columns ``label`` and ``probability`` of the same rows. Rows
            without a label are left out.
    """
    from sklearn.calibration import CalibrationDisplay

    axes = new_axes()
    has_label = predictions["label"].notna()
    CalibrationDisplay.from_predictions(
        (predictions["label"] == truth)[has_label],
        predictions["probability"][has_label],
        n_bins=MAX_BINS,
        strategy="quantile",
        name="predicted label",
        ax=axes,
    )
    axes.set(xlabel="probability", ylabel="share that is right")
    _place_legend(axes)
    return axes.figure


def plot_curves(
    y: Any, values: Any, positive: Any, *, are_probabilities: bool
) -> list[tuple[str, Any]]:
    """Plot the ROC curve, precision and recall, and calibration, of two classes.

    Args:
        y: The true classes.
        values: What the classifier gives for the positive class, one per row.
        positive: The positive class.
        are_probabilities: True if the values are probabilities, which have a
            calibration.

    Returns:
        Names and figures.
    """
    from sklearn.calibration import CalibrationDisplay
    from sklearn.metrics import PrecisionRecallDisplay, RocCurveDisplay

    figures = []
    shown = {"pos_label": positive, "name": "model"}
    line = {"color": BLUE}
    chance = {"color": GREY, "label": "chance"}
    recall = f"recall: share of '{shorten(positive)}' that is found"
    precision = f"precision: share that is '{shorten(positive)}'"
    for name, display, labels in (
        ("ROC curve", RocCurveDisplay, ("share of the others that is flagged", recall)),
        ("Precision and recall", PrecisionRecallDisplay, (recall, precision)),
    ):
        axes = new_axes()
        display.from_predictions(
            y,
            values,
            plot_chance_level=True,
            chance_level_kw=chance,
            curve_kwargs=line,
            ax=axes,
            **shown,
        )
        axes.set(xlabel=labels[0], ylabel=labels[1])
        _place_legend(axes)
        figures.append((name, axes.figure))
    if are_probabilities:
        axes = new_axes()
        bins = min(MAX_BINS, max(2, len(y) // ROWS_PER_BIN))
        CalibrationDisplay.from_predictions(
            y, values, n_bins=bins, strategy="quantile", ax=axes, **shown, **line
        )
        axes.set(xlabel="mean probability", ylabel=precision.partition(": ")[2])
        _place_legend(axes)
        figures.append(("Calibration", axes.figure))
    return figures


def plot_residuals(y: Any, predicted: Any) -> list[tuple[str, Any]]:
    """Plot predictions of numbers against the truth, and how far they are from it.

    Args:
        y: The true values.
        predicted: The predictions.
    """
    from sklearn.metrics import PredictionErrorDisplay

    figures = []
    for name, kind, label in (
        ("Predicted and true", "actual_vs_predicted", "true"),
        ("Residuals", "residual_vs_predicted", "true less predicted"),
    ):
        axes = new_axes()
        PredictionErrorDisplay.from_predictions(
            y,
            predicted,
            kind=kind,
            subsample=MAX_POINTS if len(y) > MAX_POINTS else None,
            random_state=0,
            ax=axes,
            scatter_kwargs={"color": BLUE, "alpha": 0.4, "s": 14},
            line_kwargs={"color": GREY},
        )
        axes.set(xlabel="predicted", ylabel=label)
        # The display's own ticks are at the least and the largest value.
        for axis in (axes.xaxis, axes.yaxis):
            _mark_numbers(axis)
        figures.append((name, axes.figure))
    return figures


def plot_bars(names: Sequence[object], values: Any, title: str) -> Any:
    """Plot numbers as bars, the first one on top.

    Args:
        names: One per bar.
        values: The length of each bar.
        title: What they measure.
    """
    axes = new_axes(WIDE, 0.8 + ROW * len(names))
    rows = np.arange(len(names))
    axes.barh(rows, values, color=BLUE, height=0.6)
    axes.set_yticks(rows, labels=_labels(names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_xlabel(title)
    _mark_numbers(axes.xaxis)
    return axes.figure
