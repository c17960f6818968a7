"""The state of runs: found by their catalog, and ended when Ctrl-C ended them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro_dynamic import hooks
from kedro_dynamic.config.tracking import TrackingConfig
from kedro_dynamic.runs import run as runs
from kedro_dynamic.runs.run import (
    Run,
    begin_run,
    find_run,
    interrupted_runs,
)

from library.a_run import in_session


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give runs a project in a folder of its own."""
    monkeypatch.setattr(runs, "project_path", lambda: tmp_path)
    monkeypatch.setattr(runs, "_runs", [])
    monkeypatch.setattr("kedro.framework.session.session.settings", Mock())


def begin() -> Run:
    store = Mock(address="store", config=TrackingConfig())
    return begin_run({}, Pipeline([]), DataCatalog(), store, wait=False)


def test_a_run_is_found_by_its_catalog_until_it_is_closed() -> None:
    run = begin()
    assert find_run(run.catalog) is run
    assert find_run(DataCatalog()) is None
    run.close()
    assert find_run(run.catalog) is None


def test_a_run_that_left_the_stack_is_interrupted() -> None:
    run = in_session(begin)
    assert in_session(interrupted_runs) == [run]
    # A notebook creates the context before it runs a session.
    assert interrupted_runs() == [run]


def test_a_run_around_another_is_not_interrupted() -> None:
    def outer() -> None:
        begin()
        # A node that creates a session of its own, and one that runs it.
        assert interrupted_runs() == []
        inner = in_session(begin)
        assert in_session(interrupted_runs) == [inner]
        assert interrupted_runs() == [inner]

    in_session(outer)


def test_runs_of_other_threads_are_not_interrupted() -> None:
    run = in_session(begin)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(interrupted_runs()))
    thread.start()
    thread.join()
    assert found == [[]]
    assert interrupted_runs() == [run]


def test_a_run_without_a_session_is_not_interrupted() -> None:
    run = begin()  # code of one's own that calls hooks
    assert in_session(interrupted_runs) == []
    hooks.end_open_runs()
    assert run not in runs.open_runs()
