"""What chance makes of the difference between two models that share rows.

SciPy is imported where it is used.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, variance
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.catalog.names import VALIDATION
from kedro_dynamic.config.schema import BASELINE, DataSpec
from kedro_dynamic.models.scores import (
    find_positive_label,
    score_columns,
    score_of_column,
)
from kedro_dynamic.models.split import fold_pairs

Sizes = Sequence[tuple[int, int]]

# A better score is believed if chance makes it in fewer than 5 of 100 cases.
CHANCE = 0.05
CONFIDENCE = 1 - CHANCE

# With fewer rows, a difference that does not vary says nothing. By the rule of three,
# what 20 rows never show may still be true of 15 % of all rows.
FEW_ROWS = 20

# Notes on the leaderboard.
LIKE_THE_BASELINE = "within chance of the baseline"
BELOW_THE_BASELINE = "below the baseline"
LIKE_THE_FIRST = "within chance of the first"


def corrected_error(differences: Sequence[float], sizes: Sizes) -> float:
    """Return the standard error of the mean of differences on folds.

    It is the corrected one of Nadeau and Bengio (2003): folds share most of their
    training rows, so their scores are not independent. Folds of unequal sizes, such as
    those of groups and times, enter with the mean of test rows by training rows.

    Args:
        differences: One per fold, two or more.
        sizes: Per fold the number of its training rows and of its validation rows.
    """
    shared = fmean(validation / training for training, validation in sizes)
    return math.sqrt(variance(differences) * (1 / len(differences) + shared))


def chance_margin(differences: Sequence[float], sizes: Sizes) -> float:
    """Return the largest mean difference that chance explains in 95 of 100 cases.

    Args:
        differences: Of the scores of two models, one per fold.
        sizes: As for ``corrected_error``.

    Returns:
        The 95 % quantile of Student's t, times the corrected standard error. Infinity
        if few rows have the same difference on each fold. 0 for a single fold, which
        does not show how much differences vary.
    """
    from scipy.stats import t

    if _says_nothing(differences, sum(validation for _, validation in sizes)):
        return math.inf
    if len(differences) == 1:
        return 0.0
    quantile = float(t.ppf(CONFIDENCE, len(differences) - 1))
    return quantile * corrected_error(differences, sizes)


def lowest_by_chance(differences: Sequence[float], rows: int) -> float:
    """Return the lower bound of the difference of two models on other test rows.

    Args:
        differences: Of their scores, one per resample of the test rows.
        rows: The number of test rows.

    Returns:
        The 5 % quantile of the differences. Minus infinity if few rows have the same
        difference on each resample.
    """
    if _says_nothing(differences, rows):
        return -math.inf
    return float(np.quantile(differences, CHANCE, method="inverted_cdf"))


def _says_nothing(differences: Sequence[float], rows: int) -> bool:
    """Return True if too few rows have differences that do not vary."""
    return rows < FEW_ROWS and max(differences) - min(differences) < 1e-9


def least_gain(
    scores: Sequence[float],
    reference: Sequence[float],
    folds: pd.DataFrame,
    test_rows: int = FEW_ROWS,
) -> float:
    """Return by how much a model beats another one at least, in 95 of 100 cases.

    Args:
        scores: Of the model, on each fold, or without folds on each resample of the
            test rows; higher is better, NaN where it is not defined.
        reference: Of the other model, on the same folds or resamples.
        folds: The folds of the training rows, from ``make_folds`` or of your own.
        test_rows: The number of test rows, which count without folds.

    Returns:
        The mean difference, less what chance explains of it; without folds, the 5 %
        quantile of the differences. Minus infinity if too little is known.
    """
    differences = np.subtract(scores, reference)
    sizes = [(len(training), len(test)) for training, test in fold_pairs(folds)]
    if sizes:
        return float(differences.mean() - chance_margin(differences.tolist(), sizes))

    defined = differences[np.isfinite(differences)]
    if len(defined) < len(differences) / 2:
        return -math.inf
    return lowest_by_chance(defined.tolist(), test_rows)


def is_better(
    scores: Sequence[float],
    reference: Sequence[float],
    folds: pd.DataFrame,
    test_rows: int = FEW_ROWS,
) -> bool:
    """Return True if a model beats another one by more than chance.

    Args:
        scores: As for ``least_gain``, and so are the others.
        reference: Of the other model.
        folds: The folds of the training rows.
        test_rows: The number of test rows.
    """
    return least_gain(scores, reference, folds, test_rows) > 0


def comparable_scores(
    column: str, names: Iterable[str], results: Mapping[str, Any]
) -> dict[str, list[float]]:
    """Return the scores of models on the same folds, or on resamples without folds.

    Args:
        column: The score, as a column of the leaderboard.
        names: Of the models.
        results: ``<model>_validation`` and ``<model>_resamples`` of each model.
    """
    kind, _, score = column.partition("_")
    if kind == VALIDATION:
        return {name: results[f"{name}_validation"][score] for name in names}
    return {name: results[f"{name}_resamples"] for name in names}


def add_notes(
    leaderboard: pd.DataFrame,
    results: Mapping[str, Any],
    data: DataSpec,
    y_train: pd.DataFrame,
    y_test: pd.DataFrame,
    folds: pd.DataFrame,
) -> None:
    """Add a column ``note`` to a leaderboard: what chance explains of the ranks.

    Args:
        leaderboard: A row per model, best first. It is changed in place, and only if
            there is anything to note.
        results: As for ``comparable_scores``.
        data: Names the positive class.
        y_train: Target of the training rows, one column.
        y_test: Target of the test rows, one column.
        folds: The folds of the training rows.
    """
    column = score_columns(leaderboard)[0]
    names = leaderboard["model"][leaderboard[column].notna()]
    scores = comparable_scores(column, names, results)
    target = (y_train.iloc[:, 0], y_test.iloc[:, 0])
    score = score_of_column(column)
    notes = note_chance(score, scores, data, *target, folds)
    if notes:
        columns = list(leaderboard)
        last = f"test_{score}_high"
        position = columns.index(last if last in columns else f"test_{score}") + 1
        leaderboard.insert(position, "note", leaderboard["model"].map(notes))


def note_chance(
    name: str,
    scores: Mapping[str, Sequence[float]],
    data: DataSpec,
    y_train: "pd.Series[Any]",
    y_test: "pd.Series[Any]",
    folds: pd.DataFrame,
) -> dict[str, str]:
    """Return a note for each model that chance may have put where it is.

    Args:
        name: The score that decides.
        scores: Its values for each model and the baseline, best first: on each fold, or
            without folds on each resample of the test rows.
        data: Names the positive class.
        y_train: Target of the training rows.
        y_test: Target of the test rows.
        folds: The folds of the training rows.

    Returns:
        By name, for models that do not beat the baseline by more than chance, and for
        models that the first one does not beat by more than chance.
    """
    baseline: list[float] = []
    if BASELINE in scores:
        baseline = level_with_chance(
            name, scores[BASELINE], data, y_train, y_test, folds
        )
    models = [model for model in scores if model != BASELINE]
    rows = len(y_test)
    notes = {}
    for model in models:
        first = scores[models[0]]
        if baseline and not is_better(scores[model], baseline, folds, rows):
            is_below = fmean(scores[model]) < fmean(scores[BASELINE])
            notes[model] = BELOW_THE_BASELINE if is_below else LIKE_THE_BASELINE
        elif model != models[0] and not is_better(first, scores[model], folds, rows):
            notes[model] = LIKE_THE_FIRST
    return notes


def level_with_chance(
    name: str,
    scores: Sequence[float],
    data: DataSpec,
    y_train: "pd.Series[Any]",
    y_test: "pd.Series[Any]",
    folds: pd.DataFrame,
) -> list[float]:
    """Return the baseline's scores, raised to what a random order of rows gets.

    The average precision of random order is above that of one constant, which is the
    share of the class: .17 for 10 of 80 rows, not .125. Without this, a fifth of the
    comparisons on pure noise would have a winner.

    Args:
        name: The score.
        scores: The baseline's, on each fold, or on each resample of the test rows.
        data: Names the positive class.
        y_train: Target of the training rows.
        y_test: Target of the test rows.
        folds: The folds of the training rows.
    """
    if name != "average_precision":
        return list(scores)
    label = find_positive_label(y_train, data.positive_label)
    labels = y_train.unique() if label is None else [label]
    parts = [y_train.iloc[rows] for _, rows in fold_pairs(folds)] or [y_test]
    gains = []
    for part in parts:
        gains.append(fmean(_gain_of_random_order(part == value) for value in labels))
    leveled: list[float] = np.add(scores, gains).tolist()
    return leveled


def _gain_of_random_order(is_positive: "pd.Series[bool]") -> float:
    """Return the mean average precision of all orders, less the share of positives."""
    rows, positive = len(is_positive), int(is_positive.sum())
    if positive == 0:
        return 0.0
    harmonic = float(np.sum(1 / np.arange(1, rows + 1)))
    # At its own rank, a positive row has precision 1 / rank from itself, and more from
    # the other positive rows before it.
    others = (positive - 1) / max(rows - 1, 1)
    return others * (1 - harmonic / rows) + harmonic / rows - positive / rows
