"""What chance may make of scores, on folds and on test rows."""

from __future__ import annotations

from math import isnan, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.models.resampling import (
    FAST,
    FEW_SAMPLES,
    SAMPLES,
    draw_weights,
    resample_scores,
)
from kedro_dynamic.models.scores import make_scorers
from kedro_dynamic.models.significance import (
    chance_margin,
    corrected_error,
    find_ties,
    is_better,
    is_better_on_rows,
    score_interval,
)
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

FIVE = [(80, 20)] * 5
RANDOM = np.random.default_rng(0)
X = pd.DataFrame(RANDOM.normal(size=(300, 2)), columns=["a", "b"])
CLASSES = pd.Series(np.where(X["a"] + RANDOM.normal(size=300) > 0.8, "yes", "no"))
NUMBERS = pd.Series(X["a"] + RANDOM.normal(size=300))
REGRESSION = {name for name in FAST if name == "r2" or name.endswith("_error")}


def test_the_error_of_equal_folds() -> None:
    differences = [0.01, 0.03, 0.02, 0.00, 0.04]
    variance = 0.00025
    expected = sqrt(variance * (1 / 5 + 1 / 4))
    assert corrected_error(differences, FIVE) == pytest.approx(expected)
    assert chance_margin(differences, FIVE) == pytest.approx(2.131847 * expected)


def test_the_error_of_unequal_folds() -> None:
    sizes = [(20, 20), (40, 20), (60, 20)]
    share = (1 + 1 / 2 + 1 / 3) / 3
    expected = sqrt(0.01 * (1 / 3 + share))
    assert corrected_error([0.1, 0.2, 0.3], sizes) == pytest.approx(expected)
    assert corrected_error([0.1, 0.2, 0.3]) == pytest.approx(sqrt(0.01 / 3))


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
def test_a_model_beats_the_baseline(scores: list[float], is_beyond: bool) -> None:
    assert is_better(scores, [0.9] * 5, FIVE) is is_beyond


def test_one_fold_has_no_chance() -> None:
    assert is_better([0.9], [0.8], [(80, 20)])
    assert not is_better([0.8], [0.8], [(80, 20)])


def test_models_like_the_first_one() -> None:
    validation = {
        "worse": [0.70, 0.72, 0.69, 0.71, 0.70],
        "near": [0.95, 0.97, 0.96, 0.99, 0.94],
        "best": [0.97, 0.96, 0.98, 0.97, 0.98],
        "failed": [np.nan, 0.99, 0.99, 0.99, 0.99],
    }
    assert find_ties(validation, FIVE) == ["near"]
    assert find_ties({"failed": [np.nan] * 5}, FIVE) == []
    assert find_ties({"none": []}, FIVE) == []


def test_equal_models_are_told_apart_by_chance_as_rarely_as_promised() -> None:
    """Folds share training rows: what they share is a part of each difference."""
    random = np.random.default_rng(0)
    wrong = 0
    for _ in range(500):
        common = random.normal(scale=sqrt(0.2))
        differences = common + random.normal(scale=sqrt(0.8), size=5)
        wrong += is_better(differences.tolist(), [0] * 5, FIVE)
    assert wrong / 500 < 0.07


def sampled(model: Any, y: Any, name: str, positive: Any = None) -> Any:
    return resample_scores(model, X, y, [name], positive)[name]


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        LinearSVC(random_state=0),  # distances alone
        DecisionTreeClassifier(max_depth=2),  # rows of equal probability
    ],
)
@pytest.mark.parametrize("positive", ["yes", "no"])
def test_scores_of_classes_are_those_of_scikit_learn(model: Any, positive: Any) -> None:
    model.fit(X[:100], CLASSES[:100])
    names = {*FAST} - REGRESSION
    if not hasattr(model, "predict_proba"):
        names -= {"neg_log_loss"}
    scorers = make_scorers(sorted(names), positive)
    scores = resample_scores(model, X, CLASSES, sorted(names), positive)
    for number, weights in enumerate(draw_weights(300, 3, None, 0)):
        rows = np.repeat(np.arange(300), weights)
        for name, scorer in scorers.items():
            expected = scorer(model, X.iloc[rows], CLASSES.iloc[rows])
            assert scores[name][number] == pytest.approx(expected), name


def test_scores_of_numbers_are_those_of_scikit_learn() -> None:
    model = LinearRegression().fit(X[:100], NUMBERS[:100])
    names = sorted(REGRESSION)
    scores = resample_scores(model, X, NUMBERS, names)
    for number, weights in enumerate(draw_weights(300, 3, None, 0)):
        rows = np.repeat(np.arange(300), weights)
        for name, scorer in make_scorers(names).items():
            expected = scorer(model, X.iloc[rows], NUMBERS.iloc[rows])
            assert scores[name][number] == pytest.approx(expected), name


def test_other_scores_are_sampled_too_and_predictions_are_made_once() -> None:
    model: Any = LogisticRegression().fit(X, CLASSES)
    predictions = []

    def predict(rows: pd.DataFrame) -> Any:
        predictions.append(LogisticRegression.predict(model, rows))
        return predictions[-1]

    model.predict = predict
    names = ["matthews_corrcoef", "f1_macro"]
    scores = resample_scores(model, X, CLASSES, names)
    assert [len(scores[name]) for name in names] == [FEW_SAMPLES, SAMPLES]
    assert len(predictions) == 1
    assert scores["matthews_corrcoef"].std() == pytest.approx(0.06, abs=0.02)


def test_more_classes_than_two() -> None:
    y = pd.Series(pd.cut(X["a"], 3, labels=["low", "middle", "high"]).astype(str))
    model = LogisticRegression().fit(X, y)
    low, high = score_interval(model, X, y, "roc_auc_ovr")
    assert 0.9 < low < high <= 1
    low, high = score_interval(model, X, y, "f1_macro")
    assert low < make_scorers(["f1_macro"])["f1_macro"](model, X, y) < high


def test_whole_groups_are_drawn() -> None:
    groups = pd.Series(np.repeat(np.arange(10), 30))
    for weights in draw_weights(300, 5, groups, 0):
        by_group = weights.reshape(10, 30)
        assert (by_group == by_group[:, :1]).all()
        assert by_group[:, 0].sum() == 10


def test_groups_widen_the_interval() -> None:
    # The model is right about half of the groups, and wrong about the rest.
    groups = pd.Series(np.repeat(np.arange(10), 30))
    y = pd.Series(np.where(groups % 2, "yes", "no"))
    model = DummyClassifier(strategy="constant", constant="yes").fit(X, y)
    low, high = score_interval(model, X, y, "accuracy", groups=groups)
    assert high - low > 0.5
    low, high = score_interval(model, X, y, "accuracy")
    assert high - low == pytest.approx(0.11, abs=0.01)


def test_the_interval_of_an_accuracy_of_one_is_no_point() -> None:
    X_test, y = X[:30], pd.Series(["yes"] * 29 + ["no"])
    model = DummyClassifier(strategy="constant", constant="yes").fit(X_test, y)
    all_yes = pd.Series(["yes"] * 30)
    low, high = score_interval(model, X_test, all_yes, "accuracy")
    assert (low, high) == (pytest.approx(0.8865, abs=1e-4), 1.0)


def test_the_interval_has_the_score_in_nineteen_of_twenty_samples() -> None:
    random = np.random.default_rng(0)
    nothing = pd.DataFrame({"a": [0.0]})
    model = DummyRegressor(strategy="constant", constant=0.0).fit(nothing, [0.0])
    inside = 0
    for _ in range(100):
        rows = pd.DataFrame({"a": np.zeros(150)})
        y = pd.Series(random.normal(size=150))
        low, high = score_interval(model, rows, y, "neg_root_mean_squared_error")
        inside += low <= -1 <= high
    assert 88 <= inside <= 99


def test_models_are_compared_on_the_same_test_rows() -> None:
    model = LogisticRegression().fit(X, CLASSES)
    constant = DummyClassifier().fit(X, CLASSES)
    scores = sampled(model, CLASSES, "accuracy")
    baseline = sampled(constant, CLASSES, "accuracy")
    assert is_better_on_rows(scores, baseline)
    assert not is_better_on_rows(baseline, scores)
    assert not is_better_on_rows(scores, scores)
    assert not is_better_on_rows(scores * np.nan, scores)


def test_a_score_that_no_sample_has() -> None:
    y = pd.Series(["yes"] * 300)
    model = LogisticRegression().fit(X, CLASSES)
    low, high = score_interval(model, X, y, "roc_auc", "yes")
    assert isnan(low)
    assert isnan(high)
