"""A run can be reproduced from MLflow alone, and a project may be moved."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

from conftest import git

from e2e.conftest import InstalledProject
from e2e.mlflow_store import edit, store_of
from e2e.test_runs import leaderboard

PREDICTIONS = "data/07_model_output/new_flowers_predictions.csv"

# Looks up what a person would look up in the browser.
LOOK = """
import json, sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
children = "tags.namespace LIKE '%'"
(parent,) = {
    child.data.tags["mlflow.parentRunId"]
    for child in mlflow.search_runs(
        filter_string=children, output_format="list", search_all_experiments=True
    )
}
run = mlflow.get_run(parent)
files = {
    name: mlflow.artifacts.load_text(f"runs:/{parent}/{name}")
    for name in ("parameters.yml", "uncommitted.diff", "versions.txt")
}
(data,) = run.inputs.dataset_inputs
print("FOUND", json.dumps([run.data.tags, files, data.dataset.to_dictionary()]))
"""


def test_a_run_is_followed_from_mlflow_alone(
    project: InstalledProject, tmp_path: Path
) -> None:
    git(project.path, "init", "--quiet")
    git(project.path, "add", "--all")
    git(project.path, "commit", "--quiet", "--message", "project")
    # An edit and a new module, neither of them committed.
    edit(project, "parameters.yml", "C: 0.025", "C: 0.5")
    edit(
        project,
        "parameters.yml",
        r"models:(?=\n)",
        "models:\n  stump:\n    class: iris.stump.Stump",
    )
    (project.path / "src/iris/stump.py").write_text(
        "from sklearn.tree import DecisionTreeClassifier\n\n\n"
        "class Stump(DecisionTreeClassifier):\n"
        "    def __init__(self):\n"
        "        super().__init__(max_depth=1)\n"
    )
    # Of a file that git does not know, MLflow gets the name alone.
    git(project.path, "add", "src/iris/stump.py")
    seed = ("--params", "random_state=7")
    project.run("kedro", "run", *seed)
    scores = scores_of(project)
    uri = f"sqlite:///{store_of(project).database}"
    output = project.run("python", "-c", LOOK, uri).stdout
    (found,) = re.findall(r"^FOUND (.*)$", output, re.MULTILINE)
    tags, files, data = json.loads(found)

    assert tags["git.dirty"] == "true"
    assert "scikit-learn==" in files["versions.txt"]
    content = (project.path / "data/01_raw/iris.csv").read_bytes()
    assert data["digest"] == hashlib.sha256(content).hexdigest()[: len(data["digest"])]
    assert json.loads(data["source"]) == {"uri": "data/01_raw/iris.csv"}

    fresh = replace(project, path=tmp_path / "fresh")
    git(tmp_path, "clone", "--quiet", str(project.path), "fresh")
    git(fresh.path, "checkout", "--quiet", tags["mlflow.source.git.commit"])
    (tmp_path / "uncommitted.diff").write_text(files["uncommitted.diff"])
    git(fresh.path, "apply", str(tmp_path / "uncommitted.diff"))
    fresh.run(*shlex.split(tags["kedro_command"]))
    assert scores_of(fresh) == scores
    # The logged parameters alone give the same scores, too.
    git(fresh.path, "checkout", "--quiet", "conf")
    (fresh.path / "conf/local/parameters.yml").write_text(files["parameters.yml"])
    fresh.run("kedro", "run")
    assert scores_of(fresh) == scores


def test_a_project_that_is_copied_or_moved(
    project: InstalledProject, tmp_path: Path
) -> None:
    project.run("kedro", "run")
    copied = project.copy(tmp_path / "a copy")
    before = project.files()
    copied.run("kedro", "run", "--params=models.decision_tree.model_kwargs.max_depth=1")
    assert project.files() == before
    uri = copied.path.as_uri()
    for (address,) in store_of(copied).rows("SELECT artifact_uri FROM runs"):
        assert address.startswith(f"{uri}/mlartifacts/")
    for run in store_of(copied).runs():
        if not run.parent:
            folder = store_of(copied).artifacts / run.id / "artifacts"
            assert (folder / "leaderboard.csv").is_file()

    moved = replace(project, path=tmp_path / "moved")
    project.path.rename(moved.path)
    shutil.rmtree(copied.path)
    moved.run("kedro", "run", "--pipelines", "predict")
    assert (moved.path / PREDICTIONS).is_file()

    # If the champion's files are deleted, the error names the command that makes them.
    shutil.rmtree(moved.path / "mlartifacts")
    (moved.path / PREDICTIONS).unlink()
    done = moved.run("kedro", "run", "--pipelines", "predict", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    (command,) = re.findall(r"files are gone; '(.*)' makes it", done.stdout)
    output = moved.run(*shlex.split(command)).stdout
    assert re.search(r"^verdict .*are gone", output, re.MULTILINE)
    moved.run("kedro", "run", "--pipelines", "predict")
    assert (moved.path / PREDICTIONS).is_file()


def scores_of(project: InstalledProject) -> list[dict[str, str]]:
    """Return the leaderboard without the seconds of fitting."""
    return [row | {"fit_seconds": ""} for row in leaderboard(project)]
