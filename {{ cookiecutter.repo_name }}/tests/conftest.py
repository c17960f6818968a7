"""A copy of the project to run, so that tests leave the real one alone."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.config import AbstractConfigLoader
from kedro.framework.project import configure_project, settings

from {{ cookiecutter.python_package }}.tracking.server import create_store

ROOT = Path(__file__).parents[1]
PARAMETERS = {
    "train_fraction": 0.8,
    "random_state": 3,
    "target_column": "species",
    "models": {
        "nearest_neighbors": {"class": "sklearn.neighbors.KNeighborsClassifier"},
        "linear_svm": {"class": "sklearn.svm.LinearSVC"},
        "decision_tree": {"class": "sklearn.tree.DecisionTreeClassifier"},
    },
}
PACKAGE = "{{ cookiecutter.python_package }}"


@pytest.fixture(autouse=True)
def configured_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Kedro know the project, whatever the shell says."""
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    configure_project(PACKAGE)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an MLflow store without runs: copied at once, where making one is slow."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    create_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def project(tmp_path: Path, empty_store: Path) -> Path:
    """Return the root of a fresh copy: its configuration and raw data."""
    for folder in ("conf", "data/01_raw"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(empty_store, tmp_path)
    # The tests' own models, so that those of the project may change.
    (tmp_path / "conf/base/parameters.yml").write_text(yaml.safe_dump(PARAMETERS))
    return tmp_path


@pytest.fixture
def write_parameters(project: Path) -> Callable[..., None]:
    """Return a function that writes the parameters of an environment."""

    def write(env: str, **parameters: Any) -> None:
        folder = project / "conf" / env
        folder.mkdir(exist_ok=True)
        (folder / "parameters.yml").write_text(yaml.safe_dump(parameters))

    return write


@pytest.fixture
def load_config(project: Path) -> Callable[..., AbstractConfigLoader]:
    """Return a function that puts a configuration of the copy in force."""

    def load(**options: Any) -> AbstractConfigLoader:
        config_loader: AbstractConfigLoader = settings.CONFIG_LOADER_CLASS(
            str(project / "conf"), **options, **settings.CONFIG_LOADER_ARGS
        )
        return config_loader

    return load
