"""The split, and the nodes of a model."""

import numpy as np
import pandas as pd
import pytest

from kedro_dynamic import (
    ComparisonSpec,
    DataError,
    DataSpec,
    ModelSpec,
)

from {{ cookiecutter.python_package }}.pipelines.models.nodes import (
    fit_model,
    score_model,
    split_data,
    validate_model,
)

DATA = DataSpec(target_column="kind", train_fraction=0.75, drop=["id"])
COMPARISON = ComparisonSpec(folds=3)
TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})

Parts = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]


@pytest.fixture
def parts(table: pd.DataFrame) -> Parts:
    """Return X_train, X_test, y_train, y_test and folds."""
    return split_data(table, DATA, 3, 3)


def test_the_split_keeps_rows_together_and_is_stratified(
    parts: Parts, table: pd.DataFrame
) -> None:
    X_train, X_test, y_train, y_test, folds = parts
    assert [len(part) for part in parts] == [45, 15, 45, 15, 45]
    assert list(X_train) == list(X_test) == ["width", "colour"]
    assert y_test["kind"].value_counts().to_dict() == {"a": 5, "b": 5, "c": 5}
    assert not set(X_train.index) & set(X_test.index)
    for X, y in ((X_train, y_train), (X_test, y_test)):
        assert y["kind"].equals(table["kind"][X.index])
    of_folds = pd.crosstab(folds["fold"], y_train["kind"])
    assert of_folds.to_numpy().tolist() == [[5, 5, 5]] * 3


def test_rows_of_a_group_are_in_one_part(table: pd.DataFrame) -> None:
    table["shop"] = [number // 3 for number in range(60)]
    data = DATA.model_copy(update={"group_column": "shop"})
    X_train, X_test, _, _, folds = split_data(table, data, 3, 3)
    assert "shop" not in X_train
    shops = table["shop"]
    assert not set(shops[X_train.index]) & set(shops[X_test.index])
    assert folds.groupby(shops[X_train.index])["fold"].nunique().eq(1).all()
    assert len(X_train) == 45


def test_groups_that_are_split_flatter() -> None:
    # 32 people with 6 recordings each; who is ill has nothing to do with the voice.
    draw = np.random.default_rng(0)
    person = np.repeat(range(32), 6)
    voice = draw.normal(size=(32, 5))[person] + draw.normal(scale=0.1, size=(192, 5))
    table = pd.DataFrame(voice, columns=[*"abcde"])
    table["person"] = [f"S{number}" for number in person]
    table["kind"] = np.where(draw.permutation(32)[person] < 8, "well", "ill")

    def mean_accuracy(data: DataSpec) -> float:
        split = split_data(table, data, 3, 3)
        X_train, _, y_train, _, folds = split
        validation = validate_model(TREE, data, COMPARISON, X_train, y_train, folds, 3)
        return float(np.mean(validation["accuracy"]))

    assert mean_accuracy(DataSpec(target_column="kind")) > 0.9
    grouped = DataSpec(target_column="kind", group_column="person")
    assert mean_accuracy(grouped) < 0.8  # .75 are ill


def test_models_are_tested_on_later_rows(table: pd.DataFrame) -> None:
    data = DATA.model_copy(update={"time_column": "id", "drop": []})
    X_train, X_test, y_train, _, folds = split_data(
        table.sample(frac=1, random_state=0), data, 3, 3
    )
    assert sorted(X_test["id"]) == [*range(45, 60)]
    for fold in ("1", "2", "3"):
        is_validated = folds["fold"] == fold
        is_earlier = folds["block"] < folds["block"][is_validated].min()
        assert X_train["id"][is_earlier].max() < X_train["id"][is_validated].min()
    assert folds["fold"].isna().sum() == 11  # the earliest rows are trained on alone
    validation = validate_model(TREE, data, COMPARISON, X_train, y_train, folds, 3)
    assert len(validation["accuracy"]) == 3


def test_rows_without_a_target_are_left_out(table: pd.DataFrame) -> None:
    table.loc[:2, "kind"] = None
    with pytest.raises(DataError, match="no value in 3 of 60 rows; write 'missing_tar"):
        split_data(table, DATA, 3, 3)
    data = DATA.model_copy(update={"missing_target": "drop"})
    X_train, X_test, *_ = split_data(table, data, 3, 3)
    assert sorted([*X_train.index, *X_test.index]) == [*range(3, 60)]


def test_missing_columns_are_named(table: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="'kind' is not a column of the table"):
        split_data(table.drop(columns="kind"), DATA, 3, 3)


def test_each_score_has_a_value_per_fold(parts: Parts) -> None:
    X_train, _, y_train, _, folds = parts
    validation = validate_model(TREE, DATA, COMPARISON, X_train, y_train, folds, 3)
    assert list(validation) == ["accuracy", "f1_macro"]
    assert [len(values) for values in validation.values()] == [3, 3]


def test_a_fitted_model_takes_rows_of_the_table(parts: Parts) -> None:
    X_train, X_test, y_train, _, _ = parts
    model = fit_model(TREE, DATA, X_train, y_train, 3)
    rows = X_test.assign(colour="never seen", width=None)
    with pytest.warns(UserWarning, match="colour: most values are not in the training"):
        predictions = model.predict(rows)
    assert set(predictions) <= {"a", "b", "c"}
    assert model.fit_seconds_ > 0


def test_a_model_is_scored_on_the_test_set(parts: Parts) -> None:
    X_train, X_test, y_train, y_test, _ = parts
    model = fit_model(TREE, DATA, X_train, y_train, 3)
    validation = {"accuracy": [0.5, 0.7], "f1_macro": [0.4, 0.4]}
    score, metrics, resamples = score_model(
        model, validation, DATA, COMPARISON, X_test, y_train, y_test
    )
    assert score == (model.predict(X_test) == y_test["kind"]).mean()
    assert metrics["model_score"] == metrics["test_accuracy"] == score
    assert metrics["test_accuracy_low"] < score < metrics["test_accuracy_high"]
    assert metrics["validation_accuracy"] == pytest.approx(0.6)
    assert metrics["validation_accuracy_stderr"] == pytest.approx(0.1)
    assert metrics["fit_seconds"] == model.fit_seconds_
    assert resamples == []


def test_without_folds_there_are_scores_on_resamples(parts: Parts) -> None:
    X_train, X_test, y_train, y_test, _ = parts
    model = fit_model(TREE, DATA, X_train, y_train, 3)
    score, _, resamples = score_model(
        model, {}, DATA, COMPARISON, X_test, y_train, y_test
    )
    assert len(resamples) > 100
    assert np.mean(resamples) == pytest.approx(score, abs=0.03)


def test_the_positive_class_is_the_rarer_one_or_the_one_that_is_named(
    table: pd.DataFrame,
) -> None:
    table["kind"] = np.where(table["kind"] == "a", "yes", "no")
    comparison = ComparisonSpec(scoring=["recall"], folds=3)

    def check_recall(data: DataSpec) -> None:
        X_train, X_test, y_train, y_test, _ = split_data(table, data, 3, 3)
        model = fit_model(TREE, data, X_train, y_train, 3)
        score, _, _ = score_model(model, {}, data, comparison, X_test, y_train, y_test)
        is_positive = y_test["kind"] == (data.positive_label or "yes")
        is_found = pd.Series(model.predict(X_test), y_test.index) == y_test["kind"]
        assert score == pytest.approx(is_found[is_positive].mean())

    check_recall(DATA)
    check_recall(DATA.model_copy(update={"positive_label": "no"}))
