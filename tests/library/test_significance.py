"""What chance makes of scores: between two models, and around one."""

from __future__ import annotations

import math
import warnings
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.config.schema import DataSpec
from kedro_dynamic.models.bootstrap import score_interval, score_resamples
from kedro_dynamic.models.scores import make_scorers
from kedro_dynamic.models.significance import (
    chance_margin,
    corrected_error,
    is_better,
    least_gain,
    level_with_chance,
    note_chance,
)
from kedro_dynamic.models.split import make_folds
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

FIVE = pd.DataFrame({"fold": [1, 2, 3, 4, 5] * 20})
NONE = pd.DataFrame({"fold": [None] * 100})
SIZES = [(80, 20)] * 5
DATA = DataSpec(target_column="kind")
RANDOM = np.random.default_rng(0)
X = pd.DataFrame(RANDOM.normal(size=(300, 2)), columns=["a", "b"])
CLASSES = pd.Series(np.where(X["a"] + RANDOM.normal(size=300) > 0.8, "yes", "no"))


def test_a_single_fold_decides_by_its_difference() -> None:
    assert chance_margin([0.1], [(80, 20)]) == 0
    assert chance_margin([0.1], [(80, 19)]) == math.inf
    folds = pd.DataFrame({"fold": [1] * 20 + [None] * 80})
    assert is_better([0.8], [0.7], folds)
    assert not is_better([0.7], [0.7], folds)


def test_the_error_of_equal_folds() -> None:
    differences = [0.01, 0.03, 0.02, 0.00, 0.04]
    expected = sqrt(0.00025 * (1 / 5 + 1 / 4))
    assert corrected_error(differences, SIZES) == pytest.approx(expected)
    assert chance_margin(differences, SIZES) == pytest.approx(2.131847 * expected)


def test_a_gain_is_at_least_its_mean_less_what_chance_explains() -> None:
    differences = [0.01, 0.03, 0.02, 0.00, 0.04]
    least = 0.02 - chance_margin(differences, SIZES)
    assert least_gain(differences, [0] * 5, FIVE) == pytest.approx(least)
    assert least_gain([np.nan] * 200, [0.5] * 200, NONE) == -math.inf


def test_the_error_of_unequal_folds() -> None:
    sizes = [(20, 20), (40, 20), (60, 20)]
    share = (1 + 1 / 2 + 1 / 3) / 3
    expected = sqrt(0.01 * (1 / 3 + share))
    assert corrected_error([0.1, 0.2, 0.3], sizes) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scores", "is_beyond"),
    [
        ([0.95, 0.96, 0.97, 0.96, 0.96], True),
        ([0.95, 0.80, 0.97, 0.86, 0.99], False),
        ([0.90, 0.90, 0.90, 0.90, 0.90], False),  # the same model
        ([0.91, 0.91, 0.91, 0.91, 0.91], True),  # better by the same on each fold
        ([0.85, 0.84, 0.83, 0.84, 0.85], False),
        ([np.nan, 0.99, 0.99, 0.99, 0.99], False),
    ],
)
def test_a_model_beats_another_on_folds(scores: list[float], is_beyond: bool) -> None:
    assert is_better(scores, [0.9] * 5, FIVE) is is_beyond


def test_one_fold_has_no_chance() -> None:
    one = pd.DataFrame({"fold": [None] * 80 + [1] * 20})
    assert is_better([0.9], [0.8], one)
    assert not is_better([0.8], [0.8], one)


def test_a_model_beats_another_on_the_same_test_rows() -> None:
    scorer = make_scorers(["accuracy"])["accuracy"]
    model = LogisticRegression().fit(X, CLASSES)
    constant = DummyClassifier().fit(X, CLASSES)
    _, scores = score_resamples(model, scorer, X, CLASSES)
    _, baseline = score_resamples(constant, scorer, X, CLASSES)
    assert is_better(scores, baseline, NONE)
    assert not is_better(baseline, scores, NONE)
    assert not is_better(scores, scores, NONE)
    assert not is_better([np.nan] * 200, baseline, NONE)


def test_notes_on_models_that_chance_may_have_put_where_they_are() -> None:
    scores = {
        "first": [0.97, 0.96, 0.98, 0.97, 0.98],
        "near": [0.95, 0.97, 0.96, 0.99, 0.94],
        "worse": [0.70, 0.72, 0.69, 0.71, 0.70],
        "unsure": [0.5, 0.7, 0.4, 0.7, 0.5],
        "baseline": [0.5, 0.5, 0.5, 0.5, 0.5],
        "wrong": [0.2, 0.3, 0.2, 0.1, 0.2],
    }
    notes = {
        "near": "within chance of the first",
        "unsure": "within chance of the baseline",
        "wrong": "below the baseline",
    }

    def noted(scores: Any) -> dict[str, str]:
        return note_chance("accuracy", scores, DATA, CLASSES, CLASSES, FIVE)

    assert noted(scores) == notes
    del scores["baseline"]
    assert noted(scores) == {"near": "within chance of the first"}
    assert noted({}) == {}


@pytest.mark.parametrize("positive", [1, 40])
def test_random_order_is_the_baseline_of_average_precision(positive: int) -> None:
    random = np.random.default_rng(0)
    y = pd.Series(["yes"] * positive + ["no"] * (80 - positive))
    found = [
        average_precision_score(y == "yes", random.random(80)) for _ in range(4000)
    ]
    data = DataSpec(target_column="y", positive_label="yes")
    share = positive / 80
    level: Any = partial(level_with_chance, data=data, y_train=y, y_test=y, folds=NONE)
    (leveled,) = level("average_precision", [share])
    assert leveled == pytest.approx(np.mean(found), abs=0.004)
    assert level("roc_auc", [0.5]) == [0.5]


def test_equal_models_are_told_apart_by_chance_as_rarely_as_promised() -> None:
    """Folds share training rows: what they share is a part of each difference."""
    random = np.random.default_rng(0)
    wrong = 0
    for _ in range(500):
        common = random.normal(scale=sqrt(0.2))
        differences = common + random.normal(scale=sqrt(0.8), size=5)
        wrong += is_better(differences.tolist(), [0] * 5, FIVE)
    assert wrong / 500 < 0.07


def test_on_noise_hardly_any_model_beats_the_baseline() -> None:
    wins = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        noise = pd.DataFrame(random.normal(size=(80, 3)))
        y = pd.Series(random.permutation(["a", "b"] * 40))
        folds = make_folds(noise, y, folds=5, random_state=seed)
        pairs = [
            (
                np.flatnonzero(folds["fold"] != fold),
                np.flatnonzero(folds["fold"] == fold),
            )
            for fold in folds["fold"].unique()
        ]
        model, dummy = KNeighborsClassifier(5), DummyClassifier()
        scores = cross_val_score(model, noise, y, cv=pairs)
        baseline = cross_val_score(dummy, noise, y, cv=pairs)
        wins += is_better(scores.tolist(), baseline.tolist(), folds)
    assert wins <= 6


def interval(model: Any, rows: Any, y: Any, name: str) -> tuple[float, ...]:
    scorers = make_scorers([name], "yes")
    with warnings.catch_warnings(action="ignore"):  # roc_auc needs two classes
        score = scorers[name](model, rows, y)
    bounds = score_interval(model, DATA, scorers, rows, y, score)
    assert list(bounds) in ([], [f"test_{name}_low", f"test_{name}_high"])
    return tuple(bounds.values())


def test_the_interval_of_an_accuracy_of_one_is_not_a_point() -> None:
    X_test, y = X[:30], pd.Series(["yes"] * 30)
    model = DummyClassifier(strategy="constant", constant="yes").fit(X_test, y)
    low, high = interval(model, X_test, y, "accuracy")
    assert low == pytest.approx(0.8865, abs=1e-4)
    assert high == 1.0


def test_the_interval_of_an_accuracy_is_wilson_s() -> None:
    X_test, y = X[:30], pd.Series(["yes", "no"] * 15)
    model = DummyClassifier(strategy="constant", constant="yes").fit(X_test, y)
    low, high = interval(model, X_test, y, "accuracy")
    assert (low, high) == pytest.approx((0.3315, 0.6685), abs=1e-4)


def test_the_interval_has_the_score_in_nineteen_of_twenty_samples() -> None:
    random = np.random.default_rng(0)
    nothing = pd.DataFrame({"a": [0.0]})
    model = DummyRegressor(strategy="constant", constant=0.0).fit(nothing, [0.0])
    inside = 0
    for _ in range(40):
        rows = pd.DataFrame({"a": np.zeros(150)})
        y = pd.Series(random.normal(size=150))
        low, high = interval(model, rows, y, "neg_root_mean_squared_error")
        inside += low <= -1 <= high
    assert inside >= 34


def test_scores_without_an_interval() -> None:
    model = LogisticRegression().fit(X, CLASSES)
    assert interval(model, X, pd.Series(["yes"] * 300), "roc_auc") == ()
    # Rows of a group resemble each other, so an interval of rows would be too narrow.
    grouped = DATA.model_copy(update={"group_column": "shop"})
    scorers = make_scorers(["f1"], "yes")
    assert score_interval(model, grouped, scorers, X, CLASSES, 0.5) == {}
