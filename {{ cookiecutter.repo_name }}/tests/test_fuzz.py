"""Whatever parameters.yml says: all pipelines, or an error that names a key or a file.

The examples are the same in each run (``derandomize``).
"""

import copy
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from kedro.framework.project import pipelines
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipeline_registry import create_pipelines
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec

Load = Callable[..., Any]

FUZZ = settings(
    derandomize=True,
    database=None,
    deadline=timedelta(seconds=5),
    # No shrinking: what fails is printed as it is, within seconds.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
# Words that mean something to the project, Kedro, YAML or Python.
WORDS = re.findall(
    r"\S+",
    "models text benchmark trusted_packages features split train_fraction class "
    "enabled model_kwargs search_space int float log layers datasets target tuning "
    "trials folds linear_svm baseline x_train leaderboard scores raw iris tune report "
    "sklearn os * sklearn.svm.SVC os.system builtins.eval .. a.b SVC params: __class__ "
    "_hidden true null yes 1e400 -1 0x1F 1_000 2024-01-01 ${a} ${models} << &a "
    "${runtime_params:a}",
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -(10**400), 2**64])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(WORDS)
    | st.dates()
    | st.binary(max_size=4)
)
keys = st.sampled_from(WORDS) | scalars
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[list[int], str, Any, Any]]:
    """Draw what is done to good parameters: where, how, with which key and value."""
    places = st.lists(st.integers(0, 30), max_size=5)
    ways = st.sampled_from(["replace", "add", "remove", "rename"])
    return draw(st.lists(st.tuples(places, ways, keys, values), min_size=1, max_size=3))


def apply(parameters: Any, where: list[int], way: str, key: Any, value: Any) -> None:
    """Change one place of nested dictionaries and lists."""
    here, inside = parameters, parameters
    while where and isinstance(inside, dict | list) and inside:
        here, names = inside, list(inside) if isinstance(inside, dict) else None
        name = names[where[0] % len(names)] if names else where[0] % len(inside)
        inside, where = here[name], where[1:]
        last = name
    if here is parameters and here is inside:
        here[key] = value
    elif way == "add" and isinstance(inside, dict):
        inside[key] = value
    elif way == "remove":
        del here[last]
    elif way == "rename" and isinstance(here, dict):
        here[key] = here.pop(last)
    else:
        here[last] = value


def assert_complete(registered: Mapping[str, Pipeline], parameters: Any) -> None:
    """Check that each pipeline is there, and can be looked into."""
    names = {
        name
        for name, model in parameters["models"].items()
        if ModelSpec.model_validate(model).enabled
    }
    assert {"__default__", "split_data", "models", "predict"} <= set(registered)
    assert {f"models.{name}" for name in names} <= set(registered)
    for pipeline in registered.values():
        assert pipeline.describe()


def assert_explained(message: str) -> None:
    """Check that an error says which file or key to look at."""
    assert re.search(r"\.yml|'parameters'|key by key: \w+", message)
    assert len(message) < 100_000


@pytest.fixture
def good(load_config: Load) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(load_config()["parameters"])
    return parameters


@settings(FUZZ, max_examples=250)
@given(changes=changes())
def test_any_values(good: dict[str, Any], changes: list[Any]) -> None:
    parameters = copy.deepcopy(good)
    for change in changes:
        apply(parameters, *change)
    catalog = DataCatalog()
    catalog["parameters"] = parameters
    try:
        registered = create_pipelines(catalog)
    except ConfigurationError as error:
        assert_explained(error.message)
        event("refused")
    else:
        event("accepted")
        assert_complete(registered, parameters)


# Pieces of YAML that are hard to read; test_config_files.py says what comes of each.
FRAGMENTS = [
    "models: &m\n  a: &a {class: sklearn.svm.SVC}\n  b: {<<: *a}\n",
    "models: {a: &a {class: sklearn.svm.SVC, <<: *a}}\n",
    "models: &m {a: *m}\n",
    "text: &t [*t]\n",
    "text: *nobody\n",
    "benchmark: {<<: 3}\n",
    "models: ${text}\n",
    "text: ${models.linear_svm}\n",
    "trusted_packages: ${\n",
    "models: ???\n",
    "models: !!python/object/apply:os.system [touch called]\n",
    "models: {? [a]: b}\n",
    "benchmark: {a: 1, a: 2}\n",
    "random_state: " + "9" * 5000 + "\n",
    "random_state: 0x" + "f" * 5000 + "\n",
    "train_fraction: 1:30:00\n",
    "a.b: 1\n_a: 2\ntrue: 4\n1.5: 5\n",
    "- models\n",
    "---\n",
    "text:\n\ta: b\n",
    "\ufeffmodels:\n",
    "  ",
]
texts = st.lists(
    st.sampled_from(FRAGMENTS)
    | values.map(lambda value: yaml.safe_dump({"models": value}, allow_unicode=True))
    | st.text(max_size=30),
    max_size=3,
).map("".join)


@settings(FUZZ, max_examples=100)
@given(text=texts)
def test_any_text(project: Path, load_config: Load, text: str) -> None:
    folder = project / "conf/fuzz"
    folder.mkdir(exist_ok=True)
    (folder / "parameters.yml").write_text(text, encoding="utf-8", newline="")
    try:
        parameters = load_config(env="fuzz")["parameters"]
        registered = dict(pipelines)
    except ConfigurationError as error:
        assert_explained(error.message)
        event("refused")
    else:
        event("accepted")
        assert_complete(registered, parameters)
