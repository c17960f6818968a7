"""Faults of MLflow's store: whichever and whenever, training is never lost."""

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
    Server,
    add_class,
    edit,
    mlflow_server,
    store_of,
    track_at,
)

LEADERBOARD = "data/08_reporting/leaderboard.csv"
MODELS = {"slow", "nearest_neighbors"}

# It waits where it is told to.
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

# Runs as often as it is told to: to start Python for each of them would take minutes.
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
        """Let a run begin."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Return what is to be said of a run, at its end."""
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
        """Set ``on_unreachable``, take away what there is, the champion too."""
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
    """Return a project whose MLflow server fails as told."""
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
        ) as process,  # which ends when its input does
    ):
        one = Runner(project, process, proxy, server)
        # The first makes the project's own store, and imports all there is.
        for uri in ("sqlite:///mlflow.db", proxy.uri):
            track_at(project, uri)
            one.begin("local")
            answer = one.run()
            assert (answer["error"], answer["warnings"]) == ("", [])
            one.seconds = answer["seconds"]
        yield one


FAULTS = ["500", "502", "429", "403", "html", "cut off", "dropped", "silent"]
# When it begins: after which request.
TIMES = {
    "start": "",
    "opened": r"/runs/create$",
    "middle": r"/runs/search$",
    "end": r"/runs/log-inputs$",
    "crowning": r"/registered-models/alias",
}
PARTS = {
    "tracking": r"/mlflow/(experiments|runs)/",
    "registry": "/mlflow/(registered-models|model-versions)/",
    "artifacts": "mlflow-artifacts",
    "models": "/mlflow/logged-models",
}
CASES = [
    *((fault, "", time) for fault in FAULTS for time in ("start", "end")),
    *(
        (fault, "", time)
        for fault in ("500", "cut off", "silent")
        for time in ("opened", "middle", "crowning")
    ),
    *(("403", part, "start") for part in PARTS),
    *(("silent", part, "start") for part in ("registry", "artifacts")),
]


@pytest.mark.parametrize(("fault", "part", "time"), CASES)
def test_nothing_is_lost(runner: Runner, fault: str, part: str, time: str) -> None:
    local, project = store_of(runner.project), runner.project
    store = runner.server.store
    known = local.runs()
    runner.begin("local")
    runner.proxy.fail(fault, PARTS.get(part, ""), TIMES[time])
    answer = runner.run()
    runner.proxy.heal()

    # The whole run is in the project's own store, and nowhere else as finished.
    assert not answer["error"]
    (warning,) = answer["warnings"]
    assert runner.proxy.uri in warning
    assert f"this run is tracked in sqlite:///{local.database} instead" in warning
    assert (project.path / LEADERBOARD).exists()
    assert answer["seconds"] < runner.seconds + 10
    parent, children = local.family(*known)
    assert parent.status == "FINISHED"
    assert children.keys() == MODELS
    assert {child.status for child in children.values()} == {"FINISHED"}
    assert local.champion(project.package)

    # The next run is at the server again.
    at_server = store.runs()
    following = runner.run()
    assert (following["error"], following["warnings"]) == ("", [])
    parent, children = store.family(*at_server)
    assert parent.status == "FINISHED"
    assert children.keys() == MODELS


@pytest.mark.parametrize("fault", ["500", "silent"])
@pytest.mark.parametrize("time", ["start", "end"])
@pytest.mark.parametrize("rule", ["off", "fail"])
def test_other_rules(runner: Runner, fault: str, time: str, rule: str) -> None:
    known, here = runner.server.store.runs(), store_of(runner.project).runs()
    runner.begin(rule)
    runner.proxy.fail(fault, after=TIMES[time])
    answer = runner.run()
    runner.proxy.heal()
    assert store_of(runner.project).runs() == here
    assert answer["seconds"] < runner.seconds + 8
    assert bool(answer["error"]) == (rule == "fail")
    # Nothing is computed where it is known before that the run is to fail.
    trained = (runner.project.path / LEADERBOARD).exists()
    assert trained == ((rule, time) != ("fail", "start"))
    said = [answer["error"]] if rule == "fail" else answer["warnings"]
    assert len([*answer["warnings"], answer["error"]]) == 1 + (rule == "off")
    (message,) = said
    assert runner.proxy.uri in message
    if trained:
        # The models have no run at the server yet: the next run writes them.
        assert not runner.run(only_missing_outputs=True)["warnings"]
        opened = 1 if time == "end" else 0
        assert len(runner.server.store.runs()) == len(known) + opened + 3


Break = Callable[[Path, int], AbstractContextManager[None]]


@contextmanager
def locked(database: Path, process: int) -> Iterator[None]:
    """Lock a store, as a program that looks into it may."""
    with closing(sqlite3.connect(database, isolation_level=None)) as foreign:
        foreign.execute("BEGIN EXCLUSIVE")
        yield
        foreign.rollback()


@contextmanager
def held(database: Path, process: int) -> Iterator[None]:
    """Hold the lock that first runs and promotions take."""
    with FileLock(f"{database}.lock"):
        yield


def overwritten(begin: float, end: float) -> Break:
    """Return what overwrites a part of the file; up to 1 are shares of it."""

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
    """Let no file of the process grow larger than the store is."""
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    size = database.stat().st_size
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))
    yield
    resource.prlimit(process, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def read_only(database: Path, process: int) -> Iterator[None]:
    """Let nobody write to it."""
    database.chmod(0o444)
    yield
    database.chmod(0o644)


@pytest.mark.parametrize(
    ("fault", "time"),
    [
        (locked, "start"),
        (locked, "middle"),
        (held, "start"),
        (overwritten(0, 100), "start"),
        (overwritten(100, 4096), "start"),
        (overwritten(4096, 1.0), "start"),
        (overwritten(0, 1.0), "middle"),
        (overwritten(4096, 1.0), "middle"),
        (full, "start"),
        (full, "middle"),
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
    database = Path(mkdtemp(dir=root)) / "own.db"
    shutil.copy(root / "mlflow.db", database)
    local = store_of(runner.project)
    known = local.runs()
    track_at(runner.project, f"sqlite:///{database}")
    runner.begin("local")
    broken = fault(database, runner.process.pid)
    if time == "middle":
        (root / "hold").touch()
        runner.start()
        while not (root / "held").exists():
            sleep(0.05)
        with broken:
            (root / "hold").unlink()
            answer = runner.answer()
        (root / "held").unlink()
    else:
        with broken:
            answer = runner.run()
    assert not answer["error"]
    assert (root / LEADERBOARD).exists()
    assert answer["seconds"] < runner.seconds + 15
    # A lock that is held is waited for, which is a warning of its own.
    (warning,) = [line for line in answer["warnings"] if "is tracked in" in line]
    assert f"this run is tracked in sqlite:///{local.database} instead" in warning
    parent, children = local.family(*known)
    assert parent.status == "FINISHED"
    assert children.keys() == MODELS
