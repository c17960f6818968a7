"""A rendered project is clean by its own tools, whatever it is called."""

from __future__ import annotations

import json
import runpy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conftest import REPOSITORY, Project, git

from e2e.conftest import Environment, InstalledProject, render

# Where lines are wrapped depends on how long the name of the package is.
NAMES = ("Iris", "A project name of exactly forty lettersx")

TOP_LEVEL = """
import json
from importlib.metadata import packages_distributions
print(json.dumps(sorted(packages_distributions())))
"""


def test_format_lint_types_and_tests(
    starter: Path, environment: Environment, tmp_path: Path
) -> None:
    def check(rendered: Project) -> None:
        project = InstalledProject(rendered.path, rendered.package, environment)
        git(project.path, "init", "--quiet")
        git(project.path, "add", "--all")
        git(project.path, "commit", "--quiet", "--message", "rendered")

        project.run("ruff", "check", ".")
        project.run("ruff", "format", ".")
        project.run("mypy")
        tests = project.run("pytest", "-q")
        assert " passed" in tests.stdout
        # Caches, stores and results are ignored; nothing was formatted.
        assert git(project.path, "status", "--porcelain") == ""

    projects = [render(starter, tmp_path, name) for name in NAMES]
    assert [one.package for one in projects] == [
        name.lower().replace(" ", "_") for name in NAMES
    ]
    # Side by side: each takes minutes, of one core.
    with ThreadPoolExecutor(len(NAMES)) as threads:
        list(threads.map(check, projects))


def test_a_package_cannot_hide_what_the_project_needs(
    installed: InstalledProject,
) -> None:
    modules = json.loads(installed.run("python", "-c", TOP_LEVEL).stdout)
    taken = set(runpy.run_path(str(REPOSITORY / "hooks/pre_gen_project.py"))["TAKEN"])
    names = {name for name in modules if name.isidentifier() and name.islower()}
    names -= {installed.package, *(name for name in names if name.startswith("_"))}
    assert names <= taken
