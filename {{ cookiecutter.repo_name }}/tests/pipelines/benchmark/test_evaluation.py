"""Metrics, reports, learning curves, and the comparison of all data sets."""

import json
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.metrics import recall_score, roc_auc_score

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.benchmark.comparison import (
    compare_datasets,
    compare_on_dataset,
)
from {{ cookiecutter.python_package }}.pipelines.benchmark.curves import (
    measure_learning_curve,
    plot_learning_curves,
)
from {{ cookiecutter.python_package }}.pipelines.benchmark.evaluation import (
    REPORT_COLUMNS,
    collect_reports,
    evaluate,
    fit_tuned,
)
from {{ cookiecutter.python_package }}.pipelines.benchmark.preparation import (
    encode,
)
from {{ cookiecutter.python_package }}.pipelines.benchmark.specs import (
    DatasetSpec,
    TuningSpec,
)
from {{ cookiecutter.python_package }}.pipelines.models.nodes import (
    fit_model,
    split_data,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec

SVM = ModelSpec.model_validate({"class": "sklearn.svm.SVC"})
TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})


@pytest.fixture(scope="module")
def cancer() -> Any:
    table = load_breast_cancer(as_frame=True).frame
    table["target"] = table["target"].map({0: "malignant", 1: "benign"})
    return split_data(table, 0.8, 3, "target")


@pytest.mark.parametrize("model", [SVM, TREE], ids=["svm", "tree"])
@pytest.mark.parametrize("positive", ["malignant", "benign"])
def test_metrics_of_the_positive_class(
    cancer: Any, model: ModelSpec, positive: str
) -> None:
    X_train, _, y_train, _ = cancer
    fitted = fit_model(model, X_train, y_train, 3)
    dataset = DatasetSpec(target="target", positive_class=positive)
    metrics, report = evaluate(fitted, dataset, TuningSpec(), *cancer)
    assert metrics["recall"] == pytest.approx(report["test"][positive]["recall"])
    assert metrics["precision"] == pytest.approx(report["test"][positive]["precision"])
    assert metrics["roc_auc"] > 0.85
    assert report["train"]["accuracy"] >= 0.9
    json.dumps([metrics, report])


def test_the_area_under_the_curve_is_scikit_learns(cancer: Any) -> None:
    X_train, X_test, y_train, y_test = cancer
    fitted: Any = fit_model(SVM, X_train, y_train, 3)
    dataset = DatasetSpec(target="target", positive_class="benign")
    metrics, _ = evaluate(fitted, dataset, TuningSpec(), *cancer)
    sure = fitted.decision_function(X_test)  # of the second class, malignant
    expected = roc_auc_score(y_test["target"] == "malignant", sure)
    assert metrics["roc_auc"] == pytest.approx(expected)


def test_models_are_compared_by_the_score_they_are_tuned_for(cancer: Any) -> None:
    X_train, _, y_train, _ = cancer
    tuning = TuningSpec(scoring="f1_macro")
    fitted: Any = fit_model(TREE, X_train, y_train, 3)
    metrics, _ = evaluate(fitted, DatasetSpec(target="target"), tuning, *cancer)
    assert metrics["model_score"] == metrics["f1_macro"] < metrics["accuracy"]
    assert "model_score_stderr" not in metrics
    named = dict(zip(("X_train", "X_test", "y_train", "y_test"), cancer, strict=True))
    board, _ = compare_on_dataset(tuning, **named, random_state=3, tree_metrics=metrics)
    assert board["model"].tolist() == ["tree", "baseline"]
    assert board["model_score"].tolist() == board["f1_macro"].tolist()


def test_without_reports_there_is_still_a_table() -> None:
    assert list(collect_reports(**{"tree.report": {}})) == REPORT_COLUMNS


def test_a_regressor_is_refused() -> None:
    parts = split_data(load_iris(as_frame=True).frame, 0.8, 3, "target")
    X_train, _, y_train, _ = parts
    linear = ModelSpec.model_validate(
        {"class": "sklearn.linear_model.LinearRegression"}
    )
    fitted = fit_model(linear, X_train, y_train, 3)
    with pytest.raises(ConfigurationError, match="LinearRegression is no classifier"):
        evaluate(fitted, DatasetSpec(target="target"), TuningSpec(), *parts)


def test_what_tuning_has_brought_is_among_the_metrics(cancer: Any) -> None:
    X_train, X_test, y_train, y_test = cancer
    trials = pd.DataFrame(
        {
            "number": [0, 1, 2],
            "state": ["COMPLETE", "FAIL", "COMPLETE"],
            "value": [0.8, None, 0.9],
            "std": [0.1, None, 0.2],
            "seconds": [1.0, 2.0, 3.0],
            "baseline": [True, False, False],
        }
    )
    fitted: Any = fit_tuned(TREE, {"max_depth": 1}, X_train, y_train, 3)
    assert fitted.get_depth() == 1
    metrics, _ = evaluate(
        fitted,
        DatasetSpec(target="target"),
        TuningSpec(),
        X_train,
        X_test,
        y_train,
        y_test,
        {"model_score": 0.7},
        trials,
    )
    expected = {
        "model_score": fitted.score(X_test, y_test),
        "baseline_score": 0.7,
        "cv_mean": 0.9,
        "cv_std": 0.2,
        "baseline_cv_mean": 0.8,
        "tune_seconds": 6,
        "trials": 3,
    }
    assert expected.items() <= metrics.items()


def test_the_reports_of_all_models_are_one_table(cancer: Any) -> None:
    X_train, X_test, y_train, y_test = cancer
    dataset = DatasetSpec(target="target")
    fitted: Any = fit_model(SVM, X_train, y_train, 3)
    _, report = evaluate(fitted, dataset, TuningSpec(), *cancer)
    tree = fit_model(TREE, X_train, y_train, 3)
    _, of_tree = evaluate(tree, dataset, TuningSpec(), *cancer)
    table = collect_reports(
        **{"svm.report": report, "svm.baseline_report": of_tree, "tree.report": of_tree}
    )
    keys = ["model", "fit", "part", "class"]
    assert not table.duplicated(keys).any()
    assert len(table) == 3 * 2 * 4  # two classes, and two kinds of means over them
    found = table.set_index(keys).loc[("svm", "tuned", "test", "benign")]
    expected = recall_score(y_test, fitted.predict(X_test), pos_label="benign")
    assert found["recall"] == pytest.approx(expected)
    assert set(table[table["model"] == "tree"]["fit"]) == {"tuned"}


def test_learning_curves_of_all_models_share_four_panels(cancer: Any) -> None:
    X_train, X_test, y_train, _ = cancer
    encoder, _, _ = encode(X_train, X_test)
    tuning = TuningSpec(folds=3)
    curve = measure_learning_curve(
        TREE, {"max_depth": 2}, tuning, encoder, X_train, y_train, 3
    )
    assert curve["samples"].is_monotonic_increasing
    assert curve["samples"].iloc[-1] == 303  # of two folds out of three
    assert (curve["train_score"] >= curve["validation_score"]).all()
    assert (curve["fit_seconds"] > 0).all()
    figure = plot_learning_curves(tuning, tree_curve=curve, other_curve=curve)
    titles = [one.text for one in figure.layout.annotations]
    assert titles == [
        "Score against samples",
        "Fit time against samples",
        "Score against fit time",
        "Score time against samples",
    ]
    lines = [one for one in figure.data if one.mode != "none"]
    assert [one.name for one in lines if one.showlegend] == ["tree", "other"]
    assert [one.legendgroup for one in lines] == 5 * ["tree", "other"]
    assert lines[0].y == pytest.approx(curve["validation_score"])


def test_data_sets_are_compared_by_ranks_and_in_a_map() -> None:
    def board(**scores: float) -> pd.DataFrame:
        return pd.DataFrame({"model": scores.keys(), "model_score": scores.values()})

    nan = float("nan")
    _, _, ranks = compare_datasets(
        iris_leaderboard=board(svm=0.9, tree=nan, baseline=0.3),
        wine_leaderboard=board(svm=nan, tree=nan, baseline=0.4),
    )
    assert ranks["model"].tolist() == ["svm", "tree"]
    assert ranks["mean_rank"].tolist() == [1.25, 1.75]
    assert ranks["best_on"].tolist() == [1, 0]

    scores, figure, ranks = compare_datasets(
        iris_leaderboard=board(svm=0.9, tree=0.9, knn=0.8, baseline=0.3),
        wine_leaderboard=board(knn=0.7, tree=0.9, svm=0.8, baseline=0.4),
    )
    assert ranks["model"].tolist() == ["tree", "svm", "knn"]
    assert ranks["mean_rank"].tolist() == [1.25, 1.75, 3]
    assert ranks["best_on"].tolist() == [2, 1, 0]
    assert list(scores) == ["dataset", "tree", "svm", "knn", "baseline"]
    assert list(figure.data[0].y) == ["iris", "wine"]
