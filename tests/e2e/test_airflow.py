"""A project in an orchestrator: the DAGs that kedro-airflow makes of it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from conftest import REPOSITORY
from documents import blocks

from e2e.conftest import InstalledProject
from e2e.mlflow_store import store_of

# The part of Airflow that the DAG imports. Airflow itself takes minutes to install, and
# its pins conflict with MLflow's.
SDK = """
class Task:
    made = {}

    def __init__(self, name, run):
        self.run, self.after = run, []
        self.made[name] = self

    def __rshift__(self, other):
        names = [name for name, task in self.made.items() if task is self]
        other.after += names
        return other


def task(task_id):
    return lambda function: lambda: Task(task_id, function)


def dag(**options):
    return lambda function: function
"""
# Runs the tasks one after the other, each in a process of its own.
RUN = """
import os
import runpy
import sys

from airflow.sdk import Task

# Once for all tasks, what takes seconds to import.
import kedro_dynamic.hooks
import mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store
import scipy.stats
import sklearn.model_selection

dag, os.environ["AIRFLOW_CTX_DAG_RUN_ID"] = sys.argv[1:]
runpy.run_path(dag)
done = {}
while len(done) < len(Task.made):
    name, task = next(
        (name, task)
        for name, task in Task.made.items()
        if name not in done and done.keys() >= {*task.after}
    )
    process = os.fork()
    if not process:
        task.run()
        sys.exit()
    done[name] = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
print("TASKS", done)
"""


@dataclass
class Airflow:
    """Runs the DAGs that kedro-airflow makes of a project."""

    project: InstalledProject
    folder: Path

    def run(self, dag_run: str, pipeline: str, *options: str) -> dict[str, int]:
        """Make the DAG of a pipeline and run it; return the tasks' exit codes."""
        target = f"--target-dir={self.folder / dag_run}"
        create = ("kedro", "airflow", "create", "--pipelines", pipeline)
        self.project.run(*create, target, *options)
        (dag,) = (self.folder / dag_run).glob("*.py")
        assert "max_active_runs=1," in dag.read_text()  # as airflow.yml says
        path = {"PYTHONPATH": f"{self.folder}:{self.project.path / 'src'}"}
        command = ("python", "-c", RUN, str(dag), dag_run)
        printed = self.project.run(*command, env=path).stdout
        (tasks,) = re.findall("TASKS (.*)", printed)
        return dict(ast.literal_eval(tasks))


def test_the_tasks_of_a_dag_are_one_run(
    project: InstalledProject, tmp_path: Path
) -> None:
    project.environment.install("kedro-airflow~=0.11.0")
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow/sdk.py").write_text(SDK)
    scale = (REPOSITORY / "docs/scale.md").read_text()
    for block in blocks(scale):
        if block.file == "conf/base/airflow.yml":
            (project.path / block.file).write_text(block.text)
    airflow = Airflow(project, tmp_path)

    store = store_of(project)

    # A task per node.
    tasks = airflow.run("monday", "__default__")
    assert len(tasks) == 13
    assert {*tasks.values()} == {0}
    monday, children = store.family()
    assert monday.status == "FINISHED"
    assert monday.name in {child.name for child in children.values()}
    assert len(children) == 3
    ((run_id,),) = store.rows("SELECT run_id FROM model_versions")
    assert run_id in {child.id for child in children.values()}

    # A task per namespace.
    known = store.runs()
    tasks = airflow.run("tuesday", "__default__", "--group-by", "namespace")
    assert {*tasks.values()} == {0}
    tuesday, children = store.family(*known)
    assert tuesday.status == "FINISHED"
    assert len(children) == 3

    # A task for all nodes that share data in memory.
    project.run("kedro", "run", "--pipelines=etl")
    known = store.runs()
    tasks = airflow.run("wednesday", "training", "--group-by", "memory")
    assert {*tasks.values()} == {0}
    wednesday, _ = store.family(*known)
    assert wednesday.status == "FINISHED"
    assert store.versions("iris_sentiment") == {1: wednesday.id}
    assert store.champion("iris_sentiment") == 1
