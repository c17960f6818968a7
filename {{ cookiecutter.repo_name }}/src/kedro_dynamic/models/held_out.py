"""Which rows a model may be judged by, and how good its labels for them are."""

import logging
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd

logger = logging.getLogger(__name__)


Array = np.ndarray[Any, Any]


RESAMPLES = 200


def fingerprints(rows: pd.DataFrame) -> Array:
    """Return 64-bit numbers: of each row the hash of its words, everywhere the same.

    Case and white space do not count.
    """
    texts = (" ".join(map(str, row)) for row in rows.itertuples(index=False, name=None))
    plain = (" ".join(text.lower().split()).encode(errors="replace") for text in texts)
    hashes = b"".join(blake2b(text, digest_size=8).digest() for text in plain)
    return np.frombuffer(hashes, dtype="<u8")


def was_trained_on(model: Any, rows: pd.DataFrame) -> Array:
    """Return, per row, whether a logged model of ``bind_inference`` trained on it."""
    return np.isin(fingerprints(rows), model.unwrap_python_model().trained_on)


def score_predictions(truth: pd.Series, predictions: pd.DataFrame) -> dict[str, float]:
    """Score predictions, columns ``label`` and ``probability``, by the true labels.

    Returns ``accuracy``, ``f1_macro`` and, of two labels, ``log_loss`` and ``auc``, the
    area under the ROC curve. A label that is null is wrong, its probability one half.
    Beside each score stand ``_low`` and ``_high``: 95 of 100 samples of as many rows,
    drawn from these with replacement, lie between.
    """
    names = sorted({*truth, *predictions["label"].dropna()})
    numbers = {name: number for number, name in enumerate(names)}
    true, predicted = (
        labels.map(numbers).fillna(len(names)).to_numpy("int64")
        for labels in (truth, predictions["label"])
    )
    certain = predictions["probability"].fillna(0.5).to_numpy("float64")
    # Of the second label, where there are two: the first one has the rest.
    second = np.where(predicted == 0, 1 - certain, certain)
    random, count = np.random.default_rng(0), len(truth)
    drawn = [random.integers(count, size=count) for _ in range(RESAMPLES)]
    all_rows, *samples = (
        _scores(true[rows], predicted[rows], second[rows], len(names))
        for rows in [np.arange(count), *drawn]
    )
    found: dict[str, float] = {}
    shown = []
    for name, score in all_rows.items():
        if np.isnan(score):  # of one true label there is no auc
            continue
        low, high = np.nanquantile([one[name] for one in samples], [0.025, 0.975])
        found |= {name: score, f"{name}_low": float(low), f"{name}_high": float(high)}
        shown.append(f"{name} {score:.3f} ({low:.3f} to {high:.3f})")
    logger.info("On %d rows: %s", count, ", ".join(shown))
    return found


def _scores(
    true: Array, predicted: Array, second: Array, count: int
) -> dict[str, float]:
    """Score so many numbered labels; quick, since it is asked hundreds of times."""
    pairs = np.bincount(true * (count + 1) + predicted, minlength=count * (count + 1))
    table = pairs.reshape(count, count + 1)
    hits, total = np.diag(table), table.sum(axis=1) + table.sum(axis=0)[:count]
    f1 = 2 * hits[total > 0] / total[total > 0]
    scores = {"accuracy": hits.sum() / len(true), "f1_macro": f1.mean()}
    if count == 2:
        from scipy.stats import rankdata

        is_second = true == 1
        of_truth = np.where(is_second, second, 1 - second).clip(1e-15)
        scores["log_loss"] = -np.log(of_truth).mean()
        ones, zeros = is_second.sum(), (~is_second).sum()
        above = rankdata(second)[is_second].sum() - ones * (ones + 1) / 2
        scores["auc"] = above / (ones * zeros) if ones * zeros else np.nan
    return {name: float(score) for name, score in scores.items()}
