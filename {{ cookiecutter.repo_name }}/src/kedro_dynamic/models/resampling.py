"""Scores of bootstrap samples of rows, from predictions that are made once.

A sample is an array of weights: how often each row is drawn. Frequent scores are
computed from weights here (400 samples of 3,400 rows: 0.05 s), the rest by
scikit-learn, which takes twenty times as long or more.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.models.scores import make_scorers

Array = np.ndarray[Any, Any]
Score = Callable[[Array], float]

SAMPLES = 400
# Of large tables, whose intervals are narrow, and of scores that scikit-learn computes.
FEW_SAMPLES = 100
MANY_ROWS = 50_000

RESPONSES = ("predict", "predict_proba", "decision_function")


class RecordedModel:
    """Stands for a fitted model: predicts all rows once, then answers by position."""

    def __init__(self, fitted_model: Any, X: pd.DataFrame):
        self._fitted_model = fitted_model
        self._X = X
        self._answers: dict[str, Array] = {}

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._fitted_model, name)
        if name not in RESPONSES:
            return attribute

        def answer(positions: Array) -> Array:
            if name not in self._answers:
                self._answers[name] = _as_numpy(attribute(self._X))
            return self._answers[name][positions]

        answer.__name__ = name  # scikit-learn goes by it
        return answer


def _as_numpy(values: Any) -> Array:
    """Return targets or predictions, texts as NumPy's own.

    Scorers compare and sort them, which takes three times as long for Python's texts.
    """
    array = np.asarray(values)
    return np.array(array.tolist()) if array.dtype == object else array


def resample_scores(
    fitted_model: Any,
    X: pd.DataFrame,
    y: "pd.Series[Any]",
    names: Sequence[str],
    positive_label: Any = None,
    groups: "pd.Series[Any] | None" = None,
    random_state: int = 0,
) -> dict[str, Array]:
    """Return the scores of a fitted model on samples of the rows.

    The same rows and random_state give the same samples, so that the scores of two
    models are paired.

    Args:
        fitted_model: A fitted estimator.
        X: Features of rows that it was not fitted to.
        y: The target, same rows.
        names: Names of scikit-learn's scores.
        positive_label: The class that scores of one class are about.
        groups: The group of each row. Whole groups are drawn, since rows of a group
            resemble each other; None draws rows.
        random_state: Seed of the samples.

    Returns:
        By name the score of each sample, higher is better; NaN where it is not defined.
    """
    model = RecordedModel(fitted_model, X)
    scorers = make_scorers(names, positive_label)
    scores: dict[str, Score] = {}
    numbers: dict[str, int] = {}
    for name in names:
        if name in FAST and (name not in OF_ONE_CLASS or positive_label is not None):
            scores[name] = FAST[name](_Answers(model, y, positive_label))
            numbers[name] = SAMPLES if len(y) <= MANY_ROWS else FEW_SAMPLES
        else:
            scores[name] = _by_scikit_learn(model, y, scorers[name])
            numbers[name] = FEW_SAMPLES

    values: dict[str, list[float]] = {name: [] for name in names}
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        # In a sample without a class, scores of the class are not defined.
        warnings.simplefilter("ignore")
        drawn = draw_weights(len(y), max(numbers.values()), groups, random_state)
        for weights in drawn:
            for name, score in scores.items():
                if len(values[name]) < numbers[name]:
                    values[name].append(score(weights))
    return {name: np.array(sampled) for name, sampled in values.items()}


def draw_weights(
    rows: int, number: int, groups: "pd.Series[Any] | None", random_state: int
) -> Iterator[Array]:
    """Yield samples: how often each row is drawn.

    Args:
        rows: The number of rows.
        number: The number of samples.
        groups: The group of each row, to draw whole groups; None draws rows.
        random_state: Seed of the samples.
    """
    units = np.arange(rows)
    if groups is not None:
        units = pd.factorize(groups, use_na_sentinel=False)[0]
    count = int(units.max()) + 1
    generator = np.random.default_rng(random_state)
    for _ in range(number):
        drawn = np.bincount(generator.integers(count, size=count), minlength=count)
        yield drawn[units]


def _by_scikit_learn(model: RecordedModel, y: "pd.Series[Any]", scorer: Any) -> Score:
    """Return a score of a sample as scikit-learn computes it."""
    positions, truth = np.arange(len(y)), _as_numpy(y)

    def score(weights: Array) -> float:
        drawn = np.repeat(positions, weights)
        try:
            return float(scorer(model, drawn, truth[drawn]))
        except ValueError:  # the sample lacks a class
            return float("nan")

    return score


class _Answers:
    """The target and a model's answers, in the forms that scores need."""

    def __init__(self, model: RecordedModel, y: "pd.Series[Any]", positive_label: Any):
        self._model = model
        self._positions = np.arange(len(y))
        self.y = y.to_numpy()
        self.positive_label = positive_label

    @property
    def predictions(self) -> Array:
        """One prediction per row."""
        predictions: Array = self._model.predict(self._positions)
        return predictions

    def codes(self) -> tuple[Array, Array, Array]:
        """Return classes, and the number of the true and predicted one of each row."""
        both = [*self.y.tolist(), *self.predictions.tolist()]
        codes, classes = pd.factorize(np.array(both, dtype=object))
        return np.asarray(classes), codes[: len(self.y)], codes[len(self.y) :]

    def confidences(self) -> Array:
        """Return how much speaks for the positive class, per row."""
        is_second = self._model.classes_[1] == self.positive_label
        if hasattr(self._model, "decision_function"):
            distances = np.asarray(self._model.decision_function(self._positions))
            return distances if is_second else -distances
        probabilities = self._model.predict_proba(self._positions)
        return np.asarray(probabilities[:, int(is_second)])

    def true_probabilities(self) -> Array:
        """Return the probability of the true class, per row."""
        columns = pd.Index(self._model.classes_).get_indexer(self.y)
        probabilities = self._model.predict_proba(self._positions)
        of_truth = probabilities[self._positions, columns]
        return np.where(columns < 0, 0, of_truth).clip(np.finfo(float).eps)


def _accuracy(answers: _Answers) -> Score:
    _, truth, predicted = answers.codes()
    return _mean(truth == predicted)


def _mean(values: Array) -> Score:
    """Return the score that is a mean over rows."""
    return lambda weights: float(weights @ values / weights.sum())


def _class_score(
    of_class: Callable[[Array, Array, Array], Array], average: str
) -> Callable[[_Answers], Score]:
    """Return a score that is computed from the counts of each class.

    Args:
        of_class: From hits, true rows and predicted rows, per class, to its score.
        average: ``macro``, ``weighted`` by true rows, ``true`` for the mean over
            classes with true rows, or ``one`` for the positive class alone.
    """

    def make(answers: _Answers) -> Score:
        classes, truth, predicted = answers.codes()
        is_hit = truth == predicted
        is_positive = np.array([label == answers.positive_label for label in classes])

        def score(weights: Array) -> float:
            hits = np.bincount(truth[is_hit], weights[is_hit], len(classes))
            true_rows = np.bincount(truth, weights, len(classes))
            predicted_rows = np.bincount(predicted, weights, len(classes))
            by_class = np.nan_to_num(of_class(hits, true_rows, predicted_rows))
            if average == "weighted":
                return float(by_class @ true_rows / true_rows.sum())
            if average == "one":
                return float(by_class[is_positive].sum())
            counted = true_rows if average == "true" else true_rows + predicted_rows
            return float(by_class[counted > 0].mean())

        return score

    return make


def _f1(hits: Array, true_rows: Array, predicted_rows: Array) -> Array:
    mean_rows: Array = (true_rows + predicted_rows) / 2
    return np.divide(hits, mean_rows)


def _precision(hits: Array, true_rows: Array, predicted_rows: Array) -> Array:
    return np.divide(hits, predicted_rows)


def _recall(hits: Array, true_rows: Array, predicted_rows: Array) -> Array:
    return np.divide(hits, true_rows)


def _log_loss(answers: _Answers) -> Score:
    return _mean(np.log(answers.true_probabilities()))


def _absolute_error(answers: _Answers) -> Score:
    return _mean(-np.abs(answers.y - answers.predictions))


def _squared_error(answers: _Answers) -> Score:
    return _mean(-((answers.y - answers.predictions) ** 2))


def _root_of_squared_error(answers: _Answers) -> Score:
    squared_error = _squared_error(answers)
    return lambda weights: -float(np.sqrt(-squared_error(weights)))


def _r2(answers: _Answers) -> Score:
    centred = answers.y - answers.y.mean()
    squares, squared_error = _mean(centred**2), _squared_error(answers)
    mean = _mean(centred)

    def score(weights: Array) -> float:
        variance = squares(weights) - mean(weights) ** 2
        return 1 + squared_error(weights) / variance if variance > 0 else float("nan")

    return score


def _ranked(
    of_counts: Callable[[Array, Array], float],
) -> Callable[[_Answers], Score]:
    """Return a score of how well the positive class is ranked first.

    Args:
        of_counts: From the positive and the negative rows at each confidence, highest
            first, to the score.
    """

    def make(answers: _Answers) -> Score:
        levels, level_of_row = np.unique(-answers.confidences(), return_inverse=True)
        is_positive = answers.y == answers.positive_label

        def score(weights: Array) -> float:
            positive = np.bincount(level_of_row, weights * is_positive, len(levels))
            negative = np.bincount(level_of_row, weights * ~is_positive, len(levels))
            return of_counts(positive, negative)

        return score

    return make


def _roc_auc(positive: Array, negative: Array) -> float:
    above = np.cumsum(positive) - positive / 2
    return float(negative @ above / (positive.sum() * negative.sum()))


def _average_precision(positive: Array, negative: Array) -> float:
    found = np.cumsum(positive)
    precision = np.nan_to_num(found / (found + np.cumsum(negative)))
    return float(positive @ precision / positive.sum())


FAST: dict[str, Callable[[_Answers], Score]] = {
    "accuracy": _accuracy,
    "average_precision": _ranked(_average_precision),
    "balanced_accuracy": _class_score(_recall, "true"),
    "f1": _class_score(_f1, "one"),
    "f1_macro": _class_score(_f1, "macro"),
    "f1_weighted": _class_score(_f1, "weighted"),
    "neg_log_loss": _log_loss,
    "neg_mean_absolute_error": _absolute_error,
    "neg_mean_squared_error": _squared_error,
    "neg_root_mean_squared_error": _root_of_squared_error,
    "precision": _class_score(_precision, "one"),
    "precision_macro": _class_score(_precision, "macro"),
    "r2": _r2,
    "recall": _class_score(_recall, "one"),
    "recall_macro": _class_score(_recall, "macro"),
    "roc_auc": _ranked(_roc_auc),
}
OF_ONE_CLASS = {"average_precision", "f1", "precision", "recall", "roc_auc"}
