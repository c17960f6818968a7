"""What people do to a project of theirs leaves its own tests, lint and types green."""

from __future__ import annotations

import csv
import random
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY

from e2e.conftest import InstalledProject
from e2e.test_quality import check

Change = Callable[[InstalledProject], None]


def edit(project: InstalledProject, name: str, **changes: Any) -> None:
    """Merge values into top-level keys of a file in conf/base; replace other values."""
    path = project.path / "conf/base" / name
    content = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        old = content.get(key)
        merged = isinstance(value, dict) and isinstance(old, dict) and key != "models"
        content[key] = {**old, **value} if merged else value
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def own_table(project: InstalledProject) -> None:
    """Put 800 customers in place: an id, texts, gaps, a target of yes and no."""
    draw = random.Random(3)
    with (project.path / "data/01_raw/customers.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "plan", "age", "spent", "left"])
        for number in range(800):
            plan, age = draw.choice(["basic", "pro", ""]), draw.randint(18, 80)
            spent = "" if draw.random() < 0.1 else f"{draw.random() * age:.2f}"
            left = "yes" if age + draw.gauss(0, 10) > 50 else "no"
            table.writerow([number, plan, age, spent, left])
    edit(
        project,
        "catalog.yml",
        example_iris_data={"filepath": "data/01_raw/customers.csv"},
    )
    edit(project, "parameters.yml", data={"target_column": "left", "drop": ["id"]})


def another_target(project: InstalledProject) -> None:
    """Predict a number of the same flowers."""
    edit(project, "parameters.yml", data={"target_column": "petal_width"})
    model = {"class": "sklearn.linear_model.Ridge"}
    edit(project, "parameters.yml", models={"ridge": model})


def other_models(project: InstalledProject) -> None:
    """Replace all models, one by a pipeline in YAML."""
    scaler = {"class": "sklearn.preprocessing.StandardScaler"}
    svm = {"class": "sklearn.svm.SVC", "model_kwargs": {"C": 10}}
    steps = [["scale", scaler], ["svm", svm]]
    model = {"class": "sklearn.pipeline.Pipeline", "model_kwargs": {"steps": steps}}
    edit(project, "parameters.yml", models={"scaled_svm": model})


def other_scores(project: InstalledProject) -> None:
    """Compare by other scores, on other folds."""
    comparison = {"scoring": ["f1_macro", "balanced_accuracy"], "folds": 3}
    edit(project, "parameters.yml", comparison=comparison)


def no_family(project: InstalledProject) -> None:
    """Remove all families by hand: their folders and files, and nothing else."""
    hook = runpy.run_path(str(REPOSITORY / "hooks/post_gen_project.py"))
    hook["remove_unasked"](project.path, "none")


def a_pipeline_of_ones_own(project: InstalledProject) -> None:
    """Let Kedro write a new one."""
    project.run("kedro", "pipeline", "create", "reporting")
    assert "reporting" in project.run("kedro", "registry", "list").stdout


# Two at a time, which do not meet: a project's own checks take a minute.
CHANGES = (
    (own_table, other_models),
    (another_target, a_pipeline_of_ones_own),
    (other_scores, no_family),
)


@pytest.mark.parametrize(
    "changes", CHANGES, ids=lambda changes: "-".join(one.__name__ for one in changes)
)
def test_a_changed_project_stays_green(
    changes: tuple[Change, ...], project: InstalledProject
) -> None:
    for change in changes:
        change(project)
    check(project)
    said = project.run("kedro", "run").stdout
    assert "champion" in said
    leaderboard = Path(project.path, "data/08_reporting/leaderboard.csv")
    with leaderboard.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["model"] for row in rows} >= {"baseline"}
    assert not any(row.get("error") for row in rows)
