"""What the benchmarks share: projects to compare, and commands run side by side."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Measured:
    """What a command took, and what it printed."""

    seconds: float
    mib: float
    output: str


def run_measured(folder: Path, *arguments: str) -> Measured:
    """Run Python in a folder; return its time, its peak memory and what it prints."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "DO_NOT_TRACK": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(arguments)} failed:\n{output}")
    # Linux counts kibibytes, macOS bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Measured(time.perf_counter() - start, usage.ru_maxrss / unit, output)


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
