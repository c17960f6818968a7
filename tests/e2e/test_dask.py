"""A project on a Dask cluster: workers elsewhere, killed, with other code, or none."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

from e2e.conftest import InstalledProject, free_port, wait_for
from e2e.mlflow_store import store_of
from e2e.test_recovery import with_models

RUNNER = "--runner=kedro_dynamic.runners.DaskRunner"

# Models that kill their worker the first time, or each time, and one that raises.
DEADLY = """
import os
import signal
from pathlib import Path

from sklearn.tree import DecisionTreeClassifier


class KillsOnce(DecisionTreeClassifier):
    def fit(self, X, y):
        killed = Path(os.environ["KILLED"])
        if not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)


class Kills(DecisionTreeClassifier):
    def fit(self, X, y):
        os.kill(os.getpid(), signal.SIGKILL)


class Raises(DecisionTreeClassifier):
    def fit(self, X, y):
        raise ValueError("not today")
"""


@contextmanager
def cluster(
    project: InstalledProject, *options: str, workers: int = 2
) -> Iterator[str]:
    """Start a scheduler and workers in another folder; yield its address."""
    elsewhere = project.path.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    port, http = free_port(), free_port()
    address, log = f"tcp://127.0.0.1:{port}", elsewhere / "scheduler.log"
    start = ["dask", "scheduler", "--host=127.0.0.1", f"--port={port}"]
    start += [f"--dashboard-address=127.0.0.1:{http}"]
    with ExitStack() as stack:
        run = stack.enter_context(project.background(*start, log=log, cwd=elsewhere))
        wait_for(lambda: "Scheduler at" in log.read_text(), run, log)
        for number in range(workers):
            stack.enter_context(
                project.background(
                    *("dask", "worker", address, "--host=127.0.0.1", "--nthreads=1"),
                    *("--no-dashboard", f"--local-directory={elsewhere}", *options),
                    log=elsewhere / f"worker_{number}.log",
                    cwd=elsewhere,
                )
            )
        yield address
        with urlopen(f"http://127.0.0.1:{http}/health") as answer:
            assert answer.read() == b"ok"


def dask(address: str, *options: str) -> list[str]:
    """Return the command of a run on a cluster."""
    return ["kedro", "run", RUNNER, f"--runner-params=address={address}", *options]


def with_code(project: InstalledProject, **variables: str) -> InstalledProject:
    """Return the project with the variables for workers to import its code."""
    variables = {"PYTHONPATH": str(project.path / "src"), **variables}
    return replace(project, variables=variables)


def scores(project: InstalledProject, root: Path | None = None) -> dict[str, str]:
    """Return the scores of the leaderboard by model."""
    path = (root or project.path) / "data/08_reporting/leaderboard.csv"
    with path.open() as rows:
        return {
            row["model"]: f"{row['validation_accuracy']} {row['test_accuracy']}"
            for row in csv.DictReader(rows)
        }


def with_deadly(project: InstalledProject, *classes: str) -> None:
    """Add an environment with decision trees, and with models that kill workers."""
    with_models(project, trees=4, failing=False)
    (project.path / "src/iris/deadly.py").write_text(DEADLY)
    with (project.path / "conf/many/parameters.yml").open("a") as models:
        for name in classes:
            models.write(f"\n  {name.lower()}: {{class: iris.deadly.{name}}}")


def test_as_on_one_process_though_workers_die(
    project: InstalledProject, tmp_path: Path
) -> None:
    with_deadly(project, "KillsOnce", "Raises")
    killed = tmp_path / "killed"
    project = with_code(project, KILLED=str(killed))
    killed.touch()
    assert project.run("kedro", "run", "--env=many", check=False).returncode == 1
    expected, known = scores(project), store_of(project).runs()
    shutil.rmtree(project.path / "data/08_reporting")
    killed.unlink()
    command = ["kedro", "run", RUNNER, "--env=many", "--runner-params=workers=2"]
    done = project.run(*command, check=False)
    assert killed.exists()
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    assert "1 of 9 models failed:" in done.stdout
    assert "models.raises: ValueError: not today" in done.stdout
    assert scores(project) == expected
    assert len(expected) == 10
    parent, children = store_of(project).family(*known)
    assert parent.status == "FAILED"
    assert len(children) == 9
    failed = {name for name, run in children.items() if run.status == "FAILED"}
    assert failed == {"raises"}
    # A killed worker leaves an incomplete file at most, until the next run.
    again = project.run(*command, "--only-missing-outputs", check=False)
    assert "1 of 9 models failed:" in again.stdout
    assert again.stdout.count("Done: models.raises") == 3
    assert again.stdout.count("Done: ") == 4
    assert not list((project.path / "data").rglob(".*.tmp"))


def test_a_model_that_ends_each_worker(project: InstalledProject) -> None:
    with_deadly(project, "Kills")
    once = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    command = ["kedro", "run", RUNNER, "--env=many", "--runner-params=workers=1"]
    of_one = "--pipelines=models.kills"
    done = with_code(project).run(*command, of_one, check=False, env=once)
    assert done.returncode == 1
    assert "1 of 1 models failed:" in done.stdout
    assert "models.kills: RuntimeError: each worker that ran it died" in done.stdout


def test_workers_elsewhere_and_storage_by_url(
    project: InstalledProject, tmp_path: Path
) -> None:
    second = project.copy(tmp_path / "second")
    project.run("kedro", "run")
    expected, known = scores(project), store_of(project).runs()
    storage = tmp_path / "storage"
    shutil.move(project.path / "data", storage / "data")
    shutil.rmtree(storage / "data/08_reporting")
    at = {"KEDRO_DYNAMIC_STORAGE": f"file://{storage}"}
    with cluster(project) as address:
        printed = project.run(*dask(address, "--env=dask"), env=at).stdout
        assert re.search("Dask: 2 workers, dashboard at http://127", printed)
        assert printed.count("Done: ") == 13
        assert scores(project, storage) == expected
        left = [path for path in (project.path / "data").rglob("*") if path.is_file()]
        # Provenance, the report and locks, but no tables and models.
        assert not [
            path for path in left if path.suffix in (".csv", ".pkl", ".parquet")
        ]
        assert {path.suffix for path in (tmp_path / "elsewhere").iterdir()} == {
            "",
            ".log",
        }

        parent, children = store_of(project).family(*known)
        assert parent.status == "FINISHED"
        assert parent.tags["runner"] == "kedro_dynamic.runners.dask_runner.DaskRunner"
        assert set(children) == {"decision_tree", "linear_svm", "nearest_neighbors"}
        for child in children.values():
            assert child.status == "FINISHED"
            assert {"fit_seconds", "model_score"} <= set(child.metrics)

        # Two runs at once on the same workers have parameters of their own.
        depth = "models.decision_tree.model_kwargs.max_depth=1"
        with ThreadPoolExecutor(2) as terminals:
            params = f"--params={depth}"
            changed = terminals.submit(
                project.run, *dask(address, "--env=dask", params), env=at
            )
            terminals.submit(second.run, *dask(address)).result()
            changed.result()
    assert scores(second) == expected
    made = scores(project, storage)
    assert made.pop("decision_tree") != expected.pop("decision_tree")
    assert made == expected
    assert len(store_of(second).family()[1]) == 3


def test_workers_with_other_code_are_restarted(project: InstalledProject) -> None:
    project = with_code(project)
    with cluster(project, workers=1) as address:
        split = dask(address, "--pipelines=split_data")
        project.run(*split)
        nodes = project.path / "src/iris/pipelines/models/nodes.py"
        with nodes.open("a") as code:
            code.write("# changed\n")
        done = project.run(*split, check=False)
        assert done.returncode == 1
        assert "The cluster has a problem:" in done.stdout
        assert re.search(r"has iris \w{8}, .* but the run iris \w{8}", done.stdout)
        restart = done.stdout.rstrip().splitlines()[-1].strip()
        code_of = re.fullmatch('python -c "(.*)"', restart)
        assert code_of
        project.run("python", "-c", code_of[1])
        project.run(*split)


def test_all_workers_lost(project: InstalledProject) -> None:
    with_deadly(project, "Kills")
    project = with_code(project)
    with cluster(project, "--no-nanny", workers=1) as address:
        done = project.run(*dask(f"{address},timeout=5", "--env=many"), check=False)
    assert done.returncode == 1
    assert "Dask lost its scheduler, or all its workers" in done.stdout
    parent, _ = store_of(project).family()
    assert parent.status == "FAILED"


def test_datasets_without_an_entry_are_kept_in_files(project: InstalledProject) -> None:
    project.run("kedro", "run", "--pipelines=etl")
    command = ["kedro", "run", RUNNER, "--runner-params=workers=2", "--env=dask"]
    project.run(*command, "--pipelines=ml_app")
    assert (project.path / "data/02_intermediate/features.pkl").exists()
    assert (project.path / "data/07_model_output/predictions.parquet").exists()


def test_a_study_is_spread_over_workers(project: InstalledProject) -> None:
    trials = "--params=benchmark.tuning.trials=2"
    command = ["kedro", "run", RUNNER, "--runner-params=workers=2", trials]
    printed = project.run(*command, "--pipelines=benchmark.iris").stdout
    assert "benchmark.iris.decision_tree.tuned.tune_model" in printed
    board = project.path / "data/08_reporting/benchmark/iris/leaderboard.csv"
    assert len(board.read_text().splitlines()) == 1 + 7
    assert (project.path / "data/06_models/studies.db").exists()
