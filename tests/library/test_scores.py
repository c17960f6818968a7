"""Scores: which suit a target, of which class, beside which baseline, shown how."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.models.estimators import build_estimator
from kedro_dynamic.models.scores import (
    auto_scores,
    best_constant,
    display_name,
    display_value,
    find_positive_label,
    find_scoring_problems,
    make_scorers,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    class_likelihood_ratios,
    f1_score,
    get_scorer_names,
    jaccard_score,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.svm import LinearSVC

RANDOM = np.random.default_rng(0)
X = pd.DataFrame({"a": RANDOM.normal(size=200), "b": RANDOM.normal(size=200)})
IS_CHURN = X["a"] + RANDOM.normal(size=200) > 1.2
CHURN = pd.Series(np.where(IS_CHURN, "churn", "stay"), name="state")
NUMBERS = pd.Series(RANDOM.lognormal(size=200), name="price")
THREE = pd.Series([*"abc"] * 60 + [*"ab"] * 10, name="kind")


def entry(class_path: str, **model_kwargs: Any) -> ModelSpec:
    return ModelSpec.model_validate(
        {"class": f"sklearn.{class_path}", "model_kwargs": model_kwargs}
    )


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (pd.Series([*"aab"]), ["accuracy", "f1_macro"]),
        (pd.Series([*"aaaab"]), ["accuracy", "f1_macro"]),  # 20 %
        (pd.Series([*"aaaaab"]), ["average_precision", "roc_auc"]),
        (pd.Series([*"aaaaaaaabc"]), ["accuracy", "f1_macro"]),
    ],
)
def test_scores_of_classes_by_how_rare_they_are(y: Any, names: list[str]) -> None:
    assert auto_scores(y, is_classification=True) == names


def test_scores_of_numbers() -> None:
    names = auto_scores(NUMBERS, is_classification=False)
    assert names == ["neg_root_mean_squared_error", "r2"]


@pytest.mark.parametrize(
    ("values", "given", "label"),
    [
        ([*"aab"], None, "b"),
        ([*"abb"], None, "a"),
        ([*"ab"], None, "b"),
        ([True, False], None, True),
        ([0, 1, 1], None, 0),
        ([*"abc"], None, None),
        (["yes", "no", "no"], "no", "no"),
        (["yes", "no", "no"], True, "yes"),  # YAML reads yes as true
        (["Y", "N"], False, "N"),
        ([True, False], "yes", True),
        ([1, 2], "2", 2),
        (["01", "02"], "02", "02"),
    ],
)
def test_the_positive_class(values: Any, given: Any, label: Any) -> None:
    found = find_positive_label(pd.Series(values), given)
    assert found == label
    assert isinstance(found, type(label))


@pytest.mark.parametrize(
    ("values", "given", "problem"),
    [
        (
            ["churn", "stay"],
            "chrn",
            "data.positive_label: 'chrn' is not a value of 'state'; did you mean "
            "'churn'?; values: churn, stay",
        ),
        (
            [*"abc"],
            "a",
            "data.positive_label: 'state' has 3 classes; write 'positive_label: null'",
        ),
    ],
)
def test_positive_classes_that_cannot_be(values: Any, given: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        find_positive_label(pd.Series(values, name="state"), given)
    assert str(error.value.message).endswith(problem)


@pytest.mark.parametrize("positive", ["churn", "stay"])
def test_scores_of_one_class_with_text_labels(positive: str) -> None:
    model = LogisticRegression().fit(X, CHURN)
    predicted = model.predict(X)
    column = list(model.classes_).index(positive)
    probability = model.predict_proba(X)[:, column]
    label: Any = {"pos_label": positive}
    ratios = class_likelihood_ratios(CHURN.eq(positive), predicted == positive)
    expected = {
        "f1": f1_score(CHURN, predicted, **label),
        "precision": precision_score(CHURN, predicted, **label),
        "recall": recall_score(CHURN, predicted, **label),
        "jaccard": jaccard_score(CHURN, predicted, **label),
        "average_precision": average_precision_score(CHURN, probability, **label),
        "neg_brier_score": -brier_score_loss(CHURN, probability, **label),
        "positive_likelihood_ratio": ratios[0],
        "neg_negative_likelihood_ratio": -ratios[1],
        "roc_auc": roc_auc_score(CHURN.eq(positive), probability),
        "accuracy": (predicted == CHURN).mean(),
    }
    scorers = make_scorers([*expected], positive)
    assert {name: scorer(model, X, CHURN) for name, scorer in scorers.items()} == (
        pytest.approx(expected)
    )


def test_a_class_is_ranked_by_distances_too() -> None:
    model = LinearSVC(random_state=0).fit(X, CHURN)
    scorer = make_scorers(["average_precision"], "churn")["average_precision"]
    distances = -model.decision_function(X)  # churn comes before stay
    expected = average_precision_score(CHURN, distances, pos_label="churn")
    assert scorer(model, X, CHURN) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "y", "write"),
    [
        ("f1", THREE, "f1_macro"),
        ("recall", THREE, "recall_macro"),
        ("roc_auc", THREE, "roc_auc_ovr"),
        ("r2", THREE, "accuracy"),
        ("f1_samples", THREE, "f1_macro"),
        ("top_k_accuracy", CHURN, "accuracy"),
        ("accuracy", NUMBERS, "neg_root_mean_squared_error"),
        ("neg_mean_squared_log_error", NUMBERS - 5, "neg_root_mean_squared_error"),
        ("neg_mean_gamma_deviance", NUMBERS * 0, "neg_root_mean_squared_error"),
    ],
)
def test_scores_that_a_target_cannot_have(name: str, y: Any, write: str) -> None:
    is_classification = y.name != "price"
    (problem,) = find_scoring_problems([name], y, {}, is_classification)
    assert problem.startswith(f"comparison.scoring: '{name}' ")
    assert f"; write {write}" in problem


@pytest.mark.parametrize(
    ("names", "y", "is_classification"),
    [
        (["accuracy", "f1_macro", "roc_auc_ovr", "average_precision"], THREE, True),
        (["f1", "roc_auc", "average_precision", "neg_log_loss"], CHURN, True),
        (["r2", "neg_mean_gamma_deviance"], NUMBERS, False),
        (["neg_mean_poisson_deviance"], NUMBERS * 0, False),
    ],
)
def test_scores_that_a_target_can_have(
    names: list[str], y: Any, is_classification: bool
) -> None:
    models = {"logistic": entry("linear_model.LogisticRegression")}
    assert find_scoring_problems(names, y, models, is_classification) == []


def test_every_score_that_is_found_possible_is() -> None:
    """Each of scikit-learn's scores has a line here, or a finite value."""
    models = {
        True: entry("linear_model.LogisticRegression"),
        False: entry("linear_model.GammaRegressor"),
    }
    for y, is_classification in ((CHURN, True), (THREE, True), (NUMBERS, False)):
        model = models[is_classification]
        positive = find_positive_label(y) if is_classification else None
        fitted_model = build_estimator(model, 0).fit(X, y)
        for name in get_scorer_names():
            problems = find_scoring_problems(
                [name], y, {"model": model}, is_classification
            )
            if not problems:
                scorer = make_scorers([name], positive)[name]
                assert np.isfinite(scorer(fitted_model, X, y)), name


def test_models_without_probabilities() -> None:
    models = {
        "svm": entry("svm.SVC", C=2, kernel="linear"),
        "tree": entry("tree.DecisionTreeClassifier"),
        "gone": entry("tree.NoSuchTree"),
    }
    problems = find_scoring_problems(["neg_log_loss", "roc_auc"], CHURN, models, True)
    (problem,) = problems  # distances do for roc_auc
    assert problem.startswith(
        "comparison.scoring: 'neg_log_loss' needs probabilities, which SVC of "
        "models.svm does not have; write svm: {class: sklearn.calibration."
    )
    # What is to be written works.
    written = yaml.safe_load("{" + problem.partition("write ")[2] + "}")["svm"]
    assert written["model_kwargs"]["ensemble"] is False
    calibrated = {"svm": ModelSpec.model_validate(written)}
    assert find_scoring_problems(["neg_log_loss"], CHURN, calibrated, True) == []
    fitted_model: Any = build_estimator(calibrated["svm"], 0).fit(X, CHURN)
    assert fitted_model.estimator.C == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", {"strategy": "prior"}),
        ("average_precision", {"strategy": "prior"}),
        ("neg_log_loss", {"strategy": "prior"}),
        ("f1", {"strategy": "constant", "constant": "churn"}),
        ("recall", {"strategy": "constant", "constant": "churn"}),
    ],
)
def test_the_best_constant_class(name: str, expected: Any) -> None:
    found = best_constant(name, CHURN, is_classification=True, positive_label="churn")
    assert found == {
        "class": "sklearn.dummy.DummyClassifier",
        "model_kwargs": expected,
    }
    model = build_estimator(ModelSpec.model_validate(found), 0).fit(X, CHURN)
    score = make_scorers([name], "churn")[name](model, X, CHURN)
    share = (CHURN == "churn").mean()
    if name == "f1":
        assert score == pytest.approx(2 * share / (1 + share))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("r2", {"strategy": "mean"}),
        ("neg_root_mean_squared_error", {"strategy": "mean"}),
        ("neg_mean_absolute_error", {"strategy": "median"}),
        ("neg_mean_absolute_percentage_error", {"strategy": "quantile"}),
        ("neg_max_error", {"strategy": "constant"}),
    ],
)
def test_the_best_constant_number(name: str, expected: Any) -> None:
    found = best_constant(name, NUMBERS, is_classification=False)
    assert found["class"] == "sklearn.dummy.DummyRegressor"
    assert expected.items() <= found["model_kwargs"].items()


def test_the_best_constant_class_of_booleans_is_one() -> None:
    found = best_constant("f1", IS_CHURN, is_classification=True, positive_label=True)
    assert found["model_kwargs"]["constant"] is True


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("neg_root_mean_squared_error", -27922.5, ("RMSE", 27922.5)),
        ("neg_mean_absolute_error", -0.0, ("MAE", 0.0)),
        ("neg_log_loss", -0.3, ("log loss", 0.3)),
        ("neg_median_absolute_error", -2.0, ("median absolute error", 2.0)),
        ("r2", -0.5, ("r2", -0.5)),
        ("accuracy", 0.9, ("accuracy", 0.9)),
        ("roc_auc", 0.8, ("ROC AUC", 0.8)),
        ("f1_macro", 0.7, ("f1 macro", 0.7)),
    ],
)
def test_losses_are_shown_positive(name: str, value: float, shown: Any) -> None:
    assert (display_name(name), display_value(name, value)) == shown
    assert not np.signbit(display_value("neg_mean_absolute_error", -0.0))
