"""Usual changes of a project keep its own tests, lint and types green.

test_documents.py follows docs/own-data.md.
"""

from __future__ import annotations

import csv
from pathlib import Path

from e2e.conftest import InstalledProject
from e2e.mlflow_store import edit
from e2e.test_quality import check


def test_a_changed_project_stays_green(project: InstalledProject) -> None:
    scores = "scoring: [f1_macro, balanced_accuracy]"
    edit(project, "parameters.yml", "scoring: auto", scores)
    edit(project, "parameters.yml", "folds: 5", "folds: 3")
    project.run("kedro", "pipeline", "create", "reporting")
    assert "reporting" in project.run("kedro", "registry", "list").stdout
    check(project)

    assert "champion" in project.run("kedro", "run").stdout
    leaderboard = Path(project.path, "data/08_reporting/leaderboard.csv")
    with leaderboard.open() as file:
        rows = list(csv.DictReader(file))
    assert "validation_balanced_accuracy" in rows[0]
    assert not any(row.get("error") for row in rows)
