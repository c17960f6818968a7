"""What a run shows besides its log."""

from __future__ import annotations

import pandas as pd
import pytest
from kedro.pipeline import Node, Pipeline
from kedro_dynamic.runs import console
from kedro_dynamic.runs import progress as progress_module
from kedro_dynamic.runs.progress import Progress
from rich.console import Console

RUN = {"runner": "SequentialRunner"}
NODES = Pipeline([Node(print, None, f"made_{i}", name=f"{i}") for i in range(4)])
Shown = pytest.CaptureFixture[str]

LEADERBOARD = pd.DataFrame(
    {
        "model": ["linear_svm", "a[bold]b", "broken"],
        "validation_accuracy": [0.95, 1 / 3, None],
        "validation_accuracy_stderr": [0.012, None, None],
        "test_accuracy": [1.0, float("inf"), None],
        "fit_seconds": [0.12345, 2.0, None],
        "error": [None, None, "ValueError: no"],
    }
)


@pytest.fixture(autouse=True)
def narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the console be one of 80 columns."""
    terminal = Console(width=80, force_terminal=False)
    monkeypatch.setattr(console, "get_console", lambda: terminal)


def printed(table: pd.DataFrame, shown: Shown) -> list[str]:
    console.print_table("Leaderboard", table)
    return shown.readouterr().out.splitlines()


def test_a_score_stands_with_its_error(capsys: Shown) -> None:
    lines = printed(LEADERBOARD, capsys)
    svm, other, broken = (
        next(line for line in lines if name in line) for name in LEADERBOARD["model"]
    )
    assert lines[0].startswith("Leaderboard")
    assert svm.split() == ["linear_svm", "0.950", "±0.012", "1.000", "0.123"]
    assert other.split() == ["a[bold]b", "0.333", "2.000"]
    assert broken.split() == ["broken", "failed"]
    assert "stderr" not in "".join(lines)


def test_the_table_fits_into_a_terminal(capsys: Shown) -> None:
    wide = LEADERBOARD.assign(
        validation_neg_root_mean_squared_error=-1234.5678,
        validation_neg_root_mean_squared_error_stderr=0.5,
        test_neg_root_mean_squared_error=-1234.5678,
    )
    text = "\n".join(printed(wide, capsys))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for cell in ("linear_svm", "-1234.568 ±0.500", "0.950 ±0.012", "0.123"):
        assert cell in text


def test_the_rest_of_a_long_table_is_counted(capsys: Shown) -> None:
    table = pd.DataFrame({"model": [f"model {i}" for i in range(25)]})
    words = " ".join(" ".join(printed(table, capsys)).split())
    assert "model 19 5 more in the file" in words


def test_the_progress_bar_is_of_terminals(
    monkeypatch: pytest.MonkeyPatch, capsys: Shown
) -> None:
    def run(terminal: Console, runner: str = RUN["runner"]) -> str:
        monkeypatch.setattr(progress_module, "get_console", lambda: terminal)
        progress = Progress()
        progress.advance(NODES.nodes[0])
        progress.start({"runner": runner}, NODES)
        progress.advance(NODES.nodes[0])
        progress.stop()
        progress.stop()
        return capsys.readouterr().out

    assert run(Console(force_terminal=False)) == ""
    assert run(Console(force_terminal=True), "kedro.runner.ParallelRunner") == ""
    shown = run(Console(force_terminal=True, width=80))
    assert "25%" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor


def test_what_cannot_be_shown_ends_no_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    terminal = Console(force_terminal=True)
    monkeypatch.setattr(progress_module, "get_console", lambda: terminal)
    monkeypatch.setattr(console, "get_console", lambda: terminal)
    with terminal.status("a bar of someone else's"):
        progress = Progress()
        progress.start(RUN, NODES)
        progress.advance(NODES.nodes[0])
        progress.stop()
    twice = pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])
    console.print_table("Table", twice)
    assert "Not shown: " in caplog.text
