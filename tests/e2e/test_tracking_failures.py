"""MLflow servers that are missing or go away, interrupted runs, and secrets."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

from e2e.conftest import InstalledProject, free_port
from e2e.mlflow_store import (
    add_class,
    edit,
    mlflow_server,
    store_of,
    track_at,
    warnings_in,
)
from e2e.test_runs import MODELS, leaderboard, scores, written

SECRET = "hunter2-not-to-be-seen"
LEADERBOARD = "data/08_reporting/leaderboard.csv"


def test_no_server(project: InstalledProject) -> None:
    store = store_of(project)
    # The time of a run with a store that works.
    seconds = timed(project)[1]
    port = free_port()
    track_at(project, f"http://user:{SECRET}@127.0.0.1:{port}")

    # `local`, the default: the run is tracked in the local store.
    known = store.runs()
    output, took = timed(project)
    (warning,) = warnings_in(output)
    assert f"127.0.0.1:{port}" in warning
    assert "mlflow.db" in warning
    assert took < seconds + 15
    parent, children = store.family(*known)
    assert parent.status == "FINISHED"
    assert children.keys() == set(MODELS)
    assert SECRET not in output
    assert SECRET.encode() not in store.content()

    # `fail`: the run fails before anything is computed.
    known = store.runs()
    set_rule(project, "local", "fail")
    (project.path / LEADERBOARD).unlink()
    began = time.monotonic()
    done = project.run("kedro", "run", check=False)
    assert time.monotonic() - began < seconds + 3
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert "Done: " not in done.stdout
    assert f"127.0.0.1:{port}" in done.stdout.strip().splitlines()[-1]
    assert SECRET not in done.stdout
    assert store.runs() == known


# Fits until the test writes a file.
SLOW = """
import time
from pathlib import Path
from sklearn.tree import DecisionTreeClassifier

class Model(DecisionTreeClassifier):
    def fit(self, X, y):
        Path("fitting").touch()
        while not Path("go_on").exists():
            time.sleep(0.05)
        return super().fit(X, y)
"""


def test_server_that_goes_away(project: InstalledProject, tmp_path: Path) -> None:
    add_class(project, "slow", "slow", SLOW)
    log = tmp_path / "run.log"
    with mlflow_server(project, tmp_path / "server") as server:
        track_at(project, server.uri)
        with project.background("kedro", "run", log=log) as run:
            while not (project.path / "fitting").exists():
                assert run.poll() is None, log.read_text()
                time.sleep(0.05)
            server.kill()
            killed = time.monotonic()
            (project.path / "go_on").touch()
            assert run.wait(timeout=120) == 0, log.read_text()
            took = time.monotonic() - killed

    output = log.read_text()
    (warning,) = warnings_in(output)
    assert server.uri in warning
    assert "Traceback" not in output
    assert took < 30
    assert scores(project).keys() == {*MODELS, "slow"}
    assert {row["model"] for row in leaderboard(project)} == {
        *MODELS,
        "slow",
        "baseline",
    }
    assert "06_models/slow_model.pkl" in written(project)
    assert re.search(r"^\W*slow ", output, re.MULTILINE)


def test_interrupted_run(project: InstalledProject, tmp_path: Path) -> None:
    add_class(project, "slow", "slow", SLOW)
    log = tmp_path / "run.log"
    with project.background("kedro", "run", log=log) as run:
        while not (project.path / "fitting").exists():
            assert run.poll() is None, log.read_text()
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=60) != 0
    (interrupted,) = store_of(project).runs()
    assert interrupted.status == "KILLED"

    # The next run is another run in MLflow.
    (project.path / "go_on").touch()
    project.run("kedro", "run")
    parent, children = store_of(project).family(interrupted)
    assert parent.status == "FINISHED"
    assert children.keys() == {*MODELS, "slow"}


def test_two_first_runs_at_once(project: InstalledProject, tmp_path: Path) -> None:
    logs = [tmp_path / f"{name}.log" for name in ("first", "second")]
    with (
        project.background("kedro", "run", log=logs[0]) as first,
        project.background("kedro", "run", log=logs[1]) as second,
    ):
        for run, log in zip((first, second), logs, strict=True):
            assert run.wait(timeout=120) == 0, log.read_text()
    runs = store_of(project).runs()
    assert len(runs) == 2 * (1 + len(MODELS))
    assert {run.status for run in runs} == {"FINISHED"}


def test_secrets_are_neither_printed_nor_tracked(
    project: InstalledProject, tmp_path: Path
) -> None:
    credentials = project.path / "conf/local/credentials.yml"
    credentials.write_text(f"warehouse:\n  password: {SECRET}\n")
    env = {"WAREHOUSE_PASSWORD": SECRET}
    note = f"--params=note=https://user:{SECRET}@127.0.0.1/x"
    with mlflow_server(project, tmp_path / "server") as server:
        track_at(project, server.uri.replace("//", f"//user:{SECRET}@"))
        output = project.run("kedro", "run", note, env=env).stdout
        # An error that quotes the secret is stored without it.
        wrong = f"models.linear_svm.model_kwargs.kernel=https://user:{SECRET}@host/x"
        project.run("kedro", "run", f"{note},{wrong}", env=env, check=False)
        runs = server.store.runs()
    assert len(runs) == 2 * (1 + len(MODELS))
    assert SECRET not in output
    content = server.store.content()
    assert b"note" in content
    assert SECRET.encode() not in content


def timed(project: InstalledProject) -> tuple[str, float]:
    """Return what a run prints and how long it takes."""
    began = time.monotonic()
    output = project.run("kedro", "run").stdout
    return output, time.monotonic() - began


def set_rule(project: InstalledProject, old: str, new: str) -> None:
    """Change ``on_unreachable`` in ``tracking.yml``."""
    edit(project, "tracking.yml", rf"(on_unreachable: ){old}\b", rf"\g<1>{new}")
