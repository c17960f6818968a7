"""A project in an orchestrator: the DAG that kedro-airflow makes of it."""

from __future__ import annotations

import re
from pathlib import Path

from e2e.conftest import InstalledProject
from e2e.test_runs import leaderboard

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
RUN = """
import runpy
import sys

from airflow.sdk import Task

runpy.run_path(sys.argv[1])
print("TASKS", {name: task.after for name, task in Task.made.items()})
for task in Task.made.values():
    task.run()
"""


def test_the_dag_of_kedro_airflow_runs(
    project: InstalledProject, tmp_path: Path
) -> None:
    project.environment.install("kedro-airflow~=0.11.0")
    project.run("kedro", "airflow", "create", "--group-by", "namespace")
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow/sdk.py").write_text(SDK)
    path = {"PYTHONPATH": f"{tmp_path}:{project.path / 'src'}"}
    dag = "airflow_dags/iris_dag.py"
    printed = project.run("python", "-c", RUN, dag, env=path).stdout
    assert "'split-data': []" in printed
    assert "'read-columns': ['split-data']" in printed
    (after,) = re.findall(r"'models': \[(.*?)\]", printed)
    assert {*after.split(", ")} == {"'split-data'", "'read-columns'"}
    assert len(leaderboard(project)) == 4
