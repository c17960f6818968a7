"""What the logged model says of itself: columns, code, requirements."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.python_package }}.pipelines.ml_app import logged_model

LOGISTIC = "sklearn.linear_model.LogisticRegression"
# In an environment of the tests' own.
INSTALLED = {"boosters": "1.2", "trees-for-python": "3.4", logged_model.PACKAGE: "0.1"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let distributions be installed, one of them named unlike its module."""

    def pretended_version(name: str) -> str:
        if name in logged_model.REQUIREMENTS:
            return version(name)
        try:
            return INSTALLED[name]
        except KeyError:
            raise PackageNotFoundError(name) from None

    monkeypatch.setattr(logged_model, "version", pretended_version)
    monkeypatch.setattr(
        logged_model,
        "packages_distributions",
        lambda: {"boosters": ["boosters"], "trees": ["trees-for-python"]},
    )


def requirements(class_path: str) -> set[str]:
    listed: list[str] = logged_model.log_model_kwargs(class_path)["pip_requirements"]
    assert len(set(listed)) == len(listed)
    return set(listed)


def test_the_signature_names_the_columns_in_and_out() -> None:
    signature = logged_model.log_model_kwargs(LOGISTIC)["signature"]

    def columns(schema: Any) -> dict[str, str]:
        return {column.name: column.type.name for column in schema}

    assert columns(signature.inputs) == {"text": "string"}
    assert columns(signature.outputs) == {"label": "string", "probability": "double"}
    # Requests that are answered at the same time would share them.
    assert signature.params is None


def test_the_example_is_what_the_signature_asks_for() -> None:
    arguments = logged_model.log_model_kwargs(LOGISTIC)
    example = arguments["input_example"]
    assert list(example) == arguments["signature"].inputs.input_names()
    assert len(example) == 1


def test_requirements_are_pinned_to_what_is_installed() -> None:
    pins = dict(pin.split("==") for pin in requirements(LOGISTIC))
    assert set(pins) == set(logged_model.REQUIREMENTS)
    assert pins == {name: version(name) for name in pins}


def test_the_whole_package_goes_with_the_model() -> None:
    (folder,) = logged_model.log_model_kwargs(LOGISTIC)["code_paths"]
    package = Path(folder)
    assert package.name == logged_model.PACKAGE
    assert package.is_absolute()
    assert (package / "pipelines/ml_app/nodes.py").is_file()
    assert (package / "inference_model.py").is_file()


def test_the_registered_name_is_the_one_that_user_app_loads(
    load_config: Callable[..., Any],
) -> None:
    name = logged_model.log_model_kwargs(LOGISTIC)["registered_model_name"]
    assert name == f"{logged_model.PACKAGE}_sentiment"
    sentiment_model = load_config()["catalog"]["sentiment_model"]
    assert sentiment_model["load_args"]["model_uri"] == f"models:/{name}@champion"


@pytest.mark.parametrize(
    ("class_path", "pins"),
    [
        ("boosters.Booster", {"boosters==1.2"}),
        ("boosters.linear.Booster", {"boosters==1.2"}),
        ("trees.Forest", {"trees-for-python==3.4"}),
        (LOGISTIC, set()),
        (f"{logged_model.PACKAGE}.models.Own", set()),
        ("nowhere.Model", set()),
    ],
)
def test_the_distribution_of_the_class_is_needed_too(
    class_path: str, pins: set[str], installed: None
) -> None:
    assert requirements(class_path) - requirements(LOGISTIC) == pins
