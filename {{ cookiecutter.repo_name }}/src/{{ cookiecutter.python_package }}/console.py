"""What a run shows on the console besides its log: progress and tables."""

import atexit
from math import isnan

import pandas as pd
from kedro.io import DataCatalog
from rich import get_console
from rich.console import Group
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from .files import shown_path

MAX_ROWS = 20


class RunProgress:
    """A progress bar over the nodes of a run; silent where there is no terminal."""

    def __init__(self) -> None:
        self._progress: Progress | None = None

    def start(self, nodes: int) -> None:
        """Show the bar.

        Args:
            nodes: Number of nodes in the run.
        """
        # Kedro's log goes through the same console, hence above the bar.
        console = get_console()
        if self._progress is None and console.is_terminal:
            # No refresh from a thread: forking while it holds a lock could hang.
            self._progress = Progress(
                console=console, transient=True, auto_refresh=False
            )
            self._progress.add_task("Nodes", total=nodes)
            self._progress.start()
            # Ctrl-C must not leave the terminal without a cursor.
            atexit.register(self.stop)

    def advance(self) -> None:
        """Count one node as done."""
        if self._progress is not None:
            self._progress.advance(self._progress.task_ids[0])
            self._progress.refresh()

    def stop(self) -> None:
        """Take the bar away."""
        atexit.unregister(self.stop)
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def print_leaderboard(catalog: DataCatalog, name: str) -> None:
    """Print the best models and where the files are.

    Args:
        catalog: Has the leaderboard, one row per model, best first.
        name: Of the leaderboard in it, such as ``benchmark.iris.leaderboard``.
    """
    leaderboard = catalog[name].load()
    title = " of ".join(["Leaderboard", *name.split(".")[1:-1]])
    table = Table("", "model", title=title, title_justify="left")
    for header in ("model_score", "fit", "predict", "size"):
        table.add_column(header, justify="right")
    best = leaderboard.head(MAX_ROWS).to_dict("records")
    for rank, row in enumerate(best, start=1):
        if pd.isna(row["model_score"]):
            table.add_row("", row["model"], "failed", style="red")
            continue
        error = row.get("model_score_stderr")
        table.add_row(
            str(rank),
            row["model"],
            f"{row['model_score']:.3f}"
            + ("" if pd.isna(error) else f" \N{PLUS-MINUS SIGN}{error:.3f}"),
            f"{row['fit_seconds']:.3f} s",
            f"{row['predict_seconds']:.3f} s",
            decimal(int(row["model_bytes"])),
        )
    table.caption = _rest(leaderboard)
    models = name.removesuffix("leaderboard") or "models."
    files = {
        "leaderboard": shown_path(catalog, name),
        "plot": shown_path(catalog, f"{name}_plot"),
        "models": shown_path(catalog, models + "{model}.fitted_model"),
    }
    places = Table.grid(padding=(0, 2))
    for what, path in files.items():
        places.add_row(what, path or "see catalog.yml", style="dim")
    get_console().print(Group(table, places))


def print_table(title: str, values: pd.DataFrame) -> None:
    """Print a table: the first rows of it.

    Args:
        title: What to write above it.
        values: One row per line, texts and numbers.
    """
    table = Table(title=title, title_justify="left")
    for name, column in values.items():
        number = pd.api.types.is_numeric_dtype(column)
        table.add_column(str(name), justify="right" if number else "left")
    for row in values.head(MAX_ROWS).itertuples(index=False):
        table.add_row(*map(_shown, row))
    table.caption = _rest(values)
    get_console().print(table)


def _rest(values: pd.DataFrame) -> str | None:
    """Return what to write below a table that is cut."""
    rest = len(values) - MAX_ROWS
    return f"{rest} more in the file" if rest > 0 else None


def _shown(value: object) -> str:
    """Return a value as it stands in a table."""
    if isinstance(value, float):
        return "" if isnan(value) else f"{value:.3f}"
    return escape(str(value))
