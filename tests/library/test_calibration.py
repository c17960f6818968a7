"""Probabilities of a classifier that has scores, for two labels and for many."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from kedro_dynamic import CalibratedClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC


def split(labels: int, distance: float, noise: float = 0.0) -> list[Any]:
    """Return features and named labels to learn from, and others to predict."""
    X, codes = make_classification(
        n_samples=4000,
        n_features=60,
        n_informative=40,
        n_redundant=0,
        n_classes=labels,
        n_clusters_per_class=1,
        class_sep=distance,
        flip_y=noise,
        random_state=0,
    )
    names = np.array([f"label {code:02}" for code in range(labels)], dtype="object")
    X_train, X_test, y_train, y_test = train_test_split(X, names[codes], random_state=0)
    return [X_train, y_train, X_test, y_test]


def gap(probabilities: Any, is_right: Any) -> float:
    """Return how far the mean probability of the answers is from their accuracy."""
    return abs(float(probabilities.max(axis=1).mean() - is_right.mean()))


def test_with_many_labels_answers_are_as_certain_as_they_are_right() -> None:
    X, y, X_test, y_test = split(labels=25, distance=2.0)
    sharp = CalibratedClassifier(LinearSVC(), cv=3).fit(X, y)
    plain = CalibratedClassifierCV(LinearSVC(), cv=3, ensemble=False).fit(X, y)

    probabilities = sharp.predict_proba(X_test)

    assert probabilities.sum(axis=1) == pytest.approx(1)
    is_right = sharp.predict(X_test) == y_test
    assert gap(probabilities, is_right) < 0.08
    plain_probabilities = plain.predict_proba(X_test)
    assert gap(plain_probabilities, plain.predict(X_test) == y_test) > 0.2
    assert log_loss(y_test, probabilities) < log_loss(y_test, plain_probabilities)


def test_with_two_labels_it_is_a_logistic_regression_of_the_scores() -> None:
    X, y, X_test, _ = split(labels=2, distance=0.5, noise=0.1)
    sharp = CalibratedClassifier(LinearSVC(), cv=3).fit(X, y)
    plain = CalibratedClassifierCV(LinearSVC(), cv=3, ensemble=False).fit(X, y)

    assert list(sharp.classes_) == ["label 00", "label 01"]
    assert sharp.predict_proba(X_test) == pytest.approx(
        plain.predict_proba(X_test), abs=0.02
    )
    copy = pickle.loads(pickle.dumps(sharp))
    assert copy.predict_proba(X_test) == pytest.approx(sharp.predict_proba(X_test))
