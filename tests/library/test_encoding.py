"""Raw rows in: encoding is a part of the model, learned where the model is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.config.schema import DataSpec
from kedro_dynamic.models.columns import with_encoder
from sklearn.model_selection import cross_validate
from sklearn.tree import DecisionTreeClassifier

TABLE = pd.DataFrame(
    {
        "width": [1.0, np.nan, 3.0, 8.0],
        "colour": ["red", None, "blue", "red"],
        "ripe": [True, False, True, True],
    }
)


def encoded(encode: str, table: pd.DataFrame, rows: pd.DataFrame | None = None) -> Any:
    data = DataSpec.model_validate({"target_column": "y", "encode": encode})
    encoder = with_encoder("passthrough", data, table).fit(table)
    return np.asarray(encoder.transform(table if rows is None else rows), dtype=float)


def test_gaps_are_filled_and_texts_become_columns() -> None:
    expected = [  # width, blue, red, none, unripe, ripe
        [1, 0, 1, 0, 0, 1],
        [3, 0, 0, 1, 1, 0],
        [3, 1, 0, 0, 0, 1],
        [8, 0, 1, 0, 0, 1],
    ]
    assert encoded("auto", TABLE).tolist() == expected


def test_unknown_categories_and_new_gaps_are_no_error() -> None:
    rows = pd.DataFrame({"width": [np.nan], "colour": ["green"], "ripe": [None]})
    assert encoded("auto", TABLE, rows).tolist() == [[3, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", "b", None, "a"], dtype="category"),
        pd.Series([True, None, False, True], dtype=object),
        pd.Series(pd.date_range("2026-01-01", periods=4)),
        pd.Series([1, None, 2, 1], dtype="Int64"),
        pd.Series([np.nan, np.nan, np.nan, 1.0]),
    ],
    ids=lambda column: str(column.dtype),
)
@pytest.mark.parametrize("encode", ["auto", "scale"])
def test_whatever_a_column_holds_numbers_come_of_it(column: Any, encode: str) -> None:
    assert np.isfinite(encoded(encode, TABLE.assign(more=column))).all()


def test_numbers_alone_and_texts_alone() -> None:
    assert encoded("scale", TABLE[["width"]]).mean() == pytest.approx(0)
    assert encoded("auto", TABLE[["colour"]]).sum() == 4


def test_columns_are_found_by_name_in_new_rows() -> None:
    rows = TABLE[["ripe", "colour", "width"]].assign(more=1)
    assert encoded("auto", TABLE, rows).tolist() == encoded("auto", TABLE).tolist()


def test_none_leaves_all_to_the_model() -> None:
    tree = DecisionTreeClassifier()
    data = DataSpec(target_column="y", encode="none")
    assert with_encoder(tree, data, TABLE) is tree


def test_what_is_learned_is_of_the_training_rows_of_each_fold() -> None:
    """Each row is the only one of its category: no fold knows those that it scores."""
    table = pd.DataFrame({"width": [0.0, 10, 20, 30], "id": [*"abcd"]})
    model = with_encoder(DecisionTreeClassifier(), DataSpec(target_column="y"), table)
    folds = cross_validate(
        model, table, [0, 0, 1, 1], cv=2, return_estimator=True, return_indices=True
    )
    for fitted, rows in zip(folds["estimator"], folds["indices"]["train"], strict=True):
        columns = fitted[0]
        (categories,) = columns.named_transformers_["texts"].categories_
        assert list(categories) == list(table["id"][rows])
        median = columns.named_transformers_["numbers"].statistics_
        assert median == [table["width"][rows].median()]
