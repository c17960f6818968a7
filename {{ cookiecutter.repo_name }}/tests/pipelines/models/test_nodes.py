"""The split, and the nodes of a model."""

import pandas as pd
import pytest

from kedro_dynamic import ComparisonSpec, DataError, DataSpec, ModelSpec

from {{ cookiecutter.python_package }}.pipelines.models.nodes import (
    fit_model,
    score_model,
    split_data,
    validate_model,
)

DATA = DataSpec(target_column="kind", train_fraction=0.75, drop=["id"])
COMPARISON = ComparisonSpec(folds=3)
TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})

Parts = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]


@pytest.fixture
def parts(table: pd.DataFrame) -> Parts:
    """Return X_train, X_test, y_train, y_test."""
    return split_data(table, DATA, 3)


def test_the_split_keeps_rows_together_and_is_stratified(
    parts: Parts, table: pd.DataFrame
) -> None:
    X_train, X_test, y_train, y_test = parts
    assert [len(part) for part in parts] == [45, 15, 45, 15]
    assert list(X_train) == list(X_test) == ["width", "colour"]
    assert y_test["kind"].value_counts().to_dict() == {"a": 5, "b": 5, "c": 5}
    assert not set(X_train.index) & set(X_test.index)
    for X, y in ((X_train, y_train), (X_test, y_test)):
        assert y["kind"].equals(table["kind"][X.index])


def test_missing_columns_are_named(table: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="'kind' is not a column of the table"):
        split_data(table.drop(columns="kind"), DATA, 3)


def test_each_score_has_a_value_per_fold(parts: Parts) -> None:
    X_train, _, y_train, _ = parts
    validation = validate_model(TREE, DATA, COMPARISON, X_train, y_train, 3)
    assert list(validation) == ["accuracy", "f1_macro"]
    assert [len(values) for values in validation.values()] == [3, 3]


def test_a_fitted_model_takes_rows_of_the_table(parts: Parts) -> None:
    X_train, X_test, y_train, _ = parts
    model = fit_model(TREE, DATA, X_train, y_train, 3)
    rows = X_test.assign(colour="never seen", width=None)
    assert set(model.predict(rows)) <= {"a", "b", "c"}
    assert model.fit_seconds_ > 0


def test_a_model_is_scored_on_the_test_set(parts: Parts) -> None:
    X_train, X_test, y_train, y_test = parts
    model = fit_model(TREE, DATA, X_train, y_train, 3)
    validation = {"accuracy": [0.5, 0.7], "f1_macro": [0.4, 0.4]}
    score, metrics = score_model(model, validation, COMPARISON, X_test, y_test)
    assert score == (model.predict(X_test) == y_test["kind"]).mean()
    assert metrics["model_score"] == metrics["test_accuracy"] == score
    assert metrics["validation_accuracy"] == pytest.approx(0.6)
    assert metrics["validation_accuracy_stderr"] == pytest.approx(0.1)
    assert metrics["fit_seconds"] == model.fit_seconds_
