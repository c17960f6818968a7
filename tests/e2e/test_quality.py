"""A rendered project is clean by its own tools, whatever it is called."""

from __future__ import annotations

import json
import runpy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conftest import REPOSITORY, Project, git

from e2e.conftest import Environment, InstalledProject, render

# The length of the package's name decides where lines are wrapped.
NAMES = ("Iris", "A project name of exactly forty lettersx")

TOP_LEVEL = """
import json
from importlib.metadata import packages_distributions
print(json.dumps(sorted(packages_distributions())))
"""


def check(project: InstalledProject) -> None:
    """Fail if the project is not clean by its own formatter, linter, types or tests."""
    project.run("ruff", "format", "--check", ".")
    project.run("ruff", "check", ".")
    project.run("mypy")
    assert " passed" in project.run("pytest", "-q").stdout


def test_format_lint_types_and_tests(
    starter: Path, environment: Environment, tmp_path: Path
) -> None:
    def check_rendered(rendered: Project) -> None:
        project = InstalledProject(rendered.path, rendered.package, environment)
        git(project.path, "init", "--quiet")
        git(project.path, "add", "--all")
        git(project.path, "commit", "--quiet", "--message", "rendered")
        check(project)
        # Caches, stores and results are ignored.
        assert git(project.path, "status", "--porcelain") == ""

    projects = [render(starter, tmp_path, name) for name in NAMES]
    assert [project.package for project in projects] == [
        name.lower().replace(" ", "_") for name in NAMES
    ]
    # Side by side: each takes minutes, of one core.
    with ThreadPoolExecutor(len(NAMES)) as threads:
        list(threads.map(check_rendered, projects))


def test_a_project_without_families(
    starter: Path, environment: Environment, tmp_path: Path
) -> None:
    # Null is a name that YAML reads as another type.
    rendered = render(starter, tmp_path, "Null", pipelines="none")
    project = InstalledProject(rendered.path, rendered.package, environment)
    check(project)

    # Without trials, a run does not wait for Optuna to be imported.
    missing = tmp_path / "missing"
    missing.mkdir()
    (missing / "optuna.py").write_text("raise ImportError(__name__)")
    printed = project.run("kedro", "run", env={"PYTHONPATH": str(missing)}).stdout
    assert "champion" in printed
    # A run of three models prints only what matters.
    assert len(printed.splitlines()) <= 40, printed


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
