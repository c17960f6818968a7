"""Faults of MLflow's store at any time: neither training nor its record is lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from time import sleep
from typing import Any
from urllib.request import Request, urlopen

import pytest
from filelock import FileLock

from e2e.conftest import InstalledProject
from e2e.faulty import Proxy, faulty_proxy
from e2e.mlflow_store import (
    MlflowRun,
    Server,
    Store,
    add_class,
    edit,
    mlflow_server,
    store_of,
    track_at,
)

LEADERBOARD = "data/08_reporting/leaderboard.csv"
MODELS = {"slow", "nearest_neighbors"}

# Waits in a fit while there is a file called hold.
SLOW = """
import time
from pathlib import Path
from sklearn.tree import DecisionTreeClassifier

class Model(DecisionTreeClassifier):
    def fit(self, X, y):
        while Path("hold").exists():
            Path("held").touch()
            time.sleep(0.05)
        return super().fit(X, y)
"""

# Runs once for each line of its input. Starting Python for each run would take minutes.
LOOP = """
import json, logging, sys, time
from pathlib import Path
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.runner import ThreadRunner

class Notes(logging.Handler):
    def emit(self, record):
        notes.append(record.getMessage())

bootstrap_project(Path.cwd())
handler = Notes(logging.WARNING)
for line in sys.stdin:
    notes, error, began = [], "", time.monotonic()
    off = {"enabled": False}
    models = {"linear_svm": off, "decision_tree": off}
    params = {"comparison": {"folds": 2}, "models": models}
    try:
        with KedroSession.create(runtime_params=params) as session:
            session.load_context()
            for name in (None, session._package_name):
                logging.getLogger(name).addHandler(handler)
            began = time.monotonic()  # it loads its context again
            session.run(runner=ThreadRunner(), **json.loads(line))
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"
    answer = {"error": error, "warnings": sorted({*notes})}
    answer["seconds"] = time.monotonic() - began
    print("ANSWER", json.dumps(answer), flush=True)
"""


@dataclass
class Runner:
    """A project that is run in one process, tracked behind a proxy."""

    project: InstalledProject
    process: subprocess.Popen[str]
    proxy: Proxy
    server: Server
    seconds: float = 0

    def run(self, **arguments: Any) -> dict[str, Any]:
        """Run it once; return error, warnings and seconds."""
        self.start(**arguments)
        return self.answer()

    def start(self, **arguments: Any) -> None:
        """Start a run."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Return error, warnings and seconds of a run when it has ended."""
        assert self.process.stdout
        lines: list[str] = []
        for line in self.process.stdout:
            if line.startswith("ANSWER "):
                answer: dict[str, Any] = json.loads(line.removeprefix("ANSWER "))
                assert "Traceback" not in "".join(lines)
                return answer
            lines.append(line)
        pytest.fail("".join(lines))

    def begin(self, rule: str) -> None:
        """Set ``on_unreachable``, and delete the leaderboard and the champion."""
        edit(self.project, "tracking.yml", r"(on_unreachable:) \w+", rf"\g<1> {rule}")
        (self.project.path / LEADERBOARD).unlink(missing_ok=True)
        title = {"name": self.project.package}
        if self.server.store.versions(self.project.package):
            request = Request(
                f"{self.server.uri}/api/2.0/mlflow/registered-models/delete",
                json.dumps(title).encode(),
                {"Content-Type": "application/json"},
                method="DELETE",
            )
            urlopen(request, timeout=30).close()


@pytest.fixture(scope="module")
def runner(
    installed: InstalledProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runner]:
    """Return a project behind whose proxy an MLflow server runs."""
    folder = tmp_path_factory.mktemp("faults")
    project = installed.copy(folder / "iris")
    edit(project, "tracking.yml", "timeout_seconds: 5", "timeout_seconds: 1")
    add_class(project, "slow", "slow", SLOW)
    with (
        mlflow_server(project, folder / "server") as server,
        faulty_proxy(server.port) as proxy,
        subprocess.Popen(
            [str(project.environment.bin / "python"), "-c", LOOP],
            cwd=project.path,
            env=project.env(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,  # it ends when its input ends
    ):
        runner = Runner(project, process, proxy, server)
        # The first run makes the local store, and imports everything.
        for uri in ("sqlite:///mlflow.db", proxy.uri):
            track_at(project, uri)
            runner.begin("local")
            answer = runner.run()
            assert (answer["error"], answer["warnings"]) == ("", [])
            runner.seconds = answer["seconds"]
        yield runner


# The request after which the fault begins.
TIMES = {
    "start": "",
    "opened": r"/runs/create$",
    "middle": r"/runs/search$",
    "end": r"/runs/log-inputs$",
    "promotion": r"/registered-models/alias",
}
PARTS = {
    "registry": "/mlflow/(registered-models|model-versions)/",
    "artifacts": "mlflow-artifacts",
    "models": "/mlflow/logged-models",
}
CASES = [
    *((fault, "", "start") for fault in ("502", "cut off", "silent")),
    *((fault, "", "end") for fault in ("429", "html", "dropped")),
    *(("500", "", time) for time in ("opened", "middle")),
    ("silent", "", "promotion"),
    *(("403", part, "start") for part in PARTS),
    ("silent", "artifacts", "start"),
]


def check_local_store(project: InstalledProject, known: list[MlflowRun]) -> None:
    """Check that the local store has exactly one more run, complete."""
    local = store_of(project)
    parent, children = local.family(*known)
    assert children.keys() == MODELS
    assert {run.status for run in (parent, *children.values())} == {"FINISHED"}
    for child in children.values():
        assert {"model_score", "validation_accuracy"} <= child.metrics.keys()
        assert child.params["class"]
    assert "validation_accuracy" in parent.metrics
    files = local.artifacts / parent.id / "artifacts"
    assert (files / "leaderboard.csv").is_file()
    assert local.champion(project.package)


@pytest.mark.parametrize(("fault", "part", "time"), CASES)
def test_nothing_is_lost(runner: Runner, fault: str, part: str, time: str) -> None:
    project, local = runner.project, store_of(runner.project)
    known = local.runs()
    runner.begin("local")
    runner.proxy.fail(fault, PARTS.get(part, ""), TIMES[time])
    answer = runner.run()
    runner.proxy.heal()

    assert not answer["error"]
    (warning,) = answer["warnings"]
    assert warning.startswith(f"{runner.proxy.uri} cannot be used (")
    assert f"this run is tracked in sqlite:///{local.database} instead" in warning
    assert answer["seconds"] < runner.seconds + 10
    assert (project.path / LEADERBOARD).exists()
    check_local_store(project, known)


@pytest.mark.parametrize(("fault", "time"), [("502", "start"), ("silent", "promotion")])
def test_a_server_that_works_again_gets_the_next_run(
    runner: Runner, fault: str, time: str
) -> None:
    runner.begin("local")
    runner.proxy.fail(fault, after=TIMES[time])
    assert runner.run()["warnings"]
    runner.proxy.heal()

    known, known_to_server = store_of(runner.project).runs(), runner.server.store.runs()
    answer = runner.run()
    assert (answer["error"], answer["warnings"]) == ("", [])
    assert store_of(runner.project).runs() == known
    parent, children = runner.server.store.family(*known_to_server)
    assert parent.status == "FINISHED"
    assert children.keys() == MODELS


@pytest.mark.parametrize(
    ("fault", "time", "rule"),
    [
        ("silent", "start", "off"),
        ("silent", "start", "fail"),
        ("500", "end", "fail"),
    ],
)
def test_other_rules(runner: Runner, fault: str, time: str, rule: str) -> None:
    known = store_of(runner.project).runs()
    known_to_server = runner.server.store.runs()
    runner.begin(rule)
    runner.proxy.fail(fault, after=TIMES[time])
    answer = runner.run()
    runner.proxy.heal()

    assert store_of(runner.project).runs() == known
    assert answer["seconds"] < runner.seconds + 8
    if rule == "fail":
        assert answer["warnings"] == []
        message = answer["error"]
    else:
        assert answer["error"] == ""
        (message,) = answer["warnings"]
    assert runner.proxy.uri in message

    # A run that is going to fail computes nothing, if that is known before.
    was_trained = (runner.project.path / LEADERBOARD).exists()
    assert was_trained == ((rule, time) != ("fail", "start"))
    if was_trained:
        assert "lacks this run, or part of it" in message
        # The next run tracks the models, which have no MLflow run yet.
        assert not runner.run(only_missing_outputs=True)["warnings"]
        opened = 1 if time == "end" else 0
        new_runs = len(runner.server.store.runs()) - len(known_to_server)
        assert new_runs == opened + 1 + len(MODELS)


Break = Callable[[Path, int], AbstractContextManager[None]]


@contextmanager
def locked(database: Path, process: int) -> Iterator[None]:
    """Lock a store, as another program may."""
    with closing(sqlite3.connect(database, isolation_level=None)) as foreign:
        foreign.execute("BEGIN EXCLUSIVE")
        yield
        foreign.rollback()


@contextmanager
def held(database: Path, process: int) -> Iterator[None]:
    """Hold the lock of first runs and promotions."""
    with FileLock(f"{database}.lock"):
        yield


def overwritten(begin: float, end: float) -> Break:
    """Return a fault that overwrites a part of the file; up to 1, it is a share."""

    @contextmanager
    def overwrite(database: Path, process: int) -> Iterator[None]:
        content = database.read_bytes()
        size = len(content)
        first, last = (round(x * size) if x <= 1 else int(x) for x in (begin, end))
        broken = content[:first] + b"\xa5" * (last - first) + content[last:]
        with database.open("r+b") as file:
            file.write(broken)
        yield
        with database.open("r+b") as file:
            file.write(content)

    return overwrite


@contextmanager
def full(database: Path, process: int) -> Iterator[None]:
    """Forbid the process to write files larger than the store is now."""
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    size = database.stat().st_size
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))
    yield
    resource.prlimit(process, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def read_only(database: Path, process: int) -> Iterator[None]:
    """Make a store read-only."""
    database.chmod(0o444)
    yield
    database.chmod(0o644)


def run_with_own_store(
    runner: Runner, fault: Break, time: str
) -> tuple[Path, dict[str, Any]]:
    """Run with a store of its own, broken from a time on; return it and the answer."""
    root = runner.project.path
    database = Path(mkdtemp(dir=root)) / "own.db"
    shutil.copy(root / "mlflow.db", database)
    track_at(runner.project, f"sqlite:///{database}")
    runner.begin("local")
    broken = fault(database, runner.process.pid)
    if time == "start":
        with broken:
            return database, runner.run()
    (root / "hold").touch()
    runner.start()
    while not (root / "held").exists():
        sleep(0.05)
    with broken:
        (root / "hold").unlink()
        answer = runner.answer()
    (root / "held").unlink()
    return database, answer


@pytest.mark.parametrize(
    ("fault", "time"),
    [
        (locked, "start"),
        (locked, "middle"),
        (held, "start"),
        (overwritten(0, 100), "start"),
        (overwritten(4096, 1.0), "middle"),
        (read_only, "start"),
        (read_only, "middle"),
    ],
)
def test_nothing_is_lost_of_a_store_in_a_file(
    runner: Runner, fault: Break, time: str
) -> None:
    if fault is read_only and os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    root = runner.project.path
    known = store_of(runner.project).runs()
    database, answer = run_with_own_store(runner, fault, time)

    assert not answer["error"]
    assert answer["seconds"] < runner.seconds + 15
    (warning,) = (text for text in answer["warnings"] if "is tracked in" in text)
    assert f"sqlite:///{database} cannot be used (" in warning
    assert (root / LEADERBOARD).exists()
    check_local_store(runner.project, known)


@pytest.mark.parametrize("time", ["start", "middle"])
def test_full_disk(runner: Runner, time: str) -> None:
    """Where no store has room, a run goes on, and the next one tracks its models."""
    database, answer = run_with_own_store(runner, full, time)

    assert not answer["error"]
    assert "lacks this run, or part of it" in "".join(answer["warnings"])
    assert (runner.project.path / LEADERBOARD).exists()

    store = Store(database, runner.project.path / "mlartifacts")
    known = store.runs()
    answer = runner.run(only_missing_outputs=True)
    assert (answer["error"], answer["warnings"]) == ("", [])
    parent, children = store.family(*known)
    assert parent.status == "FINISHED"
    assert children.keys() == MODELS
