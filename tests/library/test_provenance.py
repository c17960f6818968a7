"""A resumed run makes again what would come out differently, and nothing else."""

from __future__ import annotations

import errno
import importlib.util
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial, update_wrapper
from operator import methodcaller
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.framework.project import settings
from kedro.io import AbstractDataset, DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro_dynamic import hooks
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.schema import ModelSpec
from kedro_dynamic.hooks import RunHook
from kedro_dynamic.runs import makers, preflight, provenance
from kedro_dynamic.runs import run as runs
from kedro_dynamic.runs.failures import ModelsFailed, keep_going, raise_failures
from kedro_dynamic.runs.provenance import Plan, Provenance
from kedro_dynamic.runs.run import Run
from pydantic import BaseModel

from library.a_run import in_session

# The module of the nodes, which a test may edit. The nodes note in `ran` that they ran.
MODULE = """
ran = []
errors = {}

def split(table, seed):
    ran.append("split")
    return [*table, seed], len(table)

def fit(part, model):
    ran.append(f"fit {model['k']}")
    if model["k"] in errors:
        raise errors[model["k"]]
    return {"k": model["k"], "of": part}

def score(fitted):
    ran.append(f"score {fitted['k']}")
    return {"score": fitted["k"] * sum(fitted["of"])}

def compare(*metrics):
    ran.append("compare")
    return sorted(map(str, metrics))
"""
ALL_STEPS = {"split", "fit 1", "score 1", "fit 2", "score 2", "compare"}


class UntrackedHook(RunHook):
    """A hook of sessions that are not tracked, in any thread."""

    store = MagicMock(problem="off", address="store")


def close(run: Run, error: Exception | None = None) -> None:
    """End a run without showing, tracking or reporting it."""
    try:
        if error is None:
            raise_failures(run.params, run.pipeline, run.catalog)
    finally:
        run.close()


class Project:
    """A project of two models in a folder, which runs them as Kedro does."""

    def __init__(self, folder: Path, nodes: ModuleType):
        """Write the raw data."""
        self.folder, self.nodes = folder, nodes
        self.parameters: dict[str, Any] = {"seed": 3, "a": {"k": 1}, "b": {"k": 2}}
        self.entries: dict[str, dict[str, Any]] = {
            name: self.entry(name)
            for name in (
                "raw",
                "part",
                "board",
                "{model}.fitted_model",
                "{model}.metrics",
            )
        }
        self.write("raw", [1, 2])
        self.hooks: list[Any] = [UntrackedHook()]

    def entry(self, name: str, **more: Any) -> dict[str, Any]:
        """Return the catalog entry of a dataset."""
        path = self.path(name.replace("{model}.", "{model}_"))
        return {"type": "json.JSONDataset", "filepath": str(path)} | more

    def path(self, name: str) -> Path:
        """Return the file of a dataset."""
        return self.folder / "data" / f"{name}.json"

    def write(self, name: str, value: Any) -> None:
        """Write a file of the data."""
        self.path(name).write_text(json.dumps(value))

    def read(self, name: str) -> Any:
        """Return the content of a file of the data."""
        return json.loads(self.path(name).read_text())

    def pipeline(self) -> Pipeline:
        """Return the pipeline of the models in the parameters."""
        nodes = self.nodes
        models = [name for name in self.parameters if name != "seed"]
        metrics = [f"models.{name}.metrics" for name in models]
        one_model = keep_going(
            Pipeline(
                [
                    Node(
                        nodes.fit,
                        ["part", "params:model"],
                        "fitted_model",
                        name="fit",
                    ),
                    Node(nodes.score, "fitted_model", "metrics", name="score"),
                ]
            )
        )
        split = Node(
            nodes.split, ["raw", "params:seed"], ["part", "size"], name="split"
        )
        compare = Node(
            nodes.compare, metrics, "board", name="compare", namespace="models"
        )
        all_models = [
            Pipeline(
                one_model,
                namespace=f"models.{name}",
                inputs={"part"},
                parameters={"params:model": f"params:{name}"},
            )
            for name in models
        ]
        return Pipeline([split, *all_models, compare])

    def catalog(self) -> DataCatalog:
        """Return a catalog of the entries and the parameters."""
        entries = {
            name.replace("{model}.", "models.{model}."): entry
            for name, entry in self.entries.items()
        }
        catalog = DataCatalog.from_config(entries)
        for name, value in self.parameters.items():
            catalog[f"params:{name}"] = value
        return catalog

    def run(
        self,
        select: Callable[[Pipeline], Pipeline] = lambda pipeline: pipeline,
        **params: Any,
    ) -> set[str]:
        """Run as Kedro's session does, and return what the nodes did."""
        catalog = self.catalog()
        manager = _create_hook_manager()
        for hook in self.hooks:
            manager.register(hook)
        run_params = {"only_missing_outputs": False, "runner": "S"} | params
        pipeline = select(self.pipeline())
        hook_args = {"run_params": run_params, "pipeline": pipeline, "catalog": catalog}
        only_missing = bool(run_params["only_missing_outputs"])
        self.nodes.ran.clear()

        def run() -> None:
            manager.hook.before_pipeline_run(**hook_args)
            try:
                SequentialRunner().run(
                    pipeline, catalog, manager, only_missing_outputs=only_missing
                )
            except Exception as error:
                manager.hook.on_pipeline_error(error=error, **hook_args)
                raise
            manager.hook.after_pipeline_run(run_result={}, **hook_args)

        in_session(run)
        return {*self.nodes.ran}

    def resume(self, **params: Any) -> set[str]:
        """Run what is missing, and return what the nodes did."""
        return self.run(only_missing_outputs=True, **params)


def load(path: Path) -> ModuleType:
    """Import the module of the nodes anew."""
    spec = importlib.util.spec_from_file_location("iris_nodes", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["iris_nodes"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, atomic_files: None
) -> Iterator[Project]:
    """Return a project that was run once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "project_path", lambda: tmp_path)
    monkeypatch.setattr(hooks, "finish", close)
    monkeypatch.setattr(preflight, "check_run", lambda *_: None)
    monkeypatch.setattr(preflight, "explain", lambda error, *_: error)
    module = tmp_path / "nodes.py"
    module.write_text(MODULE)
    (tmp_path / "data").mkdir()
    project = Project(tmp_path, load(module))
    assert project.run() == ALL_STEPS
    yield project
    assert runs.open_runs() == []
    assert not [*(tmp_path / "data/.locks").glob("*.*n")]
    assert not [*(tmp_path / "data").glob(".provenance-*")]
    del sys.modules["iris_nodes"]


def test_a_run_finds_the_inputs_and_outputs_of_its_pipeline_once(
    project: Project, searched: list[Pipeline]
) -> None:
    def count_searches() -> int:
        run_pipelines: list[Pipeline] = []

        def select(pipeline: Pipeline) -> Pipeline:
            run_pipelines.append(pipeline)
            return pipeline

        project.run(select)
        (run_pipeline,) = run_pipelines
        return sum(pipeline is run_pipeline for pipeline in searched)

    count_of_two_models = count_searches()
    project.parameters |= {"c": {"k": 3}, "d": {"k": 4}}
    assert count_searches() == count_of_two_models


def test_what_has_not_changed_is_not_made_again(project: Project) -> None:
    assert project.resume() == set()
    assert project.resume() == set()
    assert project.run() == ALL_STEPS


def test_a_changed_parameter_costs_its_model_and_the_leaderboard(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, provenance.__name__)
    project.parameters["b"] = {"k": 5}
    assert project.resume() == {"fit 5", "score 5", "compare"}
    (message,) = (
        record.getMessage()
        for record in caplog.records
        if record.name == provenance.__name__
    )
    assert message == (
        "Deleted 3 files, to be made again: "
        "board, models.b.fitted_model, models.b.metrics"
    )
    assert project.resume() == set()
    project.parameters["seed"] = 4
    assert project.resume() == {"split", "fit 1", "score 1", "fit 5", "score 5"} | {
        "compare"
    }


def test_typed_parameters_are_known_by_what_is_written(project: Project) -> None:
    entry = {"class": "sklearn.svm.SVC", "model_kwargs": {"C": 1}}
    project.nodes.fit = lambda part, model: {"k": 1, "of": part}  # type: ignore[attr-defined]
    for kwargs, made_again in (({"C": 1}, True), ({"C": 1}, False), ({"C": 2}, True)):
        spec = ModelSpec.model_validate(entry | {"model_kwargs": kwargs})
        project.parameters["a"] = project.parameters["b"] = spec
        assert bool(project.resume()) == made_again


def test_models_come_and_go(project: Project) -> None:
    project.parameters["c"] = {"k": 7}
    assert project.resume() == {"fit 7", "score 7", "compare"}
    del project.parameters["a"]
    assert project.resume() == {"compare"}
    assert len(project.read("board")) == 2
    # The data changes while one model is not in the parameters.
    project.write("raw", [1, 2, 3])
    assert "fit 1" not in project.resume()
    project.parameters["a"] = {"k": 1}
    assert project.resume() == {"fit 1", "score 1", "compare"}


@pytest.mark.parametrize("same_size", [True, False])
def test_raw_data_is_known_by_its_content(same_size: bool, project: Project) -> None:
    raw = project.path("raw")
    os.utime(raw, ns=(1, 1))
    assert project.resume() == set()
    project.write("raw", [1, 3] if same_size else [1, 2, 3])
    assert project.resume() == ALL_STEPS
    # Data that moves is still the same data.
    raw.rename(project.path("elsewhere"))
    project.entries["raw"] = project.entry("elsewhere")
    assert project.resume() == set()


def test_raw_data_is_known_by_its_content_though_its_time_and_size_stay(
    project: Project,
) -> None:
    raw = project.path("raw")
    before = raw.stat()
    project.resume()
    project.write("raw", [1, 3])
    os.utime(raw, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert project.resume() == ALL_STEPS


def test_only_a_full_run_reads_raw_data_that_seems_unchanged(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def note(path: Path) -> str:
        read.append(path.name)
        return "digest"

    monkeypatch.setattr(provenance, "digest_file", note)
    project.run()
    project.resume()
    assert read == ["raw.json"]
    project.run()
    assert read == ["raw.json"] * 2


def test_a_folder_of_raw_data_is_known_by_the_files_in_it(project: Project) -> None:
    folder = project.folder / "data/raw"
    (folder / "deeper").mkdir(parents=True)
    table = folder / "deeper/a.json"
    table.write_text("1")
    project.entries["raw"] |= {"filepath": str(folder), "versioned": True}
    version = folder / "2020-01-01T00.00.00.000Z/raw"
    version.parent.mkdir()
    version.write_text("[1, 2]")
    assert project.resume() == ALL_STEPS
    assert project.resume() == set()
    # This does not change the time of the outer folder.
    table.write_text("2")
    assert project.resume() == ALL_STEPS


def test_how_data_is_read_and_written_matters(project: Project) -> None:
    project.entries["raw"]["fs_args"] = {"open_args_load": {"encoding": "utf-8"}}
    assert project.resume() == ALL_STEPS
    project.entries["{model}.metrics"]["save_args"] = {"indent": 2}
    assert project.resume() == {"score 1", "score 2", "compare"}
    project.entries["raw"]["metadata"] = {"kedro-viz": {"layer": "raw"}}
    assert project.resume() == set()


def test_remote_data_is_known_by_its_address(project: Project) -> None:
    for path in ("memory://one.json", "memory://two.json"):
        project.entries["raw"]["filepath"] = path
        DataCatalog.from_config({"raw": project.entries["raw"]}).save("raw", [1])
        assert project.resume() == ALL_STEPS
        assert project.resume() == set()


def test_the_module_of_a_node_matters(project: Project) -> None:
    module = project.folder / "nodes.py"
    os.utime(module, ns=(1, 1))
    assert project.resume() == set()
    module.write_text(MODULE + "# edited\n")
    project.nodes = load(module)
    assert project.resume() == ALL_STEPS


def test_a_class_of_the_project_matters(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = project.folder / "iris"
    package.mkdir()
    (package / "__init__.py").touch()
    module = package / "trees.py"
    module.write_text("class Tree: pass")
    monkeypatch.syspath_prepend(str(project.folder))
    project.nodes.fit = lambda part, model: {"k": 2, "of": part}  # type: ignore[attr-defined]
    project.parameters["b"] = ModelSpec.model_validate({"class": "iris.trees.Tree"})
    assert project.resume() >= {"score 2", "compare"}
    assert project.resume() == set()
    module.write_text("class Tree: depth = 1")
    assert project.resume() == {"score 2", "compare"}


def test_bound_arguments_of_a_function_matter(project: Project) -> None:
    split = project.nodes.split
    for seed, expected in ((3, ALL_STEPS), (3, set()), (4, ALL_STEPS)):
        function = update_wrapper(partial(split, seed=seed), split)
        bound = Node(function, "raw", ["part", "size"], name="split")

        def select(pipeline: Pipeline, bound: Node = bound) -> Pipeline:
            other_nodes = [node for node in pipeline.nodes if node.name != "split"]
            return Pipeline([bound, *other_nodes])

        assert project.run(select, only_missing_outputs=True) == expected


def test_another_function_of_a_module_matters(project: Project) -> None:
    project.run()
    split = project.nodes.split

    def split_otherwise(table: list[int], seed: int) -> Any:
        return split(table, seed)

    split_otherwise.__module__ = split.__module__
    other = Node(
        split_otherwise, ["raw", "params:seed"], ["part", "size"], name="split"
    )

    def select(pipeline: Pipeline) -> Pipeline:
        other_nodes = [node for node in pipeline.nodes if node.name != "split"]
        return Pipeline([other, *other_nodes])

    assert project.run(select, only_missing_outputs=True) == ALL_STEPS
    assert project.run(select, only_missing_outputs=True) == set()


def test_functions_without_a_file_are_known_by_name(project: Project) -> None:
    class Sizes:
        def __call__(self, part: list[int]) -> int:
            return len(part)

    Sizes.__module__ = "of_a_notebook"
    for function in (len, max, Sizes()):
        single_node = Pipeline([Node(function, "part", "size", name="size")])
        project.run(lambda _, single_node=single_node: single_node)  # type: ignore[misc]


def test_a_file_changed_by_hand_is_made_again(project: Project) -> None:
    for name, expected in [
        ("models.a_fitted_model", {"fit 1", "score 1", "compare"}),
        ("part", ALL_STEPS),
        ("board", {"compare"}),
    ]:
        path = project.path(name.removeprefix("models."))
        path.write_text(path.read_text() + " ")
        assert project.resume() == expected, name
        path.unlink()
        assert project.resume() == expected, name


def test_a_dataset_in_memory_between_two_files(project: Project) -> None:
    project.entries["{model}.fitted_model"] = {"type": "MemoryDataset"}
    # How a model is kept is a part of what its metrics are made from.
    assert project.resume() == ALL_STEPS - {"split"}
    assert project.resume() == set()
    project.parameters["b"] = {"k": 5}
    assert project.resume() == {"fit 5", "score 5", "compare"}
    # A node that runs again also makes its other outputs again, with the same content.
    project.entries["part"] = {"type": "MemoryDataset"}
    project.entries["size"] = project.entry("size")
    project.resume()
    project.parameters["a"] = {"k": 7}
    assert project.resume() == {"split", "fit 7", "score 7", "compare"}
    assert project.resume() == set()


def test_two_entries_of_one_file(project: Project) -> None:
    project.entries["part@text"] = {
        "type": "text.TextDataset",
        "filepath": str(project.path("part")),
    }
    project.entries["part@json"] = project.entries.pop("part")
    nodes = project.nodes

    def select(_: Pipeline) -> Pipeline:
        inputs, outputs = ["raw", "params:seed"], ["part@json", "size"]
        split = Node(nodes.split, inputs, outputs, name="split")
        compare = Node(nodes.compare, "part@text", "board", name="compare")
        return Pipeline([split, compare])

    resume = partial(project.run, select, only_missing_outputs=True)
    assert resume() == {"compare"}
    assert resume() == set()
    project.parameters["seed"] = 4
    assert resume() == {"split", "compare"}


def test_runs_of_some_nodes(project: Project) -> None:
    def models(pipeline: Pipeline) -> Pipeline:
        return Pipeline([node for node in pipeline.nodes if node.name != "split"])

    assert project.run(models, only_missing_outputs=True) == set()
    project.parameters["a"] = {"k": 5}

    def fit_only(pipeline: Pipeline) -> Pipeline:
        return pipeline.only_nodes("models.a.fit")

    assert project.run(fit_only) == {"fit 5"}
    # The metrics were made from the model before.
    assert project.run(models, only_missing_outputs=True) == {"score 5", "compare"}
    assert project.resume() == set()
    # A file that a person edits is data like any other, until it is made again.
    project.write("part", [9, 9])
    again = {"fit 5", "score 5", "fit 2", "score 2", "compare"}
    assert project.run(models, only_missing_outputs=True) == again
    assert project.run(models, only_missing_outputs=True) == set()
    assert project.resume() == again | {"split"}
    # The models are made from whatever the split was made from.
    project.parameters["seed"] = 4
    assert project.run(lambda pipeline: pipeline.only_nodes("split")) == {"split"}
    assert project.run(models, only_missing_outputs=True) == again
    assert project.resume() == set()


@pytest.fixture
def outdated(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, str]]:
    """Return a function that runs nodes, and returns what of them is outdated."""
    found = []

    def note(run: Run, error: Exception | None = None) -> None:
        found.append(run.plan.outdated)
        assert not run.plan.disputed - run.pipeline.inputs()
        close(run, error)

    def run(*nodes: str) -> dict[str, str]:
        whole = project.pipeline()
        # The split is far: neither the run's pipeline nor the default one has it.
        split, models = whole.only_nodes("split"), whole - whole.only_nodes("split")
        registered = {"etl": split, "__default__": models}
        monkeypatch.setattr(makers, "pipelines", registered)
        project.run(lambda pipeline: pipeline.only_nodes(*nodes))
        return found.pop()

    monkeypatch.setattr(hooks, "finish", note)
    return run


MODELS = ("models.a.fit", "models.a.score", "models.b.fit", "models.b.score")


def test_files_that_are_of_today_are_not_outdated(
    project: Project, outdated: Callable[..., dict[str, str]]
) -> None:
    assert outdated(*MODELS, "models.compare") == {}
    assert outdated("models.a.score", "models.compare") == {}
    project.parameters["a"] = {"k": 5}
    assert outdated("split", *MODELS, "models.compare") == {}
    assert outdated("models.a.score") == {}


class Arguments(BaseModel):
    """The parameters of a model, as a node takes them."""

    k: float


def fit_typed(part: Any, model: Arguments) -> dict[str, Any]:
    """Fit a model whose parameters have a type."""
    return {"k": model.k, "of": part}


def test_parameters_that_kedro_has_not_checked(
    project: Project, outdated: Callable[..., dict[str, str]]
) -> None:
    """Kedro makes objects of the parameters of the pipelines that run, alone."""
    project.nodes.fit = fit_typed  # type: ignore[attr-defined]
    for name in ("a", "b"):
        project.parameters[name] = Arguments(k=2)
    assert outdated("split", *MODELS, "models.compare") == {}
    project.parameters["a"] = {"k": 2}
    assert outdated("models.a.score") == {}
    project.parameters["a"] = {"k": 3}
    assert {*outdated("models.a.score").values()} == {"models.a.fitted_model"}


def test_a_model_of_other_parameters_is_outdated(
    project: Project, outdated: Callable[..., dict[str, str]]
) -> None:
    project.parameters["a"] = {"k": 5}
    fitted_model = "models.a.fitted_model"
    assert outdated("models.a.score") == {
        fitted_model: fitted_model,
        "models.a.metrics": fitted_model,
    }
    # A leaderboard of several origins.
    names = outdated("models.b.score", "models.compare")
    assert names["board"] == "models.a.metrics"
    assert "models.b.metrics" not in names


@pytest.mark.parametrize("change", ["parameter", "data", "code", "by hand"])
def test_a_split_that_would_be_another_today_is_outdated(
    change: str, project: Project, outdated: Callable[..., dict[str, str]]
) -> None:
    if change == "parameter":
        project.parameters["seed"] = 4
    elif change == "data":
        project.write("raw", [3, 4])
    elif change == "code":
        path = Path(str(project.nodes.__file__))
        path.write_text(f"{MODULE}\n# changed")
    else:
        project.write("part", [9, 9])
    names = outdated(*MODELS, "models.compare")
    assert {*names.values()} == {"part"}
    assert names.keys() >= {"models.a.metrics", "models.b.fitted_model", "board"}


class Killed(BaseException):
    """Ends a run as SIGKILL does: no hook is called."""


@pytest.mark.parametrize("only_missing", [True, False])
def test_what_a_killed_run_made_is_not_made_again(
    only_missing: bool, project: Project
) -> None:
    project.parameters |= {"seed": 4, "a": {"k": 11}, "b": {"k": 12}}
    project.nodes.errors[12] = Killed()
    with pytest.raises(Killed):
        project.run(only_missing_outputs=only_missing)
    done = {*project.nodes.ran} - {"fit 12"}
    restart(project)
    assert done == {"split", "fit 11"}
    assert project.resume() == {"score 11", "fit 12", "score 12", "compare"}
    assert project.resume() == set()
    # The scores of the rows 1 and 2 and the seed 4.
    assert project.read("board") == ["{'score': 77}", "{'score': 84}"]


def restart(project: Project) -> None:
    """Behave like another process, which knows nothing of earlier runs."""
    (run,) = runs.open_runs()
    assert run.lock._lock
    run.lock._lock.release()
    runs._runs.remove(run)
    project.hooks = [UntrackedHook()]
    project.nodes = load(project.folder / "nodes.py")


@pytest.mark.parametrize("changed", ["part", "a_metrics"])
def test_a_file_changed_by_hand_after_a_kill_is_made_again(
    changed: str, project: Project
) -> None:
    """Neither a file that the killed run made, nor one that it did not reach."""
    board = project.read("board")
    project.parameters["b"] = {"k": 5}
    stop(project, "fit", Killed())
    restart(project)
    path = project.path(changed)
    path.write_text(path.read_text() + " ")
    project.parameters["b"] = {"k": 2}
    steps = project.resume()
    assert "score 1" in steps
    assert ("split" in steps) == (changed == "part")
    assert project.read("board") == board
    assert project.resume() == set()


def test_a_killed_run_of_a_model_that_is_gone_leaves_no_journals(
    project: Project,
) -> None:
    """Nothing settles what it planned. Journals of later runs end with these."""
    project.parameters["b"] = {"k": 5}
    stop(project, "fit", Killed())
    restart(project)
    del project.parameters["b"]
    project.resume()
    _, _, pending, _ = project.read(".provenance")
    assert pending
    assert not [*(project.folder / "data").glob(".provenance-*")]


class PathDataset(AbstractDataset[Any, Any]):
    """Writes a file without the file system of the catalog."""

    def __init__(self, filepath: str):
        """Note the file."""
        self.path = Path(filepath)

    def load(self) -> Any:
        """Read the file."""
        return json.loads(self.path.read_text())

    def save(self, data: Any) -> None:
        """Write the file."""
        self.path.write_text(json.dumps(data))

    def _exists(self) -> bool:
        return self.path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"path": self.path}


@pytest.mark.parametrize(("killed", "again"), [(False, set()), (True, {"split"})])
def test_a_file_that_is_written_in_another_way(
    killed: bool, again: set[str], project: Project
) -> None:
    """It counts as made by a run that ended, and not by one that was killed."""
    project.entries["part"] = {
        "type": PathDataset,
        "filepath": str(project.path("part")),
    }
    error = Killed() if killed else RuntimeError("no")
    stop(project, "fit", error)
    if killed:
        restart(project)
    assert project.resume() & {"split"} == again
    assert project.resume() == set()


def test_a_killed_full_run_voids_what_it_did_not_reach(project: Project) -> None:
    """Whoever runs everything may have reasons that provenance does not see."""
    stop(project, "fit", Killed())
    restart(project)
    assert project.resume() == ALL_STEPS - {"split"}


def stop(project: Project, step: str, error: BaseException) -> None:
    """Run, and raise an error before a step of a model."""

    class Stop:
        @hook_impl
        def before_node_run(self, node: Node) -> None:
            if node.name.rpartition(".")[2] == step:
                raise error

    project.hooks.append(Stop())
    with pytest.raises(type(error)):
        project.run()
    project.hooks.pop()


def test_a_run_resumes_where_an_error_ended_it(project: Project) -> None:
    stop(project, "score", RuntimeError("no"))
    done = {*project.nodes.ran}
    assert project.resume() == ALL_STEPS - done


def test_a_failed_model_is_made_again(project: Project) -> None:
    project.parameters["b"] = {"k": 5}
    project.nodes.errors[5] = ValueError("no")
    with pytest.raises(ModelsFailed, match="1 of 2 models failed"):
        project.resume()
    assert not project.path("b_fitted_model").exists()
    assert set(project.read("b_metrics")) == {"error", "traceback"}
    for _ in range(2):
        with pytest.raises(ModelsFailed):
            project.resume()
        assert {*project.nodes.ran} == {"fit 5", "compare"}
    project.nodes.errors.clear()
    assert project.resume() == {"fit 5", "score 5", "compare"}
    assert project.resume() == set()


@pytest.mark.parametrize("is_full", [True, False])
def test_a_model_that_failed_in_a_run_of_one_node_is_made_again(
    is_full: bool, project: Project
) -> None:
    project.parameters["b"] = {"k": 5}
    project.nodes.errors[5] = ValueError("no")

    def fit_only(pipeline: Pipeline) -> Pipeline:
        return pipeline.only_nodes("models.b.fit")

    with pytest.raises(ModelsFailed):
        project.run(fit_only)
    project.nodes.errors.clear()
    if not is_full:
        assert project.run(fit_only, only_missing_outputs=True) == {"fit 5"}
    expected = {"fit 5"} if is_full else set()
    assert project.resume() == expected | {"score 5", "compare"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"made": {}}',
        "[1, 2, 3]",
        "[{}, {}]",
        "\0",
        '[{"data/x": 1}, {}, {}, {}]',
        '[{}, {}, {"data/x": [1]}, {}]',
    ],
)
def test_without_provenance_everything_is_made_again(
    content: str, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    file = project.folder / "data/.provenance.json"
    file.write_text(content)
    assert project.resume() == ALL_STEPS
    messages = [record.getMessage() for record in caplog.records]
    counts = [message for message in messages if "it counts as not there" in message]
    assert len(counts) == 1
    file.unlink()
    assert project.resume() == ALL_STEPS
    assert project.resume() == set()


def test_provenance_moves_with_the_project(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_root = tmp_path / "moved"
    new_root.mkdir()
    (tmp_path / "data").rename(new_root / "data")
    monkeypatch.setattr(runs, "project_path", lambda: new_root)
    project.folder = new_root
    for entry in project.entries.values():
        entry["filepath"] = entry["filepath"].replace(str(tmp_path), str(new_root))
    assert project.resume() == set()
    (new_root / "data").rename(tmp_path / "data")


METRICS = "data/a_metrics.json"


def remembered(project: Project, key: str = METRICS) -> str:
    """Return the MLflow run that is remembered for a file."""
    with Provenance(project.folder).open() as opened:
        return opened.run_of(key, "store")


def remember(project: Project, key: str = METRICS) -> None:
    """Remember an MLflow run for a file."""
    with Provenance(project.folder).open() as opened:
        opened.remember_run(key, "123", "store")


def test_the_mlflow_run_of_a_file_is_remembered(project: Project) -> None:
    assert remembered(project) == ""
    remember(project)
    assert remembered(project) == "123"
    # What a resumed run does not make again is still logged in that run.
    assert project.resume() == set()
    assert remembered(project) == "123"
    assert remembered(project, "data/b_metrics.json") == ""


def test_the_mlflow_run_of_a_file_is_forgotten_when_the_file_is_made_again(
    project: Project,
) -> None:
    remember(project)
    project.run()
    assert remembered(project) == ""
    remember(project)
    project.parameters["a"] = {"k": 5}
    project.resume()
    assert remembered(project) == ""


def test_the_mlflow_run_of_a_file_is_forgotten_when_the_file_is_edited(
    project: Project,
) -> None:
    remember(project)
    file = project.folder / METRICS
    content = file.read_text()
    file.write_text(content + " ")
    assert remembered(project) == ""
    # An edited file was logged in no run.
    remember(project)
    assert remembered(project) == ""
    file.unlink()
    assert remembered(project) == ""
    remember(project, "data/raw.json")
    assert remembered(project, "data/raw.json") == ""


class RejectingHook:
    """A hook that rejects a run."""

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Raise."""
        raise ConfigurationError("no")


def test_a_run_that_a_hook_rejects_changes_nothing(project: Project) -> None:
    before = project.read(".provenance")
    project.hooks.insert(1, RejectingHook())
    project.parameters["seed"] = 4
    with pytest.raises(ConfigurationError, match="no"):
        project.resume()
    assert project.read(".provenance") == before
    del project.hooks[1]
    in_another_thread(project.resume)


def test_a_runner_that_runs_no_node_changes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that only lists the nodes, as in Kedro's documentation."""
    seen: list[bool] = []

    def finish(run: Run, error: Exception | None = None) -> None:
        seen.append(run.ran_nothing())
        if run.ran_nothing():
            run.restore_provenance()
        close(run, error)

    monkeypatch.setattr(hooks, "finish", finish)
    assert project.run() == ALL_STEPS
    assert project.run(runner="ParallelRunner") == ALL_STEPS
    before = project.read(".provenance")
    monkeypatch.setattr(SequentialRunner, "run", lambda *_, **__: {})
    assert project.run() == set()
    assert project.read(".provenance") == before
    assert project.resume() == set()
    project.run(runner="ParallelRunner")  # whose workers count their nodes
    assert seen == [False, False, True, False, False]


def in_another_thread(function: Callable[[], object]) -> None:
    """Call a function in another thread, and wait for it."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def test_runs_of_two_threads_run_one_after_the_other(project: Project) -> None:
    open_at_end = []

    class SlowHook:
        @hook_impl
        def before_node_run(self) -> None:
            time.sleep(0.05)

        @hook_impl
        def after_pipeline_run(self) -> None:
            open_at_end.append(len(runs.open_runs()))

    project.hooks.insert(0, SlowHook())
    threads = [threading.Thread(target=project.run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert open_at_end == [1, 1]


def test_a_project_may_reject_runs_instead_of_waiting(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "WAIT_FOR_OTHER_RUNS", False, raising=False)
    rejected = []

    def run_again() -> None:
        with pytest.raises(ConfigurationError, match=r"kedro run.* since"):
            project.run()
        rejected.append(True)

    class MeanwhileHook:
        @hook_impl
        def after_pipeline_run(self) -> None:
            project.hooks.pop(0)
            in_another_thread(run_again)

    project.hooks.insert(0, MeanwhileHook())
    project.run()
    assert rejected == [True]


def test_a_run_within_a_run_and_after_ctrl_c(project: Project) -> None:
    class InnerRunHook:
        @hook_impl
        def after_node_run(self, node: Node) -> None:
            if node.name == "split":
                project.hooks.pop(0)
                project.run()
                assert len(runs.open_runs()) == 1

    project.hooks.insert(0, InnerRunHook())
    project.run()
    assert runs.open_runs() == []

    # In a notebook, the same thread runs again. After that, another thread may run.
    stop(project, "score", KeyboardInterrupt())
    assert len(runs.open_runs()) == 1
    assert project.resume() == {"score 1", "score 2", "compare"}
    assert runs.open_runs() == []
    in_another_thread(project.run)


def test_provenance_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_full_disk(path: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_text", on_full_disk)
    with pytest.raises(ConfigurationError) as caught, Provenance(tmp_path).open():
        pass
    file = tmp_path / "data/.provenance.tmp"
    assert caught.match(f"{file} cannot be written: No space left on device. Runs keep")


def test_only_errors_of_its_own_file_are_called_so(tmp_path: Path) -> None:
    known = Provenance(tmp_path)
    with pytest.raises(PermissionError, match="raw"), known.open():
        raise PermissionError("raw data that may not be read")
    with known.open():  # the lock is free
        pass


def test_what_several_runs_made_is_adopted_as_one(project: Project) -> None:
    def run_one_by_one() -> None:
        for node in project.pipeline().nodes:
            project.run(methodcaller("only_nodes", node.name))

    def adopt() -> Plan:
        plan = Plan(project.pipeline(), project.catalog(), project.folder)
        with Provenance(project.folder).open() as opened:
            opened.adopt(plan)
        return plan

    run_one_by_one()
    plan = adopt()
    assert all(plan.made(name) for name in plan.writes)
    assert not plan.outdated
    assert not plan.disputed
    # Somebody edits a parameter after the node that takes it was run.
    project.parameters["a"] = {"k": 5}
    plan = adopt()
    models = {"models.a.fitted_model", "models.a.metrics"}
    assert {*plan.outdated} == {*models, "board"}
    assert plan.culprits == ["models.a.fitted_model"]
    assert plan.disputed == {"params:a", "part"}
