"""Registered pipelines follow the configuration in force."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.framework import project
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.project import (
    project_path,
    put_in_force,
    put_path_in_force,
)
from kedro_dynamic.hooks import RunHook
from kedro_dynamic.patches import cache_inputs_outputs
from kedro_dynamic.registry import dynamic
from kedro_dynamic.registry.config_loader import ProjectConfigLoader
from kedro_dynamic.registry.dynamic import dynamic_pipelines
from kedro_dynamic.registry.lazy import LazyPipeline

MODELS = """
from functools import partial
from kedro.pipeline import Node, Pipeline

def build(name):
    return Pipeline([Node(print, "a", f"{name}_made", name=name)])

def create_pipelines(parameters):
    return {f"models.{name}": partial(build, name) for name in parameters["models"]}
"""
PLAIN = """
from kedro.pipeline import Node, Pipeline

def create_pipeline(**kwargs):
    return Pipeline([Node(print, "b", "plain_made", name="plain")])
"""
Load = Callable[..., ProjectConfigLoader]


def pass_on(value: Any) -> Any:
    return value


@pytest.fixture(autouse=True)
def no_session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Begin as a new process does, in a project with pipelines of its own."""
    put_in_force(None)
    name = f"pipelines_of_{tmp_path.name}"
    for module, code in {"models": MODELS, "plain": PLAIN, "helper": "A = 1"}.items():
        (tmp_path / f"{module}.py").write_text(code)
    package = ModuleType(f"{name}.pipelines")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, f"{name}.pipelines", package)
    vars(sys.modules[name])["__file__"] = f"/nowhere/src/{name}/__init__.py"
    monkeypatch.setattr(project, "PACKAGE_NAME", name)
    yield
    put_in_force(None)
    for module in [module for module in sys.modules if module.startswith(f"{name}.")]:
        del sys.modules[module]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that puts a configuration in force."""
    for env, text in {
        "base": "models: {svm: {C: 1}, tree: {}}\nn: ${runtime_params:n,0}",
        "local": "",
        "other": "models: {forest: {}}",
        "wrong": "models: [",
    }.items():
        (tmp_path / "conf" / env).mkdir(parents=True)
        (tmp_path / "conf" / env / "parameters.yml").write_text(text)

    def load(env: str = "local", **kwargs: Any) -> ProjectConfigLoader:
        return ProjectConfigLoader(
            conf_source=str(tmp_path / "conf"),
            env=env,
            base_env="base",
            default_run_env="local",
            merge_strategy={"parameters": "soft"},
            **kwargs,
        )

    return load


def test_pipelines_follow_the_configuration(load: Load) -> None:
    pipelines = dynamic_pipelines()
    load()
    assert set(pipelines) == {"models.svm", "models.tree", "plain", "__default__"}
    assert len(pipelines) == 4
    assert [node.name for node in pipelines["models.svm"].nodes] == ["svm"]
    everything = {node.name for node in pipelines["__default__"].nodes}
    assert everything == {"svm", "tree", "plain"}
    load("other")
    assert "models.forest" in pipelines
    assert "models.svm" in pipelines
    assert repr(pipelines).startswith("<pipelines: models.")
    with pytest.raises(KeyError):
        pipelines["models.none"]


def test_a_pipeline_that_is_assigned_is_registered(load: Load) -> None:
    pipelines = dynamic_pipelines()
    load()
    pipelines["mine"] = Pipeline(pipelines["plain"], tags="mine")
    pipelines["plain"] = pipelines["plain"] + pipelines["models.svm"]
    for env in ("local", "other"):
        load(env)
        assert {"mine", "plain", "models.svm", "__default__"} <= set(pipelines)
        assert len(pipelines) == len(set(pipelines))
        assert pipelines["mine"].nodes[0].tags == {"mine"}
        assert {node.name for node in pipelines["plain"].nodes} == {"plain", "svm"}
    assert "models.forest" in pipelines
    del pipelines["plain"]
    assert [node.name for node in pipelines["plain"].nodes] == ["plain"]


@pytest.mark.parametrize(
    "combine",
    [
        lambda svm, plain: sum([svm, plain]),
        lambda svm, plain: svm + plain,
        lambda svm, plain: plain | svm,
        lambda svm, plain: (plain + svm) & svm,
        lambda svm, plain: (plain + svm) - svm,
        lambda svm, plain: (svm + plain).filter(node_names=["svm"]),
        lambda svm, plain: svm.from_nodes("svm"),
        lambda svm, plain: svm.to_outputs(*svm.outputs()),
        lambda svm, plain: svm.tag("a").only_nodes_with_tags("a"),
        lambda svm, plain: svm.from_nodes("smv"),
        lambda svm, plain: svm.filter(tags=["none"]),
        lambda svm, plain: svm + "plain",
    ],
)
def test_registered_pipelines_are_combined_as_kedros_own(
    combine: Callable[[Pipeline, Pipeline], Pipeline], load: Load
) -> None:
    load()
    registered = dynamic_pipelines()

    def outcome(*pipelines: Pipeline) -> str:
        try:
            return combine(*pipelines).describe()
        except Exception as error:
            return repr(error).replace("LazyPipeline", "Pipeline")

    own = [Pipeline(registered[name].nodes) for name in ("models.svm", "plain")]
    load()  # anew, so that nothing is assembled yet
    assert outcome(registered["models.svm"], registered["plain"]) == outcome(*own)


def test_threads_see_their_own_configuration(load: Load) -> None:
    pipelines = dynamic_pipelines()
    gate = threading.Barrier(2)

    def sees(env: str) -> tuple[bool, int]:
        loader = load(env, runtime_params={"n": len(env)})
        gate.wait(timeout=10)
        return "models.forest" in pipelines, loader["parameters"]["n"]

    with ThreadPoolExecutor(max_workers=2) as threads:
        seen = list(threads.map(sees, ["local", "other"] * 10))
    assert seen == [(False, 5), (True, 5)] * 10


@pytest.mark.parametrize("code", ["import no_such_library", "raise SystemError", "def"])
def test_a_package_that_cannot_be_imported_costs_its_own_pipelines(
    code: str, load: Load, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "plain.py").write_text(code)
    load()
    assert set(dynamic_pipelines()) == {"models.svm", "models.tree", "__default__"}
    assert ".plain are missing: " in caplog.text


def lazy(build: Callable[[], list[Node]]) -> LazyPipeline:
    return LazyPipeline(lambda: Pipeline(build()))


def test_a_lazy_pipeline_is_built_when_it_is_looked_into() -> None:
    built: list[int] = []

    def build() -> list[Node]:
        built.append(1)
        return [Node(pass_on, "a", "b", name="n")]

    pipeline = lazy(build)
    copy = {**{"a": pipeline}}["a"]
    assert not built
    assert isinstance(copy, Pipeline)
    assert (copy.inputs(), copy.all_outputs()) == ({"a"}, {"b"})
    assert pickle.loads(pickle.dumps(copy)).describe() == copy.describe()
    assert [node.name for node in (copy + Pipeline([])).nodes] == ["n"]
    assert built == [1]
    with pytest.raises(AttributeError, match="no attribute 'nodess'"):
        getattr(copy, "nodess")  # noqa: B009 - mypy knows better


@pytest.mark.parametrize("in_part", [False, True])
def test_a_run_finds_inputs_and_outputs_of_its_pipeline_once(
    searched: list[Pipeline], in_part: bool
) -> None:
    def run_of(count: int) -> int:
        names = [f"n_{i}" for i in range(count + 1)]
        nodes = [Node(pass_on, a, b, name=b) for a, b in pairwise(names)]
        pipeline = cache_inputs_outputs(Pipeline(nodes))
        if in_part:  # as --only-missing-outputs does
            pipeline = pipeline.filter(node_names=names[1:])
        searched.clear()
        catalog = DataCatalog({"n_0": MemoryDataset(1)})
        outputs = SequentialRunner().run(pipeline, catalog)
        assert [dataset.load() for dataset in outputs.values()] == [1]
        return len(searched)

    assert run_of(3) == run_of(30)


def chain(name: str, inputs: list[str]) -> list[Node]:
    """Return two nodes of a namespace, the second of which takes the first's output."""
    space = f"models.{name}"
    first = f"{space}.a"
    return [
        Node(lambda *_: 1, inputs, first, name="a", namespace=space),
        Node(lambda *_: 1, [first, inputs[0]], f"{space}.b", name="b", namespace=space),
    ]


@pytest.mark.parametrize("shared", ["split", "split@pandas"])
def test_a_lazy_pipeline_less_a_part_is_what_kedro_returns(shared: str) -> None:
    nodes = [
        Node(pass_on, "raw", "split@spark" if "@" in shared else shared, name="split"),
        *chain("x", [shared]),
        *chain("y", [shared, "models.x.b"]),
        Node(
            lambda *_: 1,
            ["models.y.b", "alone"],
            "leaderboard",
            name="compare",
            namespace="models",
        ),
    ]
    pipeline = lazy(lambda: nodes)
    parts = [
        Pipeline(nodes[first:last]) for first in range(6) for last in range(first, 7)
    ]
    for namespaces in (["models.x"], ["models"], ["models.x", "models.y"]):
        part = pipeline.only_nodes_with_namespaces(namespaces)
        expected = Pipeline(nodes).only_nodes_with_namespaces(namespaces)
        assert part.nodes == expected.nodes
        parts.append(part)
    for unknown in ("", "mod"):
        with pytest.raises(ValueError, match="does not contain nodes"):
            pipeline.only_nodes_with_namespaces([unknown])
    for part in parts:
        expected = Pipeline(nodes) - part
        assert (pipeline - part).inputs() == expected.inputs()
        assert (pipeline - part).outputs() == expected.outputs()
        assert (pipeline - part).nodes == expected.nodes


def test_the_project_is_that_of_the_configuration_in_force(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert project_path() == elsewhere
    load()
    assert project_path() == elsewhere  # without a pyproject.toml it is not a project
    (tmp_path / "pyproject.toml").write_text("[tool.kedro]")
    assert project_path() == tmp_path
    put_in_force(None)
    assert project_path() == tmp_path


def test_the_project_is_where_its_code_is(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the working directory is, and the project with the configuration."""
    (tmp_path / "pyproject.toml").write_text("[tool.kedro]")
    root = tmp_path / "own"
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.kedro]")
    package = sys.modules[str(project.PACKAGE_NAME)]
    monkeypatch.setattr(package, "__file__", f"{root}/src/package/__init__.py")
    load()
    assert project_path() == root
    # A session says itself where it is, as in a packaged project.
    put_path_in_force(tmp_path)
    assert project_path() == tmp_path


def test_a_hook_adds_to_credentials_also_where_there_are_none(load: Load) -> None:
    loader = load()
    assert loader["credentials"] == {}
    loader["credentials"] = {**loader["credentials"], "s3": {"key": "a"}}
    assert loader["credentials"] == {"s3": {"key": "a"}}
    with pytest.raises(MissingConfigException):
        loader["tracking"]


def test_an_unknown_environment_gets_the_nearest_name(load: Load) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load("othr")
    assert caught.value.message == (
        "conf has no environment 'othr'; did you mean 'other'?; "
        "there are base, local, other, wrong"
    )


class OwnHook:
    """A hook of a project."""


class OwnLoader(ProjectConfigLoader):
    """A loader of a project, which inherits from the library's."""


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({}, []),
        ({"HOOKS": (RunHook(), OwnHook()), "CONFIG_LOADER_CLASS": OwnLoader}, []),
        ({"HOOKS": (OwnHook(),)}, ["write 'HOOKS = (*HOOKS, MyHook())'"]),
        (
            {"HOOKS": (), "CONFIG_LOADER_CLASS": OmegaConfigLoader},
            [
                "HOOKS: lacks the hook",
                "CONFIG_LOADER_CLASS: OmegaConfigLoader registers",
            ],
        ),
    ],
)
def test_settings_that_lack_the_librarys_own_are_named(
    changes: dict[str, Any], problems: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{project.PACKAGE_NAME}.settings"
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    given = {"HOOKS": (RunHook(),), "CONFIG_LOADER_CLASS": ProjectConfigLoader}
    monkeypatch.setattr(dynamic, "settings", SimpleNamespace(**{**given, **changes}))
    if not problems:
        dynamic_pipelines()
        return
    with pytest.raises(ConfigurationError) as caught:
        dynamic_pipelines()
    title, *lines = caught.value.message.split("\n  ")
    assert title.startswith("settings.py has ")
    assert len(lines) == len(problems)
    for line, problem in zip(lines, problems, strict=True):
        assert problem in line


def test_arguments_of_a_project_are_added_to_those_of_the_library(
    tmp_path: Path,
) -> None:
    for env, models in {"base": "{a: 1}", "local": "{b: '${upper:x}'}"}.items():
        (tmp_path / env).mkdir()
        (tmp_path / env / "parameters.yml").write_text(f"models: {models}")
    (tmp_path / "base/tracking.yml").write_text("on_unreachable: fail")
    (tmp_path / "base/spark.yml").write_text("master: local")
    loader = ProjectConfigLoader(
        str(tmp_path),
        config_patterns={"spark": ["spark*"]},
        custom_resolvers={"upper": str.upper},
    )
    assert loader["parameters"]["models"] == {"a": 1, "b": "X"}
    assert loader["tracking"] == {"on_unreachable": "fail"}
    assert loader["spark"] == {"master": "local"}
    # What a project says itself holds.
    loader = ProjectConfigLoader(
        str(tmp_path), merge_strategy={"parameters": "destructive"}
    )
    assert loader["parameters"]["models"] == {"b": "X"}


@pytest.mark.parametrize(
    ("env", "params", "deviations"),
    [
        ("local", {}, []),
        ("local", {"n": 1}, ["params:n"]),
        ("local", {"n": 0}, []),
        ("local", {"models": {"svm": {"C": 2}}}, ["params:models.svm"]),
        ("local", {"folder": "there"}, ["table"]),
        ("other", {}, ["params:models.svm", "table"]),
        ("same", {}, []),
    ],
)
def test_what_differs_by_env_or_params_is_known(
    env: str, params: dict[str, Any], deviations: list[str], load: Load, tmp_path: Path
) -> None:
    for name, path in (
        ("base", "${runtime_params:folder,here}/a.csv"),
        ("other", "b.csv"),
        ("same", "here/a.csv"),
    ):
        entry = f"table: {{type: pandas.CSVDataset, filepath: '{path}'}}"
        (tmp_path / "conf" / name).mkdir(exist_ok=True)
        (tmp_path / "conf" / name / "catalog.yml").write_text(entry)
    other = "models: {svm: {C: 3}}"
    (tmp_path / "conf/other/parameters.yml").write_text(other)
    loader = load(env, runtime_params=params)
    names = ["params:n", "params:models.svm", "table", "gone"]
    assert loader.find_deviations(names) == deviations


def test_an_environment_uses_the_templates_of_base(load: Load, tmp_path: Path) -> None:
    for env, text in {
        "base": "_split: '${runtime_params:split,train}'\na: {type: MemoryDataset}",
        "local": "b: {type: pandas.CSVDataset, filepath: 'mine/${_split}.csv'}",
    }.items():
        (tmp_path / "conf" / env / "catalog.yml").write_text(text)
    catalog = load()["catalog"]
    assert [*catalog] == ["a", "b"]
    assert catalog["b"]["filepath"].endswith("mine/train.csv")
    loader = load(runtime_params={"split": "test"})
    assert loader["catalog"]["b"]["filepath"].endswith("mine/test.csv")
    assert loader.find_deviations(["b"]) == ["b"]


@pytest.mark.parametrize("by_params", [True, False])
def test_a_class_that_is_replaced_takes_its_arguments_along(
    by_params: bool, load: Load, tmp_path: Path
) -> None:
    entry = "{class: a.Svm, model_kwargs: {C: 1, kernel: b}, trials: 2}"
    nested = f"{{class: a.Stack, model_kwargs: {{final: {entry}, cv: 3}}}}"
    base = f"models: {{svm: {entry}, stack: {nested}, same: {entry}}}\nown: auto"
    (tmp_path / "conf/base/parameters.yml").write_text(base)
    overlay: dict[str, Any] = {
        "models": {
            "svm": {"class": "b.Tree", "model_kwargs": {"depth": 1}},
            "stack": {"model_kwargs": {"final": {"class": "b.Tree"}}},
            "same": {"class": "a.Svm", "model_kwargs": {"C": 2}},
        },
        "own": {"class": "b.Words"},
    }
    (tmp_path / "conf/local/parameters.yml").write_text(
        "{}" if by_params else str(overlay)
    )
    loader = load(runtime_params=overlay if by_params else None)
    models = loader["parameters"]["models"]
    assert models["svm"] == {"class": "b.Tree", "model_kwargs": {"depth": 1}}
    assert models["stack"]["model_kwargs"] == {"final": {"class": "b.Tree"}, "cv": 3}
    assert models["same"]["model_kwargs"] == {"C": 2, "kernel": "b"}
    assert models["same"]["trials"] == 2
    assert loader["parameters"]["own"] == {"class": "b.Words"}
