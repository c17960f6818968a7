"""Learning curves, and the tables and plots that compare models over data sets.

scikit-learn and matplotlib are imported where they are used.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic import (
    BASELINE,
    ComparisonSpec,
    DataSpec,
    ModelSpec,
    build_model,
    build_scorers,
    display_name,
    display_value,
    fold_pairs,
    is_failure,
    score_columns,
    score_of_column,
)

# Shares of the training rows of each fold.
SHARES = (0.1, 0.325, 0.55, 0.775, 1.0)


def learning_curve(
    entry: dict[str, Any],
    data: DataSpec,
    comparison: ComparisonSpec,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    folds: pd.DataFrame,
    random_state: int,
    columns: pd.DataFrame | None = None,
) -> list[dict[str, Any]]:
    """Measure how a model improves with the number of training rows.

    Args:
        entry: The model, an entry from ``tune_model``.
        data: Says if features are encoded.
        comparison: Names the score, its first one.
        X_train: Features, one row per sample.
        y_train: The target, one column, same rows.
        folds: The folds of the training rows; without any, five are made.
        random_state: Seed of the order of the rows, and of models that take one.
        columns: How each column is read, from ``read_columns``.

    Returns:
        A dict per number of ``samples`` and kind ``measured`` (such as ``validation
        accuracy`` and ``seconds to fit``), with ``mean`` and ``std`` over the folds.
        Losses are positive. Numbers of samples that cannot be scored are left out.
    """
    from sklearn.model_selection import learning_curve as measure

    model = ModelSpec.model_validate(entry)
    y = y_train.iloc[:, 0]
    estimator = build_model(model, data, X_train, y, random_state, columns)
    scorers = build_scorers(data, comparison, y, estimator)
    name, scorer = next(iter(scorers.items()))

    # scikit-learn warns of shares that are too small; their scores are NaN.
    with warnings.catch_warnings(action="ignore"):
        samples, training_scores, validation_scores, fit_seconds, _ = measure(
            estimator,
            X_train,
            y,
            train_sizes=SHARES,
            cv=fold_pairs(folds) or 5,
            scoring=scorer,
            shuffle=True,
            random_state=random_state,
            return_times=True,
        )

    # Without a score, the seconds are those until an error: they do not count either.
    is_scored = np.isfinite(validation_scores + training_scores).all(axis=1)
    samples = samples[is_scored]
    shown = display_name(name)
    validation_scores = display_value(name, validation_scores[is_scored])
    training_scores = display_value(name, training_scores[is_scored])
    return [
        *_curve_rows(f"validation {shown}", samples, validation_scores),
        *_curve_rows(f"training {shown}", samples, training_scores),
        *_curve_rows("seconds to fit", samples, fit_seconds[is_scored]),
    ]


def _curve_rows(measured: str, samples: Any, by_fold: Any) -> list[dict[str, Any]]:
    """Return a row per number of samples, with mean and deviation over the folds."""
    return [
        {
            "samples": int(count),
            "measured": measured,
            "mean": values.mean(),
            "std": values.std(),
        }
        for count, values in zip(samples, by_fold, strict=True)
    ]


def plot_learning_curves(**curves: Any) -> Any:
    """Plot the learning curves of all models on a data set.

    Args:
        curves: The rows from ``learning_curve`` by name of the model, or the error of
            a model that failed, which the plot leaves out.

    Returns:
        A matplotlib figure, with a part for each kind ``measured``.
    """
    from matplotlib.figure import Figure

    rows = []
    for model, curve in curves.items():
        if not is_failure(curve):
            rows += _with_model(model, curve)
    table = pd.DataFrame(rows, columns=["model", "samples", "measured", "mean", "std"])

    kinds = table["measured"].unique()
    figure = Figure(figsize=(4 * max(len(kinds), 1), 3.6), layout="constrained")
    parts = figure.subplots(1, max(len(kinds), 1), squeeze=False)[0]
    for axes, kind in zip(parts, kinds, strict=False):
        for model, line in table[table["measured"] == kind].groupby("model"):
            axes.errorbar(line["samples"], line["mean"], line["std"], label=model)
        axes.set(title=kind, xlabel="training rows")
    if len(kinds):
        handles, labels = parts[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def collect_trials(**trials: Any) -> pd.DataFrame:
    """Put the trials of all models on a data set into one table.

    Args:
        trials: The trials from ``tune_model`` by name of the model, or the error of a
            model that failed.

    Returns:
        One row per trial or error; the first column is the name of its model.
    """
    rows = []
    for model, results in trials.items():
        rows += _with_model(model, [results] if is_failure(results) else results)
    return pd.DataFrame(rows).drop(columns="traceback", errors="ignore")


def _with_model(model: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a model with its name as their first column."""
    return [{"model": model, **row} for row in rows]


def compare_datasets(
    **leaderboards: pd.DataFrame,
) -> tuple[pd.DataFrame, Any, pd.DataFrame]:
    """Compare the models over all data sets, by their scores on the test sets.

    Args:
        leaderboards: The leaderboard of each data set, by its name.

    Returns:
        The scores, with a row per data set and a column per model, best mean rank
        first; higher is better. The same as a heat map, a matplotlib figure, with
        positive losses. And the models in the order of their mean rank over
        the data sets, where 1 is best, models with equal scores share the mean of their
        ranks, and a model that failed is last. Their mean score is among it if all data
        sets have the same score, and not a loss, whose size depends on the data.
    """
    by_dataset, names = {}, {}
    for dataset, leaderboard in leaderboards.items():
        by_dataset[dataset] = leaderboard.set_index("model")["model_score"]
        deciding = next(iter(score_columns(leaderboard)), "")
        names[dataset] = score_of_column(deciding)
    scores = pd.DataFrame(by_dataset).T

    model_scores = scores.drop(columns=BASELINE)
    ranks = model_scores.rank(axis="columns", ascending=False, na_option="bottom")
    is_first = ranks.eq(ranks.min(axis="columns"), axis="index")
    is_best = is_first & model_scores.notna()
    columns = {"mean_rank": ranks.mean()}
    if len({*names.values()}) == 1 and not _is_loss(next(iter(names.values()))):
        columns["mean_score"] = model_scores.mean()
    columns["best_on"] = is_best.sum()
    mean_ranks = pd.DataFrame(columns).sort_values("mean_rank", kind="stable")

    scores = scores[[*mean_ranks.index, BASELINE]].rename_axis("dataset")
    heat_map, labels = scores.copy(), {}
    for dataset, name in names.items():
        heat_map.loc[dataset] = display_value(name, heat_map.loc[dataset])
        if _is_loss(name):
            labels[dataset] = f"{dataset} ({display_name(name)})"
    heat_map = heat_map.rename(index=labels)
    table = mean_ranks.rename_axis("model").reset_index()
    return scores.reset_index(), plot_heat_map(heat_map), table


def plot_heat_map(scores: pd.DataFrame) -> Any:
    """Plot the scores of models on data sets; each data set has its own scale.

    Args:
        scores: A row per data set, a column per model.

    Returns:
        A matplotlib figure.
    """
    from matplotlib.figure import Figure

    rows, columns = scores.shape
    figure = Figure(figsize=(2 + 0.9 * columns, 1.5 + 0.4 * rows), layout="constrained")
    axes = figure.subplots()
    # What is comparable are the models on one data set.
    low, high = scores.min(axis="columns"), scores.max(axis="columns")
    spans = (high - low).replace(0, 1)
    shades = scores.sub(low, axis="index").div(spans, axis="index")
    axes.imshow(shades, cmap="Blues", vmin=0, vmax=2, aspect="auto")
    axes.set_yticks(range(rows), labels=scores.index)
    axes.set_xticks(range(columns), labels=scores.columns, rotation=30, ha="right")
    for (row, column), score in np.ndenumerate(scores):
        if np.isfinite(score):
            axes.text(column, row, f"{score:.3g}", ha="center", va="center")
    return figure


def _is_loss(score: str) -> bool:
    return score.startswith("neg_")
