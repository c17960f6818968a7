"""What chance makes of the difference between two models that share folds.

SciPy is imported where it is used.
"""

import math
from collections.abc import Sequence
from statistics import fmean, variance

Sizes = Sequence[tuple[int, int]]

# A better score is believed if chance makes it in fewer than 5 of 100 cases.
CONFIDENCE = 0.95


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
