"""Scores on held-out rows are scikit-learn's, and their intervals are as well."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.models.bootstrap import RESAMPLES
from kedro_dynamic.models.held_out import (
    fingerprints,
    score_labels,
    score_predictions,
    score_samples,
    spread_probabilities,
    was_trained_on,
)
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

MISSING = "?"
SHARES = {"majority", "null_answers"}


def sklearn_scores(truth: Any, predicted: Any, table: Any, labels: Any) -> Any:
    """Score rows with scikit-learn alone; `predicted` has MISSING for no label."""
    # Labels that neither the truth nor a prediction has do not count.
    present = sorted({*truth, *predicted} - {MISSING})
    scores = {
        "accuracy": accuracy_score(truth, predicted),
        "f1_macro": f1_score(truth, predicted, labels=present, average="macro"),
    }
    if table is not None:
        scores["log_loss"] = log_loss(truth, table, labels=labels)
        areas = [
            roc_auc_score(truth == label, table[:, code])
            for code, label in enumerate(labels)
            if 0 < (truth == label).sum() < len(truth)
        ]
        scores["auc"] = np.mean(areas) if areas else np.nan
    return scores


def close_to(expected: Any) -> Any:
    """Return what is equal to values that differ by rounding only."""
    return pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)


def random_case(seed: int) -> tuple[Any, Any, Any, list[str]]:
    """Return true labels, predicted labels, probabilities of the second, and labels.

    In some cases labels are rare, missing or few, or probabilities are equal, 0 or 1.
    """
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 60))
    labels = [*"abcd"][: random.integers(2, 5)]
    shares = random.dirichlet(np.full(len(labels), random.choice([0.2, 5])))
    truth = random.choice(labels, size=count, p=shares)
    guess = random.choice([*labels, MISSING], size=count)
    predicted = np.where(random.random(count) < 0.6, truth, guess)
    second = random.random(count).round(random.choice([0, 1, 16]))
    return truth, predicted, second, labels


@pytest.mark.parametrize("seed", range(100))
def test_scores_of_samples_are_those_of_scikit_learn(seed: int) -> None:
    truth, predicted, second, labels = random_case(seed)
    count = len(truth)
    random = np.random.default_rng(seed)
    table = np.column_stack([1 - second, second])
    if len(labels) > 2:
        table = random.dirichlet(np.ones(len(labels)), count)
    samples = [random.integers(count, size=count) for _ in range(3)]
    codes = [*labels, MISSING]
    found = score_samples(
        np.array([codes.index(label) for label in truth]),
        np.array([codes.index(label) for label in predicted]),
        table,
        len(labels),
        samples,
    )
    expected = [
        sklearn_scores(truth[rows], predicted[rows], table[rows], labels)
        for rows in samples
    ]
    assert found.keys() == expected[0].keys()
    for name, values in found.items():
        expected_values = [scores[name] for scores in expected]
        assert values == close_to(expected_values), name


@pytest.mark.parametrize("seed", range(100, 105))
def test_scores_and_intervals_are_those_of_scikit_learn(seed: int) -> None:
    truth, predicted, second, _ = random_case(seed)
    labels = sorted({*truth, *predicted} - {MISSING})
    # In a table of predictions the probability is that of the predicted label.
    probability = np.where(predicted == labels[0], 1 - second, second)
    second = np.where(predicted == labels[0], 1 - probability, probability)
    table = np.column_stack([1 - second, second]) if len(labels) == 2 else None
    label = pd.Series(predicted, dtype=object).replace(MISSING, None)
    predictions = pd.DataFrame({"label": label, "probability": probability})
    found = score_predictions(pd.Series(truth), predictions)

    random = np.random.default_rng(0)
    count = len(truth)
    samples = [random.integers(count, size=count) for _ in range(RESAMPLES)]
    by_sample = pd.DataFrame(
        sklearn_scores(
            truth[rows], predicted[rows], None if table is None else table[rows], labels
        )
        for rows in samples
    )
    shares = pd.Series(truth).value_counts(normalize=True)
    expected = {"majority": shares.max(), "null_answers": label.isna().mean()}
    for name, value in sklearn_scores(truth, predicted, table, labels).items():
        if not np.isnan(value):
            expected[name] = value
            expected[f"{name}_low"] = by_sample[name].quantile(0.025)
            expected[f"{name}_high"] = by_sample[name].quantile(0.975)
    assert found == close_to(expected)


def test_many_labels_are_scored_by_the_probabilities_of_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    truth = pd.Series(["a", "a", "b", "c", "d"])
    rows = [{"a": 0.6, "b": 0.3, "c": 0.1}] * 3 + [{"a": 0.2, "b": 0.2, "c": 0.6}, None]
    label = pd.Series(["a", "a", "a", "c", None], dtype=object)
    answers = pd.DataFrame({"label": label, "probabilities": rows})
    predictions = spread_probabilities(answers)
    assert [*predictions] == ["label", *(f"probability_{name}" for name in "abc")]
    assert spread_probabilities(predictions) is predictions

    scores = score_predictions(truth, predictions)
    probabilities = np.array([0.6, 0.6, 0.3, 0.6, np.finfo(float).eps])
    assert scores["log_loss"] == pytest.approx(-np.log(probabilities).mean())
    assert scores["accuracy"] == 0.6
    assert scores["null_answers"] == 0.2
    assert "20.0 % of the rows have no answer" in caplog.text
    assert "has not seen labels, which count as wrong: 'd' (1 rows)" in caplog.text

    table = score_labels(truth, predictions)
    assert table["label"].tolist() == ["a", "b", "c", "d"]
    assert table["rows"].tolist() == [2, 1, 1, 1]
    arguments = (truth, label.fillna(""))
    options = {"labels": [*"abcd"], "average": None}
    precision = precision_score(*arguments, **options, zero_division=np.nan)
    assert table["precision"].tolist() == close_to(precision.tolist())
    assert table["recall"].tolist() == recall_score(*arguments, **options).tolist()


def test_an_accuracy_below_the_majority_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    truth = pd.Series(["no"] * 8 + ["yes"] * 2)
    predictions = pd.DataFrame({"label": ["yes"] * 10, "probability": [0.7] * 10})
    assert score_predictions(truth, predictions)["majority"] == 0.8
    assert "below the majority: to answer 'no' for each row has 0.800" in caplog.text


def test_a_missing_label_is_wrong_and_a_missing_probability_is_one_half() -> None:
    truth = pd.Series(["no", "yes"])
    label = pd.Series([None, "yes"], dtype=object)
    predictions = pd.DataFrame({"label": label, "probability": [None, 1.0]})
    scores = score_predictions(truth, predictions)
    assert scores["accuracy"] == 0.5
    assert scores["log_loss"] == pytest.approx(np.log(2) / 2)
    assert scores["auc"] == 1


@pytest.mark.parametrize(
    ("truth", "names"),
    [
        (["no", "no", "no"], {"accuracy", "f1_macro", "log_loss", *SHARES}),
        (["no", "yes", "maybe"], {"accuracy", "f1_macro", *SHARES}),
    ],
)
def test_a_score_that_is_not_defined_is_left_out(truth: Any, names: set[str]) -> None:
    labels = ["no", "yes", "no"]
    predictions = pd.DataFrame({"label": labels, "probability": [0.9, 0.8, 0.7]})
    scores = score_predictions(pd.Series(truth), predictions)
    assert {name for name in scores if not name.endswith(("_low", "_high"))} == names


def test_fingerprints_ignore_case_and_white_space_only() -> None:
    rows = pd.DataFrame({"text": ["A quiet  film.", "a\nQUIET film.", "A quiet film"]})
    first, second, third = fingerprints(rows)
    assert first == second == 10902432121654442075
    assert first != third


def test_a_model_knows_its_training_rows() -> None:
    rows = pd.DataFrame({"text": ["One film", "Two films", "Three films"]})
    packed = SimpleNamespace(trained_on=fingerprints(rows[:2]))
    model = SimpleNamespace(unwrap_python_model=lambda: packed)
    assert was_trained_on(model, rows).tolist() == [True, True, False]
