"""A project is clean by its own tools, whatever it is called and changed to."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from conftest import REPOSITORY, git

from e2e.conftest import Environment, InstalledProject, render
from e2e.mlflow_store import edit
from e2e.test_runs import leaderboard

# The length of the package's name decides where lines are wrapped.
LONG = "A project name of exactly forty lettersx"

TOP_LEVEL = """
import json
from importlib.metadata import packages_distributions
print(json.dumps(sorted(packages_distributions())))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for mypy, which reads the same packages for each project."""
    return tmp_path_factory.mktemp("mypy")


def check(project: InstalledProject, cache: Path) -> None:
    """Fail if the project is not clean by its own formatter, linter, types or tests."""
    project.run("ruff", "format", "--check", ".")
    project.run("ruff", "check", ".")
    project.run("mypy", env={"MYPY_CACHE_DIR": str(cache)})
    assert " passed" in project.run("pytest", "-q").stdout


def test_format_lint_types_and_tests(
    starter: Path, environment: Environment, tmp_path: Path, cache: Path
) -> None:
    """Of a project with a long name: `nox -s lint` checks one with a short name."""
    rendered = render(starter, tmp_path, LONG)
    assert rendered.package == LONG.lower().replace(" ", "_")
    project = InstalledProject(rendered.path, rendered.package, environment)
    git(project.path, "init", "--quiet")
    git(project.path, "add", "--all")
    git(project.path, "commit", "--quiet", "--message", "rendered")
    check(project, cache)
    # Caches, stores and results are ignored.
    assert git(project.path, "status", "--porcelain") == ""


def test_a_project_without_families(
    starter: Path, environment: Environment, tmp_path: Path, cache: Path
) -> None:
    # Null is a name that YAML reads as another type.
    rendered = render(starter, tmp_path, "Null", pipelines="none")
    project = InstalledProject(rendered.path, rendered.package, environment)
    check(project, cache)

    # Without trials, a run does not wait for Optuna to be imported.
    missing = tmp_path / "missing"
    missing.mkdir()
    (missing / "optuna.py").write_text("raise ImportError(__name__)")
    printed = project.run("kedro", "run", env={"PYTHONPATH": str(missing)}).stdout
    assert "champion" in printed
    # A run of three models prints only what matters.
    assert len(printed.splitlines()) <= 40, printed


def test_a_changed_project(project: InstalledProject, cache: Path) -> None:
    scores = "scoring: [f1_macro, balanced_accuracy]"
    edit(project, "parameters.yml", "scoring: auto", scores)
    edit(project, "parameters.yml", "folds: 5", "folds: 3")
    project.run("kedro", "pipeline", "create", "reporting")
    assert "reporting" in project.run("kedro", "registry", "list").stdout
    check(project, cache)

    assert "champion" in project.run("kedro", "run").stdout
    rows = leaderboard(project)
    assert "validation_balanced_accuracy" in rows[0]
    assert not any(row.get("error") for row in rows)


def test_the_log_of_a_run_is_one_setting_away(project: InstalledProject) -> None:
    conf = project.path / "conf/logging.yml"
    quiet, full = "  kedro:\n    level: WARNING", "  kedro:\n    level: INFO"
    assert quiet in conf.read_text()
    conf.write_text(conf.read_text().replace(quiet, full))
    assert "Loading data from" in project.run("kedro", "run").stdout


def test_a_package_cannot_hide_what_the_project_needs(
    installed: InstalledProject,
) -> None:
    modules = json.loads(installed.run("python", "-c", TOP_LEVEL).stdout)
    taken = set(runpy.run_path(str(REPOSITORY / "hooks/pre_gen_project.py"))["TAKEN"])
    names = {name for name in modules if name.isidentifier() and name.islower()}
    names -= {installed.package, *(name for name in names if name.startswith("_"))}
    assert names <= taken
