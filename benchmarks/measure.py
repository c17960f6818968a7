"""What the benchmarks share: projects to compare, and commands run side by side."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml


def header() -> None:
    """Print the head of the table."""
    print("| what | baseline | ours | difference | ratio |")
    print("| --- | ---: | ---: | ---: | ---: |")


def report(what: str, baseline: float, ours: float) -> None:
    """Print one row; times in seconds."""
    print(
        f"| {what} | {baseline:.2f} s | {ours:.2f} s "
        f"| {ours - baseline:+.2f} s | {ours / baseline:.2f} |",
        flush=True,
    )


def best(projects: list[Path], *command: str, rounds: int) -> list[float]:
    """Return the shortest time of a kedro command in each project, in seconds."""
    seconds = [float("inf")] * len(projects)
    for _ in range(rounds):
        for i, project in enumerate(projects):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "kedro", *command],
                cwd=project,
                env={**os.environ, "DO_NOT_TRACK": "1"},
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            seconds[i] = min(seconds[i], time.perf_counter() - start)
    return seconds


def copy(project: Path, path: Path) -> Path:
    """Copy a project as it was rendered."""
    runs = shutil.ignore_patterns("mlflow.db", "mlartifacts", ".git", "__pycache__")
    return Path(shutil.copytree(project, path, ignore=runs))


def write_models(project: Path, count: int) -> None:
    """Give the project's parameters so many decision trees."""
    file = project / "conf/base/parameters.yml"
    parameters = yaml.safe_load(file.read_text())
    parameters["models"] = {
        f"tree_{i:04}": {
            "class": "sklearn.tree.DecisionTreeClassifier",
            "model_kwargs": {"max_depth": i % 5 + 1},
        }
        for i in range(count)
    }
    file.write_text(yaml.safe_dump(parameters, sort_keys=False))
