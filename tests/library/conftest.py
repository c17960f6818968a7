"""The library, imported straight from the template, for a project called `iris`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import fsspec
import pytest
from conftest import REPOSITORY
from fsspec.implementations.local import LocalFileSystem
from kedro.framework import project
from kedro.pipeline import Pipeline

# Byte code in the template would be copied into every project.
sys.dont_write_bytecode = True

project.PACKAGE_NAME = "iris"  # type: ignore[assignment]

# For processes that tests start.
SOURCE = REPOSITORY / "{{ cookiecutter.repo_name }}/src"
os.environ["PYTHONPATH"] = f"{SOURCE}{os.pathsep}{REPOSITORY / 'tests'}"


@pytest.fixture(autouse=True, scope="session")
def no_repository_around(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep git from finding this repository from the folders of tests within it."""
    os.environ["GIT_CEILING_DIRECTORIES"] = str(tmp_path_factory.getbasetemp())


@pytest.fixture(autouse=True)
def no_package_of_another_test() -> Iterator[None]:
    """Forget the package of the project, which tests write where they need one."""
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "iris"]:
        del sys.modules[name]


@pytest.fixture
def atomic_files() -> Iterator[None]:
    """Write through the library's file system, in this test alone."""
    from kedro_dynamic.patches import write_atomically

    write_atomically()
    yield
    for protocol in LocalFileSystem.protocol:
        fsspec.register_implementation(protocol, LocalFileSystem, clobber=True)


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[Pipeline]:
    """Return the pipelines whose inputs or outputs are computed, once for each time."""
    pipelines: list[Pipeline] = []
    remove = Pipeline._remove_intermediates

    def note(self: Pipeline, names: set[str]) -> set[str]:
        pipelines.append(self)
        return remove(self, names)

    monkeypatch.setattr(Pipeline, "_remove_intermediates", note)
    return pipelines
