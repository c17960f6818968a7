"""A table that no model can learn from is refused once, with its columns."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.config.errors import DataError
from kedro_dynamic.config.schema import DataSpec
from kedro_dynamic.models.data_checks import select_columns, select_rows

TABLE = pd.DataFrame(
    {
        "id": range(6),
        "width": [1.0, 2, np.nan, 4, 5, 6],
        "colour": [*"rgbrgb"],
        "kind": [*"xyxyxy"],
    }
)


def spec(**changes: Any) -> DataSpec:
    return DataSpec.model_validate({"target_column": "kind"} | changes)


def message(table: pd.DataFrame, **changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        select_columns(table, spec(**changes))
    return str(caught.value.message)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"target_column": "knd"},
            "data.target_column: 'knd' is not a column of the table; did you mean "
            "'kind'?; columns: id, width, colour, kind",
        ),
        (
            {"drop": ["color"]},
            "data.drop: 'color' is not a column of the table; did you mean",
        ),
        ({"drop": ["kind"]}, "data.drop: 'kind' is the target"),
        (
            {"group_column": "colr"},
            "data.group_column: 'colr' is not a column of the table; did you mean",
        ),
        ({"time_column": "kind"}, "data.time_column: 'kind' is the target"),
        (
            {"train_fraction": 0.1},
            "data.train_fraction: 0.1 of the 6 rows of the table leaves a part without",
        ),
        ({"drop": ["id", "width", "colour"]}, "6 rows have the target and no feature"),
    ],
)
def test_what_the_parameters_get_wrong(changes: Any, problem: str) -> None:
    assert problem in message(TABLE, **changes)


def test_columns_that_are_added_later_are_not_missed() -> None:
    X, _ = select_columns(TABLE, spec(prepare="iris.add", columns={"area": "number"}))
    assert list(X) == ["id", "width", "colour"]


def test_a_column_without_values_is_no_error() -> None:
    X, _ = select_columns(TABLE.assign(width=np.nan), spec())
    assert list(X) == ["id", "width", "colour"]


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (
            {"kind": [*"xyxy", None, None]},
            "kind: the target has no value in 2 of 6 rows; write 'missing_target: "
            "drop' below 'data' in parameters.yml to leave them out",
        ),
        (
            {"kind": "x"},
            "kind: the target is 'x' in all of 6 rows, so there is nothing",
        ),
        (
            {"kind": [1, 2, np.inf, 1, 2, 3]},
            "kind: the target is infinite in 1 of 6 rows",
        ),
        ({"width": [1, -np.inf, np.inf, 1, 2, 3]}, "width: infinite in 2 of 6 rows"),
    ],
)
def test_what_no_model_can_learn_from(column: Any, problem: str) -> None:
    assert message(
        TABLE.assign(**column)
    ) == f"The table has a problem:\n  {problem}" + (
        " to learn" if "nothing" in problem else ""
    )


def test_the_group_column_is_not_a_feature_and_the_time_column_is() -> None:
    X, _ = select_columns(TABLE, spec(group_column="colour", drop=["colour"]))
    assert list(X) == ["id", "width"]
    X, _ = select_columns(TABLE, spec(time_column="id"))
    assert list(X) == ["id", "width", "colour"]
    X, _ = select_columns(TABLE, spec(time_column="id", drop=["id"]))
    assert list(X) == ["width", "colour"]


RATINGS = [f"{number / 10}" for number in range(57)] + ["Unrated", "Unrated", "?"]
RATED = pd.DataFrame({"n": range(60), "kind": RATINGS})


def test_texts_in_a_target_of_numbers_are_named() -> None:
    assert message(RATED) == (
        "The table has a problem:\n  kind: the target is a number, but 'Unrated' in 2 "
        "rows, '?' in 1 row; write 'na_values: [Unrated, '?']' in load_args of the "
        "table's entry, or 'missing_target: drop' below 'data' in parameters.yml"
    )
    # These may be classes.
    classes = TABLE.assign(kind=[*"123"] * 2).astype({"kind": object})
    classes = pd.concat([classes] * 10).assign(kind=[*"12345"] * 11 + [*"12?45"])
    select_columns(classes, spec())


@pytest.mark.parametrize(
    ("table", "kept", "said"),
    [
        (
            TABLE.assign(kind=pd.Series([*"xyxy", None, None], dtype=object)),
            [*"xyxy"],
            "kind: 2 of 6 rows have no target and are left out",
        ),
        (
            RATED,
            [number / 10 for number in range(57)],
            "kind: 3 of 60 rows have no target and are left out, 'Unrated' in 2 rows, "
            "'?' in 1 row",
        ),
    ],
)
def test_rows_without_a_target_are_left_out(
    table: pd.DataFrame, kept: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert select_rows(table, spec()) is table
    with caplog.at_level(logging.WARNING):
        rows = select_rows(table, spec(missing_target="drop"))
    assert rows["kind"].tolist() == kept
    assert rows.index.tolist() == [*range(len(kept))]
    assert [record.getMessage() for record in caplog.records] == [said]


@pytest.mark.parametrize(
    ("style", "first", "how"),
    [
        (lambda euros: f"${euros:,}.50", 10.5, "numbers in $"),
        (lambda euros: f"{euros},50", 10.5, "numbers with a decimal comma"),
        (lambda euros: f"{euros}.5 %", 10.5, "numbers in %"),
        (lambda euros: f"{euros}0,500", 100_500, "numbers"),
    ],
)
def test_a_target_of_texts_that_are_numbers(
    style: Any, first: float, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    table = pd.DataFrame({"kind": [style(euros) for euros in range(10, 60)], "x": 1.0})
    with caplog.at_level(logging.INFO):
        kind = select_rows(table, spec())["kind"]
    assert kind.iloc[0] == first
    assert pd.api.types.is_float_dtype(kind)
    message, *doubts = caplog.messages
    assert message == f"kind: read as {how}"
    doubt = "kind: the comma of 100,500 separates thousands"
    assert [text.partition(";")[0] for text in doubts] == [doubt] * (first > 1000)
    # Few numbers may be classes, and so may texts.
    for texts in (table["kind"].iloc[:20], table["kind"].str.replace("5", "V")):
        few = table.assign(kind=texts).dropna()
        assert select_rows(few, spec())["kind"].equals(few["kind"])


def test_a_table_with_all_targets_is_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert select_rows(TABLE, spec(missing_target="drop")).equals(TABLE)
        # That the column is missing is an error of ``select_columns``.
        no_target = TABLE.drop(columns="kind")
        assert select_rows(no_target, spec(missing_target="drop")) is no_target
    assert not caplog.records


@pytest.mark.parametrize("table", [[{"a": 1}], {"a": [1]}, None, np.ones((2, 2))])
def test_what_is_not_a_table_of_pandas_is_rejected(table: Any) -> None:
    kind = type(table).__name__
    with pytest.raises(
        DataError, match=f"expected a DataFrame of pandas, not a {kind};"
    ):
        select_rows(table, spec())


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (TABLE.head(0), "not an empty table"),
        (TABLE[[]], "not an empty table"),
        (TABLE[["id", "kind", "id"]], "id: several columns have this name"),
    ],
)
def test_tables_without_rows_or_with_repeated_names(
    table: pd.DataFrame, problem: str
) -> None:
    with pytest.raises(DataError, match=problem):
        select_rows(table, spec())
