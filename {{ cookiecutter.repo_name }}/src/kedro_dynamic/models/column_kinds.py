"""Decides what each column of a raw table holds, on the training rows.

The result is a table of its own, the dataset ``columns``: it goes into a CSV file,
into the report, and into the model, which reads new rows by it. A fitted model needs
this module, so it imports numpy and pandas only.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kedro_dynamic.models.column_cells import (
    NUMBER_MARKS,
    Reading,
    is_date_type,
    is_duration,
    is_numeric,
    is_time_format,
    read_dates,
    read_numbers,
    to_dates,
)
from kedro_dynamic.models.column_formats import (
    Format,
    TextColumn,
    find_date_format,
    find_number_format,
    looks_like_dates,
    looks_like_numbers,
    read_date_format,
    varying_parts,
)

Kind = Literal["number", "date", "category", "many", "text", "dropped"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MAX_LEVELS = 40
"""A category with more levels than this is one with many levels."""

MIN_DIFFERENT = 20
"""Columns with fewer different values are neither identifiers nor texts."""

IDENTIFIER_SHARE = 0.95
"""Identifiers are different in at least this share of the rows that have them."""

TEXT_SHARE = 0.5
"""Texts are different in at least this share of the rows that have them."""

# Cells that are not numbers, or not dates, are taken for marks of missing values if
# they are at most the first share of the rows, and either this number of different
# ones or the second share; the other cells have at least so many different values.
ODD_SHARE, ODD_VALUES, FEW_ODD_SHARE, MIN_REGULAR = 0.05, 3, 0.01, 10

# Cells of letters and digits, such as V57 among codes of diseases, are codes. They are
# tolerated as slips of the pen in one row of a thousand only.
_CODE = re.compile(r"(?=.*[^\W\d_])(?=.*\d).*", re.DOTALL)
ODD_CODE_SHARE = 0.001

# A word has letters, at least two.
_WORD = re.compile(r"[^\W\d_]{2,}")

# Cells of a chunk when columns of numbers are counted, 16 MB.
CHUNK = 2_000_000

# The range of dates that are written as one number.
FIRST_DATE, LAST_DATE = 1900_01_01, 2100_12_31

MOST_NAMES = 10
"""Columns that one line names."""

_BOOLEAN_PAIRS = (
    ("true", "false"),
    ("yes", "no"),
    ("y", "n"),
    ("t", "f"),
    ("on", "off"),
    ("1", "0"),
)


_A_KIND = {
    "category": "a category",
    "many": "a category",
    "text": "a text",
    "dropped": "taken for an identifier and not used",
}


_BELOW = "below load_args of the table's catalog entry"


class ColumnsError(ValueError):
    """Columns that cannot be read as ``data.columns`` says, one problem a line."""

    def __init__(self, problems: Sequence[str]):
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class Decision(NamedTuple):
    """What one column holds, and how its cells are read."""

    kind: Kind
    values: int
    """Number of different values."""

    missing: float
    """Share of rows without a value."""

    why: str
    advice: str
    """What the owner of the table should know or write; mostly empty."""

    reading: Reading


def read_columns(
    X: pd.DataFrame, overrides: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Decide for each column what it holds and how its cells are read.

    Args:
        X: Raw training rows, features only. Columns may have any type and any name.
        overrides: By column a kind (number, date, category, many, text, dropped) or,
            for dates, their format as ``strptime`` has it, such as ``%d/%m/%Y``.

    Returns:
        One row per column, in the order of X: ``column``, ``kind``, ``values`` (number
        of different ones), ``missing`` (share of rows), ``why``, ``advice`` for the
        owner (mostly empty) and ``reading``, as JSON.

    Raises:
        ColumnsError: If an override names no column, or one that cannot be read so;
            or if columns share a name.
    """
    wanted = {str(name): str(kind) for name, kind in (overrides or {}).items()}
    names = [str(name) for name in X.columns]
    problems = _name_problems(names, wanted)
    if problems:
        raise ColumnsError(problems)

    decisions = _decide_numbers(X, wanted)
    for position, name in enumerate(names):
        if position in decisions:
            continue
        values = X.iloc[:, position]
        if name not in wanted:
            decisions[position] = _decide(values, name)
            continue
        try:
            decisions[position] = _decide_as(values, name, wanted[name])
        except ValueError as error:
            problems.append(f"data.columns.{name}: {error}")
    if problems:
        raise ColumnsError(problems)

    table = [
        {"column": name, **decisions[position]._asdict()}
        for position, name in enumerate(names)
    ]
    for row in table:
        # Also the name: in a CSV file, "NA" is a missing value and "007" a number.
        reading = {"column": row["column"], **row["reading"]}
        row["missing"] = round(row["missing"], 4)
        row["reading"] = json.dumps(reading, ensure_ascii=False)
    return pd.DataFrame(table, columns=["column", *Decision._fields])


def columns_to_json(columns: pd.DataFrame) -> str:
    """Return the table of columns as the text that a model carries.

    Args:
        columns: From ``read_columns``, or read back from a CSV file.
    """
    kinds = columns["kind"].tolist()
    readings = columns["reading"].tolist()
    rows = [
        {"kind": kind, **json.loads(reading)}
        for kind, reading in zip(kinds, readings, strict=True)
    ]
    return json.dumps(rows, ensure_ascii=False)


def notable_columns(columns: pd.DataFrame) -> list[str]:
    """Return what is worth saying of the columns, one line each.

    Args:
        columns: From ``read_columns``, or read back from a CSV file.
    """
    names = [json.loads(reading)["column"] for reading in columns["reading"].tolist()]
    table = columns.assign(column=names, advice=columns["advice"].fillna(""))
    lines = []
    unused = table[(table["kind"] == "dropped") & (table["advice"] == "")]
    for why, group in unused.groupby("why", sort=False):
        listed = ", ".join(group["column"].head(MOST_NAMES))
        more = len(group) - MOST_NAMES
        lines.append(
            f"not used: {listed}{f' and {more} more' if more > 0 else ''} ({why})"
        )
    for name, advice in zip(table["column"], table["advice"], strict=True):
        if advice:
            lines.append(f"{name}: {advice}")
    return lines


def _name_problems(names: Sequence[str], wanted: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the names of columns, and with overrides."""
    problems = [
        f"{count} columns have the name '{name}'"
        for name, count in Counter(names).items()
        if count > 1
    ]
    for name, kind in wanted.items():
        if name not in names:
            hint = _did_you_mean(name, names)
            problems.append(f"data.columns: '{name}' is not a feature{hint}")
        if kind not in KINDS and "%" not in kind:
            hint = _did_you_mean(kind, KINDS)
            problems.append(
                f"data.columns.{name}: '{kind}' is not a kind of column{hint}; write "
                f"{', '.join(KINDS)}, or a format of dates such as '%d/%m/%Y'"
            )
    return problems


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return a hint at the nearest known word."""
    nearest = get_close_matches(word, known, n=1)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


# --- Columns of numbers ---


def _decide_numbers(X: pd.DataFrame, wanted: Mapping[str, str]) -> dict[int, Decision]:
    """Return decisions on all columns of numpy's numbers, by position.

    They are looked at in blocks: 6,830 columns take as long as a few texts.
    """
    positions = [
        position
        for position, (name, dtype) in enumerate(X.dtypes.items())
        if isinstance(dtype, np.dtype)
        and dtype.kind in "iuf"
        and str(name) not in wanted
    ]
    decisions: dict[int, Decision] = {}
    step = max(1, CHUNK // max(1, len(X)))
    for start in range(0, len(positions), step):
        chunk = positions[start : start + step]
        matrix = X.iloc[:, chunk].to_numpy(float).T
        decisions.update(zip(chunk, _describe_numbers(matrix), strict=True))
    return decisions


def _describe_numbers(matrix: "NDArray[np.float64]") -> list[Decision]:
    """Return decisions on columns of numbers, which are the rows of a matrix."""
    ordered = np.sort(matrix, axis=1)
    present = (~np.isnan(ordered)).sum(axis=1)
    changes = (ordered[:, 1:] > ordered[:, :-1]).sum(axis=1)
    different = changes + (present > 0)
    is_whole = ((ordered == np.floor(ordered)) | np.isnan(ordered)).all(axis=1)
    missing = 1 - present / max(1, matrix.shape[1])

    decisions = []
    for row, count in enumerate(different.tolist()):
        share = float(missing[row])
        if count < 2:
            decisions.append(_decide_few(count, share, {}))
            continue
        low, high = ordered[row, 0], ordered[row, present[row] - 1]
        reading: dict[str, Any] = {}
        if is_whole[row]:
            reading["decimal"] = "."
        if count == 2 and (low, high) == (0, 1):
            reading["booleans"] = {"true": "1", "false": "0"}
        decision = Decision("number", count, share, "numbers", "", reading)
        if is_whole[row] and low >= FIRST_DATE and high <= LAST_DATE:
            numbers = np.unique(ordered[row, : present[row]])
            decision = _decide_compact_dates(numbers, decision)
        decisions.append(decision)
    return decisions


def _decide_compact_dates(
    numbers: "NDArray[np.float64]", decision: Decision
) -> Decision:
    """Return the decision on numbers that may be dates such as 20240131."""
    dates = to_dates([str(int(number)) for number in numbers], "%Y%m%d")
    if len(numbers) < MIN_REGULAR or np.isnat(dates).any():
        return decision
    reading = {"formats": ["%Y%m%d"], "parts": varying_parts(dates, {})}
    why = f"all numbers are dates such as {numbers[0]:.0f}"
    return decision._replace(kind="date", why=why, reading=reading)


def _decide_few(different: int, missing: float, reading: Reading) -> Decision:
    """Return the decision on a column with at most one value."""
    if different == 0:
        return Decision("dropped", 0, missing, "no values", "", {})
    if missing == 0:
        return Decision("dropped", 1, 0.0, "one value only", "", {})
    return Decision("category", 1, missing, "one value, or missing", "", reading)


# --- Columns of other types ---


def _decide(values: "pd.Series[Any]", name: str) -> Decision:
    """Return what a column holds, by its type and, if need be, by its cells."""
    if is_numeric(values) or is_duration(values):
        return _decide_number_type(values)
    if is_date_type(values):
        return _decide_date_type(values)

    column = TextColumn.of(values)
    if len(column.texts) < 2:
        return _decide_few(len(column.texts), column.missing, _boolean_reading(column))
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _decide_category(column)
    return _decide_texts(column, name)


def _decide_number_type(values: "pd.Series[Any]") -> Decision:
    """Return the decision on a column of numbers or durations."""
    numbers, _ = read_numbers(values, {})
    decision = _describe_numbers(numbers[np.newaxis, :])[0]
    if decision.kind == "number" and not is_numeric(values):
        why, reading = "durations, in days", {"duration": True}
        return decision._replace(why=why, reading=reading)
    return decision


def _decide_date_type(values: "pd.Series[Any]") -> Decision:
    """Return the decision on a column of dates."""
    dates, _ = read_dates(values, {})
    present = dates[~np.isnat(dates)]
    different = np.unique(present)
    missing = 1 - len(present) / max(1, len(dates))
    if len(different) < 2:
        return _decide_few(len(different), missing, {})
    reading = {"parts": varying_parts(different, {})}
    return Decision("date", len(different), missing, "dates", "", reading)


def _boolean_reading(column: TextColumn) -> dict[str, Any]:
    """Return which levels mean true and false; empty unless both, or one alone, do."""
    if len(column.texts) > MAX_LEVELS:
        return {}
    by_word = {text.lower(): text for text in column.texts}
    for true, false in _BOOLEAN_PAIRS:
        if true == "1" and len(column.texts) > 2:
            continue  # among other numbers, 1 is not true
        found = {"true": by_word.get(true), "false": by_word.get(false)}
        levels = {word: level for word, level in found.items() if level is not None}
        if len(levels) == 2 or (levels and len(column.texts) == 1):
            return {"booleans": levels}
    return {}


def _decide_texts(column: TextColumn, name: str) -> Decision:
    """Return what a column of texts holds: numbers, dates, categories or texts."""
    regular = column.without(NUMBER_MARKS)
    rejected = None
    if len(regular.texts) > 1 and looks_like_numbers(regular):
        found = _Found("number", find_number_format(regular), regular, name)
        rejected = found
        if not found.problem:
            return found.decision()
    if len(regular.texts) > 1 and looks_like_dates(regular):
        found = _Found("date", find_date_format(regular), regular, name)
        rejected = found
        if not found.problem:
            return found.decision()

    decision = _decide_levels(column, name)
    if rejected is None:
        return decision
    why = f"{decision.why}; {rejected.problem}"
    advice = rejected.advice_if_rejected(decision.kind)
    return decision._replace(why=why, advice=advice)


def _decide_levels(column: TextColumn, name: str) -> Decision:
    """Return the decision on a column that holds neither numbers nor dates."""
    different = len(column.texts)
    share = different / max(1, column.present)
    if different >= MIN_DIFFERENT and share >= TEXT_SHARE and _is_wordy(column):
        why = "mostly different, with several words"
        return Decision("text", different, column.missing, why, "", {})
    # Whether a value is there at all can be worth knowing where most rows have none.
    is_filled = column.missing < 0.5
    if different >= MIN_DIFFERENT and share >= IDENTIFIER_SHARE and is_filled:
        why = "a value per row: an identifier"
        return Decision("dropped", different, column.missing, why, "", {})
    return _decide_category(column)


def _decide_category(column: TextColumn) -> Decision:
    """Return the decision on a category, with many levels or not."""
    different = len(column.texts)
    kind: Kind = "many" if different > MAX_LEVELS else "category"
    reading = _boolean_reading(column)
    why = f"{different:,} categories"
    return Decision(kind, different, column.missing, why, "", reading)


def _is_wordy(column: TextColumn) -> bool:
    """Return True if at least half of the texts have two words or more."""
    sample = column.sample()
    counts = [len(_WORD.findall(text)) for text in sample]
    return sum(count > 1 for count in counts) >= len(sample) / 2


class _Found(NamedTuple):
    """Numbers or dates that texts were found to be."""

    kind: Kind
    form: Format
    column: TextColumn
    name: str

    @property
    def problem(self) -> str:
        """Why the column is not of this kind all the same; empty if it is."""
        if self.form.conflict:
            return self.form.conflict
        return "" if self.is_tolerable() else self._odd_cells()

    def is_tolerable(self) -> bool:
        """Return True if the odd cells are few and do not look like codes."""
        odd, present = self.form.odd, max(1, self.column.present)
        if not odd.texts:
            return True
        codes = odd.where([bool(_CODE.fullmatch(text)) for text in odd.texts])
        is_uniform = len(odd.texts) <= ODD_VALUES
        return (
            odd.present <= (ODD_SHARE if is_uniform else FEW_ODD_SHARE) * present
            and codes.present <= ODD_CODE_SHARE * present
            and self.form.values >= MIN_REGULAR
        )

    def decision(self) -> Decision:
        """Return the decision that the column is of this kind."""
        form, column = self.form, self.column
        if form.values < 2 and not form.odd.texts:
            return _decide_few(form.values, column.missing, {})
        noun = "times of day" if form.reading.get("time") else f"{self.kind}s"
        missing = 1 - (column.present - form.odd.present) / max(1, column.rows)
        if form.odd.texts:
            share = _percent(1 - form.odd.present / column.present)
            why = f"{share} of the values are {noun}, the others read as missing"
            marks = [text.lower() for text in form.odd.texts]
            reading = {**form.reading, "missing": marks}
        else:
            why, reading = f"all values are {noun}", form.reading
        why = "; ".join([why, *form.notes])
        return Decision(
            self.kind, form.values, missing, why, self._advice_if_accepted(), reading
        )

    def _advice_if_accepted(self) -> str:
        """Return what was decided without evidence, and what to write instead."""
        advice = []
        if self.form.odd.texts:
            remedy = f"if that is right, {self._remedy()}"
            advice.append(f"{self._odd_cells()}, read as missing; {remedy}")
        if self.form.doubt and self.kind == "date":
            write = f"write data.columns: {self._override(self.form.alternative)}"
            advice.append(f"{self.form.doubt}; if days come first, {write}")
        elif self.form.doubt:
            write = f"write {self.form.alternative} {_BELOW}"
            advice.append(f"{self.form.doubt}; if they are decimal commas, {write}")
        return "; ".join(advice)

    def advice_if_rejected(self, kind: Kind) -> str:
        """Return what to write if the column should have been of this kind."""
        form = self.form
        if form.conflict and self.kind == "number" and "sign" not in form.reading:
            return ""  # codes with leading zeros are categories by right
        if not form.conflict and form.values < MIN_REGULAR:
            return ""  # a few numbers are as good as categories

        became = f"{self.problem}, so the column is {_A_KIND[kind]}"
        if not form.conflict:
            return f"{became}; if they are missing values, {self._remedy()}"
        override = "%d/%m/%Y" if self.kind == "date" else self.kind
        write = f"write data.columns: {self._override(override)}"
        return f"{became}; if they are {self.kind}s all the same, {write}"

    def _override(self, kind: str) -> str:
        """Return an entry of ``data.columns`` for this column."""
        is_plain = re.fullmatch(r"[A-Za-z_][\w .-]*", self.name)
        key = self.name if is_plain else json.dumps(self.name, ensure_ascii=False)
        value = f"'{kind}'" if "%" in kind else kind
        return "{" + f"{key}: {value}" + "}"

    def _odd_cells(self) -> str:
        """Say how many cells are not numbers or dates, and which."""
        odd, present = self.form.odd, self.column.present
        listed = ", ".join(f"'{text}'" for text, _ in odd.most_frequent(3))
        dots = " and others" if len(odd.texts) > 3 else ""
        not_so = (
            f"is not a {self.kind}" if odd.present == 1 else f"are not {self.kind}s"
        )
        return f"{odd.present:,} of {present:,} values ({listed}{dots}) {not_so}"

    def _remedy(self) -> str:
        """Say what to write if odd cells mean missing values."""
        texts = [text for text, _ in self.form.odd.most_frequent(3)]
        listed = json.dumps(texts, ensure_ascii=False)
        dots = " and so on" if len(self.form.odd.texts) > 3 else ""
        return f"write na_values: {listed}{dots} {_BELOW}"


def _percent(share: float) -> str:
    """Return a share as a percentage; nearly all is not 100 %."""
    return f"{min(99.9, share * 100):.3g} %"


# --- Columns that the owner decides ---


def _decide_as(values: "pd.Series[Any]", name: str, wanted: str) -> Decision:
    """Return the decision on a column whose kind the owner has set.

    Raises:
        ValueError: If the column cannot be of this kind.
    """
    if wanted == "number":
        decision = _decide_as_number(values, name)
    elif wanted == "date" or "%" in wanted:
        decision = _decide_as_date(values, name, wanted)
    else:
        column = TextColumn.of(values)
        if wanted == "text" and (is_numeric(values) or is_date_type(values)):
            raise ValueError(f"it is a column of type {values.dtype}, not of texts")
        reading = {} if wanted in ("text", "dropped") else _boolean_reading(column)
        different, missing = len(column.texts), column.missing
        decision = Decision(wanted, different, missing, "", "", reading)  # type: ignore[arg-type]
    why = "; ".join(filter(None, ["set by data.columns", decision.why]))
    return decision._replace(why=why)


def _decide_as_number(values: "pd.Series[Any]", name: str) -> Decision:
    """Return the decision that a column holds numbers."""
    if is_date_type(values):
        raise ValueError(f"it is a column of type {values.dtype}, not of numbers")
    if is_numeric(values) or is_duration(values):
        return _decide_number_type(values)._replace(kind="number", why="")

    column = TextColumn.of(values)
    if pd.api.types.is_bool_dtype(values.dtype):
        reading = {"decimal": ".", "booleans": {"true": "1", "false": "0"}}
        return Decision("number", len(column.texts), column.missing, "", "", reading)
    regular = column.without(NUMBER_MARKS)
    found = _Found("number", find_number_format(regular), regular, name)
    return _decide_as_found(found)


def _decide_as_date(values: "pd.Series[Any]", name: str, wanted: str) -> Decision:
    """Return the decision that a column holds dates, perhaps of a known format."""
    if is_date_type(values):
        return _decide_date_type(values)._replace(kind="date", why="")
    column = TextColumn.of(values).without(NUMBER_MARKS)
    if wanted != "date":
        reading: dict[str, Any] = {"formats": [wanted]}
        if is_time_format(wanted):
            reading["time"] = True
        form = read_date_format(column, reading, [wanted])
    elif is_numeric(values):
        form = read_date_format(column, {"formats": ["%Y%m%d"]}, ["%Y%m%d"])
    else:
        form = find_date_format(column)
    if form.conflict:
        raise ValueError(f"{form.conflict}; write a format, such as '%d/%m/%Y'")
    return _decide_as_found(_Found("date", form, column, name))


def _decide_as_found(found: _Found) -> Decision:
    """Return the decision that the owner wants, if nearly all cells can be read."""
    odd, present = found.form.odd, found.column.present
    if odd.present > ODD_SHARE * present or found.form.values == 0:
        listed = ", ".join(f"'{text}'" for text, _ in odd.most_frequent(3))
        raise ValueError(
            f"{odd.present:,} of {present:,} values are not {found.kind}s, such as "
            f"{listed or 'none'}"
        )
    decision = found.decision()
    return decision._replace(
        kind=found.kind, reading={**found.form.reading, **decision.reading}
    )
