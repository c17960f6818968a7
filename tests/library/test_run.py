"""The state of runs: found by their catalog, and ended when Ctrl-C ended them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from kedro.framework.session import KedroSession
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
    next_session_depth,
    session_depth,
)

from library.a_run import Left, in_session

Work = Callable[[], Any]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give runs a project in a folder of its own."""
    monkeypatch.setattr(runs, "project_path", lambda: tmp_path)
    monkeypatch.setattr(runs, "_runs", [])
    monkeypatch.setattr("kedro.framework.session.session.settings", Mock())


def in_context(work: Work) -> Any:
    """Return what some work returns that is done while a context is created."""
    results = []
    session = Mock()
    hook = session._hook_manager.hook
    hook.after_context_created = lambda context: results.append(work())
    KedroSession.load_context(session)
    return results[0]


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
    assert run.depth == 1
    assert in_session(lambda: interrupted_runs(session_depth())) == [run]
    # A notebook creates the context before it runs a session.
    assert in_context(lambda: interrupted_runs(next_session_depth())) == [run]


def test_a_run_around_another_is_not_interrupted() -> None:
    def outer() -> None:
        run = begin()
        assert run.depth == 1
        assert interrupted_runs(next_session_depth()) == []
        # A node that creates a session of its own, and one that runs it.
        assert in_context(lambda: interrupted_runs(next_session_depth())) == []
        inner = in_session(begin)
        assert inner.depth == 2
        assert in_session(lambda: interrupted_runs(session_depth())) == [inner]
        assert in_context(lambda: interrupted_runs(next_session_depth())) == [inner]

    in_session(outer)


class Session:
    """A session whose context finds out how deep it is, and is not created."""

    _run_called = False
    store = {"session_id": "1"}  # noqa: RUF012
    load_context = KedroSession.load_context

    def __init__(self) -> None:
        """Prepare what a session has."""
        self._logger, self._hook_manager = Mock(), Mock()
        self._package_name, self._project_path = "iris", Path()
        self._get_config_loader = Mock()
        self._hook_manager.hook.after_context_created = self._leave

    def _leave(self, context: object) -> None:
        self.depth = next_session_depth()
        raise Left


def test_the_context_of_a_session_that_runs_has_its_depth() -> None:
    session = Session()
    with pytest.raises(Left):
        KedroSession.run(session)  # type: ignore[arg-type]
    assert session.depth == 1


def test_runs_of_other_threads_are_not_interrupted() -> None:
    run = in_session(begin)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(interrupted_runs(0)))
    thread.start()
    thread.join()
    assert found == [[]]
    assert interrupted_runs(0) == [run]


def test_a_run_without_a_session_ends_no_run_of_another_thread() -> None:
    begun: list[Run] = []
    thread = threading.Thread(target=lambda: begun.append(in_session(begin)))
    thread.start()
    thread.join()
    # Code of one's own that calls hooks is in no session.
    assert session_depth() == 0
    hooks.end_interrupted_runs(session_depth())
    assert runs.open_runs() == begun
    hooks.end_open_runs()
    assert runs.open_runs() == []
