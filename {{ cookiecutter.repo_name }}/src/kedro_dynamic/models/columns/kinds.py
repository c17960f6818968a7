"""Decides what each column of a table holds, on the training rows.

The result is the dataset ``columns``, a table with a row per column: ``column``,
``kind``, ``values`` (the number of different ones), ``missing`` (share of the rows),
``why``, ``advice`` (what the owner should know or write; mostly empty), and ``reading``
(how cells are read, as JSON; see ``cells``).
"""

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd

from kedro_dynamic.config.errors import VERBATIM, DataError, find_unknown_columns
from kedro_dynamic.config.schema import FILE, DataSpec
from kedro_dynamic.models.columns.cells import (
    FALSE_WORDS,
    MARKS,
    NUMBER_MARKS,
    ORDERED_DATE,
    TRUE_WORDS,
    date_format,
    dates_of,
    is_date_type,
    is_number_type,
    numbers_of,
    parse_number,
    read_numbers,
    read_texts,
)
from kedro_dynamic.models.snippets import in_yaml
from kedro_dynamic.models.target import MANY_CLASSES

logger = logging.getLogger(__name__)

# A category with more levels has many.
MAX_LEVELS = 40

# A column with fewer different values is neither an identifier nor a text.
MIN_DIFFERENT = 20

# The share of rows in which an identifier differs, and in which a text does.
IDENTIFIER_SHARE, TEXT_SHARE = 0.95, 0.5

# Odd cells, among numbers or dates, are read as missing if they are in this share of
# the rows or in fewer.
ODD_SHARE = 0.01

# If there are at most three different odd cells, this share of the rows may have them.
FEW_ODD_SHARE = 0.05

# A column with fewer different numbers, or dates, is not read as numbers or dates.
MIN_REGULAR = 10

# Codes with letters and digits, such as V57 among codes of diseases, are not slips.
ODD_CODES_SHARE = 0.001
_CODE = re.compile(r"(?=.*[^\W\d_])(?=.*\d).*", re.DOTALL)

_WORD = re.compile(r"[^\W\d_]{2,}")
_LEADING_ZERO = re.compile(r"0\d+")

# Texts that are looked at to see what a column is like, and texts in a message.
SAMPLE, SHOWN = 2_000, 3


def read_columns(X_train: pd.DataFrame, data: DataSpec) -> pd.DataFrame:
    """Decide how each column is read, and warn of what is worth knowing.

    Args:
        X_train: Features of the training set, as they are in the table.
        data: ``columns`` says what the owner knows better.

    Returns:
        The table of columns: a row per column with its ``kind``, and why. Those that
        something is said of are first.

    Raises:
        DataError: If a column cannot be read as ``data.columns`` says.
    """
    columns = describe_columns(X_train, data)
    for name, advice in columns[["column", "advice"]].to_numpy():
        if advice:
            logger.warning("%s: %s", name, advice, extra=VERBATIM)
    return columns.sort_values("advice", key=lambda advice: advice == "", kind="stable")


def describe_columns(X: pd.DataFrame, data: DataSpec) -> pd.DataFrame:
    """Decide how each column is read; see ``read_columns``."""
    problems: list[str] = []
    if data.prepare:
        from kedro_dynamic.models.preparing import RowPreparer, import_function

        try:
            X = RowPreparer(import_function(data.prepare)).transform(X)
        except ValueError as error:
            raise DataError(f"data.prepare: {error}", file=FILE) from error
        columns = [*map(str, X.columns), *data.drop, str(data.group_column)]
        problems = find_unknown_columns({"data.columns": data.columns}, columns)

    rows = []
    for position, name in enumerate(map(str, X.columns)):
        column = Column(name, X.iloc[:, position])
        wanted = data.columns.get(name)
        if data.encode == "none":
            decision = Decision("as it is", "encode: none leaves it to the models")
        elif wanted is None:
            decision = _decide(column)
        else:
            decision = _decide_as(column, wanted)
            if decision.advice:
                problems.append(f"data.columns.{name}: {decision.advice}")
        rows.append(_as_row(column, decision))
    if problems:
        raise DataError(*problems, file=FILE)
    return pd.DataFrame(rows)


def readings_of(columns: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return how each column is read, as a model carries it.

    Args:
        columns: The table of columns, perhaps read from its file.
    """
    readings = {}
    for name, kind, reading in columns[["column", "kind", "reading"]].to_numpy():
        details = json.loads(reading) if isinstance(reading, str) and reading else {}
        readings[str(name)] = {"kind": kind, **details}
    return readings


@dataclass
class Decision:
    """What a column holds, and how its cells are read."""

    kind: str
    why: str
    advice: str = ""
    reading: dict[str, Any] = field(default_factory=dict)


class Column:
    """A column of the training rows, and the texts in it.

    Args:
        name: Its name.
        values: Its cells, of any type.
    """

    def __init__(self, name: str, values: "pd.Series[Any]"):
        self.name = name
        self.values = values
        self.is_number = is_number_type(values)
        self.is_date = is_date_type(values)

    @cached_property
    def counts(self) -> dict[str, int]:
        """In how many rows each text is, without those that mean a missing value."""
        codes, texts = read_texts(self.values)
        rows = np.bincount(codes[codes >= 0], minlength=len(texts)).tolist()
        counts: dict[str, int] = {}
        for text, count in zip(texts, rows, strict=True):
            if text.lower() not in MARKS:
                counts[text] = counts.get(text, 0) + count
        return counts

    @cached_property
    def different(self) -> int:
        """How many different values there are."""
        if self.is_number or self.is_date:
            return int(self.values.nunique())
        return len(self.counts)

    @cached_property
    def rows(self) -> int:
        """In how many rows there is a value."""
        if self.is_number or self.is_date:
            return int(self.values.notna().sum())
        return sum(self.counts.values())

    def rows_of(self, texts: Sequence[str]) -> int:
        """Return in how many rows some texts are."""
        return sum(self.counts[text] for text in texts)

    def sample(self) -> list[str]:
        """Return texts from all over the column that are not marks among numbers."""
        texts = [text for text in self.counts if text.lower() not in NUMBER_MARKS]
        return texts[:: max(1, len(texts) // SAMPLE)]

    def write(self, kind: str) -> str:
        """Return what to write so that the column is of a kind."""
        return f"write 'columns: {in_yaml({self.name: kind})}' below 'data' in {FILE}"


def _as_row(column: Column, decision: Decision) -> dict[str, Any]:
    """Return the row of a column in the table of columns."""
    reading = json.dumps(decision.reading, ensure_ascii=False)
    return {
        "column": column.name,
        "kind": decision.kind,
        "values": column.different,
        "missing": round(1 - column.rows / max(1, len(column.values)), 4),
        "why": decision.why,
        "advice": decision.advice,
        "reading": reading if decision.reading else "",
    }


def _decide(column: Column) -> Decision:
    """Return what a column holds, by its type and, if need be, by its cells."""
    if column.different == 0:
        return Decision("dropped", "no values")
    if column.different == 1 and column.rows == len(column.values):
        return Decision("dropped", "one value only")
    if column.different == 1:
        return Decision("category", "one value, or missing")

    if column.is_date:
        return Decision("date", "dates")
    if column.is_number:
        values = set(column.values.dropna().unique()) if column.different == 2 else {}
        is_flag = values == {0, 1}
        return Decision("number", "numbers", reading=_flag_reading(is_flag))
    found = _find_numbers(column) or _find_dates(column)
    return _decide_levels(column) if found is None else _decide_found(found)


def _flag_reading(is_flag: bool) -> dict[str, Any]:
    """Return the reading of numbers that are 0 and 1 alone."""
    return {"booleans": ["1", "0"]} if is_flag else {}


def _decide_levels(column: Column) -> Decision:
    """Return the decision on a column that holds neither numbers nor dates."""
    different, rows = column.different, column.rows
    share = different / max(1, rows)
    if different >= MIN_DIFFERENT and share >= TEXT_SHARE:
        words = [len(_WORD.findall(text)) for text in column.sample()]
        if sum(count > 1 for count in words) >= len(words) / 2:
            return Decision("text", f"{different} different texts of several words")

    # Where most rows lack a value, that there is one may be worth knowing.
    is_filled = rows >= len(column.values) / 2
    if different >= MIN_DIFFERENT and share >= IDENTIFIER_SHARE and is_filled:
        why = f"an identifier: {different} different values in {rows} rows"
        advice = f"not used, since it is {why}; to use it, {column.write('many')}"
        return Decision("dropped", why, advice)
    return _decide_category(column)


def _decide_category(column: Column) -> Decision:
    """Return the decision on a category; two values may mean true and false."""
    different = len(column.counts)
    true = [text for text in column.counts if text.lower() in TRUE_WORDS]
    false = [text for text in column.counts if text.lower() in FALSE_WORDS]
    is_boolean = different == 2 and len(true) == len(false) == 1
    kind = "many" if different > MAX_LEVELS else "category"
    reading = {"booleans": true + false} if is_boolean else {}
    return Decision(kind, f"{different} categories", reading=reading)


# --- Numbers and dates that are written as texts ---


@dataclass
class Found:
    """The numbers or dates that many cells of a column seem to be."""

    column: Column
    kind: str
    reading: dict[str, Any]
    odd: list[str]
    """Texts that cannot be read so."""

    different: int
    """How many different numbers or dates there are."""

    how: str = ""
    """How they are written, where there is a choice."""

    doubt: str = ""
    """What was decided without evidence, and what to write if it is wrong."""

    conflict: str = ""
    """Why the column should not be read so, though its cells could be."""

    force: str = ""
    """The kind to write in ``data.columns`` against a conflict."""

    def odd_cells(self) -> str:
        """Say how many cells cannot be read, and which."""
        rows, all_rows = self.column.rows_of(self.odd), self.column.rows
        frequent = sorted(self.odd, key=lambda text: -self.column.counts[text])
        texts = ", ".join(f"'{text}'" for text in frequent[:SHOWN])
        more = " and others" if len(self.odd) > SHOWN else ""
        noun = f"is not a {self.kind}" if rows == 1 else f"are not {self.kind}s"
        return f"{rows} of {all_rows} values ({texts}{more}) {noun}"

    def are_missing(self) -> str:
        """Say what to write if odd cells mean missing values."""
        texts = in_yaml(sorted(self.odd, key=lambda text: -self.column.counts[text]))
        where = "in load_args of the table's entry"
        if len(self.odd) > SHOWN:
            return f"list them as na_values {where}"
        return f"write 'na_values: {texts}' {where}"

    def has_slips_only(self) -> bool:
        """Return True if so few cells are odd that they may be read as missing."""
        column, rows = self.column, self.column.rows
        codes = [text for text in self.odd if _CODE.fullmatch(text)]
        most = FEW_ODD_SHARE if len(self.odd) <= SHOWN else ODD_SHARE
        return not self.odd or (
            column.rows_of(self.odd) <= most * rows
            and column.rows_of(codes) <= ODD_CODES_SHARE * rows
            and self.different >= MIN_REGULAR
        )


def _decide_found(found: Found) -> Decision:
    """Return the decision on a column many cells of which are numbers or dates."""
    if not found.conflict and found.has_slips_only():
        return _accept(found)

    problem = found.conflict or found.odd_cells()
    decision = _decide_levels(found.column)
    decision.why += f"; {problem}"
    names = {"dropped": "not used", "text": "read as a text"}
    became = f"{names.get(decision.kind, 'read as a category')}, since {problem}"
    if found.force:
        as_it_is = found.column.write(found.force)
        decision.advice = f"{became}; if it has {found.kind}s, {as_it_is}"
    elif found.conflict:
        decision.advice = became
    elif found.different >= MIN_REGULAR:
        missing = found.are_missing()
        decision.advice = f"{became}; if these are missing values, {missing}"
    return decision


def _accept(found: Found) -> Decision:
    """Return the decision that a column is what its cells look like."""
    if found.different < 2:
        return _decide_category(found.column)
    reading, advice = dict(found.reading), found.doubt
    why = f"{found.kind}s{found.how}"
    if found.odd:
        reading["missing"] = found.odd
        problem = found.odd_cells()
        why += f"; {problem}"
        right = f"if that is right, {found.are_missing()}"
        advice = "; ".join(
            filter(None, [f"{problem}, read as missing; {right}", advice])
        )
    return Decision(found.kind, why, advice, reading)


def _looks_like_number(text: str) -> bool:
    """Return True if a text is a number, with a point or a comma as decimal sign."""
    return any(parse_number(text, decimal) is not None for decimal in ".,")


def _find_numbers(column: Column) -> Found | None:
    """Return the numbers that at least half of the texts are, or None."""
    sample = column.sample()
    is_number = [_looks_like_number(text) for text in sample]
    is_code = any(_LEADING_ZERO.fullmatch(text) for text in column.counts)
    if not sample or is_code or sum(is_number) < len(sample) / 2:
        return None
    return _read_as_numbers(column)


def _read_as_numbers(column: Column) -> Found:
    """Return the texts of a column as numbers; choose the decimal sign."""
    sample = column.sample()
    by_point = {text for text in sample if parse_number(text, ".") is not None}
    by_comma = {text for text in sample if parse_number(text, ",") is not None}
    point_rows = column.rows_of([*by_point - by_comma])
    comma_rows = column.rows_of([*by_comma - by_point])
    decimal = "," if comma_rows > point_rows else "."

    numbers = [parse_number(text, decimal) for text in sample]
    signs = {number[1] for number in numbers if number is not None and number[0]}
    sign = max(signs, default="")
    reading: dict[str, Any] = {"decimal": decimal} | ({"sign": sign} if sign else {})
    texts = [text for text in column.counts if text.lower() not in NUMBER_MARKS]
    values, is_odd = numbers_of(texts, reading)
    different = np.unique(values[~np.isnan(values)])
    reading |= _flag_reading(different.tolist() == [0, 1])

    found = Found(column, "number", reading, [*compress(texts, is_odd)], len(different))
    found.how = " with a decimal comma" if decimal == "," else ""
    found.how += f" in {sign}" if sign else ""
    if all("," in text for text in texts) and point_rows == comma_rows == 0:
        found.doubt = (
            f"the comma of {texts[0]} separates thousands; if it is a decimal comma, "
            "write 'decimal: \",\"' in load_args of the table's entry"
        )
    if len(signs - {""}) > 1 or signs == {"", "%"}:
        listed = ", ".join(f"'{sign}'" for sign in sorted(signs))
        found.conflict = f"its numbers have different signs: {listed}"
    return found


def _find_dates(column: Column) -> Found | None:
    """Return the dates that at least half of the texts are, or None."""
    sample = column.sample()
    is_date = [date_format(text, True) is not None for text in sample]
    if not sample or sum(is_date) < len(sample) / 2:
        return None
    return _read_as_dates(column)


def _read_as_dates(column: Column, form: str = "") -> Found:
    """Return the texts of a column as dates; choose between day and month first."""
    texts = [text for text in column.counts if text.lower() not in NUMBER_MARKS]
    found = Found(column, "date", {}, [], 0)
    if form:
        found.reading["formats"] = [form]
    else:
        _choose_order(found, texts)
        day_first = bool(found.reading.get("day_first"))
        formats = {date_format(text, day_first) for text in column.sample()}
        found.reading["formats"] = sorted(filter(None, formats))

    dates, is_odd = dates_of(texts, found.reading)
    found.odd = [*compress(texts, is_odd)]
    found.different = len(np.unique(dates[~np.isnat(dates)]))
    return found


def read_as_dates(
    values: "pd.Series[Any]", form: str = ""
) -> tuple[dict[str, Any], str]:
    """Return how a column of dates is read, and why it cannot be, or an empty text.

    Args:
        values: Dates, or texts of dates.
        form: The format of the texts, such as ``%d/%m/%Y``; found out if it is empty.
    """
    column = Column(str(values.name), values)
    if column.is_date:
        return {}, ""
    found = _read_as_dates(column, form)
    if found.conflict:
        return found.reading, f"{found.conflict}; {column.write(found.force)}"
    if found.odd:
        return found.reading, f"{found.odd_cells()}, such as 2024-03-31"
    return found.reading, ""


def numbers_of_texts(
    values: "pd.Series[Any]",
) -> tuple["pd.Series[Any]", str, str] | None:
    """Return a column of texts that all are numbers as these, and how it is read.

    Args:
        values: A column of any type.

    Returns:
        The numbers, NaN for marks of a missing value; how they are written; and what
        was decided without evidence, or an empty text. None if the column has another
        type than texts, other texts, or few different numbers.
    """
    column = Column(str(values.name), values)
    if column.is_number or column.is_date:
        return None
    found = _find_numbers(column)
    if found is None or found.conflict or found.odd or found.different <= MANY_CLASSES:
        return None
    numbers, _ = read_numbers(values, found.reading)
    series = pd.Series(numbers, values.index, name=values.name)
    return series, f"numbers{found.how}", found.doubt


def _choose_order(found: Found, texts: Sequence[str]) -> None:
    """Choose between day and month first, by dates that can mean one thing only."""
    matches = [ORDERED_DATE.match(text) for text in texts]
    ordered = [match for match in matches if match is not None]
    if not ordered:
        return
    days_first = [match[0] for match in ordered if int(match[1]) > 12]
    months_first = [match[0] for match in ordered if int(match[3]) > 12]
    day_first = bool(days_first) or (not months_first and ordered[0][2] == ".")
    found.reading["day_first"] = day_first
    found.how = f", the {'day' if day_first else 'month'} first"

    form = date_format(ordered[0].string, True)
    if days_first and months_first:
        found.conflict = (
            f"the day comes first in {days_first[0]}, the month in {months_first[0]}"
        )
        found.force = form or "date"
    elif not day_first and not months_first:
        found.doubt = (
            f"no date says whether the month comes first; {ordered[0][0]} is read so. "
            f"If days come first, {found.column.write(str(form))}"
        )


# --- What the owner knows better ---


def _decide_as(column: Column, wanted: str) -> Decision:
    """Return the decision that a column is of a kind; advice says why it cannot be."""
    why = "set by data.columns"
    if wanted == "dropped":
        return Decision(wanted, why)
    if wanted in ("category", "many", "text"):
        reading = _decide_category(column).reading if wanted == "category" else {}
        return Decision(wanted, why, reading=reading)

    kind = "number" if wanted == "number" else "date"
    is_of_type = column.is_number if kind == "number" else column.is_date
    if is_of_type:
        return Decision(kind, why)
    if kind == "number":
        found = _read_as_numbers(column)
    else:
        found = _read_as_dates(column, wanted if "%" in wanted else "")
    rows = sum(column.counts.values())
    if found.different == 0 or column.rows_of(found.odd) > FEW_ODD_SHARE * rows:
        return Decision(kind, why, found.odd_cells() if found.odd else "no values")
    reading = found.reading | ({"missing": found.odd} if found.odd else {})
    return Decision(kind, f"{why}{found.how}", reading=reading)
