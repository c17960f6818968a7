"""The shape of a rendered project: what is yours and what is the engine's."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

import pytest
import yaml
from conftest import Bake, Project

# Physical lines that a project may have at most: with all families, and with none.
YOURS = {"all": 1435, "none": 475}
TESTS = {"all": 1200, "none": 600}
ENGINE = 5557
SOURCE_FILES = 60
FILE = 220
FUNCTION = 60

# Names that pipelines and the engine agree on, or that their libraries use as well;
# all others are the project's.
CONTRACT = {"X_train", "X_test", "y_train", "y_test", "leaderboard", "champion"}
CONTRACT |= {"__init__", "models", "model", "predict"}
# What is installed under another name than it is imported by.
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "pyyaml"}
# What those bring along that is required.
BROUGHT = {
    "cloudpickle",
    "fsspec",
    "numpy",
    "parse",
    "pluggy",
    "pydantic_core",
    "scipy",
}
BROUGHT |= {"sqlalchemy"}

IMPORT_ALL = """
import sys
from importlib import import_module
from pkgutil import walk_packages

import iris.pipelines

for module in walk_packages(iris.pipelines.__path__, "iris.pipelines."):
    import_module(module.name)
print(*sys.modules)
"""

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@pytest.fixture
def project(bake: Bake) -> Project:
    """Return a project with all families."""
    return bake(project_name="Iris")


def source(project: Project, *folders: str) -> list[Path]:
    """Return the Python files of the package, or of folders in it."""
    package = project.path / "src" / project.package
    found = [package.joinpath(folder).rglob("*.py") for folder in folders or [""]]
    return sorted(path for paths in found for path in paths)


def lines(paths: list[Path]) -> int:
    """Return how many lines files have together."""
    return sum(len(path.read_text().splitlines()) for path in paths)


def imports(project: Project, path: Path) -> Iterator[str]:
    """Yield the full name of whatever a file imports, at whatever place in it."""
    module = path.relative_to(project.path / "src").with_suffix("")
    parents = ".".join(module.parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots, name = "." * node.level, node.module or ""
            origin = resolve_name(dots + name, parents) if dots else name
            yield from (f"{origin}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("families", ["all", "none"])
def test_one_person_can_carry_it(families: str, bake: Bake) -> None:
    project = bake(project_name="Iris", pipelines=families)
    everything, engine = source(project), source(project, "engine")
    yours = [path for path in everything if path not in engine]
    tests = sorted((project.path / "tests").rglob("*.py"))

    measured = {
        "yours": (lines(yours), YOURS[families]),
        "engine": (lines(engine), ENGINE),
        "tests": (lines(tests), TESTS[families]),
        "source files": (len(everything), SOURCE_FILES),
    }
    for path in [*everything, *tests]:
        name = path.relative_to(project.path).as_posix()
        measured[name] = (lines([path]), FILE)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, FUNCTIONS):
                length = (node.end_lineno or 0) - node.lineno + 1
                measured[f"{name}:{node.name}"] = (length, FUNCTION)
    over = {name: both for name, both in measured.items() if both[0] > both[1]}
    assert not over, "\n".join(f"{name}: {both}" for name, both in over.items())


def test_the_engine_knows_nothing_of_the_project(project: Project) -> None:
    conf = project.path / "conf/base"
    pipelines = project.path / "src" / project.package / "pipelines"
    names = {path.stem for path in pipelines.iterdir()}
    names |= set(yaml.safe_load((conf / "parameters.yml").read_text())["models"])
    for catalog in conf.glob("catalog*.yml"):
        entries = yaml.safe_load(catalog.read_text())
        names |= {entry for entry in entries if "." not in entry}
    names -= CONTRACT

    for path in source(project, "engine"):
        assert "{{" not in path.read_text(), path
        for name in imports(project, path):
            assert not name.startswith(f"{project.package}.pipelines"), (path, name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant):
                assert node.value not in names, (path, node.lineno, node.value)


def test_pipelines_use_the_public_face_of_the_engine(project: Project) -> None:
    face = f"{project.package}.engine"
    (init,) = (
        path for path in source(project, "engine") if path.match("engine/__init__.py")
    )
    public = next(
        ast.literal_eval(node.value)
        for node in ast.parse(init.read_text()).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    docstring = ast.get_docstring(ast.parse(init.read_text())) or ""
    assert [name for name in public if name not in docstring] == []
    for path in source(project, "pipelines"):
        for name in imports(project, path):
            # As a module: each use of it is seen where it stands.
            assert not name.startswith(f"{face}."), (path, name)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "engine":
                assert node.attr in public, (path, node.lineno, node.attr)


def test_pipelines_of_three_teams_import_nothing_of_one_another(
    project: Project,
) -> None:
    for app in ("etl_app", "ml_app", "user_app"):
        others = f"{project.package}.pipelines."
        for path in source(project, f"pipelines/{app}"):
            for name in imports(project, path):
                own = name.startswith(f"{others}{app}.")
                assert own or not name.startswith(others), (path, name)


@pytest.mark.parametrize("families", ["all", "none"])
def test_what_is_imported_is_required(families: str, bake: Bake) -> None:
    project = bake(project_name="Iris", pipelines=families)
    required = (project.path / "requirements.txt").read_text()
    assert ("optuna" in required) == (families == "all")
    for path in source(project):
        for name in {name.partition(".")[0] for name in imports(project, path)}:
            if name in {project.package, *sys.stdlib_module_names, *BROUGHT}:
                continue
            if families == "none" and path.match("engine/tuning.py"):
                continue  # of the family benchmark, and imported where it is used
            if path.match("engine/dask_*.py") and name in {"dask", "distributed"}:
                continue  # an optional group, and imported where it is named
            distribution = DISTRIBUTIONS.get(name, name.replace("_", "-"))
            assert f"\n{distribution}" in required, (path, name)


def test_heavy_libraries_wait_until_they_are_used(project: Project) -> None:
    pytest.importorskip("mlflow")  # stands for all that a project requires
    env = os.environ | {"PYTHONPATH": str(project.path / "src")}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    heavy = {"sklearn", "optuna", "skops", "plotly", "mlflow", "kedro_mlflow", "dask"}
    assert heavy & set(done.stdout.split()) == set()
