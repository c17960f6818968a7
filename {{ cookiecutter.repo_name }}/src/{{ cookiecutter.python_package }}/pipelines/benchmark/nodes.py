"""What the benchmark does beyond the nodes of ``models``, and ``tune`` of the engine.

scikit-learn is imported where it is used; plots are tables that the catalog draws.
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
    is_failure,
    score_fitted_model,
)


# Of the training rows of each fold.
SHARES = (0.1, 0.325, 0.55, 0.775, 1.0)


def learning_curve(
    entry: dict[str, Any],
    data: DataSpec,
    comparison: ComparisonSpec,
    X_train: pd.DataFrame,
    y_train: pd.DataFrame,
    random_state: int,
) -> list[dict[str, Any]]:
    """Measure a model on growing shares of the training part.

    Args:
        entry: From the study.
        data: Says how features are encoded.
        comparison: Says by which score.
        X_train: Features, one row per sample.
        y_train: The target, one column, same rows.
        random_state: Seed of the folds.

    Returns:
        A row for each number of ``samples`` and each thing ``measured``: validation
        score, training score and seconds to fit; ``mean`` and ``std``, the standard
        deviation, over the folds.
    """
    from sklearn.model_selection import learning_curve as measure

    model, y = ModelSpec.model_validate(entry), y_train.iloc[:, 0]

    def score(fitted_model: Any, X: pd.DataFrame, y: "pd.Series[Any]") -> float:
        scores = score_fitted_model(fitted_model, comparison, X, y)
        return next(iter(scores.values()))

    with warnings.catch_warnings():
        # Of shares that are too small for the model: they have no score.
        warnings.simplefilter("ignore")
        samples, train, validation, seconds, _ = measure(
            build_model(model, data, X_train, y, random_state),
            X_train,
            y,
            train_sizes=SHARES,
            cv=comparison.folds or 5,
            scoring=score,
            shuffle=True,
            random_state=random_state,
            return_times=True,
        )
    measured = {"validation score": validation, "training score": train}
    measured["seconds to fit"] = seconds  # or, where there is no score, to an error
    scored = np.isfinite(validation + train).all(axis=1)
    return [
        {"samples": int(count), "measured": what, "mean": of.mean(), "std": of.std()}
        for what, values in measured.items()
        for count, of in zip(samples[scored], values[scored], strict=True)
    ]


def collect_learning_curves(**curves: Any) -> pd.DataFrame:
    """Put the learning curves of all models on a data set into one table.

    Args:
        curves: From ``learning_curve``, by the model's name; of one that failed its
            error, which has no place in a plot.

    Returns:
        The rows of all, the name of their model first.
    """
    rows = [
        {"model": name, **row}
        for name, curve in curves.items()
        for row in ([] if is_failure(curve) else curve)
    ]
    return pd.DataFrame(rows, columns=["model", "samples", "measured", "mean", "std"])


def collect_trials(**trials: Any) -> pd.DataFrame:
    """Put the trials of all models on a data set into one table.

    Args:
        trials: From the study, by the model's name; of one that failed its error.

    Returns:
        One row per trial, the name of its model first.
    """
    rows = [
        {"model": name, **row}
        for name, table in trials.items()
        for row in ([table] if is_failure(table) else table)
    ]
    return pd.DataFrame(rows).drop(columns="traceback", errors="ignore")


def compare_datasets(
    **leaderboards: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Set the leaderboards of all data sets side by side, by the test part's score.

    Args:
        leaderboards: By name of the data set.

    Returns:
        The scores, one row per data set and one column per model, the model best on
        average first; the same for a heat map, data sets as index; and the models by
        their mean rank, a row each, where 1 is best and equals share the mean of their
        ranks.
    """
    scores = pd.DataFrame(
        {
            name: board.set_index("model")["model_score"]
            for name, board in leaderboards.items()
        }
    ).T
    models = scores.drop(columns=BASELINE)
    # A model that failed on a data set is last on it.
    ranks = models.rank(axis="columns", ascending=False, na_option="bottom")
    best = ranks.eq(ranks.min(axis="columns"), axis="index") & models.notna()
    columns = {"mean_rank": ranks.mean(), "mean_score": models.mean()}
    table = pd.DataFrame({**columns, "best_on": best.sum()}).sort_values(
        "mean_rank", kind="stable"
    )
    scores = scores[[*table.index, BASELINE]].rename_axis("dataset")
    return scores.reset_index(), scores, table.rename_axis("model").reset_index()
