"""Reads the cells of one column: as texts, as numbers, as dates.

How a column is read is decided once, on training rows (``column_kinds.py``), and is
plain data: a *reading*, a dictionary that JSON can hold. New rows are read by the same
reading. A fitted model needs this module, so it imports numpy and pandas only.
"""

import datetime
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Reading = Mapping[str, Any]
"""How one column is read. Which keys there are depends on the kind of the column:

- ``decimal``: the decimal sign of numbers, ``.`` or ``,``; empty if the file's reader
  had made numbers of them, so that nobody knows.
- ``thousands``: true if points are separators of thousands.
- ``sign``: a currency or ``%``; ``any`` if signs differ.
- ``missing``: further marks of missing values, in lower case.
- ``duration``: true if numbers are days, and new rows may have durations as texts.
- ``formats``: how dates are written, as ``strptime`` has it, or ``ISO8601``.
- ``day_first``: whether ``03/04/2024`` is in April; absent if no such cell was seen.
- ``parts``: what is taken from a date besides the day: month, weekday, hour.
- ``booleans``: the categories that mean true and false.
"""

MARKS = frozenset({"", "?", "na", "n/a", "n.a.", "nan", "nat", "null", "<na>", "#n/a"})
"""Cells that mean a missing value in every column, in lower case."""

NUMBER_MARKS = MARKS | {"none", "-", "--", ".", "..", "...", "0000-00-00", "00/00/0000"}
"""Cells that mean a missing value among numbers and dates, in lower case.

Among categories they are levels: a house has no alley, a blood group is negative.
"""

TRUE_WORDS = frozenset({"true", "yes", "y", "t", "on", "1", "1.0"})
FALSE_WORDS = frozenset({"false", "no", "n", "f", "off", "0", "0.0"})

ISO = "ISO8601"

# Below this number of rows, Python's own loops are quicker than pandas' set-up.
SMALL = 32


class Cells(NamedTuple):
    """The different values of a column, and which row has which."""

    codes: "NDArray[np.intp]"
    """Per row the position of its value in ``texts``; -1 if it is missing."""

    texts: list[str]
    """The different values as texts, without spaces around them."""

    from_numbers: bool
    """The column was one of numbers, in which leading zeros are lost."""

    def take(self, per_text: "NDArray[Any]", missing: Any) -> "NDArray[Any]":
        """Return for each row what belongs to its text."""
        # Code -1 takes the last one.
        return np.append(per_text, np.asarray([missing], per_text.dtype))[self.codes]


def read_cells(values: "pd.Series[Any]") -> Cells:
    """Return the values of a column of any type as texts, each of them once."""
    from_numbers = is_numeric(values)
    if len(values) <= SMALL:
        row_values = values.tolist()
        present = [value for value in row_values if not is_missing(value)]
        codes = np.full(len(values), -1)
        codes[[not is_missing(value) for value in row_values]] = np.arange(len(present))
        return Cells(codes, list(map(text_of, present)), from_numbers)

    different: Any
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes = np.asarray(values.cat.codes, np.intp)
        different = values.cat.categories
    else:
        try:
            codes, different = pd.factorize(values)
        except TypeError:  # lists and dictionaries cannot be compared
            codes, different = pd.factorize(values.map(str, na_action="ignore"))
    if isinstance(different.dtype, pd.StringDtype):
        texts = [text.strip() for text in different.tolist()]
    else:
        texts = list(map(text_of, different.tolist()))
    return Cells(codes, texts, from_numbers)


def is_numeric(values: "pd.Series[Any]") -> bool:
    """Return True if a column has a type of numbers; booleans are not numbers."""
    dtype = values.dtype
    return pd.api.types.is_numeric_dtype(dtype) and not (
        pd.api.types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype)
    )


def is_date_type(values: "pd.Series[Any]") -> bool:
    """Return True if a column has a type of dates."""
    is_period = isinstance(values.dtype, pd.PeriodDtype)
    return is_period or pd.api.types.is_datetime64_any_dtype(values.dtype)


def is_duration(values: "pd.Series[Any]") -> bool:
    """Return True if a column has a type of durations."""
    return getattr(values.dtype, "kind", "") == "m"


def is_missing(value: Any) -> bool:
    """Return True for None, NaN, NaT and NA."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    is_scalar = isinstance(value, float | Decimal | np.generic)
    return is_scalar and bool(value != value)


def text_of(value: Any) -> str:
    """Return a value as a text, such that 12, 12.0 and "12" are the same."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float | Decimal | np.floating):
        number = float(value)
        return str(int(number)) if number.is_integer() else str(number)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(pd.Timedelta(value))
    return str(value).strip()


# --- Numbers ---

# By its own name or by that of ISO 4217, a currency is the same.
CURRENCIES = {
    "$": "$", "US$": "$", "USD": "$", "R$": "R$", "BRL": "R$", "CAD": "CAD",
    "AUD": "AUD", "CHF": "CHF", "Fr.": "CHF", "CNY": "CNY", "kr": "kr", "kr.": "kr",
    "\u20ac": "\u20ac", "EUR": "\u20ac",  # euro
    "\u00a3": "\u00a3", "GBP": "\u00a3",  # pound
    "\u00a5": "\u00a5", "JPY": "\u00a5",  # yen
    "\u20b9": "\u20b9", "INR": "\u20b9",  # rupee
    "\u20a9": "\u20a9", "KRW": "\u20a9",  # won
    "\u20bd": "\u20bd", "RUB": "\u20bd",  # rouble
    "\u20ba": "\u20ba", "TRY": "\u20ba",  # lira
    "z\u0142": "z\u0142", "PLN": "z\u0142",  # zloty
}  # fmt: skip

# Spaces of all kinds, apostrophes and the minus sign, as typesetters write them.
PLAIN = str.maketrans("\u00a0\u202f\u2009\u2212\u2013\u2019", "   --'")

_PLAIN_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_SEPARATORS = re.compile(r"\D")


@lru_cache
def _number_pattern(decimal: str) -> "re.Pattern[str]":
    """Return what a number looks like, with signs and separators of thousands."""
    point, comma = (r"\.", ",") if decimal == "." else (",", r"\.")
    # A group of thousands does not begin with a zero: 0,567 is a decimal comma.
    groups = [rf"[1-9]\d?\d?(?:{mark}\d\d\d)+" for mark in (comma, " ", "'")]
    lakhs = rf"[1-9]\d?(?:{comma}\d\d)+{comma}\d\d\d"
    signs = "|".join(re.escape(sign) for sign in sorted(CURRENCIES, reverse=True))
    return re.compile(
        rf"(\()?([-+]?)\s*({signs})?\s*([-+]?)"  # bracket, minus, currency, minus
        rf"(?={point}?\d)({'|'.join(groups)}|{lakhs}|\d+)?"  # whole part
        rf"(?:{point}(\d*))?([eE][-+]?\d+)?"  # fraction, exponent
        rf"\s*({signs}|%)?(\))?"  # currency or percent, bracket
    )


class Number(NamedTuple):
    """A number as it was written."""

    value: float
    sign: str
    """A currency, ``%`` or nothing."""


def parse_number(text: str, decimal: str) -> Number | None:
    """Read ``1,170``, ``-$5.00``, ``($5.00)``, ``7 %`` or, by comma, ``1.234,56``.

    Args:
        text: A cell without spaces around it.
        decimal: The decimal sign; empty if it is not known: then a cell is read only
            if it can mean one number alone.

    Returns:
        The number; None if the cell is not one.
    """
    if decimal != "," and _PLAIN_NUMBER.fullmatch(text):
        value = float(text)
        return Number(value, "") if math.isfinite(value) else None
    if decimal:
        return _parse_written(text, decimal)

    by_point, by_comma = _parse_written(text, "."), _parse_written(text, ",")
    if by_point is None or by_comma is None:
        return by_point or by_comma
    return by_point if by_point == by_comma else None


def _parse_written(text: str, decimal: str) -> Number | None:
    """Read a number with signs and separators."""
    if not text.isascii():
        text = text.translate(PLAIN)
    match = _number_pattern(decimal).fullmatch(text)
    if match is None:
        return None
    opening, minus, before, inner, whole, fraction, exponent, after, closing = (
        match.groups("")
    )
    signs = minus + inner
    if len(signs) > 1 or (before and after) or bool(opening) != bool(closing):
        return None
    if opening and signs:
        return None

    if not whole.isdecimal():
        whole = _SEPARATORS.sub("", whole)
    value = float(f"{whole or '0'}.{fraction or '0'}{exponent}")
    if not math.isfinite(value):
        return None
    sign = before or after
    is_negative = signs == "-" or opening
    return Number(-value if is_negative else value, CURRENCIES.get(sign, sign))


def marks_of(reading: Reading) -> Collection[str]:
    """Return which cells mean a missing value in a column of numbers or dates."""
    return NUMBER_MARKS.union(reading.get("missing", ()))


def are_marks(texts: Sequence[str], marks: Collection[str]) -> "NDArray[np.bool_]":
    """Return which texts are among the marks, which are in lower case."""
    longest = max(map(len, marks), default=0)
    found = [len(text) <= longest and text.lower() in marks for text in texts]
    return np.array(found, dtype=bool)


def read_numbers(
    values: "pd.Series[Any]", reading: Reading
) -> tuple["NDArray[np.float64]", "NDArray[np.bool_]"]:
    """Return a column as floats, and in which rows a cell is not a number.

    Cells that cannot be read, and infinite ones, are missing.
    """
    dtype = values.dtype
    if is_duration(values):
        numbers = (values.dt.total_seconds() / 86_400).to_numpy(float)
    elif is_numeric(values) or pd.api.types.is_bool_dtype(dtype):
        if isinstance(dtype, np.dtype):
            numbers = values.to_numpy(float)
        else:
            numbers = values.to_numpy(float, na_value=np.nan)
    else:
        cells = read_cells(values)
        per_text, is_unread = numbers_of(cells.texts, reading)
        return cells.take(per_text, np.nan), cells.take(is_unread, False)

    unread = np.isinf(numbers)
    return np.where(unread, np.nan, numbers) if unread.any() else numbers, unread


def numbers_of(
    texts: Sequence[str], reading: Reading
) -> tuple["NDArray[np.float64]", "NDArray[np.bool_]"]:
    """Return texts as floats, and which of them are not numbers."""
    if reading.get("duration"):
        return _days_of(texts, reading)
    decimal, sign = reading.get("decimal", ""), reading.get("sign", "")
    has_booleans = "booleans" in reading
    marks = marks_of(reading)
    numbers = simple_numbers(texts, decimal, sign)
    unread = np.zeros(len(texts), bool)
    for position in np.flatnonzero(np.isnan(numbers)).tolist():
        text = texts[position]
        lower = text.lower()
        if lower in marks:
            continue
        number = parse_number(text, decimal)
        if number is not None and _is_allowed(number.sign, sign):
            numbers[position] = number.value
        elif has_booleans and lower in TRUE_WORDS | FALSE_WORDS:
            numbers[position] = lower in TRUE_WORDS
        else:
            unread[position] = True
    return numbers, unread


def _days_of(
    texts: Sequence[str], reading: Reading
) -> tuple["NDArray[np.float64]", "NDArray[np.bool_]"]:
    """Return durations in days, and which texts are not durations."""
    # pandas would take a plain number for nanoseconds.
    cells = ["" if _PLAIN_NUMBER.fullmatch(text) else text for text in texts]
    days = pd.to_timedelta(cells, errors="coerce") / pd.Timedelta(days=1)
    numbers = days.to_numpy(float)
    return numbers, np.isnan(numbers) & ~are_marks(texts, marks_of(reading))


def simple_numbers(
    texts: Sequence[str], decimal: str, sign: str
) -> "NDArray[np.float64]":
    """Read those texts that pandas can read as numbers, all at once.

    They are the ordinary ones among those that ``parse_number`` reads, in an eighth of
    the time.

    Args:
        texts: Different cells of a column.
        decimal: The decimal sign.
        sign: The currency or percent sign that they have, or none.

    Returns:
        A number per text; NaN for those that are left to ``parse_number``.
    """
    numbers = np.full(len(texts), np.nan)
    if len(texts) <= SMALL or not decimal:
        return numbers
    point, comma = (r"\.", ",") if decimal == "." else (",", r"\.")
    before = "" if sign in ("%", "any") else re.escape(sign)
    after = " ?%" if sign == "%" else ""
    pattern = (
        rf"-?{before}(?:[1-9][0-9]?[0-9]?(?:{comma}[0-9][0-9][0-9])+|[0-9]+)"
        rf"(?:{point}[0-9]+)?{after}"
    )
    column = pd.Series(texts, dtype="str")
    is_simple = column.str.fullmatch(pattern).to_numpy(bool)
    if is_simple.any():
        kept = rf"[^0-9\-{decimal}]"
        digits = column[is_simple].str.replace(kept, "", regex=True)
        if decimal == ",":
            digits = digits.str.replace(",", ".", regex=False)
        numbers[is_simple] = digits.astype(float)
    return numbers


def _is_allowed(sign: str, trained: str) -> bool:
    """Return True if a number with this sign means what the training numbers mean.

    A currency may be new, where there was none; 7 % is not the same as 7.
    """
    return sign in ("", trained) or trained == "any" or (not trained and sign != "%")


# --- Dates ---

_MONTHS = (
    "January February March April May June "
    "July August September October November December"
)
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"


def _names(words: str, length: int | None = None) -> str:
    return "|".join(word[:length] for word in words.split())


# Names and the halves of a day, by the directive of strptime that reads them. Full
# names come first: "March" begins with "Mar".
_NAMES = re.compile(
    rf"(?P<B>{_names(_MONTHS)})|(?P<b>{_names(_MONTHS, 3)})"
    rf"|(?P<A>{_names(_DAYS)})|(?P<a>{_names(_DAYS, 3)})|(?P<p>[AP]M)",
    re.IGNORECASE,
)

_NINES = str.maketrans("0123456789", "9999999999")

_ISO_SHAPE = re.compile(
    r"9999-99-99([T ]99:99(:99([.,]9{1,9})?)?( ?(Z|[+-]99(:?99)?))?)?"
)

# The shapes of dates, and the format of each; %1 is the day and %2 the month or, if
# months come first, the reverse.
_DATE_SHAPES = [
    (re.compile(shape), form)
    for shape, form in (
        (r"9999([-/.])99?\1(?:99?)", r"%Y\1%m\1%d"),
        (r"99?([-/.])99?\1(9999)", r"%1\1%2\1%Y"),
        (r"99?([-/.])99?\1(99)", r"%1\1%2\1%y"),
        (r"99?([- .]|\. )(%[bB])([- .,]|, |\. )9999", r"%d\1\2\3%Y"),
        (r"99?([- .]|\. )(%[bB])([- .,]|, |\. )99", r"%d\1\2\3%y"),
        (r"(%[bB])( |\. )99?(, ?| )9999", r"\1\2%d\3%Y"),
        (r"(%[bB])([- ]|, )9999", r"\1\2%Y"),
        (r"9999([-/])99", r"%Y\1%m"),
        (r"99?/9999", r"%m/%Y"),
    )
]

_TIME_SHAPES = [
    (re.compile(shape), form)
    for shape, form in (
        (r"99?:99", r"%H:%M"),
        (r"99?:99:99", r"%H:%M:%S"),
        (r"99?:99:99\.9{1,9}", r"%H:%M:%S.%f"),
        (r"99?:99( ?)%p", r"%I:%M\1%p"),
        (r"99?:99:99( ?)%p", r"%I:%M:%S\1%p"),
    )
]

_DATE_AND_TIME = re.compile(
    r"(?P<weekday>%[aA],? )?(?P<date>.+?)"
    r"((?P<gap>, |T| )(?P<time>99?:[^Z+]*?)(?P<zone> ?(Z|[+-]99:?99))?)?"
)


def date_shape(text: str) -> str:
    """Return a text with each digit as 9 and each name as its strptime directive."""
    return _replace_names(text.translate(_NINES))


@lru_cache(maxsize=1024)
def _replace_names(text: str) -> str:
    return _NAMES.sub(lambda match: f"%{match.lastgroup}", text)


@lru_cache(maxsize=1024)
def date_format(shape: str, day_first: bool) -> str | None:
    """Return the strptime format of a shape; None if it is not that of a date.

    Args:
        shape: From ``date_shape``.
        day_first: Whether ``03/04/2024`` is in April.
    """
    if _ISO_SHAPE.fullmatch(shape):
        return ISO
    time_of_day = _first_format(_TIME_SHAPES, shape)
    match = _DATE_AND_TIME.fullmatch(shape)
    if time_of_day or match is None:
        return time_of_day

    weekday, gap, zone = (match[part] or "" for part in ("weekday", "gap", "zone"))
    date = _first_format(_DATE_SHAPES, match["date"])
    time = _first_format(_TIME_SHAPES, match["time"]) if match["time"] else ""
    if date is None or time is None:
        return None
    first, second = ("%d", "%m") if day_first else ("%m", "%d")
    date = date.replace("%1", first).replace("%2", second)
    zone = re.sub(r"Z|[+-]99:?99", "%z", zone)
    return f"{weekday}{date}{gap}{time}{zone}"


def _first_format(
    shapes: Iterable[tuple["re.Pattern[str]", str]], shape: str
) -> str | None:
    """Return the format of the first shape that matches."""
    for pattern, form in shapes:
        match = pattern.fullmatch(shape)
        if match:
            return match.expand(form)
    return None


def depends_on_order(shape: str) -> bool:
    """Return True if a shape is another date when the day comes first."""
    return date_format(shape, True) != date_format(shape, False)


def to_dates(texts: Sequence[str], form: str) -> "NDArray[np.datetime64]":
    """Read texts by one format, zones turned into UTC; what cannot be read is NaT."""
    dates = pd.to_datetime(list(texts), format=form, errors="coerce", utc=True)
    return dates.tz_localize(None).to_numpy("datetime64[us]")


def read_dates(
    values: "pd.Series[Any]", reading: Reading
) -> tuple["NDArray[np.datetime64]", "NDArray[np.bool_]"]:
    """Return a column as dates in UTC, and in which rows a cell is not a date.

    Cells that cannot be read are missing (NaT).
    """
    if is_date_type(values):
        if isinstance(values.dtype, pd.PeriodDtype):
            values = values.dt.to_timestamp()
        dates = pd.DatetimeIndex(values)
        if dates.tz is not None:
            dates = dates.tz_convert("UTC").tz_localize(None)
        return dates.to_numpy("datetime64[us]"), np.zeros(len(values), bool)

    cells = read_cells(values)
    per_text, is_unread = dates_of(cells.texts, reading)
    missing = np.datetime64("NaT", "us")
    return cells.take(per_text, missing), cells.take(is_unread, False)


def dates_of(
    texts: Sequence[str], reading: Reading
) -> tuple["NDArray[np.datetime64]", "NDArray[np.bool_]"]:
    """Return texts as dates, and which of them are not dates."""
    marks = marks_of(reading)
    dates = np.full(len(texts), np.datetime64("NaT", "us"))
    left = ~are_marks(texts, marks)

    for form in reading.get("formats", ()):
        positions = np.flatnonzero(left).tolist()
        if form == ISO:
            # Or pandas would take 2024 for a date, too.
            positions = [i for i in positions if texts[i][4:5] == "-"]
        if positions:
            dates[positions] = to_dates([texts[i] for i in positions], form)
            left &= np.isnat(dates)

    # Formats that the training rows do not have, such as one with a time.
    shapes: dict[str, list[int]] = {}
    for position in np.flatnonzero(left).tolist():
        shapes.setdefault(date_shape(texts[position]), []).append(position)
    for shape, positions in shapes.items():
        dates[positions] = _dates_of_shape(
            [texts[i] for i in positions], shape, reading
        )
    return dates, left & np.isnat(dates)


def _dates_of_shape(
    texts: Sequence[str], shape: str, reading: Reading
) -> "NDArray[np.datetime64]":
    """Read texts of one shape; where the order is not known, those that are sure."""
    day_first = reading.get("day_first")
    form = date_format(shape, day_first is not False)
    is_time = form is not None and is_time_format(form)
    if form is None or is_time != bool(reading.get("time")):
        return np.full(len(texts), np.datetime64("NaT", "us"))

    dates = to_dates(texts, form)
    if day_first is None and depends_on_order(shape):
        by_month = to_dates(texts, str(date_format(shape, False)))
        dates = np.where(np.isnat(dates), by_month, dates)
        is_ambiguous = ~np.isnat(by_month) & (dates != by_month)
        dates[is_ambiguous] = np.datetime64("NaT", "us")
    return dates


def is_time_format(form: str) -> bool:
    """Return True for the format of a time of day without a date."""
    return form != ISO and "%Y" not in form and "%y" not in form


def date_features(
    dates: "NDArray[np.datetime64]", reading: Reading
) -> dict[str, "NDArray[np.float64]"]:
    """Return the days since 2000, and the parts of the date that the reading names.

    Args:
        dates: From ``read_dates``.
        reading: Its ``parts`` are among month, weekday (Monday is 0) and hour, with
            minutes as a fraction. Of a time of day there is the hour alone.

    Returns:
        The values by part; the day has the name ``day``.
    """
    missing = np.isnat(dates)
    days = (dates - np.datetime64("2000-01-01")) / np.timedelta64(1, "D")
    parts = {} if reading.get("time") else {"day": days}
    for part in reading.get("parts", ()):
        if part == "month":
            values = dates.astype("datetime64[M]").astype(int) % 12 + 1.0
        elif part == "weekday":
            values = (np.floor(days) + 5) % 7  # 2000-01-01 was a Saturday
        else:
            values = days % 1 * 24
        parts[part] = np.where(missing, np.nan, values)
    return parts
