"""Scores: which suit a target, of which class, beside which baseline, shown how."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.schema import ComparisonSpec, DataSpec, ModelSpec
from kedro_dynamic.models.baseline import find_baseline
from kedro_dynamic.models.estimators import build_estimator
from kedro_dynamic.models.score_checks import (
    find_impossible_scores,
    find_scores_without_target,
    find_unknown_scores,
)
from kedro_dynamic.models.scores import (
    auto_scores,
    display_column,
    display_name,
    display_number,
    display_score,
    display_stored,
    display_value,
    find_positive_label,
    make_scorers,
)
from kedro_dynamic.models.scoring import check_scores
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
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
        (["t", "f"], True, "t"),
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
            "'churn'?",
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
    expected = {
        "f1": f1_score(CHURN, predicted, **label),
        "precision": precision_score(CHURN, predicted, **label),
        "recall": recall_score(CHURN, predicted, **label),
        "jaccard": jaccard_score(CHURN, predicted, **label),
        "average_precision": average_precision_score(CHURN, probability, **label),
        "neg_brier_score": -brier_score_loss(CHURN, probability, **label),
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
        ("positive_likelihood_ratio", CHURN, "balanced_accuracy"),
        ("neg_mean_squared_log_error", NUMBERS - 5, "neg_root_mean_squared_error"),
        ("neg_mean_gamma_deviance", NUMBERS * 0, "neg_root_mean_squared_error"),
    ],
)
def test_scores_that_a_target_cannot_have(name: str, y: Any, write: str) -> None:
    is_classification = y.name != "price"
    (problem,) = find_scores_without_target([name], y, is_classification)
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
    assert find_scores_without_target(names, y, is_classification) == []


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
            problems = find_scores_without_target([name], y, is_classification)
            if not problems:
                assert find_impossible_scores([name], {"model": model}) == []
                scorer = make_scorers([name], positive)[name]
                assert np.isfinite(scorer(fitted_model, X, y)), name


def test_models_without_probabilities() -> None:
    models = {
        "svm": entry("svm.SVC", C=2, kernel="linear"),
        "tree": entry("tree.DecisionTreeClassifier"),
        "gone": entry("tree.NoSuchTree"),
    }
    problems = find_impossible_scores(["neg_log_loss", "roc_auc"], models)
    (problem,) = problems  # distances do for roc_auc
    assert problem.startswith(
        "comparison.scoring: 'neg_log_loss' needs probabilities, which SVC of "
        "models.svm does not have; write svm: {class: sklearn.calibration."
    )
    # What is to be written works.
    written = yaml.safe_load("{" + problem.partition("write ")[2] + "}")["svm"]
    assert written["model_kwargs"]["ensemble"] is False
    calibrated = {"svm": ModelSpec.model_validate(written)}
    assert find_impossible_scores(["neg_log_loss"], calibrated) == []
    fitted_model: Any = build_estimator(calibrated["svm"], 0).fit(X, CHURN)
    assert fitted_model.estimator.C == 2


def baseline(name: str, y: Any) -> ModelSpec:
    data, comparison = DataSpec(target_column="y"), ComparisonSpec(scoring=[name])
    return find_baseline(data, comparison, y, is_classification=y.name != "price")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", {"strategy": "prior"}),
        ("average_precision", {"strategy": "prior"}),
        ("neg_log_loss", {"strategy": "prior"}),
        ("f1", {"strategy": "constant", "constant": "churn"}),
        ("recall", {"strategy": "constant", "constant": "churn"}),
        ("f1_macro", {"strategy": "stratified"}),  # no constant is as good
    ],
)
def test_the_best_constant_class(name: str, expected: Any) -> None:
    found = baseline(name, CHURN)
    assert found.class_path == "sklearn.dummy.DummyClassifier"
    assert found.model_kwargs == expected
    model = build_estimator(found, 0).fit(X, CHURN)
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
    found = baseline(name, NUMBERS)
    assert found.class_path == "sklearn.dummy.DummyRegressor"
    assert expected.items() <= found.model_kwargs.items()


def test_the_best_constant_class_of_booleans_is_one() -> None:
    assert baseline("f1", IS_CHURN).model_kwargs["constant"] is True


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


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.9666, "0.967"),
        (27922.5, "27,922"),
        (-1234.0, "-1,234"),
        (0.000123, "0.00012"),
        (0.0, "0.000"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_are_shown_with_as_many_digits_as_say_something(
    value: float, shown: str
) -> None:
    assert display_number(value) == shown


def test_columns_and_scores_as_people_read_them() -> None:
    rmse = "neg_root_mean_squared_error"
    assert display_column(f"validation_{rmse}") == "validation RMSE"
    assert display_column("test_f1_macro") == "test f1 macro"
    assert display_column("fit_seconds") == "fit seconds"
    assert display_score(rmse, -27923.4) == "RMSE 27,923"
    assert display_score("accuracy", 0.9) == "0.900"
    # Of a score that may be negative, the sign is part of the number.
    assert display_stored(rmse, -27923.4) == "27,923"
    assert display_stored("matthews_corrcoef", -0.25) == "-0.250"
    assert display_stored("r2", -1.7e-05) == "0.000"
    assert display_stored("neg_mean_squared_error", -1.7e-05) == "1.7e-05"
    assert display_stored("accuracy", np.float64(0.2325)) == f"{0.2325:.3f}"


def test_scores_that_no_model_can_have_are_errors_before_fitting() -> None:
    models = {"tree": entry("tree.DecisionTreeClassifier"), "off": entry("svm.SVR")}
    models["off"] = models["off"].model_copy(update={"enabled": False})
    (problem,) = find_impossible_scores(["r2"], {"tree": models["tree"]})
    assert problem == (
        "comparison.scoring: 'r2' is a score of numbers, and DecisionTreeClassifier of "
        "models.tree predicts classes; write accuracy"
    )
    (problem,) = find_impossible_scores(["f1"], {"svr": entry("svm.SVR")})
    assert "'f1' is a score of classes, and SVR of models.svr predicts" in problem
    data = DataSpec(target_column="kind")
    with pytest.raises(ConfigurationError, match="write f1_macro"):
        check_scores(THREE, data, ComparisonSpec(scoring=["f1"]), models, True)
    check_scores(THREE, data, ComparisonSpec(), models, True)


def test_of_three_classes_none_is_the_rarer_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    models = {"tree": entry("tree.DecisionTreeClassifier")}
    comparison = ComparisonSpec(scoring=["average_precision"])
    with caplog.at_level(logging.INFO):
        check_scores(THREE, DataSpec(target_column="kind"), comparison, models, True)
    assert not caplog.records


def test_a_score_that_does_not_exist_is_an_error() -> None:
    assert find_unknown_scores(ComparisonSpec(scoring=["f1", "acuracy"])) == [
        "comparison.scoring: scikit-learn has no score 'acuracy'; did you mean "
        "'accuracy'?"
    ]
    assert find_unknown_scores(ComparisonSpec()) == []
