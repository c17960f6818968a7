"""What a run prints besides its log."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from kedro.pipeline import Node, Pipeline
from kedro_dynamic.runs import console
from kedro_dynamic.runs import progress as progress_module
from kedro_dynamic.runs.progress import Progress
from rich.console import Console

RUN_PARAMS = {"runner": "SequentialRunner"}
PIPELINE = Pipeline([Node(print, None, f"made_{i}", name=f"{i}") for i in range(4)])

Captured = pytest.CaptureFixture[str]

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
    """Print to a console of 80 columns."""
    terminal = Console(width=80, force_terminal=False)
    monkeypatch.setattr(console, "get_console", lambda: terminal)


def printed_lines(table: pd.DataFrame, captured: Captured) -> list[str]:
    console.print_table("Leaderboard", table)
    return captured.readouterr().out.splitlines()


def test_a_score_is_shown_with_its_standard_error(capsys: Captured) -> None:
    lines = printed_lines(LEADERBOARD, capsys)
    svm, special, broken = (
        next(line for line in lines if name in line) for name in LEADERBOARD["model"]
    )
    assert lines[0].startswith("Leaderboard")
    assert svm.split() == ["linear_svm", "0.950", "±0.012", "1.000", "0.123"]
    assert special.split() == ["a[bold]b", "0.333", "2.000"]
    assert broken.split() == ["broken", "failed"]
    assert "stderr" not in "".join(lines)


def test_wide_letters_have_room(capsys: Captured) -> None:
    label = "\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 4
    console.print_table("Labels", pd.DataFrame({"label": [label], "n": [1]}))
    assert label in capsys.readouterr().out


def test_models_that_have_all_failed_are_shown(capsys: Captured) -> None:
    table = LEADERBOARD[["model", "error"]].tail(1)
    columns, rows = console.format_rows(table)
    assert columns == [("model", False), ("error", False)]
    assert rows == [["broken", "failed"]]
    assert printed_lines(table, capsys)[-2].split() == ["broken", "failed"]


def test_a_wide_table_fits_into_the_terminal(capsys: Captured) -> None:
    wide = LEADERBOARD.assign(
        validation_neg_root_mean_squared_error=-1234.5678,
        validation_neg_root_mean_squared_error_stderr=0.5,
        test_neg_root_mean_squared_error=-1234.5678,
    )
    text = "\n".join(printed_lines(wide, capsys))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    # Losses are positive, and have their name.
    for cell in ("linear_svm", "RMSE", " 1,235 ±0", "0.950 ±0.012", "0.123"):
        assert cell in text


def test_a_score_is_shown_with_its_interval(capsys: Captured) -> None:
    rmse = "test_neg_root_mean_squared_error"
    bounds = {f"{rmse}_low": [-2500.4], f"{rmse}_high": [-1999.6]}
    table = pd.DataFrame({"model": ["ridge"], rmse: [-2200.0], **bounds})
    lines = printed_lines(table.assign(model_score=-2200.0), capsys)
    assert any(line.split() == ["model", "test", "RMSE"] for line in lines)
    assert any("2,200 [2,000, 2,500]" in line for line in lines)


def test_scores_that_are_whole_numbers_in_a_file_are_shown_as_scores(
    tmp_path: Path,
) -> None:
    rmse = "validation_neg_root_mean_squared_error"
    scores = {
        rmse: [-156706.0],
        f"{rmse}_stderr": [18268.0],
        f"{rmse}_low": [-238344.0],
    }
    table = pd.DataFrame(scores | {f"{rmse}_high": [-94013.0], "trials": [20]})
    table.to_csv(tmp_path / "scores.csv", index=False, float_format="%.6g")
    _, rows = console.format_rows(pd.read_csv(tmp_path / "scores.csv"))
    assert rows == [["156,706 ±18,268 [94,013, 238,344]", "20"]]


def test_notes_that_do_not_fit_stand_below_the_table(capsys: Captured) -> None:
    like_the_first = "within chance of the first"
    table = pd.DataFrame(
        {
            "model": ["best", "b" * 40, "c", "poor"],
            "accuracy": [0.5, 0.4, 0.4, 0.1],
            "note": [None, like_the_first, like_the_first, "below the baseline"],
            "seconds": [1.0, 2.0, 3.0, 4.0],
        }
    )
    lines = printed_lines(table, capsys)
    assert max(map(len, lines)) <= 80
    assert lines[-2].split(": ") == [f"  {like_the_first}", f"{'b' * 40}, c"]
    assert lines[-1].split(": ") == ["  below the baseline", "poor"]
    assert any(line.split() == ["best", "0.500", "1.000"] for line in lines)

    lines = printed_lines(table.drop(index=1), capsys)
    assert any(line.split()[:3] == ["c", "0.400", "within"] for line in lines)


def test_the_rest_of_a_long_table_is_counted(capsys: Captured) -> None:
    table = pd.DataFrame({"model": [f"model {i}" for i in range(25)]})
    words = " ".join(printed_lines(table, capsys)).split()
    assert "model 19 5 more rows in the file" in " ".join(words)


def test_a_long_table_shows_champion_and_baseline(capsys: Captured) -> None:
    names = [*(f"model {i}" for i in range(25)), "baseline"]
    console.print_table("Leaderboard", pd.DataFrame({"model": names}), "model 23")
    words = " ".join(capsys.readouterr().out.split())
    assert "model 19 model 23 (champion) baseline 4 more rows in the file" in words


def test_only_terminals_have_a_progress_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def run(terminal: Console, runner: str = RUN_PARAMS["runner"]) -> str:
        monkeypatch.setattr(progress_module, "get_console", lambda: terminal)
        progress = Progress()
        progress.advance(PIPELINE.nodes[0])
        progress.start({"runner": runner}, PIPELINE)
        progress.advance(PIPELINE.nodes[0])
        progress.stop()
        progress.stop()
        return capsys.readouterr().out

    assert run(Console(force_terminal=False)) == ""
    assert run(Console(force_terminal=True), "kedro.runner.ParallelRunner") == ""
    output = run(Console(force_terminal=True, width=80))
    assert "25%" in output
    hidden_cursor, shown_cursor = "\x1b[?25l", "\x1b[?25h"
    assert output.count(hidden_cursor) == output.count(shown_cursor) == 1


def test_a_node_that_fails_is_not_done(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "kedro_dynamic")
    Progress().advance(PIPELINE.nodes[0])
    Progress().advance(PIPELINE.nodes[0], has_failed=True)
    done, failed = caplog.messages
    assert done.startswith("Done: ")
    assert failed.startswith("Failed, the others go on: ")


def test_what_cannot_be_shown_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    terminal = Console(force_terminal=True)
    monkeypatch.setattr(progress_module, "get_console", lambda: terminal)
    monkeypatch.setattr(console, "get_console", lambda: terminal)
    # Rich shows one bar at a time.
    with terminal.status("another bar"):
        progress = Progress()
        progress.start(RUN_PARAMS, PIPELINE)
        progress.advance(PIPELINE.nodes[0])
        progress.stop()
    same_name_twice = pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])
    console.print_table("Table", same_name_twice)
    assert "Not shown: " in caplog.text


def test_a_warning_says_what_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with console.show_or_warn("The plot is missing"):
        raise ValueError("no\n  data")
    assert "The plot is missing: ValueError: no data" in caplog.text
