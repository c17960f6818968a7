"""What a run prints besides its log: tables, and where files are."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from rich import get_console
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from kedro_dynamic.config.errors import VERBATIM, one_line

MAX_ROWS = 20

# The column of standard errors of ``accuracy`` is ``accuracy_stderr``.
STDERR_SUFFIX = "_stderr"

# What the box of a table takes of the width, in all and per column.
TABLE_MARGIN, COLUMN_MARGIN = 2, 3

FAILED = "failed"

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
def print_table(title: str, values: pd.DataFrame) -> None:
    """Print the first rows of a table.

    Columns that do not fit into the terminal are left out, since a number that is cut
    would be another number.

    Args:
        title: The line above the table.
        values: The table. See ``format_rows`` for how it is shown.
    """
    columns, rows = format_rows(values)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    available = get_console().width - TABLE_MARGIN
    for position, name in enumerate(columns):
        # Long headers wrap between words.
        header = name.replace("_", " ")
        words = [*header.split(" "), *(row[position] for row in rows)]
        width = max(map(len, words))
        available -= width + COLUMN_MARGIN
        if table.columns and available < 0:
            break
        is_numeric = pd.api.types.is_numeric_dtype(values[name])
        justify: Literal["left", "right"] = "right" if is_numeric else "left"
        table.add_column(escape(header), justify=justify, width=width)

    for row in rows:
        cells = [escape(cell) for cell in row[: len(table.columns)]]
        table.add_row(*cells, style="red" if FAILED in row else None)
    if len(values) > MAX_ROWS:
        table.caption = f"{len(values) - MAX_ROWS} more in the file"
    get_console().print(table)


def format_rows(values: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return a table as people read it.

    Numbers are rounded. A column and its standard errors, such as ``accuracy`` and
    ``accuracy_stderr``, become one column. A row with a text in the column ``error``
    shows that it failed, and nothing else.

    Args:
        values: A table.

    Returns:
        The names of the columns, and the cells of at most ``MAX_ROWS`` rows.
    """
    columns = [
        str(name)
        for name in values
        if name != "error" and not str(name).endswith(STDERR_SUFFIX)
    ]
    records = values.head(MAX_ROWS).to_dict("records")
    return columns, [_format_row(record, columns) for record in records]


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
    return [
        _format_value(record[name], record.get(f"{name}{STDERR_SUFFIX}"))
        for name in columns
    ]


def _format_value(value: Any, stderr: Any) -> str:
    """Return a value as text; a number with its standard error, if there is one."""
    if not isinstance(value, float):
        return str(value)
    if not isfinite(value):
        return ""
    text = f"{value:.3f}"
    if isinstance(stderr, float) and isfinite(stderr):
        text += f" \N{PLUS-MINUS SIGN}{stderr:.3f}"
    return text
