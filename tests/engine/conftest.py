"""The engine, imported from the template as if it were in a project called `iris`."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from conftest import REPOSITORY
from kedro.framework import project
from kedro.pipeline import Pipeline

SOURCE = "{{ cookiecutter.repo_name }}/src/{{ cookiecutter.python_package }}"


def _module(name: str, **content: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update({"__file__": f"{name}.py"} | content)
    sys.modules[name] = module
    return module


# Byte code in the template would be copied into every project.
sys.dont_write_bytecode = True

# Tests import it when they are collected, so it is made before.
_module("iris", __path__=[str(REPOSITORY / SOURCE)])
_module("iris.settings", TRUSTED_PACKAGES=("sklearn", "xgboost", "lightgbm"))
project.settings.configure("iris.settings")


@pytest.fixture
def sought(monkeypatch: pytest.MonkeyPatch) -> list[Pipeline]:
    """Note each pipeline whose inputs or outputs are looked for."""
    pipelines: list[Pipeline] = []
    remove = Pipeline._remove_intermediates

    def note(self: Pipeline, names: set[str]) -> set[str]:
        pipelines.append(self)
        return remove(self, names)

    monkeypatch.setattr(Pipeline, "_remove_intermediates", note)
    return pipelines
