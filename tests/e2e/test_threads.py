"""Two sessions in two threads never mix up their models."""

from __future__ import annotations

import csv
import json
import re

from e2e.conftest import InstalledProject
from e2e.mlflow_store import store_of

# A model and files of its own, so that only pipelines could mix.
PARAMETERS = """\
models:
  nearest_neighbors: {enabled: false}
  linear_svm: {enabled: false}
  decision_tree: {enabled: false}
  logistic: {class: sklearn.linear_model.LogisticRegression}
"""

# Threads meet at a barrier wherever a session could read what the other has just set.
SCRIPT = """
import json, logging, sys, threading
from pathlib import Path
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

rounds, runs = 15, 2
bootstrap_project(Path.cwd())
logging.disable(logging.INFO)
meet = threading.Barrier(2, timeout=60)
seen = {}

def work(name, **arguments):
    seen[name] = []
    try:
        for round in range(rounds):
            meet.wait()
            with KedroSession.create(project_path=Path.cwd(), **arguments) as session:
                meet.wait()
                context = session.load_context()
                meet.wait()
                named = {name for name in pipelines if name.startswith("models.")}
                nodes = {node.name for node in pipelines["models"].nodes}
                parameters = set(context.params["models"])
                seen[name].append([*map(sorted, (named, nodes, parameters))])
                if round < runs:
                    meet.wait()
                    session.run(pipeline_names=["models"])
    except BaseException:
        meet.abort()
        raise

off = {"enabled": False}
params = {"models": {"nearest_neighbors": off, "decision_tree": off}}
threads = [
    threading.Thread(target=work, args=("env",), kwargs={"env": "other"}),
    threading.Thread(target=work, args=("params",), kwargs={"runtime_params": params}),
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("SEEN", json.dumps(seen))
"""


def test_sessions_in_threads_keep_their_models(project: InstalledProject) -> None:
    configure(project)
    project.run("kedro", "run", "--pipelines", "split_data")
    output = project.run("python", "-c", SCRIPT).stdout

    (answer,) = re.findall(r"^SEEN (.*)$", output, re.MULTILINE)
    seen = json.loads(answer)
    base = ["decision_tree", "linear_svm", "nearest_neighbors"]
    for session, model, parameters in [
        ("params", "linear_svm", base),
        ("env", "logistic", sorted([*base, "logistic"])),
    ]:
        names = [f"models.{model}"]
        nodes = ["models.compare_models"]
        for function in ("fit_model", "score_model", "validate_model"):
            nodes.append(f"models.{model}.{function}")
        assert seen[session] == [[names, nodes, parameters]] * 15

    for folder, model in [("", "linear_svm"), ("other/", "logistic")]:
        path = f"data/08_reporting/{folder}leaderboard.csv"
        with (project.path / path).open() as leaderboard:
            ranked = [row["model"] for row in csv.DictReader(leaderboard)]
        assert ranked == [model, "baseline"]
        # Each session prints its own leaderboard, once per run.
        row = rf"^ *{model}(?: \(champion\))? +\d"
        assert len(re.findall(row, output, re.MULTILINE)) == 2

    # Each session has runs of its own in MLflow.
    runs = store_of(project).runs()
    assert {run.status for run in runs} == {"FINISHED"}
    tracked = [
        (parent.tags.get("env", ""), child.tags["model"])
        for parent in runs
        for child in runs
        if child.parent == parent.id
    ]
    assert sorted(tracked) == [("", "linear_svm")] * 2 + [("other", "logistic")] * 2
    names = [run.name for run in runs if not run.parent]
    assert len([name for name in names if re.match(r"\w+ 0\.\d+$", name)]) == 4


def configure(project: InstalledProject) -> None:
    """Give the project an environment with models and files of its own."""
    base, environment = project.path / "conf/base", project.path / "conf/other"
    environment.mkdir()
    (environment / "parameters.yml").write_text(PARAMETERS)
    catalog = (base / "catalog.yml").read_text()
    elsewhere = re.sub(r"data/0[68]_[a-z]+/", r"\g<0>other/", catalog)
    (environment / "catalog.yml").write_text(elsewhere)
