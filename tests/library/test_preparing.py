"""Rows are prepared by a function of the project, as the first step of a model."""

from __future__ import annotations

import os
import pickle
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic import DataError, DataSpec, ModelSpec, build_model, read_columns
from kedro_dynamic.models.preparing import RowPreparer

X = pd.DataFrame({"width": [1.0, 2.0, 4.0] * 20, "height": [3.0, 1.0, 2.0] * 20})
Y = pd.Series(["flat", "flat", "square"] * 20, name="kind")
TREE = ModelSpec.model_validate({"class": "sklearn.tree.DecisionTreeClassifier"})


def prepare(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the area; the table that is given may be changed."""
    rows["area"] = rows["width"] * rows["height"]
    return rows


def fewer(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out a row."""
    return rows[1:]


def to_numpy(rows: pd.DataFrame) -> Any:
    """Return no table."""
    return rows.to_numpy()


@pytest.fixture(autouse=True)
def project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the functions into a module of the project."""
    module = ModuleType("iris.features")
    functions: dict[str, Any] = {"prepare": prepare, "fewer": fewer, "NUMBER": 1}
    for name in ("prepare", "fewer"):
        monkeypatch.setattr(functions[name], "__module__", "iris.features")
    vars(module).update(functions, system=os.system)
    monkeypatch.setitem(sys.modules, "iris", ModuleType("iris"))
    monkeypatch.setitem(sys.modules, "iris.features", module)


def spec(function: str, **data: Any) -> DataSpec:
    """Return a description of the data that names a function."""
    path = f"iris.features.{function}"
    return DataSpec(target_column="kind", prepare=path, **data)


def test_models_see_the_columns_that_are_added() -> None:
    data = spec("prepare")
    columns = read_columns(X, data)
    assert columns["column"].tolist() == ["width", "height", "area"]
    model: Any = build_model(TREE, data, X, Y, 3, columns).fit(X, Y)
    assert model[-1].n_features_in_ == 3
    assert list(X) == ["width", "height"]  # raw rows stay as they are

    again = pickle.loads(pickle.dumps(model))
    assert (again.predict(X.sample(frac=1, random_state=0)[["height", "width"]])).size
    np.testing.assert_array_equal(again.predict(X), Y)


def test_columns_that_are_added_can_be_read_otherwise() -> None:
    columns = read_columns(X, spec("prepare", columns={"area": "category"}))
    assert columns["kind"].tolist() == ["number", "number", "category"]
    with pytest.raises(
        DataError, match=r"'aera' is not a column .* did you mean 'area"
    ):
        read_columns(X, spec("prepare", columns={"aera": "category"}))


def test_without_encoding_too() -> None:
    model: Any = build_model(TREE, spec("prepare", encode="none"), X, Y, 3).fit(X, Y)
    assert [*model[-1].feature_names_in_] == ["width", "height", "area"]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("fewer", "fewer must return a table with the rows that it is given"),
        ("no_such", "'iris.features.no_such' does not exist"),
        ("system", "system' is not imported, since its package is not trusted"),
        ("NUMBER", "'iris.features.NUMBER' is not a function"),
    ],
)
def test_functions_that_do_not_prepare_rows(function: str, reason: str) -> None:
    with pytest.raises(DataError) as error:
        read_columns(X, spec(function))
    assert reason in error.value.message


def test_what_is_returned_must_be_a_table() -> None:
    with pytest.raises(ValueError, match="must return a table"):
        RowPreparer(to_numpy).transform(X)
