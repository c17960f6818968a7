"""Two runs at once over the same files: each has the scores that it has alone."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from e2e.conftest import InstalledProject
from e2e.mlflow_store import store_of
from e2e.test_runs import MODELS, leaderboard

PAIRS = int(os.environ.get("PAIRS", "1"))
SEEDS = ("1", "2")

Scores = dict[str, dict[str, float]]


def run(project: InstalledProject, seed: str) -> str:
    """Run with a seed; return what is printed."""
    return project.run("kedro", "run", f"--params=random_state={seed}").stdout


def tracked(project: InstalledProject) -> list[tuple[str, Scores]]:
    """Return the seed of each run in MLflow, with the scores of its models."""
    runs = store_of(project).runs()
    assert {run.status for run in runs} == {"FINISHED"}
    found = []
    for parent in (run for run in runs if not run.parent):
        children = {
            run.tags["model"]: run.metrics for run in runs if run.parent == parent.id
        }
        for metrics in children.values():
            del metrics["fit_seconds"]
        found.append((parent.params["random_state"], children))
    return found


def scores(project: InstalledProject) -> list[dict[str, str]]:
    """Return the rows of the leaderboard without times."""
    rows = leaderboard(project)
    for row in rows:
        del row["fit_seconds"]
    return rows


def test_each_of_two_runs_has_its_own_scores(project: InstalledProject) -> None:
    boards = []
    for seed in SEEDS:
        run(project, seed)
        boards.append(scores(project))
    alone = dict(tracked(project))
    assert alone["1"] != alone["2"]
    assert {*alone["1"]} == {*MODELS}

    for _ in range(PAIRS):
        with ThreadPoolExecutor(2) as terminals:
            printed = [*terminals.map(lambda seed: run(project, seed), SEEDS)]
        assert "Waiting: another run is using the same files: process" in "".join(
            printed
        )
        assert scores(project) in boards
    found = tracked(project)
    assert sorted(seed for seed, _ in found) == sorted([*SEEDS] * (1 + PAIRS))
    assert all(children == alone[seed] for seed, children in found)
    assert not [*(project.path / "data/.locks").glob("*.*n")]
