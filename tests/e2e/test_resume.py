"""Killed runs, over outputs of older runs, are resumed to the result of a full run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.conftest import InstalledProject
from e2e.mlflow_store import add_class, store_of
from e2e.test_run_lock import scores
from e2e.test_runs import MODELS

RUNNERS = ["SequentialRunner", "ParallelRunner"]
SEQUENTIAL, PARALLEL = ([f"--runner={runner}"] for runner in RUNNERS)
KILLED, OTHER = ["--params=random_state=4"], ["--params=random_state=5"]
# Runner and parameters of the resumed run, and whether the raw data changes before it.
KILLS = [
    (SEQUENTIAL, OTHER, False),
    (PARALLEL, KILLED, True),
]

SLOW = """
import os, time
from pathlib import Path
from sklearn.tree import DecisionTreeClassifier

class Model(DecisionTreeClassifier):
    def fit(self, X, y):
        Path("at_work").write_text(str(os.getpid()))
        time.sleep(60)
        return super().fit(X, y)
"""

# Pluggy calls the last hook first, so the library does not learn of the run's end.
KILLER = """
import os
from kedro.framework.hooks import hook_impl

class Killer:
    @hook_impl
    def after_pipeline_run(self):
        if "KILL" in os.environ:
            os._exit(9)

HOOKS = (*HOOKS, Killer())
"""


def start(project: InstalledProject, *command: str) -> subprocess.Popen[bytes]:
    """Start a command of the project."""
    return subprocess.Popen(
        [str(project.environment.bin / command[0]), *command[1:]],
        cwd=project.path,
        env=project.env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_until(ready: Callable[[], bool], seconds: float) -> bool:
    """Return True if something becomes true within some seconds."""
    deadline = time.monotonic() + seconds
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.05)
    return ready()


def replace_data(project: InstalledProject) -> None:
    """Delete the last ten rows of the raw data."""
    path = project.path / "data/01_raw/iris.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-10]))


def test_killed_runs_are_resumed(installed: InstalledProject, tmp_path: Path) -> None:
    older = installed.copy(tmp_path / "older")
    run = ["kedro", "run"]
    older.run(*run)
    expected: dict[tuple[str, bool], list[dict[str, str]]] = {}
    for parameters, new_data in ((KILLED, False), (OTHER, False), (KILLED, True)):
        fresh = installed.copy(tmp_path / f"fresh_{len(expected)}")
        if new_data:
            replace_data(fresh)
        begun = time.monotonic()
        fresh.run(*run, *parameters)
        length = time.monotonic() - begun
        expected[parameters[0], new_data] = scores(fresh)
    assert len({str(board) for board in expected.values()}) == 3

    moments, again = random.Random(3), list[bool]()
    for runner, parameters, new_data in KILLS:
        project = older.copy(tmp_path / f"killed_{len(again)}")
        process = start(project, *run, *runner, *KILLED)
        try:
            # The first third is spent on imports.
            process.wait(moments.uniform(length / 3, length))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if new_data:
            replace_data(project)
        project.run(*run, *runner, *parameters, "--only-missing-outputs")
        again.append(scores(project) == expected[parameters[0], new_data])
        assert not list((project.path / "data").rglob("*.tmp"))
        statuses = {run.status for run in store_of(project).runs()}
        assert statuses <= {"FINISHED", "KILLED", "FAILED"}, statuses
    assert again == [True] * len(KILLS)


def test_a_run_killed_before_mlflow_is_tracked_by_the_next(
    project: InstalledProject,
) -> None:
    settings = project.path / "src" / project.package / "settings.py"
    settings.write_text(settings.read_text() + KILLER)
    run = ["kedro", "run"]
    assert project.run(*run, check=False, env={"KILL": "yes"}).returncode == 9
    store = store_of(project)
    known = store.runs()
    assert not [run for run in known if run.parent]

    project.run(*run, "--only-missing-outputs")
    parent, children = store.family(*known)
    assert {run.status for run in (parent, *children.values())} == {"FINISHED"}
    assert children.keys() == {*MODELS}
    assert store.champion(project.package) == 1


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_workers_end_with_their_parent(project: InstalledProject) -> None:
    add_class(project, "slow", "slow", SLOW)
    parent = start(project, "kedro", "run", *PARALLEL)
    note = project.path / "at_work"
    try:
        assert wait_until(lambda: note.exists() and bool(note.read_text()), 120)
        worker = Path("/proc", note.read_text())
        assert worker.exists()
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()

    def ended() -> bool:
        # Without a process that asks for its exit code, it stays as a zombie.
        stat = worker / "stat"
        return (
            not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"
        )

    assert wait_until(ended, 5)
    # And none of them keeps the lock.
    off = "--params=models.slow.enabled=false"
    printed = project.run("kedro", "run", off, "--only-missing-outputs").stdout
    assert "Waiting" not in printed
