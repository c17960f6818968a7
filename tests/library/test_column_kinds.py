"""What each column of a raw table holds, decided on the training rows."""

from __future__ import annotations

import datetime
import io
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro_dynamic.models.column_cells import date_format, date_shape, parse_number
from kedro_dynamic.models.column_kinds import (
    ColumnsError,
    columns_to_json,
    notable_columns,
    read_columns,
)

ROWS = 200


def repeat(*cells: Any) -> list[Any]:
    """Return a column of these cells, one after the other."""
    return [cells[row % len(cells)] for row in range(ROWS)]


def decide(cells: Any, override: str | None = None) -> dict[str, Any]:
    """Return the row of the table ``columns`` for a column called x."""
    table = pd.DataFrame({"x": cells})
    columns = read_columns(table, {"x": override} if override else None)
    row: dict[str, Any] = columns.iloc[0].to_dict()
    return {**row, "reading": json.loads(row["reading"])}


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("12", ".", 12),
        ("-1.5e3", ".", -1500),
        (".5", ".", 0.5),
        ("1,170", ".", 1170),
        ("1,234,567.5", ".", 1234567.5),
        ("12,34,567", ".", 1234567),
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
        # Where the sign is not known, only what can mean one number.
        ("1.234", "", 1.234),
        ("0,567", "", 0.567),
        ("1,5", "", 1.5),
        ("1.234,5", "", 1234.5),
    ],
)
def test_numbers_are_read_as_they_are_written(
    text: str, decimal: str, value: float
) -> None:
    number = parse_number(text, decimal)
    assert number is not None
    assert number.value == pytest.approx(value)


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
        ("nan", "."),
        ("", "."),
        ("-", "."),
        ("0x10", "."),
    ],
)
def test_what_is_not_a_number_is_not_read_as_one(text: str, decimal: str) -> None:
    assert parse_number(text, decimal) is None


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2024-04-13", "ISO8601"),
        ("2024-04-13T10:00:00.123Z", "ISO8601"),
        ("2024-04-13 10:00+02:00", "ISO8601"),
        ("2024-4-3", "%Y-%m-%d"),
        ("2024/04/13", "%Y/%m/%d"),
        ("13/04/2024", "%d/%m/%Y"),
        ("3.4.24 10:15", "%d.%m.%y %H:%M"),
        ("3/4/2024 1:05 PM", "%d/%m/%Y %I:%M %p"),
        ("12 Mar 2024", "%d %b %Y"),
        ("12-MAR-24", "%d-%b-%y"),
        ("March 12, 2024", "%B %d, %Y"),
        ("Tue, 12 Mar 2024 10:00:00 +0100", "%a, %d %b %Y %H:%M:%S %z"),
        ("2024-03", "%Y-%m"),
        ("03/2024", "%m/%Y"),
        ("08:15", "%H:%M"),
        ("08:15:30.5", "%H:%M:%S.%f"),
        ("V57", None),
        ("1.2.3", None),
        ("2024", None),
        ("10.0.0.1", None),
        ("555-1234", None),
    ],
)
def test_dates_are_known_by_their_shape(text: str, form: str | None) -> None:
    assert date_format(date_shape(text), day_first=True) == form


@pytest.mark.parametrize(
    ("cells", "kind", "values", "missing"),
    [
        ([row / 3 for row in range(ROWS)], "number", ROWS, 0),
        (repeat(1, 2, None, 3), "number", 3, 0.25),
        (pd.array(repeat(1, None), dtype="Int64"), "category", 1, 0.5),
        (pd.array(repeat(1, 2, 3, None), dtype="Int64"), "number", 3, 0.25),
        ([Decimal(row) / 4 for row in range(ROWS)], "number", ROWS, 0),
        (pd.to_timedelta(np.arange(ROWS), unit="h"), "number", ROWS, 0),
        (repeat(True, False), "category", 2, 0),
        (repeat(True, False, None, False), "category", 2, 0.25),
        (pd.array(repeat(True, False), dtype="boolean"), "category", 2, 0),
        (pd.Categorical(repeat(1, 2)), "category", 2, 0),
        (repeat("red", " red ", "blue", None), "category", 2, 0.25),
        (repeat("red", "?", "blue", ""), "category", 2, 0.5),
        (repeat([1], [2], [3]), "category", 3, 0),
        (repeat(*[f"level {n}" for n in range(40)]), "category", 40, 0),
        (repeat(*[f"level{n}" for n in range(41)]), "many", 41, 0),
        ([f"S{row:03d}_1" for row in range(ROWS)], "dropped", ROWS, 0),
        ([f"{row:06d}" for row in range(ROWS)], "dropped", ROWS, 0),
        ([f"very good {row}" for row in range(ROWS)], "text", ROWS, 0),
        (repeat("only"), "dropped", 1, 0),
        (repeat(1.0), "dropped", 1, 0),
        (repeat("x", None), "category", 1, 0.5),
        (repeat(None), "dropped", 0, 1),
        (repeat("?"), "dropped", 0, 1),
        (pd.date_range("2024-01-01", periods=ROWS), "date", ROWS, 0),
        (pd.date_range("2024-01-01", periods=ROWS, tz="Asia/Tokyo"), "date", ROWS, 0),
        (pd.period_range("2024-01", periods=ROWS, freq="D"), "date", ROWS, 0),
        (repeat(datetime.date(2024, 1, 1), datetime.date(2024, 5, 1)), "date", 2, 0),
        (repeat(datetime.time(8), datetime.time(9, 30)), "date", 2, 0),
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


def test_an_empty_table_has_no_columns() -> None:
    assert read_columns(pd.DataFrame()).empty


@pytest.mark.parametrize(
    ("cells", "reading", "why"),
    [
        ([f"{n}.5" for n in range(ROWS)], {"decimal": "."}, "all values are numbers"),
        ([f"{n},567" for n in range(ROWS)], {"decimal": ","}, "decimal comma"),
        (repeat("0,567", "1,234", "12,500"), {"decimal": ","}, "decimal comma"),
        (repeat("950", "1,170", "2,500"), {"decimal": "."}, "numbers"),
        (
            [f"{n + 1}.{n:03d},50 \u20ac" for n in range(ROWS)],
            {"decimal": ",", "thousands": True, "sign": "\u20ac"},
            "in \u20ac",
        ),
        (
            repeat("-$1,170.50", "($5.00)", "$3", "0"),
            {"decimal": ".", "sign": "$"},
            "in $",
        ),
        (repeat("7 %", "0", "12%"), {"decimal": ".", "sign": "%"}, "in %"),
        (
            repeat("1", "0", "?"),
            {"decimal": ".", "booleans": {"true": "1", "false": "0"}},
            "numbers",
        ),
    ],
)
def test_how_numbers_are_written_is_decided_once(
    cells: list[str], reading: dict[str, Any], why: str
) -> None:
    row = decide(cells)
    assert row["kind"] == "number"
    assert row["reading"] == {"column": "x", **reading}
    assert why in row["why"]


def test_a_file_that_had_made_numbers_leaves_the_decimal_sign_open() -> None:
    assert decide(repeat(0.5, 1.5, 2.5))["reading"] == {"column": "x"}
    assert decide(repeat(1.0, 2.0, None))["reading"]["decimal"] == "."


def test_commas_that_may_be_decimal_ones_are_said() -> None:
    row = decide([f"{n + 1},{n:03d}" for n in range(ROWS)])
    assert row["reading"]["decimal"] == "."
    assert "write decimal: ','" in row["advice"]


def test_a_known_mark_of_missing_leaves_a_column_of_numbers_alone() -> None:
    sizes = [f"{size + 0.5}" for size in range(2, 61) for _ in range(4)]
    sizes[17] = "?"
    row = decide(sizes)
    assert (row["kind"], row["values"], row["advice"]) == ("number", 59, "")
    assert row["missing"] == pytest.approx(1 / 236, abs=1e-4)


def test_a_few_odd_cells_are_named_with_what_to_write() -> None:
    stars = [str(row / 4) for row in range(ROWS)]
    stars[17] = stars[40] = "Unrated"
    row = decide(stars)
    assert row["kind"] == "number"
    assert row["missing"] == 0.01
    assert row["reading"]["missing"] == ["unrated"]
    assert "2 of 200 values ('Unrated') are not numbers" in row["advice"]
    assert 'write na_values: ["Unrated"]' in row["advice"]


def test_codes_with_letters_make_a_category() -> None:
    codes = [str(250 + row % 90) for row in range(ROWS)]
    codes[::15] = [f"V{57 + place % 4}" for place in range(14)]
    row = decide(codes)
    assert row["kind"] == "many"
    assert "14 of 200 values" in row["why"]
    assert "'V57'" in row["advice"]


def test_more_than_a_few_odd_words_make_a_category() -> None:
    row = decide([str(n % 60) if n % 10 else "free" for n in range(ROWS)])
    assert row["kind"] == "many"
    assert 'write na_values: ["free"]' in row["advice"]


def test_a_few_numbers_and_a_word_are_a_category_and_nothing_is_said() -> None:
    row = decide(repeat("0", "1", "2", "3+"))
    assert (row["kind"], row["advice"]) == ("category", "")


def test_leading_zeros_are_of_codes() -> None:
    row = decide(repeat("007", "12", "34"))
    assert (row["kind"], row["advice"]) == ("category", "")
    assert "leading zeros" in row["why"]


def test_different_signs_are_not_the_same_number() -> None:
    for cells in (repeat("$5", "\u20ac5", "$7"), repeat("7 %", "0.07", "8 %")):
        row = decide(cells)
        assert row["kind"] == "category"
        assert "write data.columns: {x: number}" in row["advice"]
        assert decide(cells, "number")["reading"]["sign"] == "any"


def test_decimal_points_and_commas_do_not_mix() -> None:
    row = decide([f"{n}.5" if n % 2 else f"{n},5" for n in range(ROWS)])
    assert row["kind"] == "dropped"
    assert "100 of 200 values" in row["advice"]


@pytest.mark.parametrize(
    ("cells", "reading"),
    [
        (
            repeat("13/04/2024", "03/04/2024"),
            {"formats": ["%d/%m/%Y"], "day_first": True, "parts": ["weekday"]},
        ),
        (
            repeat("04/13/2024", "03/04/2024"),
            {
                "formats": ["%m/%d/%Y"],
                "day_first": False,
                "parts": ["month", "weekday"],
            },
        ),
        (
            repeat("03.04.2024", "01.02.2024"),
            {"formats": ["%d.%m.%Y"], "day_first": True},
        ),
        (
            repeat("2024-04-13T10:00Z", "2024-04-13 15:00+02:00", "2024-04-13"),
            {"formats": ["ISO8601"], "parts": ["hour"]},
        ),
        (
            repeat("08:15", "23:59"),
            {"formats": ["%H:%M"], "time": True, "parts": ["hour"]},
        ),
        (
            repeat("12 Mar 2024", "1 April 2023", "3 May 2023"),
            {"formats": ["%d %B %Y", "%d %b %Y"]},
        ),
    ],
)
def test_how_dates_are_written_is_decided_once(
    cells: list[str], reading: dict[str, Any]
) -> None:
    row = decide(cells)
    assert (row["kind"], row["advice"]) == ("date", "")
    assert reading.items() <= row["reading"].items()


def test_numbers_can_be_dates() -> None:
    days = pd.Series(pd.date_range("2023-12-01", periods=ROWS))
    assert decide(days.dt.strftime("%Y%m%d").astype(int))["kind"] == "date"
    assert decide(np.arange(20240101, 20240101 + ROWS))["kind"] == "number"


def test_days_first_and_months_first_in_one_column_are_not_dates() -> None:
    row = decide(repeat("13/04/2024", "04/13/2024", "05/06/2023"))
    assert row["kind"] == "category"
    assert "the day comes first in 13/04/2024" in row["why"]
    assert "write data.columns: {x: '%d/%m/%Y'}" in row["advice"]


def test_an_order_that_no_cell_shows_is_said() -> None:
    row = decide(repeat("03/04/2024", "01/02/2023"))
    assert row["reading"]["formats"] == ["%m/%d/%Y"]
    assert "write data.columns: {x: '%d/%m/%Y'}" in row["advice"]


def test_times_and_dates_in_one_column_are_not_dates() -> None:
    assert decide(repeat("2024-04-13", "08:15"))["kind"] == "category"


@pytest.mark.parametrize(
    ("levels", "booleans"),
    [
        (repeat("Yes", "No", "No internet"), {"true": "Yes", "false": "No"}),
        (repeat("t", "f"), {"true": "t", "false": "f"}),
        (repeat(True, False), {"true": "True", "false": "False"}),
        (repeat("Y", None), {"true": "Y"}),
        (repeat("f", "m"), None),
        (repeat("n", "s", "w"), None),
    ],
)
def test_levels_that_mean_true_and_false(
    levels: list[Any], booleans: dict[str, str] | None
) -> None:
    assert decide(levels)["reading"].get("booleans") == booleans


def test_an_identifier_must_be_there_in_most_rows() -> None:
    awards = [f"2016#{row}" if row < 50 else None for row in range(ROWS)]
    assert decide(awards)["kind"] == "many"


@pytest.mark.parametrize(
    ("cells", "override", "kind"),
    [
        (repeat(1067, 99999), "category", "category"),
        ([f"S{row:03d}_1" for row in range(ROWS)], "many", "many"),
        ([f"S{row:03d}_1" for row in range(ROWS)], "text", "text"),
        (repeat(1, 2), "dropped", "dropped"),
        (repeat("007", "012"), "number", "number"),
        (repeat(True, False), "number", "number"),
        (repeat("2024-04-13", "2024-04-14"), "date", "date"),
        (repeat(20240413, 20240414), "date", "date"),
        (repeat("13/04/2024", "05/06/2023"), "%d/%m/%Y", "date"),
        (repeat(2023, 2024), "%Y", "date"),
    ],
)
def test_the_owner_decides(cells: list[Any], override: str, kind: str) -> None:
    row = decide(cells, override)
    assert row["kind"] == kind
    assert row["why"].startswith("set by data.columns")


@pytest.mark.parametrize(
    ("cells", "override", "message"),
    [
        (repeat("a", "b", "c", "d"), "date", "200 of 200 values are not dates"),
        (repeat("a", "b", "c", "d"), "date", "such as 'a', 'b', 'c'"),
        (repeat(0.5, 1.5), "date", "such as '0.5', '1.5'"),
        (repeat("13/04/2024", "04/13/2024"), "date", "write a format"),
        (repeat("13/04/2024", "2024"), "%d/%m/%Y", "such as '2024'"),
        (repeat("5", "V57"), "number", "100 of 200 values are not numbers"),
        (pd.date_range("2024", periods=3), "number", "type datetime64"),
        (repeat(1.5, 2.5), "text", "type float64"),
        (repeat("a", "b"), "categories", "did you mean 'category'?"),
    ],
)
def test_what_the_owner_cannot_decide(cells: Any, override: str, message: str) -> None:
    with pytest.raises(ColumnsError, match=r"data\.columns\.x: ") as error:
        decide(cells, override)
    assert message in str(error.value)


def test_an_override_of_no_column_is_an_error() -> None:
    with pytest.raises(ColumnsError, match="'zpi' is not a feature; did you mean 'zip"):
        read_columns(pd.DataFrame({"zip": [1, 2]}), {"zpi": "category"})


def test_columns_that_share_a_name_are_an_error() -> None:
    table = pd.DataFrame([[1, 2], [3, 4]], columns=[4, "4"])
    with pytest.raises(ColumnsError, match="2 columns have the name '4'"):
        read_columns(table)


def test_the_table_survives_a_csv_file() -> None:
    table = pd.DataFrame(
        {
            "NA": repeat("$1,5", "$2,0"),
            "007": repeat("13/04/2024", "05/06/2023"),
            4: repeat("x", "y"),
            "of, \u201cmany\u201d": repeat(None),
        }
    )
    columns = read_columns(table)
    file = io.StringIO(columns.to_csv(index=False))
    read_back = pd.read_csv(file)
    assert columns_to_json(read_back) == columns_to_json(columns)
    assert notable_columns(read_back) == notable_columns(columns)
    names = [row["column"] for row in json.loads(columns_to_json(columns))]
    assert names == ["NA", "007", "4", "of, \u201cmany\u201d"]


def test_what_is_worth_saying_is_a_line_each() -> None:
    table = pd.DataFrame(
        {
            "size": [str(row / 4) if row else "Unrated" for row in range(ROWS)],
            "a": repeat(1),
            "b": repeat("x"),
            "id": [f"S{row:03d}_1" for row in range(ROWS)],
            "plain": range(ROWS),
        }
    )
    first, second, third = notable_columns(read_columns(table))
    assert first == "not used: a, b (one value only)"
    assert second == "not used: id (a value per row: an identifier)"
    assert third.startswith("size: 1 of 200 values ('Unrated') is not a number")


def test_many_columns_of_numbers_are_decided_at_once() -> None:
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(64, 500)))
    table[7], table[8] = 1.0, table[8].where(table[8] > 0)
    columns = read_columns(table)
    assert columns["kind"].value_counts().to_dict() == {"number": 499, "dropped": 1}
    assert columns["column"].tolist() == [str(name) for name in table]
    assert columns["values"].tolist() == [table[name].nunique() for name in table]
    assert columns["missing"].tolist() == [
        round(share, 4) for share in table.isna().mean()
    ]
