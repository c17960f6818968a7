"""The rules of the house: a project, and the library beside it.

Each test reads the code of a rendered project. ARCHITECTURE.md says why.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import kedro_dynamic
import pytest
import yaml
from conftest import LIBRARY, REPOSITORY, TEMPLATE, Bake, Project

# The rooms of the library: each imports only from those before it.
ROOMS = (
    "config",
    "catalog",
    "registry",
    "models",
    "serving",
    "runs",
    "tracking",
    "champion",
    "report",
    "runners",
)
APPS = ("etl_app", "ml_app", "user_app")
LONGEST_FUNCTION = 60

# Words that name something in the project, and something else in the library.
AMBIGUOUS = {
    "advice": "column of the tables of columns and of advice",
    "columns": "attribute of a table, key of data in parameters.yml",
    "champion": "alias of a registered model in MLflow",
    "folds": "key of comparison in parameters.yml, tag of a version",
    "metrics": "value of `mlflow` in a catalog entry's metadata",
    "model": "column of the leaderboard, tag of an MLflow run",
    "models": "key of parameters.yml",
    "predict": "method of an estimator",
    "scores": "column of the recipe",
    "trials": "key of a model in parameters.yml",
}

# Distributions whose module has another name.
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "pyyaml"}
# Modules that required distributions install with themselves.
INDIRECT = {
    "cloudpickle",
    "fsspec",
    "numpy",
    "parse",
    "pluggy",
    "pydantic_core",
    "scipy",
    "sqlalchemy",
}

HEAVY = {"sklearn", "optuna", "skops", "plotly", "matplotlib", "mlflow", "dask"}
IMPORT_ALL_PIPELINES = """
import sys
from importlib import import_module
from pkgutil import walk_packages

import iris.pipelines

for module in walk_packages(iris.pipelines.__path__, "iris.pipelines."):
    import_module(module.name)
print(*sys.modules)
"""


@pytest.fixture
def project(bake: Bake) -> Project:
    """Return a project with all families."""
    return bake(project_name="Iris")


def source(project: Project, folder: str = "") -> list[Path]:
    """Return the Python files of a folder in ``src``."""
    return sorted((project.path / "src" / folder).rglob("*.py"))


def imports(project: Project, path: Path) -> Iterator[str]:
    """Yield the full name of everything that a file imports, in functions too."""
    module = path.relative_to(project.path / "src").with_suffix("")
    package = ".".join(module.parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                origin = resolve_name("." * node.level + origin, package)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def test_the_library_has_the_rooms_of_the_house(project: Project) -> None:
    library = project.path / "src" / LIBRARY
    folders = {path.parent for path in source(project, LIBRARY)} - {library}
    rooms = {folder.relative_to(library).parts[0] for folder in folders}
    assert rooms == {*ROOMS}


def test_imports_of_the_library_run_downward(project: Project) -> None:
    library = project.path / "src" / LIBRARY
    wrong = []
    for number, room in enumerate(ROOMS):
        for path in source(project, f"{LIBRARY}/{room}"):
            for name in imports(project, path):
                if not name.startswith(LIBRARY):
                    continue
                # The modules at the top are in no room, so no room may import them.
                target = name.split(".")[1]
                if target not in ROOMS[: number + 1]:
                    wrong.append(f"{path.relative_to(library)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_the_library_is_the_same_in_every_project(project: Project) -> None:
    for path in source(project, LIBRARY):
        shipped = TEMPLATE / path.relative_to(project.path)
        assert path.read_text() == shipped.read_text(), path


def test_the_library_imports_nothing_of_the_project(project: Project) -> None:
    for path in source(project, LIBRARY):
        for name in imports(project, path):
            assert name.partition(".")[0] != project.package, (path, name)


def project_names(project: Project) -> set[str]:
    """Return the names of a project's pipelines, models and datasets.

    Of a dataset in a namespace it is the last part: of ``models.{namespace}.metrics``
    it is ``metrics``.
    """
    conf = project.path / "conf/base"
    pipelines = project.path / "src" / project.package / "pipelines"
    names = {path.stem for path in pipelines.iterdir()} - {"__init__"}
    names |= {*yaml.safe_load((conf / "parameters.yml").read_text())["models"]}
    for catalog in conf.glob("catalog*.yml"):
        entries = yaml.safe_load(catalog.read_text())
        names |= {entry.rpartition(".")[2] for entry in entries}
    return names


def test_the_library_names_datasets_in_one_place_alone(project: Project) -> None:
    names = project_names(project) - {*AMBIGUOUS}
    assert {"X_train", "fitted_model", "leaderboard", "linear_svm", "etl_app"} <= names

    found = []
    for path in source(project, LIBRARY):
        if path.match("catalog/names.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Constant):
                continue
            # A part of an f-string may begin with the dot after the namespace.
            if str(node.value).rpartition(".")[2] in names:
                found.append(f"{path}:{node.lineno} {node.value!r}")
    assert not found, "\n".join(found)


def test_pipelines_import_public_names_alone(project: Project) -> None:
    public = {f"{LIBRARY}.{name}" for name in kedro_dynamic.__all__}
    for path in source(project, f"{project.package}/pipelines"):
        for name in imports(project, path):
            assert name in public or not name.startswith(LIBRARY), (path, name)


def test_every_public_name_is_explained() -> None:
    docstring = kedro_dynamic.__doc__ or ""
    missing = [
        name
        for name in kedro_dynamic.__all__
        if f"``{name}``" not in docstring and f"``{name}()``" not in docstring
    ]
    assert missing == []


@pytest.mark.parametrize("app", APPS)
def test_three_apps_import_nothing_of_one_another(app: str, project: Project) -> None:
    pipelines = f"{project.package}.pipelines."
    for path in source(project, f"{project.package}/pipelines/{app}"):
        for name in imports(project, path):
            if name.startswith(pipelines):
                assert name.startswith(f"{pipelines}{app}."), (path, name)


@pytest.mark.parametrize("families", ["all", "none"])
def test_what_is_imported_is_required(families: str, bake: Bake) -> None:
    project = bake(project_name="Iris", pipelines=families)
    required = (project.path / "requirements.txt").read_text()
    known = {project.package, LIBRARY, *INDIRECT, *sys.stdlib_module_names}
    for path in source(project):
        allowed = set(known)
        if path.match("runners/*.py"):
            allowed |= {"dask", "distributed"}  # an optional group

        modules = {name.partition(".")[0] for name in imports(project, path)}
        for module in modules - allowed:
            distribution = DISTRIBUTIONS.get(module, module.replace("_", "-"))
            assert f"\n{distribution}" in required, (path, module)


def test_the_wheel_requires_what_a_project_requires(project: Project) -> None:
    lines = (project.path / "requirements.txt").read_text().splitlines()
    required = [line for line in lines if line and not line.startswith("#")]
    package = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert {*package["optional-dependencies"]["library"]} == {*required}


def test_heavy_libraries_wait_until_they_are_used(project: Project) -> None:
    pytest.importorskip("mlflow")  # stands for everything that a project requires
    env = os.environ | {"PYTHONPATH": str(project.path / "src")}
    command = [sys.executable, "-c", IMPORT_ALL_PIPELINES]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert HEAVY & {*done.stdout.split()} == set()


def test_no_function_is_longer_than_a_screen(project: Project) -> None:
    long = []
    for path in [*source(project), *sorted((project.path / "tests").rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long.append(f"{path}:{node.lineno} {node.name}: {lines} lines")
    assert not long, "\n".join(long)
