"""Which rows a model was not trained on, and how well it predicts them."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.errors import VERBATIM, ConfigurationError
from kedro_dynamic.models.bootstrap import resample_rows
from kedro_dynamic.models.scores import display_name

logger = logging.getLogger(__name__)

Array = np.ndarray[Any, Any]

# The column of a label's probability is ``probability_<label>``.
PREFIX = "probability_"

# A share of answers without a label that is worth a warning.
MANY = 0.01


def fingerprints(rows: pd.DataFrame) -> Array:
    """Hash the words of each row, ignoring case and white space.

    Args:
        rows: A table. All of its columns count, in their order.

    Returns:
        One unsigned 64-bit integer per row, the same on every machine.
    """
    texts = (" ".join(map(str, row)) for row in rows.itertuples(index=False, name=None))
    words = (" ".join(text.lower().split()).encode(errors="replace") for text in texts)
    hashes = b"".join(blake2b(text, digest_size=8).digest() for text in words)
    return np.frombuffer(hashes, dtype="<u8")


def check_same_rows(
    instances: pd.DataFrame, labels: pd.DataFrame, command: str
) -> None:
    """Check that two tables are of the same rows in the same order, by their index.

    Args:
        instances: The inputs of a model.
        labels: The labels of the same rows.
        command: The command that makes both.

    Raises:
        ConfigurationError: If they are not, since one of their files is outdated.
    """
    if instances.index.equals(labels.index):
        return
    counts = f"{len(instances)} instances and {len(labels)} labels"
    raise ConfigurationError(
        f"The {counts} are not of the same rows in the same order: one file is "
        f"outdated. '{command}' makes both."
    )


def was_trained_on(model: Any, rows: pd.DataFrame) -> Array:
    """Return True for each row that a model was trained on.

    Args:
        model: An inference pipeline from ``bind_inference``, as MLflow loads it. It
            carries the fingerprints of its training rows.
        rows: The inputs of the model.

    Returns:
        One boolean per row.
    """
    return np.isin(fingerprints(rows), model.unwrap_python_model().trained_on)


def spread_probabilities(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predictions with a column ``probability_<label>`` for each label.

    Args:
        predictions: Answers of a model; its column ``probabilities``, if there is one,
            has a dictionary per row.
    """
    if "probabilities" not in predictions:
        return predictions
    rows = [row or {} for row in predictions["probabilities"]]
    columns = pd.DataFrame(rows, predictions.index).add_prefix(PREFIX)
    return pd.DataFrame(predictions.drop(columns="probabilities")).join(columns)


def score_predictions(truth: pd.Series, predictions: pd.DataFrame) -> dict[str, float]:
    """Score predicted labels and their probabilities by the true labels.

    Warns if the labels are not better than the most frequent one for each row, if many
    are missing, and of true labels that the model does not know.

    Args:
        truth: The true label of each row.
        predictions: Columns ``label`` and ``probability``, in the order of the rows of
            ``truth``, and ``probability_<label>`` if there are more than two labels. A
            missing label is a wrong one, and has the probabilities of a guess.

    Returns:
        Scores by name: ``accuracy`` and ``f1_macro``; if the probabilities of all
        labels are known also ``log_loss`` and, unless all true labels are the same,
        ``auc``, the area under the ROC curve: of more than two labels, the mean of each
        against the rest. ``<name>_low`` and ``<name>_high`` bound the 95 % bootstrap
        interval of each. And ``majority``, the accuracy of the most frequent label for
        each row, and ``null_answers``, the share of missing labels.
    """
    row_count = len(truth)
    samples = [np.arange(row_count), *resample_rows(row_count)]
    metrics: dict[str, float] = {}
    summary = []
    for name, scores in score_on_samples(truth, predictions, samples).items():
        score, *sampled = scores
        if np.isnan(score):
            continue
        low, high = np.nanquantile(sampled, [0.025, 0.975])
        metrics |= {name: score, f"{name}_low": float(low), f"{name}_high": float(high)}
        summary.append(f"{display_name(name)} {score:.3f} ({low:.3f} to {high:.3f})")
    metrics["majority"] = float(truth.value_counts(normalize=True).max())
    metrics["null_answers"] = float(predictions["label"].isna().mean())
    logger.info("On %d rows: %s", row_count, ", ".join(summary))
    _warn_of_scores(truth, predictions, metrics)
    return metrics


def _warn_of_scores(
    truth: pd.Series, predictions: pd.DataFrame, metrics: dict[str, float]
) -> None:
    """Warn of what makes predictions useless, however good they look."""
    accuracy, majority = metrics["accuracy"], metrics["majority"]
    if accuracy < majority:
        logger.warning(
            "The accuracy %.3f is below the majority: to answer '%s' for each row has "
            "%.3f",
            accuracy,
            truth.mode()[0],
            majority,
            extra=VERBATIM,
        )
    share = metrics["null_answers"]
    if share >= MANY:
        logger.warning("%.1f %% of the rows have no answer", 100 * share)

    known = [name.removeprefix(PREFIX) for name in probability_columns(predictions)]
    unknown = truth[~truth.isin(known)].value_counts()
    if known and len(unknown):
        named = [f"'{label}' ({count} rows)" for label, count in unknown.items()]
        logger.warning(
            "Training has not seen labels, which count as wrong: %s",
            ", ".join(named[:10]),
            extra=VERBATIM,
        )


def probability_columns(predictions: pd.DataFrame) -> list[str]:
    """Return the columns with the probability of a label."""
    return [name for name in map(str, predictions) if name.startswith(PREFIX)]


def score_labels(truth: pd.Series, predictions: pd.DataFrame) -> pd.DataFrame:
    """Score each label for itself.

    Args:
        truth: The true label of each row.
        predictions: A column ``label``, in the order of the rows of ``truth``.

    Returns:
        Columns ``label``, ``precision``, ``recall``, ``f1`` and ``rows``, how often it
        is true; the most frequent label first, and no row without a truth.
        Precision is missing for labels that are never predicted.
    """
    from sklearn.metrics import precision_recall_fscore_support

    names = ["label", "precision", "recall", "f1", "rows"]
    if truth.empty:
        return pd.DataFrame(columns=names)
    predicted = predictions["label"].fillna("")
    labels = [*truth.value_counts().index]
    labels += sorted({*predictions["label"].dropna()} - {*labels})
    scores = precision_recall_fscore_support(
        truth.to_numpy(), predicted.to_numpy(), labels=labels, zero_division=np.nan
    )
    return pd.DataFrame(dict(zip(names, [labels, *scores], strict=True)))


def score_on_samples(
    truth: pd.Series, predictions: pd.DataFrame, samples: Iterable[Array]
) -> dict[str, list[float]]:
    """Return the scores of predictions on samples of the rows.

    Args:
        truth: As for ``score_predictions``.
        predictions: As for ``score_predictions``.
        samples: Row numbers of each sample, as many as there are rows.

    Returns:
        As for ``score_samples``.
    """
    columns = probability_columns(predictions)
    known = [name.removeprefix(PREFIX) for name in columns]
    labels = sorted({*truth, *predictions["label"].dropna(), *known})
    codes = {label: code for code, label in enumerate(labels)}
    true = truth.map(codes).to_numpy("int64")
    # The code of a missing label is one that no true label has.
    predicted = predictions["label"].map(codes).fillna(len(labels)).to_numpy("int64")

    probabilities = None
    if columns:
        table = predictions[columns].set_axis(known, axis="columns")
        table = table.fillna(1 / len(known)).reindex(columns=labels, fill_value=0.0)
        probabilities = table.to_numpy("float64")
    elif len(labels) == 2 and "probability" in predictions:
        probability = predictions["probability"].fillna(0.5).to_numpy("float64")
        second = np.where(predicted == 0, 1 - probability, probability)
        probabilities = np.column_stack([1 - second, second])
    return score_samples(true, predicted, probabilities, len(labels), samples)


def score_samples(
    true: Array,
    predicted: Array,
    probabilities: Array | None,
    label_count: int,
    samples: Iterable[Array],
) -> dict[str, list[float]]:
    """Return the scores on samples of the rows, as scikit-learn computes them.

    For 200 samples of 3,400 rows, scikit-learn's functions take 2 s and this one
    0.03 s, since it ranks the probabilities once. A test compares the two.

    Args:
        true: The code of each row's true label: 0 for the first label, and so on.
        predicted: The codes of the predicted labels; ``label_count`` is a missing one.
        probabilities: A column for each label, if they are known.
        label_count: How many labels there are.
        samples: Row numbers of each sample, as many as there are rows.

    Returns:
        A value per sample for ``accuracy`` and ``f1_macro``; with probabilities also
        for ``log_loss`` and ``auc``, the mean of each label against the rest, which is
        NaN if all true labels of the sample are the same.
    """
    is_right = true == predicted
    pairs = true * (label_count + 1) + predicted
    if probabilities is not None:
        # scikit-learn clips probabilities, so that no loss is infinite.
        epsilon = np.finfo("float64").eps
        of_truth = probabilities[np.arange(len(true)), true]
        losses = -np.log(of_truth.clip(epsilon, 1 - epsilon))
        rankings = [
            np.unique(column, return_inverse=True) for column in probabilities.T
        ]

    scores = defaultdict(list)
    for rows in samples:
        # How often each row is in the sample.
        weights = np.bincount(rows, minlength=len(true)).astype("float64")
        scores["accuracy"].append(float(np.average(is_right, weights=weights)))

        counts = np.bincount(pairs, weights, minlength=label_count * (label_count + 1))
        table = counts.reshape(label_count, label_count + 1)
        true_positives = np.diag(table)
        support = table.sum(axis=1) + table.sum(axis=0)[:label_count]
        is_present = support > 0
        f1 = 2 * true_positives[is_present] / support[is_present]
        scores["f1_macro"].append(float(f1.mean()))

        if probabilities is not None:
            scores["log_loss"].append(float(np.average(losses, weights=weights)))
            areas = [
                _area(true == code, ranks, len(distinct), weights)
                for code, (distinct, ranks) in enumerate(rankings)
            ]
            defined = [area for area in areas if area is not None]
            scores["auc"].append(float(np.mean(defined)) if defined else np.nan)
    return scores


def _area(
    is_label: Array, ranks: Array, rank_count: int, weights: Array
) -> float | None:
    """Return the area under the ROC curve of a label; None if none or all are its rows.

    Rows of the same probability share a rank.
    """
    ones = np.bincount(ranks, weights * is_label, minlength=rank_count)
    zeros = np.bincount(ranks, weights * ~is_label, minlength=rank_count)
    # Each row of the label wins against others of lower ranks; equal ranks are half a
    # win.
    wins = (ones * (np.cumsum(zeros) - zeros / 2)).sum()
    contests = ones.sum() * zeros.sum()
    return float(wins / contests) if contests else None
