"""Whatever happened before, a resumed run leaves what a fresh full run would."""

from __future__ import annotations

import csv
import gc
import logging
import os
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import ClickException
from e2e.conftest import render
from kedro.framework.hooks import hook_impl
from kedro.framework.project import configure_project, settings
from kedro.framework.session import KedroSession
from kedro.runner import SequentialRunner, ThreadRunner

SEQUENCES = int(os.environ.get("SEQUENCES", "200"))
STEPS = 6

TREE = "sklearn.tree.DecisionTreeClassifier"
NEIGHBORS = "sklearn.neighbors.KNeighborsClassifier"


class Stopped(BaseException):
    """Ends a run of which no hook is told, like SIGKILL or Ctrl-C."""


class Stop:
    """A hook that ends a run at one of its moments."""

    def __init__(self) -> None:
        """Let runs go on to their end."""
        self.moments = sys.maxsize
        self.error: BaseException = Stopped()

    @hook_impl
    def before_node_run(self) -> None:
        """Stop before a node."""
        self._pass()

    @hook_impl
    def before_dataset_saved(self) -> None:
        """Stop before one of its outputs is saved."""
        self._pass()

    def _pass(self) -> None:
        self.moments -= 1
        if self.moments == 0:
            raise self.error


class Sequence:
    """A project, and what a person does with it."""

    def __init__(self, project: Path, seed: int):
        """Start as the project is rendered, on less data."""
        self.project, self.random = project, random.Random(seed)
        self.parameters: dict[str, Any] = {
            "data": {"target_column": "species", "train_fraction": 0.8},
            "comparison": {"folds": 2, "scoring": ["accuracy"]},
            "random_state": 3,
            "models": {
                "tree": {"class": TREE, "model_kwargs": {"max_depth": 1}},
                "near": {"class": NEIGHBORS},
                "forest": {"class": TREE, "model_kwargs": {"splitter": "random"}},
            },
        }
        self.done: list[str] = []
        for path in [project, project.with_name("fresh")]:
            clear(path)
        self.replace_data()

    def edit(self) -> None:
        """Change a parameter."""
        model = self.parameters["models"][self.random.choice([*self.models])]
        key = self.random.choice(["model", "random_state", "folds", "train_fraction"])
        number = self.random.randint(1, 4)
        if key == "random_state":
            self.parameters[key] = number
        elif key == "folds":
            self.parameters["comparison"][key] = self.random.choice([0, 2])
        elif key == "train_fraction":
            self.parameters["data"][key] = 0.5 + number / 10
        elif model["class"] == TREE:
            model["model_kwargs"] = {"max_depth": number}
        else:
            # With as many neighbors as there are no rows, it fails.
            model["model_kwargs"] = {"n_neighbors": self.random.choice([number, 999])}

    def add(self) -> None:
        """Add a model."""
        entry = {"class": TREE, "model_kwargs": {"max_depth": 2}}
        self.parameters["models"][f"tree_{len(self.parameters['models'])}"] = entry

    def disable(self) -> None:
        """Switch a model off, or on again."""
        name = self.random.choice([*self.parameters["models"]])
        model = self.parameters["models"][name]
        model["enabled"] = not model.get("enabled", True)
        if not self.models:
            model["enabled"] = True

    def replace_data(self) -> None:
        """Take other rows of the raw data."""
        path = self.project / "data/01_raw/iris.csv"
        head, *rows = path.with_suffix(".all").read_text().splitlines()
        path.write_text("\n".join([head, *self.random.sample(rows, 80)]) + "\n")

    def touch_output(self) -> None:
        """Delete a file that was made, or change it by hand."""
        files = sorted(self.project.glob("data/0[5-8]_*/[!.]*"))
        if files:
            path = self.random.choice(files)
            if self.random.random() < 0.5 and path.suffix != ".pkl":
                path.write_bytes(path.read_bytes() + b" ")
            else:
                path.unlink()

    def run_whole(self) -> None:
        """Run all."""
        self.run()

    def run_missing(self) -> None:
        """Run what is missing."""
        self.run(only_missing_outputs=True)

    def run_part(self) -> None:
        """Run some of it, if what it needs is there."""
        name = self.random.choice([*self.models])
        node = self.random.choice(["fit_model", "validate_model", "score_model"])
        part: dict[str, Any] = self.random.choice(
            [
                {"pipeline_names": ["split_data"]},
                {"pipeline_names": ["models"]},
                {"pipeline_names": [f"models.{name}"]},
                {"node_names": [f"models.{name}.{node}"]},
                {"to_nodes": [f"models.{name}.{node}"]},
                {"from_nodes": [f"models.{name}.{node}"]},
            ]
        )
        self.run(**part, only_missing_outputs=self.random.random() < 0.5)

    @property
    def models(self) -> list[str]:
        """Names of the models that are enabled."""
        models = self.parameters["models"]
        return [name for name in models if models[name].get("enabled", True)]

    def step(self) -> None:
        """Do one of all these things."""
        edits = [self.edit, self.add, self.disable, self.replace_data]
        runs = [self.run_whole, self.run_missing, self.run_part]
        weights = [3, 1, 1, 1, 1, 2, 2, 2]
        things = [*edits, self.touch_output, *runs]
        self.random.choices(things, weights)[0]()

    def run(self, **arguments: Any) -> None:
        """Run, to the end or not, with what the runner and the models may do to it."""
        stop, die = hooks()
        stop.error = self.random.choice([Stopped(), RuntimeError("stopped")])
        if self.random.random() < 0.5:
            stop.moments = self.random.randint(1, 25)
        runner = self.random.choice([SequentialRunner, ThreadRunner])()
        self.done.append(f"{arguments} until {stop.moments}: {stop.error!r}")
        try:
            run(self.project, self.parameters, runner, **arguments)
        except BaseException as error:
            self.done.append(repr(error))
        if stop.moments <= 0 and self.random.random() < 0.5:
            die()  # killed; otherwise it was interrupted, as in a notebook
        stop.moments = sys.maxsize

    def leaderboards(self) -> tuple[list[Any], list[Any]]:
        """Return what there is after a last resume, and after a fresh full run."""
        fresh = self.project.with_name("fresh")
        data = "data/01_raw/iris.csv"
        shutil.copy(self.project / data, fresh / data)
        for project, only_missing in ((self.project, True), (fresh, False)):
            run(
                project,
                self.parameters,
                SequentialRunner(),
                only_missing_outputs=only_missing,
            )
        return rows(self.project), rows(fresh)


def run(
    project: Path, parameters: dict[str, Any], runner: Any, **arguments: Any
) -> None:
    """Run as the command does; models that fail are part of it."""
    (project / "conf/base/parameters.yml").write_text(yaml.safe_dump(parameters))
    with KedroSession.create(project_path=project) as session:
        try:
            session.run(runner=runner, **arguments)  # type: ignore[call-arg]
        except ClickException as error:
            if "models failed" not in error.message:
                raise


def rows(project: Path) -> list[dict[str, str]]:
    """Return the leaderboard, without how long it took."""
    with (project / "data/08_reporting/leaderboard.csv").open(newline="") as file:
        found = [*csv.DictReader(file)]
    assert all(row.pop("fit_seconds", None) is not None for row in found)
    return found


def clear(project: Path) -> None:
    """Take away what runs have left."""
    for path in project.glob("data/*/*"):
        if path.parent.name != "01_raw" and path.name != ".gitkeep":
            path.unlink()
    for path in project.glob("data/.provenance*"):
        path.unlink()


def hooks() -> tuple[Stop, Any]:
    """Return the hook that stops runs, and what makes a run that was stopped die."""
    *_, run_hook, stop = settings.HOOKS
    provenance = sys.modules["kedro_dynamic.runs.provenance"]

    def die() -> None:
        provenance.plans.clear()
        run_hook._locks.clear()
        gc.collect()

    return stop, die


@pytest.fixture(scope="module")
def project(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a project whose package is imported, and which tracks nothing."""
    rendered = render(starter, tmp_path_factory.mktemp("one"), "Flowers", "none")
    raw = rendered.path / "data/01_raw/iris.csv"
    shutil.copy(raw, raw.with_suffix(".all"))
    shutil.copytree(rendered.path, rendered.path.with_name("fresh"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(rendered.path / "src"))
        configure_project(rendered.package)
        kept = (
            hook for hook in settings.HOOKS if "Tracking" not in type(hook).__name__
        )
        settings.set("HOOKS", (*kept, Stop()))
        logging.disable()  # a fifth of the time
        yield rendered.path
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_the_end_is_that_of_a_fresh_run(seed: int, project: Path) -> None:
    sequence = Sequence(project, seed)
    for _ in range(STEPS):
        sequence.step()
    resumed, fresh = sequence.leaderboards()
    assert resumed == fresh, "\n".join(sequence.done)
