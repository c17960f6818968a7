"""What a run shows besides its log, of which noise is left out: tables and places."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


STDERR = "_stderr"


logger = logging.getLogger(__name__)


class _LastingFile(io.FileIO):
    """A file that also takes what cannot be written, since nobody reads it any more."""

    def write(self, data: Any) -> int:
        with suppress(OSError):
            super().write(data)
        return len(data)


def keep_output_open() -> None:
    """Let no closed pipe and no letter that the terminal lacks end a run."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif stream is getattr(sys, f"__{name}__"):  # neither a notebook's nor a test's
            with suppress(OSError):
                stream.flush()
            file = io.BufferedWriter(_LastingFile(stream.fileno(), "w", closefd=False))
            how = stream.encoding, "replace", None, stream.line_buffering
            setattr(sys, name, io.TextIOWrapper(file, *how))


@contextmanager
def harmless() -> Iterator[None]:
    """Let what cannot be shown be a warning: output does not decide about work."""
    try:
        yield
    except Exception as error:  # whatever terminals and values may raise
        logger.warning("Not shown: %s", one_line(error), extra=VERBATIM)


@contextmanager
def show_or_warn(shown: str) -> Iterator[None]:
    """Make a warning of an error in what shows something."""
    with harmless():
        yield


@harmless()
def print_table(title: str, values: pd.DataFrame) -> None:
    """Print the first rows of a table, numbers rounded.

    A column and that of its standard error, such as ``accuracy_stderr``, become one; a
    row with an ``error`` shows that it failed.
    """
    columns, rows = shown_rows(values)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    used = 2
    for name, *cells in zip(columns, *rows, strict=True):
        # Long headers wrap where words end; a number that is cut would be another one.
        header = name.replace("_", " ")
        width = max(map(len, [*header.split(" "), *cells]))
        used += width + 3
        if table.columns and used > get_console().width:
            break
        number = pd.api.types.is_numeric_dtype(values[name])
        justify: Literal["left", "right"] = "right" if number else "left"
        table.add_column(escape(header), justify=justify, width=width)
    for cells in rows:
        shown = cells[: len(table.columns)]
        table.add_row(*map(escape, shown), style="red" if "failed" in cells else None)
    if len(values) > MAX_ROWS:
        table.caption = f"{len(values) - MAX_ROWS} more in the file"
    get_console().print(table)


def shown_rows(values: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return the columns of a table for people, and its first rows as texts."""
    names = [str(name) for name in values if name != "error"]
    columns = [name for name in names if not name.endswith(STDERR)]
    rows = [_cells(row, columns) for row in values.head(MAX_ROWS).to_dict("records")]
    return columns, rows


@harmless()
def print_places(places: dict[str, str]) -> None:
    """Print where things are, a line each; files as links, where terminals can."""
    for what, place in places.items():
        line = escape(f"{what:<9} {place}")
        path = Path(place)
        link = f" link {path.absolute().as_uri()}" if path.is_file() else ""
        get_console().print(line, style=f"dim{link}", highlight=False, soft_wrap=True)


def _cells(row: dict[Any, Any], columns: list[str]) -> list[str]:
    """Return a row as texts; of a model that failed, its name and that it failed."""
    if isinstance(row.get("error"), str):
        return [str(row[columns[0]]), "failed", *[""] * (len(columns) - 2)]
    return [_shown(row[name], row.get(f"{name}{STDERR}")) for name in columns]


def _shown(value: Any, error: Any) -> str:
    """Return a value as it stands in a table."""
    if not isinstance(value, float):
        return str(value)
    if not isfinite(value):
        return ""
    around = isinstance(error, float) and isfinite(error)
    return f"{value:.3f}" + (f" \N{PLUS-MINUS SIGN}{error:.3f}" if around else "")
