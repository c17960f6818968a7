"""Registered pipelines follow the configuration in force."""

import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.config import MissingConfigException
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline

from {{ cookiecutter.python_package }} import dynamic_registry
from {{ cookiecutter.python_package }}.dynamic_registry import (
    LazyPipeline,
    create_catalog,
)
from {{ cookiecutter.python_package }}.errors import ConfigurationError

SOURCE = Path(__file__).parents[1] / "src"
LOGISTIC = {"logistic": {"class": "sklearn.linear_model.LogisticRegression"}}

Load = Callable[..., Any]


def registered_models() -> set[str]:
    return {name for name in pipelines if name.startswith("models.")}


@pytest.fixture(autouse=True)
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a new process does, with no configuration in force."""
    monkeypatch.setattr(dynamic_registry, "_in_force", threading.local())


def test_without_a_session_the_base_environment_counts() -> None:
    assert {"__default__", "split_data", "models"} <= set(pipelines)


def test_registration_imports_nothing_heavy() -> None:
    script = """
import sys
from kedro.framework.project import configure_project, pipelines
configure_project(sys.argv[1])
list(pipelines)
print(*sys.modules, sep="\\n")
"""
    command = [sys.executable, "-c", script, dynamic_registry.__name__.split(".")[0]]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "mlflow" in done.stdout.splitlines()
    heavy = {"sklearn", "skops", "optuna", "sqlalchemy", "scipy.stats", "matplotlib"}
    assert not heavy & set(done.stdout.splitlines())


def test_without_a_session_kedro_env_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDRO_ENV", "no_such_environment")
    with pytest.raises(MissingConfigException, match="no_such_environment"):
        dict(pipelines)


def test_an_environment_adds_to_the_models_of_base(
    load_config: Load, write_parameters: Load
) -> None:
    load_config()
    base = registered_models()
    write_parameters("other", models=LOGISTIC)
    load_config(env="other")
    assert registered_models() == base | {"models.logistic"}


def test_runtime_parameters_take_a_model_out(load_config: Load) -> None:
    load_config()
    base = registered_models()
    # As a string, which is what --params gives.
    off = {"models": {"linear_svm": {"enabled": "false"}}}
    load_config(runtime_params=off)
    assert registered_models() == base - {"models.linear_svm"}


def test_threads_see_their_own_configuration(
    load_config: Load, write_parameters: Load
) -> None:
    write_parameters("other", models=LOGISTIC)

    def sees_logistic(env: str | None) -> bool:
        load_config(env=env)
        return "models.logistic" in pipelines

    with ThreadPoolExecutor(max_workers=2) as threads:
        seen = list(threads.map(sees_logistic, [None, "other"] * 10))
    assert seen == [False, True] * 10


def test_threads_see_their_own_globals_and_params(
    load_config: Load, project: Path
) -> None:
    value = "${globals:a} ${runtime_params:b,none}"
    catalog = {"data": {"type": "MemoryDataset", "data": value}}
    for env in ("one", "two"):
        folder = project / "conf" / env
        folder.mkdir()
        (folder / "globals.yml").write_text(f"a: {env}")
        (folder / "catalog_own.yml").write_text(yaml.safe_dump(catalog))

    def sees(env: str) -> object:
        loader = load_config(env=env, runtime_params={"b": env})
        return [loader["globals"]["a"], loader["catalog"]["data"]["data"]]

    with ThreadPoolExecutor(max_workers=2) as threads:
        seen = list(threads.map(sees, ["one", "two"] * 10))
    assert seen == [[env, f"{env} {env}"] for env in ["one", "two"] * 10]


def test_pipelines_are_built_with_the_catalog(load_config: Load) -> None:
    catalog = create_catalog(load_config())
    assert "linear_svm" in catalog["parameters"].load()["models"]
    assert len(catalog["example_iris_data"].load()) == 150


def test_wrong_parameters_are_an_error_of_registration(
    load_config: Load, write_parameters: Load
) -> None:
    write_parameters("other", models={"Logistic": {"clas": "x"}})
    load_config(env="other")
    with pytest.raises(ConfigurationError, match=r"parameters\.yml has 2 problems"):
        dict(pipelines)


def test_a_lazy_pipeline_is_built_once_and_when_looked_into() -> None:
    built = []

    def build() -> Pipeline:
        built.append(1)
        return Pipeline([])

    pipeline = LazyPipeline(build)
    assert not built
    assert pipeline.nodes == []
    assert (pipeline + Pipeline([])).nodes == []
    assert built == [1]
    assert not hasattr(pipeline, "no_such_attribute")
    assert pickle.loads(pickle.dumps(pipeline)).nodes == []


def test_threads_may_look_into_a_lazy_pipeline_at_once() -> None:
    def build() -> Pipeline:
        time.sleep(0.1)
        return Pipeline([])

    pipeline = LazyPipeline(build)
    with ThreadPoolExecutor(max_workers=3) as threads:
        assert list(threads.map(lambda _: pipeline.inputs(), range(3))) == [set()] * 3


def test_what_is_left_of_a_lazy_pipeline_has_the_inputs_of_a_plain_one(
    load_config: Load,
) -> None:
    load_config()
    whole = pipelines["__default__"]
    plain = Pipeline(whole.nodes)
    assert isinstance(whole, LazyPipeline)
    for namespace in ("models", "models.linear_svm"):
        part = plain.only_nodes_with_namespaces([namespace])
        rest, expected = whole - part, plain - part
        assert rest.inputs() == expected.inputs()
        assert set(rest.nodes) == set(expected.nodes)
        assert rest.outputs() == expected.outputs()
