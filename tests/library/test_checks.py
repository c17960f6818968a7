"""A table that no model can learn from is refused once, with its columns."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.config.errors import DataError
from kedro_dynamic.config.schema import DataSpec
from kedro_dynamic.models.data_checks import select_columns

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
            {"train_fraction": 0.1},
            "data.train_fraction: 0.1 of the 6 rows of the table leaves a part without",
        ),
        ({"drop": ["id", "width", "colour"]}, "6 rows have the target and no feature"),
    ],
)
def test_what_the_parameters_get_wrong(changes: Any, problem: str) -> None:
    assert problem in message(TABLE, **changes)


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        (
            {"kind": [*"xyxy", None, None]},
            "kind: the target has no value in 2 of 6 rows",
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
        ({"width": np.nan}, "width: no value in any row; add it to data.drop"),
    ],
)
def test_what_no_model_can_learn_from(column: Any, problem: str) -> None:
    assert message(
        TABLE.assign(**column)
    ) == f"The table has a problem:\n  {problem}" + (
        " to learn" if "nothing" in problem else ""
    )


def test_names_of_rows_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    names = [f"name {i}" for i in range(30)]
    table = pd.DataFrame(
        {"name": names, "n": range(30), "few": [*"abc"] * 10, "kind": [*"xy"] * 15}
    )
    with caplog.at_level(logging.WARNING):
        select_columns(table, spec())
        select_columns(table, spec(encode="none"))
        select_columns(table, spec(drop=["name"]))
    (text,) = (record.getMessage() for record in caplog.records)
    assert text.startswith("name: 30 different texts in 30 rows become as many columns")
    assert "'drop: [name]'" in text
