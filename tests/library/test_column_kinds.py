"""What each column of a raw table holds, decided on the training rows."""

from __future__ import annotations

import datetime
import io
import json
import logging
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic import DataSpec, read_columns
from kedro_dynamic.config.errors import DataError
from kedro_dynamic.models.columns.cells import date_format, parse_number
from kedro_dynamic.models.columns.kinds import readings_of

ROWS = 200


def repeat(*cells: Any) -> list[Any]:
    """Return a column of these cells, one after the other."""
    return [cells[row % len(cells)] for row in range(ROWS)]


def decide(cells: Any, wanted: str | None = None) -> dict[str, Any]:
    """Return the row of the table ``columns`` for a column called x."""
    columns = {"x": wanted} if wanted else {}
    data = DataSpec(target_column="y", columns=columns)
    row: Any = read_columns(pd.DataFrame({"x": cells}), data).iloc[0].to_dict()
    return {**row, "reading": json.loads(row["reading"] or "{}")}


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("12", ".", 12),
        ("-1.5e3", ".", -1500),
        (".5", ".", 0.5),
        ("1,170", ".", 1170),
        ("1,234,567.5", ".", 1234567.5),
        ("1 234", ".", 1234),
        ("1'234.50", ".", 1234.5),
        ("1\u202f234,5", ",", 1234.5),
        ("$1,164.00", ".", 1164),
        ("-$5.00", ".", -5),
        ("$-5", ".", -5),
        ("($5.00)", ".", -5),
        ("\u22125", ".", -5),
        ("7 %", ".", 7),
        ("CHF 12.50", ".", 12.5),
        ("1.234,56 \u20ac", ",", 1234.56),
        ("0,567", ",", 0.567),
        ("1.234", ",", 1234),
        ("1.234", "", 1.234),
    ],
)
def test_numbers_are_read_as_they_are_written(
    text: str, decimal: str, value: float
) -> None:
    number = parse_number(text, decimal)
    assert number is not None
    assert number[0] == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("0,567", "."),
        ("1,5", "."),
        ("1.5", ","),
        ("1,234", ""),
        ("V57", "."),
        ("1.2.3", "."),
        ("--5", "."),
        ("(-5)", "."),
        ("($5", "."),
        ("$5 $", "."),
        ("1_000", "."),
        ("inf", "."),
        ("1e999", "."),
        ("", "."),
        ("-", "."),
    ],
)
def test_what_is_not_a_number_is_not_read_as_one(text: str, decimal: str) -> None:
    assert parse_number(text, decimal) is None


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2024-04-13", "%Y-%m-%d"),
        ("2024-04-13T10:00:00.123Z", "%Y-%m-%dT%H:%M:%S.%f%z"),
        ("2024-04-13 10:00+02:00", "%Y-%m-%d %H:%M%z"),
        ("2024-04-13T10:00:00+02:00", "%Y-%m-%dT%H:%M:%S%z"),
        ("2024-04-13T10:00:00.5-02:00", "%Y-%m-%dT%H:%M:%S.%f%z"),
        ("20240413", "%Y%m%d"),
        ("2024/4/3", "%Y/%m/%d"),
        ("13/04/2024", "%d/%m/%Y"),
        ("3.4.24 10:15", "%d.%m.%y %H:%M"),
        ("3/4/2024 1:05 PM", "%d/%m/%Y %I:%M %p"),
        ("12 Mar 2024", "%d %b %Y"),
        ("12-MAR-24", "%d-%b-%y"),
        ("March 12, 2024", "%B %d, %Y"),
        ("Tue, 12 Mar 2024 10:00:00 +0100", "%a, %d %b %Y %H:%M:%S%z"),
        ("2024-03", "%Y-%m"),
        ("V57", None),
        ("Room 2024", None),
        ("1.2.3.4.5", None),
        ("10.0.0.1", None),
        ("555-1234", None),
    ],
)
def test_dates_are_known_by_their_shape(text: str, form: str | None) -> None:
    assert date_format(text, day_first=True) == form


@pytest.mark.parametrize(
    ("cells", "kind", "values", "missing"),
    [
        ([row / 3 for row in range(ROWS)], "number", ROWS, 0),
        (repeat(1, 2, None, 3), "number", 3, 0.25),
        (pd.array(repeat(1, None), dtype="Int64"), "category", 1, 0.5),
        (pd.array(repeat(1, 2, 3, None), dtype="Int64"), "number", 3, 0.25),
        ([Decimal(row) / 4 for row in range(ROWS)], "number", ROWS, 0),
        (repeat(True, False, None, False), "category", 2, 0.25),
        (pd.array(repeat(True, False), dtype="boolean"), "category", 2, 0),
        (pd.Categorical(repeat("a", "b")), "category", 2, 0),
        (repeat("red", " red ", "blue", None), "category", 2, 0.25),
        (repeat("red", "?", "blue", ""), "category", 2, 0.5),
        (repeat([1], [2], [3]), "category", 3, 0),
        (repeat(*[f"level {n}" for n in range(40)]), "category", 40, 0),
        (repeat(*[f"level{n}" for n in range(41)]), "many", 41, 0),
        ([f"very good {row}" for row in range(ROWS)], "text", ROWS, 0),
        (repeat("only"), "dropped", 1, 0),
        (repeat(1.0), "dropped", 1, 0),
        (repeat("x", None), "category", 1, 0.5),
        (repeat(None), "dropped", 0, 1),
        (repeat("?"), "dropped", 0, 1),
        (pd.date_range("2024-01-01", periods=ROWS, tz="Asia/Tokyo"), "date", ROWS, 0),
        (pd.period_range("2024-01", periods=ROWS, freq="D"), "date", ROWS, 0),
        (repeat(datetime.date(2024, 1, 1), datetime.date(2024, 5, 1)), "date", 2, 0),
        (repeat("007", "12", "34"), "category", 3, 0),
        (repeat("0", "1", "2", "3+"), "category", 4, 0),
        ([f"2016#{n}" if n < 50 else None for n in range(ROWS)], "many", 50, 0.75),
    ],
)
def test_the_kind_of_a_column(
    cells: Any, kind: str, values: int, missing: float
) -> None:
    row = decide(cells)
    assert (row["kind"], row["values"]) == (kind, values)
    assert row["missing"] == pytest.approx(missing)
    assert row["why"]
    assert row["advice"] == ""


@pytest.mark.parametrize(
    ("cells", "reading"),
    [
        ([f"{n}.5" for n in range(ROWS)], {"decimal": "."}),
        ([f"{n},567" for n in range(ROWS)], {"decimal": ","}),
        (repeat("0,567", "1,234", "12,500"), {"decimal": ","}),
        (repeat("950", "1,170", "2,500"), {"decimal": "."}),
        (
            [f"{n + 1}.{n:03d},50 \u20ac" for n in range(ROWS)],
            {"decimal": ",", "sign": "\u20ac"},
        ),
        (repeat("-$1,170.50", "($5.00)", "$3", "0"), {"decimal": ".", "sign": "$"}),
        (repeat("7 %", "0", "12%"), {"decimal": ".", "sign": "%"}),
        (repeat("1", "0", "?"), {"decimal": ".", "booleans": ["1", "0"]}),
        (repeat(0.5, 1.5), {}),
    ],
)
def test_how_numbers_are_written_is_decided_once(
    cells: list[Any], reading: dict[str, Any]
) -> None:
    row = decide(cells)
    assert (row["kind"], row["advice"]) == ("number", "")
    assert row["reading"] == reading


@pytest.mark.parametrize(
    ("cells", "reading"),
    [
        (
            repeat("13/04/2024", "03/04/2024"),
            {"formats": ["%d/%m/%Y"], "day_first": True},
        ),
        (
            repeat("04/13/2024", "03/04/2024"),
            {"formats": ["%m/%d/%Y"], "day_first": False},
        ),
        (
            repeat("03.04.2024", "01.02.2024"),
            {"formats": ["%d.%m.%Y"], "day_first": True},
        ),
        (
            repeat("2024-04-13T10:00Z", "2024-04-13"),
            {"formats": ["%Y-%m-%d", "%Y-%m-%dT%H:%M%z"]},
        ),
    ],
)
def test_how_dates_are_written_is_decided_once(
    cells: list[str], reading: dict[str, Any]
) -> None:
    row = decide(cells)
    assert (row["kind"], row["advice"]) == ("date", "")
    assert row["reading"] == reading


def test_a_mark_of_missing_leaves_a_column_of_numbers_alone() -> None:
    sizes = [f"{size + 0.5}" for size in range(2, 61) for _ in range(4)]
    sizes[17] = "?"
    row = decide(sizes)
    assert (row["kind"], row["values"], row["advice"]) == ("number", 59, "")


@pytest.mark.parametrize(
    ("cells", "kind", "advice"),
    [
        (
            [str(n / 4) if n not in (17, 40) else "Unrated" for n in range(ROWS)],
            "number",
            "2 of 200 values ('Unrated') are not numbers, read as missing; if that is "
            "right, write 'na_values: [Unrated]' in load_args of the table's entry",
        ),
        (
            [str(n % 60) if n % 10 else "free" for n in range(ROWS)],
            "many",
            "read as a category, since 20 of 200 values ('free') are not numbers; if "
            "these are missing values, write 'na_values: [free]' in load_args of the "
            "table's entry",
        ),
        (
            [f"V{n % 7}" if n % 15 == 0 else str(250 + n % 90) for n in range(ROWS)],
            "many",
            "read as a category, since 14 of 200 values ('V0', 'V1', 'V2' and others) "
            "are not numbers; if these are missing values, list them as na_values in "
            "load_args of the table's entry",
        ),
        (
            repeat("$5", "\u20ac5", "$7"),
            "category",
            "read as a category, since its numbers have different signs: '$', '\u20ac'",
        ),
        (
            repeat("13/04/2024", "04/13/2024", "05/06/2023"),
            "category",
            "read as a category, since the day comes first in 13/04/2024, the month in "
            "04/13/2024; if it has dates, write 'columns: {x: '%d/%m/%Y'}' below "
            "'data' in parameters.yml",
        ),
        (
            repeat("03/04/2024", "01/02/2023"),
            "date",
            "no date says whether the month comes first; 03/04/2024 is read so. If "
            "days come first, write 'columns: {x: '%d/%m/%Y'}' below 'data' in "
            "parameters.yml",
        ),
        (
            [f"{n + 1},{n:03d}" for n in range(ROWS)],
            "number",
            "the comma of 1,000 separates thousands; if it is a decimal comma, write "
            "'decimal: \",\"' in load_args of the table's entry",
        ),
        (
            [f"S{row:03d}_1" for row in range(ROWS)],
            "dropped",
            "not used, since it is an identifier: 200 different values in 200 rows; to "
            "use it, write 'columns: {x: many}' below 'data' in parameters.yml",
        ),
    ],
)
def test_what_is_worth_saying_is_said_with_what_to_write(
    cells: list[str], kind: str, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        row = decide(cells)
    assert (row["kind"], row["advice"]) == (kind, advice)
    assert [record.getMessage() for record in caplog.records] == [f"x: {advice}"]


@pytest.mark.parametrize(
    ("cells", "wanted", "kind"),
    [
        (repeat(1067, 99999), "category", "category"),
        ([f"S{row:03d}_1" for row in range(ROWS)], "many", "many"),
        ([f"S{row:03d}_1" for row in range(ROWS)], "text", "text"),
        (repeat(1, 2), "dropped", "dropped"),
        (repeat("007", "012"), "number", "number"),
        (repeat("2024-04-13", "2024-04-14"), "date", "date"),
        (repeat(20240413, 20240414), "date", "date"),
        (repeat("13/04/2024", "05/06/2023"), "%d/%m/%Y", "date"),
        (repeat(2023, 2024), "%Y", "date"),
    ],
)
def test_the_owner_decides(cells: list[Any], wanted: str, kind: str) -> None:
    row = decide(cells, wanted)
    assert row["kind"] == kind
    assert row["why"].startswith("set by data.columns")


@pytest.mark.parametrize(
    ("cells", "wanted", "message"),
    [
        (repeat("a", "b", "c", "d"), "date", "200 of 200 values ('a', 'b', 'c' and"),
        (repeat("13/04/2024", "2024"), "%d/%m/%Y", "100 of 200 values ('2024')"),
        (repeat("5", "V57"), "number", "100 of 200 values ('V57') are not numbers"),
    ],
)
def test_what_the_owner_cannot_decide(cells: Any, wanted: str, message: str) -> None:
    with pytest.raises(DataError, match=r"data\.columns\.x: ") as error:
        decide(cells, wanted)
    assert message in error.value.message


def test_without_encoding_nothing_is_said() -> None:
    table = pd.DataFrame({"x": [f"S{row:03d}_1" for row in range(ROWS)]})
    columns = read_columns(table, DataSpec(target_column="y", encode="none"))
    assert columns["kind"].tolist() == ["as it is"]
    assert columns["advice"].tolist() == [""]


def test_the_table_survives_a_csv_file() -> None:
    table = pd.DataFrame(
        {
            "NA": repeat("$1.5", "$2.0"),
            "007": repeat("13/04/2024", "05/06/2023"),
            "of, \u201cmany\u201d": repeat(None),
        }
    )
    columns = read_columns(table, DataSpec(target_column="y"))
    file = io.StringIO(columns.to_csv(index=False))
    read_back = pd.read_csv(file, keep_default_na=False, dtype={"column": str})
    assert readings_of(read_back) == readings_of(columns)
    assert list(readings_of(columns)) == list(table)


def test_thousands_of_columns_of_numbers_take_no_time() -> None:
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(64, 500)))
    columns = read_columns(table, DataSpec(target_column="y"))
    assert set(columns["kind"]) == {"number"}
    assert columns["column"].tolist() == [str(name) for name in table]
