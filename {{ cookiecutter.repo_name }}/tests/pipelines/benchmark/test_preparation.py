"""Splits and encodings, also of tables with texts and gaps."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from {{ cookiecutter.python_package }}.errors import (
    ConfigurationError,
    DataError,
)
from {{ cookiecutter.python_package }}.pipelines.benchmark.preparation import (
    encode,
    find_class,
    split_dataset,
)
from {{ cookiecutter.python_package }}.pipelines.benchmark.specs import (
    DatasetSpec,
    TuningSpec,
)


def adults(rows: int = 200) -> pd.DataFrame:
    """Return people, some of whose facts are missing, and whether they earn much."""
    random = np.random.default_rng(0)
    age = random.integers(17, 80, rows).astype(float)
    hours = random.integers(10, 60, rows)
    work = random.choice(["private", "state", "self"], rows)
    much = age + hours + 10 * (work == "self") + random.normal(0, 9, rows) > 85
    table = pd.DataFrame(
        {
            "age": age,
            "workclass": work,
            "hours": hours,
            "married": random.random(rows) > 0.5,
            "income": np.where(much, ">50K", "<=50K"),
        }
    )
    table.loc[::10, "age"] = np.nan
    table.loc[::7, "workclass"] = None
    return table


def spec(**options: object) -> DatasetSpec:
    return DatasetSpec.model_validate({"target": "income", **options})


def test_the_fraction_is_that_of_the_test_part() -> None:
    X_train, X_test, y_train, y_test = split_dataset(
        adults(), spec(test_fraction=0.25), TuningSpec(), 3
    )
    assert (len(X_train), len(X_test)) == (150, 50)
    assert list(y_train) == list(y_test) == ["income"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"target": "incom"}, "target: 'incom' is no column of the data; did you mean"),
        ({"positive_class": ">50k"}, "is no value of 'income'; did you mean '>50K'?"),
        ({"positive_class": True}, "put a word such as yes in quotes"),
        ({"drop": ["agee"]}, "drop: 'agee' is no column of the data; did you mean"),
        ({"drop": ["income"]}, "drop: 'income' is the target"),
    ],
)
def test_what_does_not_fit_the_data(options: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        split_dataset(adults(), spec(**options), TuningSpec(), 3)
    assert error.value.message.startswith("parameters_benchmark.yml has a problem")
    assert problem in error.value.message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"age": np.inf}, "age: infinite in 200 of 200 rows"),
        ({"age.1": 1}, "age.1: the column 'age' seems to be there twice"),
        ({"income": None}, "income: the target has no value in 200 of 200 rows"),
        ({"income": "<=50K"}, "income: the target is '<=50K' in all of 200 rows"),
    ],
)
def test_what_no_encoder_mends(change: dict[str, object], problem: str) -> None:
    with pytest.raises(DataError) as error:
        split_dataset(adults().assign(**change), spec(), TuningSpec(), 3)
    assert error.value.message.startswith("The data has a problem")
    assert problem in error.value.message
    with pytest.raises(DataError, match="0 rows; columns: age"):
        split_dataset(adults()[:0], spec(), TuningSpec(), 3)


def test_texts_and_gaps_become_numbers() -> None:
    X_train, X_test, _, _ = split_dataset(adults(), spec(), TuningSpec(), 3)
    X_test = X_test.assign(workclass="never seen")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, train, test = encode(X_train, X_test)
    assert list(train) == list(test)
    assert not train.isna().any().any()
    assert {"number__age", "category__workclass=self"} < set(train)
    of_work = [name for name in train if "workclass" in name]
    assert len(of_work) == 4  # a missing one is one more
    assert (train[of_work].sum(axis="columns") == 1).all()
    assert not test[of_work].any().any()


def test_only_the_training_part_is_learned_from() -> None:
    X_train, X_test, _, _ = split_dataset(adults(), spec(), TuningSpec(), 3)
    _, train, test = encode(X_train, X_test)
    _, same, other = encode(X_train, X_test.assign(age=X_test["age"] + 1000))
    pd.testing.assert_frame_equal(train, same)
    assert abs(train["number__age"].mean()) < 1e-9
    assert other["number__age"].mean() > test["number__age"].mean() + 10


def test_a_number_to_regress_on_is_refused() -> None:
    table = adults().assign(income=np.random.default_rng(0).normal(size=200))
    with pytest.raises(DataError, match="target: 'income' is a continuous number"):
        split_dataset(table, spec(), TuningSpec(), 3)


def test_columns_may_be_left_out() -> None:
    X_train, X_test, _, _ = split_dataset(
        adults(), spec(drop=["age", "hours"]), TuningSpec(), 3
    )
    assert list(X_train) == list(X_test) == ["workclass", "married"]


def test_more_folds_than_rows_are_refused() -> None:
    with pytest.raises(DataError) as error:
        split_dataset(adults(20), spec(), TuningSpec(folds=15), 3)
    assert "benchmark.tuning.folds: 15, but no class has more" in error.value.message
    found = re.search(r"write (\d+) or less", error.value.message)
    assert found
    split_dataset(adults(20), spec(), TuningSpec(folds=int(found[1])), 3)


def test_names_of_categories_are_unique_and_fit_for_xgboost() -> None:
    X = pd.DataFrame(
        {
            "a_b": ["c", "d", "c"],
            "a": ["b_c", "<20", "[20,30)"],
            "a=b": ["c", "d", "d"],
        }
    )
    _, train, _ = encode(X.assign(**{"a=b=c": 1}), X.assign(**{"a=b=c": 1}))
    assert len(set(train)) == 2 + 3 + 2 + 1
    assert not re.search(r"[<\[\]]", "".join(train))


def test_names_of_rows_are_pointed_out(caplog: pytest.LogCaptureFixture) -> None:
    table = adults()
    encode(table.drop(columns="income"), table.drop(columns="income"))
    assert not caplog.records
    table["id"] = [f"person {i}" for i in range(len(table))]
    encode(table.drop(columns="income"), table.drop(columns="income"))
    assert "leave it out with 'drop: [id]'" in caplog.text


@pytest.mark.parametrize(
    ("classes", "wanted", "found"),
    [
        ([0.0, 1.0], 1, 1.0),
        ([0, 1], "1", 1),
        ([False, True], True, True),
        (["no", "yes"], True, None),
    ],
)
def test_classes_are_found_as_yaml_reads_them(
    classes: list[object], wanted: object, found: object
) -> None:
    assert find_class(np.array(classes), wanted) == found
