"""Finds how the numbers and dates of a column are written.

Decimal point or comma, day or month first: either is decided once per column, by all
cells that can mean one thing only. A fitted model needs this module, so it imports
numpy and pandas only.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kedro_dynamic.models.column_cells import (
    MARKS,
    Number,
    are_marks,
    date_features,
    date_format,
    date_shape,
    dates_of,
    depends_on_order,
    is_time_format,
    parse_number,
    read_cells,
    simple_numbers,
)

# Number of different values that show what a column looks like.
SAMPLE = 1_000

_LEADING_ZERO = re.compile(r"0\d+")
_FIELDS = re.compile(r"(\d+)([-/.])(\d+)")


class TextColumn(NamedTuple):
    """The different texts of a column, without marks of missing values."""

    texts: list[str]
    counts: "NDArray[np.intp]"
    """Number of rows that have each text."""

    rows: int
    """Number of rows, those without a value included."""

    @classmethod
    def of(cls, values: "pd.Series[Any]") -> "TextColumn":
        """Count the texts of a column of any type."""
        cells = read_cells(values)
        rows_of = np.bincount(cells.codes[cells.codes >= 0], minlength=len(cells.texts))
        texts = cells.texts
        if len(set(texts)) < len(texts):  # some have spaces around them, others not
            counts: Counter[str] = Counter()
            for text, count in zip(texts, rows_of.tolist(), strict=True):
                counts[text] += count
            texts, rows_of = [*counts], np.array([*counts.values()], np.intp)
        return cls(texts, rows_of, len(values)).without(MARKS)

    def without(self, marks: Collection[str]) -> "TextColumn":
        """Return the column without these texts, which are in lower case."""
        return self.where((~are_marks(self.texts, marks)).tolist())

    def where(self, chosen: Sequence[bool]) -> "TextColumn":
        """Return the column with the chosen texts only."""
        if all(chosen):
            return self
        texts = [*compress(self.texts, chosen)]
        return self._replace(texts=texts, counts=self.counts[np.array(chosen, bool)])

    @property
    def present(self) -> int:
        """Number of rows with a value."""
        return int(self.counts.sum())

    @property
    def missing(self) -> float:
        """Share of rows without a value."""
        return 1 - self.present / max(1, self.rows)

    def sample(self) -> list[str]:
        """Return texts from all over the column."""
        return self.texts[:: max(1, len(self.texts) // SAMPLE)]

    def most_frequent(self, number: int) -> list[tuple[str, int]]:
        """Return the most frequent texts, and in how many rows they are."""
        order = np.argsort(-self.counts, kind="stable")[:number]
        return [(self.texts[i], int(self.counts[i])) for i in order]


class Format(NamedTuple):
    """How the numbers or dates of a column are written."""

    reading: dict[str, Any]
    values: int
    """Number of different numbers or dates."""

    odd: TextColumn
    """Texts that are not written so."""

    notes: list[str]
    """What was decided, such as a decimal comma."""

    doubt: str = ""
    """What was decided without evidence."""

    alternative: str = ""
    """How it is written if that is wrong: a format of dates, or ``decimal: ','``."""

    conflict: str = ""
    """Why the column should not be read so, though its cells could be."""


# --- Numbers ---


def looks_like_numbers(column: TextColumn) -> bool:
    """Return True if at least half of the texts are numbers of any kind."""
    sample = column.sample()
    found = [parse_number(text, ".") or parse_number(text, ",") for text in sample]
    return sum(number is not None for number in found) >= len(sample) / 2


def find_number_format(column: TextColumn) -> Format:
    """Find the decimal sign, currency or percent sign of a column of numbers."""
    decimal, numbers, doubt = _find_decimal(column)
    alternative = "decimal: ','" if doubt else ""
    is_odd = [number is None for number in numbers]
    odd, regular = column.where(is_odd), column.where([not each for each in is_odd])
    values = {number.value for number in numbers if number is not None}

    sign, conflict = _find_sign(numbers)
    zeros = [text for text in regular.texts if _LEADING_ZERO.fullmatch(text)]
    if zeros and not conflict:
        conflict = f"leading zeros, as in '{zeros[0]}', are of codes"

    reading: dict[str, Any] = {"decimal": decimal}
    if decimal == "," and any("." in text for text in regular.texts):
        reading["thousands"] = True
    if sign:
        reading["sign"] = sign
    if values == {0.0, 1.0}:
        reading["booleans"] = {"true": "1", "false": "0"}
    notes = ["decimal comma"] if decimal == "," else []
    if sign and sign != "any":
        notes.append(f"in {sign}")
    return Format(reading, len(values), odd, notes, doubt, alternative, conflict)


def _find_decimal(column: TextColumn) -> tuple[str, list[Number | None], str]:
    """Return the decimal sign, the numbers that texts are by it, and a doubt."""
    by_point = _parse_all(column, ".")
    odd = column.where([number is None for number in by_point])
    by_comma_only = odd.where(
        [parse_number(text, ",") is not None for text in odd.texts]
    )
    is_by_point_only = (
        text.isdecimal() or parse_number(text, ",") is None
        for text, number in zip(column.texts, by_point, strict=True)
        if number is not None
    )
    if by_comma_only.texts:
        # Both signs may be there: the one in more rows is right.
        by_comma = _parse_all(column, ",")
        pairs = zip(by_point, by_comma, strict=True)
        by_point_only = column.where([a is not None and b is None for a, b in pairs])
        if by_comma_only.present > by_point_only.present:
            return ",", by_comma, ""
        return ".", by_point, ""
    if not any("," in text for text in column.texts) or any(is_by_point_only):
        return ".", by_point, ""

    example = next(text for text in column.texts if "," in text)
    doubt = f"the commas, as in {example}, are read as separators of thousands"
    return ".", by_point, doubt


def _parse_all(column: TextColumn, decimal: str) -> list[Number | None]:
    """Return the numbers that texts are, by a decimal sign."""
    sample = [parse_number(text, decimal) for text in column.sample()]
    signs = Counter(number.sign for number in sample if number is not None)
    sign = signs.most_common(1)[0][0] if signs else ""
    simple = simple_numbers(column.texts, decimal, sign).tolist()
    return [
        parse_number(text, decimal) if math.isnan(value) else Number(value, sign)
        for text, value in zip(column.texts, simple, strict=True)
    ]


def _find_sign(numbers: Sequence[Number | None]) -> tuple[str, str]:
    """Return the currency or percent sign of numbers, and how signs conflict."""
    present = [number for number in numbers if number is not None]
    every_sign = {number.sign for number in present} - {""}
    if not every_sign:
        return "", ""

    # A zero is the same with and without a percent sign.
    signs = {number.sign for number in present if number.value != 0}
    sign = min(every_sign)
    if len(every_sign) == 1 and (sign != "%" or "" not in signs):
        return sign, ""
    listed = " and ".join(f"'{sign}'" if sign else "none" for sign in sorted(signs))
    return "any", f"the signs of its numbers differ: {listed}"


# --- Dates ---


def looks_like_dates(column: TextColumn) -> bool:
    """Return True if at least half of the texts have the shape of a date or time."""
    shapes = [date_shape(text) for text in column.sample()]
    found = [date_format(shape, True) is not None for shape in shapes]
    return sum(found) >= len(shapes) / 2


def find_date_format(column: TextColumn) -> Format:
    """Find how dates are written, and whether the day or the month comes first."""
    shapes = [date_shape(text) for text in column.texts]
    has_order = {shape: depends_on_order(shape) for shape in set(shapes)}
    ordered = column.where([has_order[shape] for shape in shapes])
    day_first, doubt, conflict = _find_order(ordered)

    rows_of: Counter[str] = Counter()
    for shape, count in zip(shapes, column.counts.tolist(), strict=True):
        form = date_format(shape, day_first is not False)
        if form is not None:
            rows_of[form] += count
    times = [form for form in rows_of if is_time_format(form)]
    if times and len(times) < len(rows_of):
        conflict = "dates and times of day are mixed"

    reading: dict[str, Any] = {"formats": [form for form, _ in rows_of.most_common()]}
    if day_first is not None:
        reading["day_first"] = day_first
    if times:
        reading["time"] = True
    notes = []
    if day_first is not None:
        notes.append("day first" if day_first else "month first")
    found = read_date_format(column, reading, notes)
    alternative = date_format(date_shape(ordered.texts[0]), True) if doubt else None
    return found._replace(doubt=doubt, alternative=alternative or "", conflict=conflict)


def read_date_format(
    column: TextColumn, reading: dict[str, Any], notes: list[str]
) -> Format:
    """Read dates by known formats; find which of their parts vary."""
    dates, is_odd = dates_of(column.texts, reading)
    odd = column.where(is_odd.tolist())
    different = np.unique(dates[~np.isnat(dates)])
    reading = {**reading, "parts": varying_parts(different, reading)}
    return Format(reading, len(different), odd, notes)


def varying_parts(
    dates: "NDArray[np.datetime64]", reading: dict[str, Any]
) -> list[str]:
    """Return which of month, weekday and hour vary; of a time of day, the hour."""
    if reading.get("time"):
        return ["hour"]
    every_part = ["month", "weekday", "hour"]
    features = date_features(dates, {**reading, "parts": every_part})
    return [part for part in every_part if len(np.unique(features[part])) > 1]


def _find_order(column: TextColumn) -> tuple[bool | None, str, str]:
    """Return whether days come before months, a doubt, and a conflict.

    Args:
        column: Those texts whose meaning depends on it.
    """
    if not column.texts:
        return None, "", ""
    day_first, month_first, separators = "", "", set()
    for text in column.texts:
        match = _FIELDS.search(text)
        if match is None:
            continue
        separators.add(match[2])
        if 12 < int(match[1]) <= 31:
            day_first = text
        elif 12 < int(match[3]) <= 31:
            month_first = text

    if day_first and month_first:
        conflict = f"the day comes first in {day_first}, the month in {month_first}"
        return True, "", conflict
    if day_first or month_first:
        return bool(day_first), "", ""
    if separators == {"."}:
        return True, "", ""
    doubt = f"in dates such as {column.texts[0]} the month is taken to come first"
    return False, f"{doubt}: no cell says otherwise", ""
