"""Learning curves, what tuning has gained, and how models compare over data sets.

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
    display_number,
    display_value,
    fold_pairs,
    is_failure,
    least_gain,
    score_columns,
    score_of_column,
)

from {{ cookiecutter.python_package }}.pipelines.models.leaderboard import (
    comparable_scores,
    compare_models,
)

# Shares of the training rows of each fold.
SHARES = (0.1, 0.325, 0.55, 0.775, 1.0)

CONFIGURED, TUNED = ".baseline", ".tuned"
MAX_GAINS = 6
ARROW = " \N{RIGHTWARDS ARROW} "


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


def collect_rows(**rows_of_models: Any) -> pd.DataFrame:
    """Put the rows of all models on a data set into one table.

    Args:
        rows_of_models: The trials from ``tune_model``, or the rows from
            ``learning_curve``, by name of the model, or its error if it failed.

    Returns:
        All rows and errors; the first column is the name of the model.
    """
    rows = []
    for model, results in rows_of_models.items():
        rows += _with_model(model, [results] if is_failure(results) else results)
    return pd.DataFrame(rows).drop(columns="traceback", errors="ignore")


def _with_model(model: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a model with its name as their first column."""
    return [{"model": model, **row} for row in rows]


def rank_models(
    models: dict[str, Any],
    data: DataSpec,
    comparison: ComparisonSpec,
    y_test: pd.DataFrame,
    folds: pd.DataFrame,
    **inputs: Any,
) -> pd.DataFrame:
    """Rank the models on a data set, and say what tuning has gained and found.

    Args:
        models: As for ``compare_models``, and so are the others.
        data: The columns' roles.
        comparison: The scores to compare by.
        y_test: Target of the test set.
        folds: The folds of the training rows.
        inputs: Its other arguments, and ``<model>_entry``, the tuned entry of each
            model.

    Returns:
        The leaderboard. For tuned models, ``gain`` is by how much the deciding score is
        better than that of the model as configured, ``gain_low`` by how much at least,
        in 95 of 100 cases, and ``found`` has the arguments that differ.
    """
    leaderboard, _ = compare_models(
        models, data, comparison, y_test=y_test, folds=folds, **inputs
    )
    columns = score_columns(leaderboard)
    if not columns:
        return leaderboard

    ranked = leaderboard.set_index("model")
    scored = ranked.index[ranked[columns[0]].notna()].drop(BASELINE, errors="ignore")
    scores = comparable_scores(columns[0], scored, inputs)
    for name in models:
        tuned, configured = name + TUNED, name + CONFIGURED
        if tuned not in scores or configured not in scores:
            continue
        gain = np.mean(scores[tuned]) - np.mean(scores[configured])
        least = least_gain(scores[tuned], scores[configured], folds, len(y_test))
        ranked.loc[tuned, ["gain", "gain_low"]] = gain, least
        ranked.loc[tuned, "found"] = _differences(
            ModelSpec.model_validate(models[name]).model_kwargs,
            ModelSpec.model_validate(inputs[f"{name}_entry"]).model_kwargs,
        )
    return ranked.reset_index()


def _differences(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Return the arguments that tuning has changed, as ``C 0.025 to 1``."""
    changes = [
        f"{name} {before.get(name, 'default')}{ARROW}{_shown(value)}"
        for name, value in after.items()
        if before.get(name) != value
    ]
    return ", ".join(changes)


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def compare_datasets(
    **leaderboards: pd.DataFrame,
) -> tuple[pd.DataFrame, Any, pd.DataFrame, str]:
    """Compare the models over all data sets, by their scores on the test sets.

    Args:
        leaderboards: The leaderboard of each data set, by its name.

    Returns:
        The scores, with a row per data set and a column per model, best mean rank
        first; higher is better. The same as a heat map, a matplotlib figure, with
        positive losses. The models in the order of their mean rank over
        the data sets, where 1 is best, models with equal scores share the mean of their
        ranks, and a model that failed is last. Their mean score is among it if all data
        sets have the same score, and not a loss, whose size depends on the data. And
        what all this says, in sentences.
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
    conclusion = f"{_first_ranks(table, len(names))} {_gains(leaderboards)}"
    return scores.reset_index(), plot_heat_map(heat_map), table, conclusion


def _first_ranks(table: pd.DataFrame, datasets: int) -> str:
    """Return which models have the best mean rank, in a sentence."""
    best = table["mean_rank"].min()
    first = " and ".join(table["model"][table["mean_rank"] == best])
    return (
        f"{first} rank{'' if ' and ' in first else 's'} first of {len(table)} by the "
        f"test sets of {datasets} data sets (mean rank {best:.2f})."
    )


def _gains(leaderboards: dict[str, pd.DataFrame]) -> str:
    """Return where tuning has improved models by more than chance, in sentences."""
    gains, count = {}, 0
    for dataset, leaderboard in leaderboards.items():
        if "gain" not in leaderboard:
            continue
        column = score_columns(leaderboard)[0]
        scores = leaderboard.set_index("model")[column]
        count += int(leaderboard["gain"].notna().sum())
        for row in leaderboard[leaderboard["gain_low"] > 0].to_dict("records"):
            model = row["model"].removesuffix(TUNED)
            before, after = scores[model + CONFIGURED], scores[model + TUNED]
            shown = _describe_gain(score_of_column(column), before, after)
            found = f", {row['found']}" if isinstance(row["found"], str) else ""
            gains[f"{model} on {dataset} ({shown}{found})"] = row["gain"] / abs(after)

    if not gains:
        return f"Tuning improved none of {count} models by more than chance."
    largest = sorted(gains, key=lambda text: gains[text], reverse=True)[:MAX_GAINS]
    if len(gains) > MAX_GAINS:
        largest.append(f"and {len(gains) - MAX_GAINS} more")
    return (
        f"Tuning improved {len(gains)} of {count} models by more than chance: "
        f"{'; '.join(largest)}."
    )


def _describe_gain(score: str, before: float, after: float) -> str:
    """Return a score before and after tuning, as ``accuracy 0.478 to 0.847``."""
    values = [display_number(display_value(score, value)) for value in (before, after)]
    return f"{display_name(score)} {ARROW.join(values)}"


def _is_loss(score: str) -> bool:
    return score.startswith("neg_")


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
            axes.text(column, row, display_number(score), ha="center", va="center")
    return figure
