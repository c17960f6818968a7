"""Progress and leaderboard, on a terminal and where there is none."""

import logging
from io import StringIO

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.logging import RichHandler
from rich.console import Console

from {{ cookiecutter.python_package }} import console
from {{ cookiecutter.python_package }}.pipelines.models.failures import (
    note_failure,
)


def show_on(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> StringIO:
    screen = StringIO()
    rich = Console(file=screen, force_terminal=terminal, width=100)
    monkeypatch.setattr(console, "get_console", lambda: rich)
    return screen


def run_three_nodes() -> None:
    progress = console.RunProgress()
    progress.start(nodes=3)
    for _ in range(3):
        progress.advance()
    progress.stop()


def test_a_terminal_shows_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on(monkeypatch, terminal=True)
    run_three_nodes()
    assert "33%" in screen.getvalue()
    assert "100%" in screen.getvalue()


def test_a_file_gets_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on(monkeypatch, terminal=False)
    run_three_nodes()
    assert screen.getvalue() == ""


def test_a_long_leaderboard_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on(monkeypatch, terminal=False)
    catalog = DataCatalog.from_config(
        {"leaderboard": {"type": "MemoryDataset"}, "{any}": {"type": "MemoryDataset"}}
    )
    catalog["leaderboard"] = pd.DataFrame(
        {
            "model": [f"model_{rank}" for rank in range(25)],
            "model_score": 0.5,
            "model_score_stderr": [0.1, None] + 23 * [0.1],
            "fit_seconds": 1.0,
            "predict_seconds": 1.0,
            "model_bytes": 1000,
        }
    )
    console.print_leaderboard(catalog, "leaderboard")
    shown = screen.getvalue()
    assert "model_19" in shown
    assert "model_20" not in shown
    assert "5 more in the file" in shown
    assert "nan" not in shown


def test_a_table_has_its_title_and_short_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = show_on(monkeypatch, terminal=False)
    ranks = pd.DataFrame({"model": ["svm"] * 25, "mean_rank": 1.23456, "best_on": 2})
    console.print_table("Mean ranks", ranks)
    shown = screen.getvalue()
    assert "Mean ranks" in shown
    assert "1.235" in shown
    assert "5 more in the file" in shown


def test_a_table_shows_values_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on(monkeypatch, terminal=False)
    values = pd.DataFrame({"model": ["[20,30)", "[/]"], "mean": [0.5, float("nan")]})
    console.print_table("Mean ranks", values)
    shown = screen.getvalue()
    assert "[20,30)" in shown
    assert "[/]" in shown
    assert "nan" not in shown


def test_a_log_shows_errors_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = show_on(monkeypatch, terminal=False)
    handler = RichHandler(console=console.get_console())
    logger = logging.getLogger(note_failure.__module__)
    logger.addHandler(handler)
    try:
        note_failure(ValueError("no [/] here"), "Fitting")
    finally:
        logger.removeHandler(handler)
    assert "[/]" in screen.getvalue()
