"""A resumed run ends with the results of a fresh full run, whatever happened before."""

from __future__ import annotations

import copy
import csv
import gc
import json
import logging
import os
import pickle
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
ROWS = 80

TREE = "sklearn.tree.DecisionTreeClassifier"
OWN = "flowers.own.Stump"
NEIGHBORS = "sklearn.neighbors.KNeighborsClassifier"


# A class of the project's own. A person edits the size of its leaves. Trees of
# different depth have different scores.
LEAVES = (1, 15, 25, 40)
OWN_CODE = """
from sklearn.tree import DecisionTreeClassifier

class Stump(DecisionTreeClassifier):
    def fit(self, X, y):
        self.min_samples_leaf = {size}
        return super().fit(X, y)
"""


class Stopped(BaseException):
    """Ends a run without any hook being called, like SIGKILL or Ctrl-C."""


class Stop:
    """A hook that ends a run when it is called for a given time."""

    def __init__(self) -> None:
        """Stop nothing yet."""
        self.calls = sys.maxsize
        self.error: BaseException = Stopped()

    @hook_impl
    def before_node_run(self) -> None:
        """Stop before a node."""
        self._count()

    @hook_impl
    def before_dataset_saved(self) -> None:
        """Stop before an output is saved."""
        self._count()

    def _count(self) -> None:
        """Stop the run at the call that was chosen."""
        self.calls -= 1
        if self.calls == 0:
            raise self.error


class Claims:
    """What MLflow would be told of models, compared with the files of these."""

    def __init__(self, hooks: Any):
        """Find no false claim yet."""
        self.collect_from = hooks.collect
        self.count = 0
        self.false: list[str] = []

    def collect(self, run: Any, error: Exception | None) -> Any:
        """Collect what MLflow is told of a run, and check it."""
        payload = self.collect_from(run, error)
        for model in payload.models:
            if model.status == "FINISHED" and model.params:
                self.count += 1
                self._check(model, payload.params, run.root)
        return payload

    def _check(self, model: Any, run_params: dict[str, str], root: Path) -> None:
        """Compare arguments, seed, rows and folds with those of a model's files."""
        file = root / f"data/06_models/{model.name}_model.pkl"
        fitted = pickle.loads(file.read_bytes())[-1]
        claimed = {**model.params, **run_params}
        rows = getattr(fitted, "n_samples_fit_", None)
        known: dict[str, Any] = {"random_state": getattr(fitted, "random_state", None)}
        if rows is None:
            rows = fitted.tree_.n_node_samples[0]
        for name, value in fitted.get_params().items():
            known[f"model_kwargs.{name}"] = value
        for name in claimed.keys() & known.keys():
            if known[name] is not None and claimed[name] != str(known[name]):
                self.false.append(f"{model.name}: {name} is {known[name]}")
        fraction = float(claimed.get("data.train_fraction", rows / ROWS))
        if abs(fraction * ROWS - rows) > 1:
            self.false.append(f"{model.name}: {rows} rows are not {fraction}")
        path = root / f"data/08_reporting/{model.name}_validation.json"
        folds = [len(scores) for scores in json.loads(path.read_text()).values()]
        if int(claimed.get("comparison.folds", sum(folds))) != sum(folds):
            self.false.append(f"{model.name}: {folds} are the folds")


class Sequence:
    """A project, and the random steps of a person who works on it."""

    def __init__(self, project: Path, seed: int):
        """Start with a project as it was rendered, on less data."""
        self.project, self.random = project, random.Random(seed)
        self.parameters: dict[str, Any] = {
            "data": {
                "table": "example_iris_data",
                "target_column": "species",
                "train_fraction": 0.8,
            },
            "comparison": {"folds": 2, "scoring": ["accuracy"]},
            "random_state": 3,
            "models": {
                "tree": {"class": TREE, "model_kwargs": {"max_depth": 1}},
                "near": {"class": NEIGHBORS},
                "forest": {"class": TREE, "model_kwargs": {"splitter": "random"}},
                "stump": {"class": OWN},
            },
        }
        self.env: str | None = None
        self.history: list[str] = []
        for path in [project, project.with_name("fresh")]:
            clear(path)
        self.replace_data()
        self.edit_code()

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
        elif model["class"] in (TREE, OWN):
            model["model_kwargs"] = {"max_depth": number}
        else:
            # With more neighbors than rows, the model fails.
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
        """Draw other rows of the raw data."""
        path = self.project / "data/01_raw/iris.csv"
        head, *rows = path.with_suffix(".all").read_text().splitlines()
        path.write_text("\n".join([head, *self.random.sample(rows, ROWS)]) + "\n")

    def edit_code(self) -> None:
        """Change the code of the project's own class."""
        code = OWN_CODE.format(size=self.random.choice(LEAVES))
        for project in (self.project, self.project.with_name("fresh")):
            (project / "src/flowers/own.py").write_text(code)
        sys.modules.pop("flowers.own", None)  # a new process imports it anew

    def touch_output(self) -> None:
        """Delete an output, or change it by hand."""
        files = sorted(self.project.glob("data/0[5-8]_*/[!.]*"))
        if files:
            path = self.random.choice(files)
            if self.random.random() < 0.5 and path.suffix != ".pkl":
                path.write_bytes(path.read_bytes() + b" ")
            else:
                path.unlink()

    def run_everything(self) -> None:
        """Run everything."""
        self.run()

    def run_missing(self) -> None:
        """Run what is missing."""
        self.run(only_missing_outputs=True)

    def run_part(self) -> None:
        """Run a part of the default pipeline."""
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

    def run_part_otherwise(self) -> None:
        """Run a part with other parameters: those of --params, or of an environment."""
        parameters = copy.deepcopy(self.parameters)
        self.edit()
        if self.random.random() < 0.5:
            write_parameters(self.project, self.parameters, "other")
            self.parameters, self.env = parameters, "other"
        self.run_part()
        self.parameters, self.env = parameters, None

    @property
    def models(self) -> list[str]:
        """Names of the models that are enabled."""
        models = self.parameters["models"]
        return [name for name in models if models[name].get("enabled", True)]

    def step(self) -> None:
        """Take a random step."""
        weights = {
            self.edit: 3,
            self.add: 1,
            self.disable: 1,
            self.replace_data: 1,
            self.edit_code: 2,
            self.touch_output: 1,
            self.run_everything: 2,
            self.run_missing: 2,
            self.run_part: 2,
        }
        (step,) = self.random.choices([*weights], [*weights.values()])
        step()

    def run(self, **arguments: Any) -> None:
        """Run to the end, or until the run is interrupted, killed, or fails."""
        stop = settings.HOOKS[-1]
        stop.error = self.random.choice([Stopped(), RuntimeError("stopped")])
        if self.random.random() < 0.5:
            stop.calls = self.random.randint(1, 25)
        runner = self.random.choice([SequentialRunner, ThreadRunner])()
        self.history.append(f"{arguments} until {stop.calls}: {stop.error!r}")
        try:
            run(self.project, self.parameters, runner, self.env, **arguments)
        except BaseException as error:
            self.history.append(repr(error))
        if stop.calls <= 0 and self.random.random() < 0.5:
            forget_runs()  # as if killed; otherwise interrupted, as in a notebook
        stop.calls = sys.maxsize

    def leaderboards(self) -> tuple[list[Any], list[Any]]:
        """Return the leaderboards of a last resumed run and of a fresh full run."""
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


def write_parameters(project: Path, parameters: dict[str, Any], env: str) -> None:
    """Write the parameters of an environment."""
    folder = project / "conf" / env
    folder.mkdir(exist_ok=True)
    (folder / "parameters.yml").write_text(yaml.safe_dump(parameters))


def run(
    project: Path,
    parameters: dict[str, Any],
    runner: Any,
    env: str | None = None,
    **arguments: Any,
) -> None:
    """Run as the command does. Models may fail."""
    write_parameters(project, parameters, "base")
    with KedroSession.create(project_path=project, env=env) as session:
        try:
            session.run(runner=runner, **arguments)  # type: ignore[call-arg]
        except ClickException as error:
            if "models failed" not in error.message:
                raise


def rows(project: Path) -> list[dict[str, str]]:
    """Return the rows of the leaderboard without times."""
    with (project / "data/08_reporting/leaderboard.csv").open(newline="") as file:
        leaderboard = [*csv.DictReader(file)]
    for row in leaderboard:
        del row["fit_seconds"]
    return leaderboard


def clear(project: Path) -> None:
    """Delete everything that runs made."""
    for path in project.glob("data/*/*"):
        if path.parent.name != "01_raw" and path.name != ".gitkeep":
            path.unlink()
    for path in project.glob("data/.provenance*"):
        path.unlink()


def forget_runs() -> None:
    """Forget the runs of this process, as a killed process does."""
    sys.modules["kedro_dynamic.runs.run"]._runs.clear()
    gc.collect()  # which releases their locks


@pytest.fixture(scope="module")
def project(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a project whose package is imported, and whose runs are not tracked."""
    rendered = render(starter, tmp_path_factory.mktemp("flowers"), "Flowers", "none")
    conf = rendered.path / "conf/base"
    # Nobody listens at port 9.
    server = "server: {mlflow_tracking_uri: 'http://127.0.0.1:9'}\n"
    (conf / "mlflow.yml").write_text(server)
    (conf / "tracking.yml").write_text("on_unreachable: 'off'\n")
    raw = rendered.path / "data/01_raw/iris.csv"
    shutil.copy(raw, raw.with_suffix(".all"))
    shutil.copytree(rendered.path, rendered.path.with_name("fresh"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(rendered.path / "src"))
        configure_project(rendered.package)
        settings.set("HOOKS", (*settings.HOOKS, Stop()))
        logging.disable()  # it takes a fifth of the time
        yield rendered.path
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_the_end_is_that_of_a_fresh_run(
    seed: int, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks: Any = sys.modules["kedro_dynamic.hooks"]
    sequence, claims = Sequence(project, seed), Claims(hooks)
    monkeypatch.setattr(hooks, "collect", claims.collect)
    for _ in range(STEPS):
        sequence.step()
    resumed, fresh = sequence.leaderboards()
    assert resumed == fresh, "\n".join(sequence.history)
    if seed % 4 == 0:
        sequence.run_part_otherwise()
    assert claims.count
    assert not claims.false, "\n".join([*sequence.history, *claims.false])
