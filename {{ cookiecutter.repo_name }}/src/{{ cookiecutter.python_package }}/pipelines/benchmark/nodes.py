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
    changed_arguments,
    describe_gains,
    display_name,
    display_value,
    fold_pairs,
    is_failure,
    measure_gains,
    plot_heat_map,
    score_columns,
    score_of_column,
)

from {{ cookiecutter.python_package }}.pipelines.models.leaderboard import (
    compare_models,
)

# Shares of the training rows of each fold.
SHARES = (0.1, 0.325, 0.55, 0.775, 1.0)

CONFIGURED, TUNED = ".baseline", ".tuned"


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
        for row in [results] if is_failure(results) else results:
            rows.append({"model": model, **row})
    return pd.DataFrame(rows).drop(columns="traceback", errors="ignore")


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
    pairs = {name + TUNED: name + CONFIGURED for name in models}
    gains = measure_gains(leaderboard, pairs, inputs, folds, len(y_test))
    for name, model in models.items():
        if name + TUNED in gains.index:
            found = changed_arguments(model, inputs[f"{name}_entry"])
            gains.loc[name + TUNED, "found"] = found
    return leaderboard if gains.empty else leaderboard.join(gains, on="model")


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
    name, *other_names = {*names.values()}
    if not other_names and not name.startswith("neg_"):
        columns["mean_score"] = model_scores.mean()
    columns["best_on"] = is_best.sum()
    mean_ranks = pd.DataFrame(columns).sort_values("mean_rank", kind="stable")

    scores = scores[[*mean_ranks.index, BASELINE]].rename_axis("dataset")
    table = mean_ranks.rename_axis("model").reset_index()
    conclusion = f"{_first_ranks(table, len(names))} {describe_gains(leaderboards)}"
    return scores.reset_index(), plot_heat_map(scores, names), table, conclusion


def _first_ranks(table: pd.DataFrame, datasets: int) -> str:
    """Return which models have the best mean rank, in a sentence."""
    best = table["mean_rank"].min()
    first = " and ".join(table["model"][table["mean_rank"] == best])
    return (
        f"{first} rank{'' if ' and ' in first else 's'} first of {len(table)} by the "
        f"test sets of {datasets} data sets (mean rank {best:.2f})."
    )
