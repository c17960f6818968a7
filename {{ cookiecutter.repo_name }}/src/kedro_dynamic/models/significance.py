"""What chance may make of scores: between two models, and around one.

Models are compared on the same folds, or without folds on the same samples of the test
rows. SciPy is imported where it is used.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, variance
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.models.resampling import resample_scores

Array = np.ndarray[Any, Any]
Sizes = Sequence[tuple[int, int]]

# A better score is believed if chance makes it in fewer than 5 of 100 cases.
CONFIDENCE = 0.95


def corrected_error(differences: Sequence[float], sizes: Sizes = ()) -> float:
    """Return the standard error of the mean of differences on folds.

    It is the corrected one of Nadeau and Bengio (2003): folds share most of their
    training rows, so their scores are not independent. Folds of unequal sizes enter
    with the mean of test rows by training rows.

    Args:
        differences: One per fold, two or more.
        sizes: Per fold the number of its training rows and of its validation rows.
            Empty if differences are independent, which are those of separate test rows.
    """
    shared = fmean(test / training for training, test in sizes) if sizes else 0.0
    return math.sqrt(variance(differences) * (1 / len(differences) + shared))


def chance_margin(differences: Sequence[float], sizes: Sizes = ()) -> float:
    """Return up to which mean the differences of two equal models come by chance.

    Args:
        differences: Of the scores of two models, one per fold, two or more.
        sizes: As for ``corrected_error``.

    Returns:
        The 95 % quantile of Student's t, times the corrected standard error.
    """
    from scipy.stats import t

    quantile = float(t.ppf(CONFIDENCE, len(differences) - 1))
    return quantile * corrected_error(differences, sizes)


def is_better(
    scores: Sequence[float], reference: Sequence[float], sizes: Sizes
) -> bool:
    """Return True if a model beats another one by more than chance.

    Args:
        scores: Of the model, one per fold; higher is better.
        reference: Of the other model, on the same folds.
        sizes: As for ``corrected_error``.
    """
    differences = [a - b for a, b in zip(scores, reference, strict=True)]
    mean = fmean(differences)
    if len(differences) < 2:
        return mean > 0
    return mean > chance_margin(differences, sizes)


def is_better_on_rows(scores: Array, reference: Array) -> bool:
    """Return True if a model beats another one by more than chance, without folds.

    Args:
        scores: Of the model, from ``resample_scores``; higher is better.
        reference: Of the other model, on the same samples.
    """
    differences = scores - reference
    if np.isnan(differences).all():
        return False
    return float(np.nanquantile(differences, 1 - CONFIDENCE)) > 0


def find_ties(validation: Mapping[str, Sequence[float]], sizes: Sizes) -> list[str]:
    """Return the models that the best one does not beat by more than chance.

    Args:
        validation: Of each model the score that decides, on the same folds; higher is
            better. Scores that are not finite do not compete.
        sizes: As for ``corrected_error``.

    Returns:
        Names, in the order of the mapping, without the best one.
    """
    finite = {
        name: scores
        for name, scores in validation.items()
        if scores and np.isfinite(scores).all()
    }
    if not finite:
        return []
    best = max(finite, key=lambda name: fmean(finite[name]))
    return [
        name
        for name, scores in finite.items()
        if name != best and not is_better(finite[best], scores, sizes)
    ]


def score_interval(
    fitted_model: Any,
    X: pd.DataFrame,
    y: "pd.Series[Any]",
    name: str,
    positive_label: Any = None,
    groups: "pd.Series[Any] | None" = None,
) -> tuple[float, float]:
    """Return the 95 % interval of a score on test rows.

    The interval is that of the bootstrap; of accuracy, without groups, it is Wilson's,
    since samples of rows that are all right have no wrong ones (of 30 right flowers in
    30 the interval begins at .886, not at 1).

    Args:
        fitted_model: A fitted estimator.
        X: Features of the test rows.
        y: The target, same rows.
        name: Name of one of scikit-learn's scores.
        positive_label: The class that scores of one class are about.
        groups: The group of each row, if rows of a group resemble each other.

    Returns:
        The lower and the upper bound, higher is better; NaN if no sample has a score.
    """
    if name == "accuracy" and groups is None:
        from scipy.stats import binomtest

        right = int((np.asarray(fitted_model.predict(X)) == y.to_numpy()).sum())
        interval = binomtest(right, len(y)).proportion_ci(method="wilson")
        return float(interval.low), float(interval.high)
    sampled = resample_scores(fitted_model, X, y, [name], positive_label, groups)[name]
    if np.isnan(sampled).all():
        return math.nan, math.nan
    low, high = np.nanquantile(sampled, [0.025, 0.975])
    return float(low), float(high)
