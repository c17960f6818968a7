"""What a run prints besides its log: tables, and where files are."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TypeGuard

import numpy as np
import pandas as pd
from rich import get_console
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table

from kedro_dynamic.catalog.names import MODEL_SCORE
from kedro_dynamic.config.errors import VERBATIM, one_line
from kedro_dynamic.config.schema import BASELINE
from kedro_dynamic.models.scores import (
    display_column,
    display_number,
    display_stored,
    display_value,
    score_of_column,
)

MAX_ROWS = 20

# The column of standard errors of ``accuracy`` is ``accuracy_stderr``; ``accuracy_low``
# and ``accuracy_high`` bound its interval.
STDERR_SUFFIX = "_stderr"
LOW_SUFFIX, HIGH_SUFFIX = "_low", "_high"

# Whole numbers from here on get separators: smaller ones may be years.
LARGE = 10_000

# What the box of a table takes of the width, in all and per column.
TABLE_MARGIN, COLUMN_MARGIN = 2, 3

FAILED = "failed"

# The column of a leaderboard that stands below the table where it does not fit.
NOTE = "note"
MODEL = "model"

logger = logging.getLogger(__name__)


@contextmanager
def show_or_warn(problem: str = "Not shown") -> Iterator[None]:
    """Log a warning in place of any error in the block, or in the decorated function.

    What cannot be shown does not fail the run whose results it shows.

    Args:
        problem: How the warning begins; the error follows.
    """
    try:
        yield
    except Exception as error:
        logger.warning("%s: %s", problem, one_line(error), extra=VERBATIM)


@show_or_warn()
def print_table(title: str, values: pd.DataFrame, champion: str = "") -> None:
    """Print the first rows of a table.

    Columns that do not fit into the terminal are named below it, since a number that is
    cut would be another number.

    Args:
        title: The line above the table.
        values: The table. See ``format_rows`` for how it is shown.
        champion: Name of the model whose row says that it is the champion.
    """
    columns, rows = format_rows(values, champion)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    available = get_console().width - TABLE_MARGIN
    shown: list[int] = []
    notes: list[str] = []
    left_out: list[str] = []
    names = [row[0] for row in rows]
    for row in rows:
        row[0] += " (champion)" if row[0] == champion else ""
    for position, (header, is_numeric) in enumerate(columns):
        cells = [row[position] for row in rows]
        # Long headers wrap between words. Chinese letters take two cells each.
        width = max(map(cell_len, [*header.split(" "), *cells]))
        if left_out or (shown and width + COLUMN_MARGIN > available):
            if header == NOTE:
                notes = _group_notes(names, cells)
            else:
                left_out.append(header)
            continue
        available -= width + COLUMN_MARGIN
        shown.append(position)
        justify: Literal["left", "right"] = "right" if is_numeric else "left"
        table.add_column(escape(header), justify=justify, width=width)

    for row in rows:
        cells = [escape(row[position]) for position in shown]
        table.add_row(*cells, style="red" if FAILED in row else None)
    if len(values) > len(rows):
        notes.append(f"{len(values) - len(rows)} more rows in the file")
    if left_out:
        notes.append(f"Columns without room, in the file: {', '.join(left_out)}")
    get_console().print(table)
    for note in notes:
        get_console().print(escape(f"  {note}"), style="dim", highlight=False)


def _group_notes(names: list[str], notes: list[str]) -> list[str]:
    """Return notes as lines, each with the names that it is about."""
    grouped = defaultdict(list)
    for name, note in zip(names, notes, strict=True):
        if note:
            grouped[note].append(name)
    return [f"{note}: {', '.join(names)}" for note, names in grouped.items()]


def format_rows(
    values: pd.DataFrame, champion: str = ""
) -> tuple[list[tuple[str, bool]], list[list[str]]]:
    """Return a table as people read it.

    Numbers are rounded, and losses are positive. A column and its standard errors or
    its interval, such as ``accuracy``, ``accuracy_stderr``, ``accuracy_low`` and
    ``accuracy_high``, become one column. The column ``model_score``, which repeats a
    score on the test set, is left out beside it. A row with a text in the column
    ``error`` shows that it failed, and nothing else.

    Args:
        values: A table.
        champion: Name of the model that is champion.

    Returns:
        The header of each column, and whether it holds numbers. And the cells of the
        first ``MAX_ROWS`` rows, of the champion and of the baseline.
    """
    columns = [name for name in map(str, values) if _is_shown(name, values)]
    if len(columns) == 1 and "error" in values:
        columns.append("error")  # all models failed, so scores are missing
    headers = [
        (display_column(name), pd.api.types.is_numeric_dtype(values[name]))
        for name in columns
    ]
    shown = np.arange(len(values)) < MAX_ROWS
    if MODEL in values:
        shown |= values[MODEL].isin([champion, BASELINE])
    records = values[shown].to_dict("records")
    return headers, [_format_row(record, columns) for record in records]


def _is_shown(name: str, values: pd.DataFrame) -> bool:
    """Return True if a column is shown as one of its own."""
    if name == MODEL_SCORE:
        return not any(str(column).startswith("test_") for column in values)
    for suffix in (LOW_SUFFIX, HIGH_SUFFIX):
        if name.endswith(suffix) and name.removesuffix(suffix) in values:
            return False
    return name != "error" and not name.endswith(STDERR_SUFFIX)


@show_or_warn()
def print_verdict(sentence: str) -> None:
    """Print what a run means; nothing if it compares no models."""
    if not sentence:
        return
    line = escape(f"{'verdict':<9} {sentence}")
    get_console().print(line, style="bold", highlight=False, soft_wrap=True)


@show_or_warn()
def print_places(places: dict[str, str]) -> None:
    """Print where things are, one per line.

    Args:
        places: Names of things, and where each is. Paths of files become links in
            terminals that support links.
    """
    for name, place in places.items():
        line = escape(f"{name:<9} {place}")
        path = Path(place)
        link = f" link {path.absolute().as_uri()}" if path.is_file() else ""
        get_console().print(line, style=f"dim{link}", highlight=False, soft_wrap=True)


def _format_row(record: dict[Any, Any], columns: list[str]) -> list[str]:
    """Return the cells of a row."""
    if isinstance(record.get("error"), str):
        empty = [""] * (len(columns) - 2)
        return [str(record[columns[0]]), FAILED, *empty]
    return [_format_cell(record, name) for name in columns]


def _is_finite(value: Any) -> TypeGuard[float]:
    """Return True if a cell holds a finite number."""
    return isinstance(value, int | float) and isfinite(value)


def _format_cell(record: dict[Any, Any], name: str) -> str:
    """Return a value as text; a number with its standard error or interval."""
    value, score = record[name], score_of_column(name)
    if isinstance(value, float) and not isfinite(value):
        return ""
    if score == name and isinstance(value, float):  # such as seconds
        return f"{value:,.3f}"
    if score == name or not _is_finite(value):
        is_large = isinstance(value, int) and abs(value) >= LARGE
        return f"{value:,}" if is_large else str(value)
    # A whole number is a score, too: a file has 156706.0 as 156706.
    text = display_stored(score, value)

    stderr = record.get(f"{name}{STDERR_SUFFIX}")
    if _is_finite(stderr):
        text += f" \N{PLUS-MINUS SIGN}{display_number(stderr, beside=value)}"
    bounds = [record.get(f"{name}{suffix}") for suffix in (LOW_SUFFIX, HIGH_SUFFIX)]
    if all(map(_is_finite, bounds)):
        ends = sorted(display_value(score, bound) for bound in bounds)
        low, high = (display_number(end, beside=value) for end in ends)
        text += f" [{low}, {high}]"
    return text
