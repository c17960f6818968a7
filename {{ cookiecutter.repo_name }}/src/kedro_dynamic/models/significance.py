"""What chance makes of the difference between two models that share rows.

SciPy is imported where it is used.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, variance

import numpy as np
import pandas as pd

from kedro_dynamic.config.schema import BASELINE
from kedro_dynamic.models.split import fold_pairs

Sizes = Sequence[tuple[int, int]]

# A better score is believed if chance makes it in fewer than 5 of 100 cases.
CONFIDENCE = 0.95

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
    scores: Sequence[float], reference: Sequence[float], folds: pd.DataFrame
) -> bool:
    """Return True if a model beats another one by more than chance.

    Args:
        scores: Of the model, on each fold, or without folds on each resample of the
            test rows; higher is better, NaN where it is not defined.
        reference: Of the other model, on the same folds or resamples.
        folds: The folds of the training rows, from ``make_folds`` or of your own.
    """
    differences = np.subtract(scores, reference)
    sizes = [(len(training), len(test)) for training, test in fold_pairs(folds)]
    if len(sizes) == 1:
        return bool(differences[0] > 0)
    if sizes:
        return bool(differences.mean() > chance_margin(differences.tolist(), sizes))

    defined = differences[np.isfinite(differences)]
    if len(defined) < len(differences) / 2:
        return False
    return bool(np.quantile(defined, 1 - CONFIDENCE, method="inverted_cdf") > 0)


def note_chance(
    scores: Mapping[str, Sequence[float]], folds: pd.DataFrame
) -> dict[str, str]:
    """Return a note for each model that chance may have put where it is.

    Args:
        scores: Of each model and of the baseline the score that decides, best first: on
            each fold, or without folds on each resample of the test rows.
        folds: The folds of the training rows.

    Returns:
        By name, for models that do not beat the baseline by more than chance, and for
        models that the first one does not beat by more than chance.
    """
    baseline = scores.get(BASELINE)
    names = [name for name in scores if name != BASELINE]
    notes = {}
    for name in names:
        first = scores[names[0]]
        if baseline is not None and not is_better(scores[name], baseline, folds):
            is_below = fmean(scores[name]) < fmean(baseline)
            notes[name] = BELOW_THE_BASELINE if is_below else LIKE_THE_BASELINE
        elif name != names[0] and not is_better(first, scores[name], folds):
            notes[name] = LIKE_THE_FIRST
    return notes
