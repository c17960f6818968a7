"""Reads the cells of a column: as texts, as numbers, as dates.

How a column is read is decided once, on the training rows; see ``kinds``. The decision
is a *reading*, a dictionary that JSON can hold, and new rows are read by it, too:

- ``kind``: number, date, category, many, text or dropped.
- ``decimal``: the decimal sign of numbers. It is absent if the table had numbers.
- ``sign``: the currency of numbers, or ``%``.
- ``missing``: cells that mean a missing value in this column, besides the usual ones.
- ``formats``: how dates are written, as ``strptime`` has it.
- ``day_first``: true if ``03/04/2024`` is in April. It is absent if the training rows
  never look like that.
- ``booleans``: the two values that mean true and false.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]
Reading = Mapping[str, Any]

# Cells that mean a missing value, in lower case. The second set does so among numbers
# and dates alone: a house may lack an alley, and a blood group is negative.
MARKS = frozenset({"", "?", "na", "n/a", "n.a.", "nan", "nat", "null", "<na>", "#n/a"})
NUMBER_MARKS = MARKS | {"none", "-", "--", ".", "..."}

TRUE_WORDS = frozenset({"true", "yes", "y", "t", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "n", "f", "off", "0"})

# Parts of a date, in the order of their features.
DATE_PARTS = ("day", "month", "weekday", "hour")


class UnreadCellsWarning(UserWarning):
    """Cells of new rows cannot be read as those of the training rows."""


def read_texts(values: "pd.Series[Any]") -> tuple[Array, list[str]]:
    """Return a column of any type as texts, such that 12, 12.0 and "12" are the same.

    Returns:
        Per row the position of its text, -1 if it is missing, and the different texts,
        without spaces around them.
    """
    try:
        codes, different = pd.factorize(values)
    except TypeError:  # cells such as lists
        codes, different = pd.factorize(values.map(str, na_action="ignore"))
    return codes, [_text_of(value) for value in different.tolist()]


def _text_of(value: Any) -> str:
    """Return a value as a text; whole numbers have no fraction."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def take(values: Array, codes: Array, missing: Any) -> Array:
    """Return for each row what belongs to its text."""
    # The code -1 takes the last one.
    return np.append(values, np.array([missing], values.dtype))[codes]


def is_number_type(values: "pd.Series[Any]") -> bool:
    """Return True if a column has a type of numbers; booleans are not numbers."""
    types = pd.api.types
    return types.is_numeric_dtype(values) and not types.is_bool_dtype(values)


def is_date_type(values: "pd.Series[Any]") -> bool:
    """Return True if a column has a type of dates."""
    return bool(pd.api.types.is_datetime64_any_dtype(values))


def is_mark(text: str, reading: Reading) -> bool:
    """Return True if a cell among numbers or dates means a missing value."""
    return text.lower() in NUMBER_MARKS or text in reading.get("missing", ())


# --- Numbers ---

# Dollar, euro, pound, yen, rupee, won, rouble, lira, per cent; krona, zloty and others.
_SIGN = (
    "[$\u20ac\u00a3\u00a5\u20b9\u20a9\u20bd\u20ba%]|US\\$|R\\$|kr|z\u0142"
    "|USD|EUR|GBP|CHF|CAD|AUD|JPY|CNY|INR"
)

# Spaces of all kinds, apostrophes and the minus sign, as typesetters write them.
_PLAIN = str.maketrans("\u00a0\u202f\u2009\u2212\u2019", "   -'")


@lru_cache
def _number_pattern(decimal: str) -> "re.Pattern[str]":
    """Return what a number looks like that is written with a decimal sign."""
    point, comma = (",", r"\.") if decimal == "," else (r"\.", ",")
    # A group of thousands does not begin with a zero: 0,567 is a decimal comma.
    marks = [comma, " ", "'"] if decimal else [" ", "'"]
    grouped = "|".join(rf"[1-9]\d?\d?(?:{mark}\d\d\d)+" for mark in marks)
    return re.compile(
        rf"(\()?([-+]?) ?({_SIGN})? ?([-+]?)(?={point}?\d)"
        rf"({grouped}|\d*)(?:{point}(\d*))?([eE][-+]?\d+)? ?({_SIGN})?(\))?",
        re.ASCII,
    )


# A cross-validation reads the same cells in each fold.
@lru_cache(maxsize=2**16)
def parse_number(text: str, decimal: str) -> tuple[float, str] | None:
    """Read ``1,170``, ``-$5.00``, ``($5.00)``, ``7 %`` or, by comma, ``1.234,56``.

    Args:
        text: A cell without spaces around it.
        decimal: The decimal sign. If it is empty, nobody knows: then a point is one,
            and a cell with a comma is not a number.

    Returns:
        The number and its sign, which may be empty; None if the cell is not a number.
    """
    if not text.isascii():
        text = text.translate(_PLAIN)
    match = _number_pattern(decimal).fullmatch(text)
    if match is None:
        return None
    opening, minus, before, inner, whole, fraction, exponent, after, closing = (
        match.groups("")
    )
    is_negative = "-" in (minus, inner) or bool(opening)
    too_many = len(minus + inner + opening) > 1 or bool(before and after)
    if too_many or bool(opening) != bool(closing):
        return None

    digits = whole if whole.isdecimal() else re.sub(r"\D", "", whole)
    value = float(f"{digits or '0'}.{fraction or '0'}{exponent}")
    if not math.isfinite(value):
        return None
    return (-value if is_negative else value), before or after


def read_numbers(values: "pd.Series[Any]", reading: Reading) -> tuple[Array, Array]:
    """Return a column as floats, and in which rows a cell cannot be read.

    Cells that cannot be read are missing; so are infinite numbers.
    """
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        is_unread = np.isinf(numbers)
        return np.where(is_unread, np.nan, numbers), is_unread

    codes, texts = read_texts(values)
    numbers, unread = numbers_of(texts, reading)
    return take(numbers, codes, np.nan), take(unread, codes, False)


def numbers_of(texts: list[str], reading: Reading) -> tuple[Array, Array]:
    """Return texts as floats, and which of them cannot be read."""
    decimal, trained_sign = reading.get("decimal", ""), reading.get("sign", "")
    numbers = np.full(len(texts), np.nan)
    if decimal != "," and trained_sign != "%":
        # Plain numbers are read all at once, in a twentieth of the time.
        numbers = pd.to_numeric(np.array(texts, dtype=object), errors="coerce")
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)

    is_unread = np.zeros(len(texts), dtype=bool)
    for place in np.isnan(numbers).nonzero()[0]:
        text = texts[place]
        parsed = parse_number(text, decimal)
        if parsed is not None and _means_the_same(*parsed, trained_sign):
            numbers[place] = parsed[0]
        elif "booleans" in reading and text.lower() in TRUE_WORDS | FALSE_WORDS:
            numbers[place] = text.lower() in TRUE_WORDS
        else:
            is_unread[place] = not is_mark(text, reading)
    return numbers, is_unread


def _means_the_same(value: float, sign: str, trained: str) -> bool:
    """Return True if a sign can be left out or added: a currency, but not a %."""
    if value == 0 or sign == trained:
        return True
    return "%" not in (sign, trained) and "" in (sign, trained)


# --- Dates ---

_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_LONG_MONTHS = (
    "January|February|March|April|June|July|August|September|October|November|December"
)
_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"

# What the parts of a date are in strptime's words, in the order of their search.
_PARTS = [
    (re.compile(pattern, re.IGNORECASE), directive)
    for pattern, directive in (
        (r"\d\d?:\d\d:\d\d\.\d{1,9}", "%H:%M:%S.%f"),
        (r"\d\d?:\d\d:\d\d", "%H:%M:%S"),
        # Not the 01:00 of an offset such as +01:00.
        (r"(?<![+\-\d])\d\d?:\d\d(?! ?[\d:])", "%H:%M"),
        (r"(?<=%[SMf]) ?(Z|[+-]\d\d:?\d\d)$", "%z"),
        (r"\b[AP]M\b|(?<=%[SM])[AP]M\b", "%p"),
        (r"(?<!\d)\d{4}(?!\d)", "%Y"),
        (rf"\b({_LONG_MONTHS})\b", "%B"),
        (rf"\b({_MONTHS})\b", "%b"),
        (rf"\b({_DAYS})\b", "%a"),
    )
]
_COMPACT = re.compile(r"(?:19|20)\d{6}")
_FIELD = re.compile(r"(?<![\d%])\d\d?(?!\d)")
_FORMAT = re.compile(r"(%[a-zA-Z]|[-/., :T])+")
_OFFSET = re.compile(r":\d\d(\.\d+)? ?(Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)

# Dates whose meaning depends on the order of day and month.
ORDERED_DATE = re.compile(r"(\d\d?)([-/.])(\d\d?)\2(?:\d{4}|\d\d)(?!\d)")


@lru_cache(maxsize=2**12)
def date_format(text: str, day_first: bool) -> str | None:
    """Return the strptime format of a date; None if a text does not look like one.

    Args:
        text: A cell, such as ``03/04/2024``, ``Mar 4, 2024`` or ``2024-03-04 10:30``.
        day_first: True if ``03/04/2024`` is in April.
    """
    if not 6 <= len(text) <= 40 or not text.isascii() or "%" in text:
        return None
    if _COMPACT.fullmatch(text):
        return "%Y%m%d"
    form = text
    for pattern, directive in _PARTS:
        form = pattern.sub(directive, form, count=1)
    if "%p" in form:
        form = form.replace("%H", "%I")

    if "%b" in form or "%B" in form:
        fields = ["%d", "%y"]
    elif form.startswith("%Y"):
        fields = ["%m", "%d"]
    else:
        fields = ["%d", "%m", "%y"] if day_first else ["%m", "%d", "%y"]
    for field in fields:
        form = _FIELD.sub(field, form, count=1)

    has_year = form.lower().count("%y") == 1
    has_month = any(month in form for month in ("%m", "%b", "%B"))
    return form if has_year and has_month and _FORMAT.fullmatch(form) else None


def read_dates(values: "pd.Series[Any]", reading: Reading) -> tuple[Array, Array]:
    """Return a column as dates in UTC, and in which rows a cell cannot be read."""
    if is_date_type(values):
        dates = pd.DatetimeIndex(values)
        if dates.tz is not None:
            dates = dates.tz_convert("UTC").tz_localize(None)
        return dates.to_numpy("datetime64[us]"), np.zeros(len(values), dtype=bool)

    codes, texts = read_texts(values)
    per_text, unread = dates_of(texts, reading)
    row_dates = take(per_text, codes, np.datetime64("NaT", "us"))
    return row_dates, take(unread, codes, False)


def lacks_offset(values: "pd.Series[Any]", reading: Reading) -> Array:
    """Return in which rows no offset from UTC is given, though training rows have one.

    Cells that are not dates may be among these rows.
    """
    formats = reading.get("formats", ())
    if not formats or not all("%z" in form for form in formats):
        return np.zeros(len(values), dtype=bool)
    if is_date_type(values):
        return np.full(len(values), values.dt.tz is None)
    codes, texts = read_texts(values)
    has_none = [_OFFSET.search(text) is None for text in texts]
    return take(np.array(has_none, dtype=bool), codes, False)


def dates_of(texts: list[str], reading: Reading) -> tuple[Array, Array]:
    """Return texts as dates, and which of them cannot be read."""
    dates = np.full(len(texts), np.datetime64("NaT", "us"))
    is_left = np.array([not is_mark(text, reading) for text in texts], dtype=bool)
    for form in reading.get("formats", ()):
        _read_format(texts, form, dates, is_left)

    # Formats that the training rows do not have, such as one with a time.
    further = {_sure_format(texts[place], reading) for place in is_left.nonzero()[0]}
    for form in sorted(filter(None, further)):
        _read_format(texts, form, dates, is_left)
    return dates, is_left


def _read_format(texts: list[str], form: str, dates: Array, is_left: Array) -> None:
    """Read those texts by a format that are left; what cannot be read stays left."""
    if not is_left.any():
        return
    cells = [texts[place] for place in is_left.nonzero()[0]]
    read = pd.to_datetime(cells, format=form, errors="coerce", utc=True)
    dates[is_left] = read.tz_localize(None).to_numpy("datetime64[us]")
    is_left &= np.isnat(dates)


def _sure_format(text: str, reading: Reading) -> str | None:
    """Return the format of a date; None if it depends on an order nobody knows."""
    day_first = reading.get("day_first")
    form = date_format(text, bool(day_first))
    is_sure = day_first is not None or form == date_format(text, True)
    return form if is_sure else None


def date_features(dates: Array) -> Array:
    """Return a column per part of dates: days since 2000, month, weekday and hour.

    Mondays are 0; minutes are fractions of an hour.
    """
    days = (dates - np.datetime64("2000-01-01")) / np.timedelta64(1, "D")
    months = dates.astype("datetime64[M]").astype(int) % 12 + 1.0
    months[np.isnat(dates)] = np.nan
    weekdays = (np.floor(days) + 5) % 7  # 2000-01-01 was a Saturday
    return np.column_stack([days, months, weekdays, days % 1 * 24])
