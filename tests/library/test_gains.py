"""What tuning gains: by how much, and with which arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic import changed_arguments, measure_gains
from kedro_dynamic.models.significance import least_gain

PAIRS = {f"{name}.tuned": f"{name}.baseline" for name in ("tree", "svm", "knn")}
FOLDS = pd.DataFrame({"fold": [str(row % 5 + 1) for row in range(100)]})


def test_a_gain_is_the_difference_on_the_same_folds() -> None:
    scores = {
        "tree.tuned": [0.9, 0.8, 0.9, 0.8, 0.9],
        "tree.baseline": [0.7, 0.7, 0.6, 0.7, 0.7],
        "svm.baseline": [0.8] * 5,
        "knn.tuned": [0.8] * 5,
    }
    means = [*map(np.mean, scores.values()), None, None]
    leaderboard = pd.DataFrame(
        {
            "model": [*scores, "svm.tuned", "knn.baseline"],
            "validation_accuracy": means,
        }
    )
    results: dict[str, Any] = {
        f"{name}_validation": {"accuracy": values} for name, values in scores.items()
    }

    gains = measure_gains(leaderboard, PAIRS, results, FOLDS, 30)

    # Where one of the two failed, there is no gain.
    assert gains.index.tolist() == ["tree.tuned"]
    assert gains["gain"].item() == pytest.approx(0.18)
    least = least_gain(scores["tree.tuned"], scores["tree.baseline"], FOLDS)
    assert gains["gain_low"].item() == pytest.approx(least)
    assert 0 < least < 0.18


def test_where_all_models_failed_nothing_is_gained() -> None:
    leaderboard = pd.DataFrame({"model": [*PAIRS], "error": ["no"] * 3})
    assert measure_gains(leaderboard, PAIRS, {}, FOLDS, 30).empty


def test_the_arguments_that_differ_are_named_with_few_digits() -> None:
    svm = {"class": "sklearn.svm.SVC"}
    before = {**svm, "model_kwargs": {"C": 0.025, "kernel": "linear"}}
    found = {"C": 0.0333136975, "gamma": 1.0, "kernel": "linear"}
    arrow = "\N{RIGHTWARDS ARROW}"
    assert changed_arguments(before, {**svm, "model_kwargs": found}) == (
        f"C 0.025 {arrow} 0.03331, gamma default {arrow} 1.0"
    )
    assert changed_arguments(before, before) == ""
