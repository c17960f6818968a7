"""Paths in documents exist, and every command in a document is run by a test."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY, Bake, Project
from documents import (
    ELSEWHERE,
    OWN_DATA,
    blocks,
    documents,
    entries,
    is_elsewhere,
    named_paths,
    sections,
)
from kedro_dynamic.config.schema import read_parameters
from kedro_dynamic.models.estimators import find_problems

# Files that a person makes who follows a document, and hidden files of runs.
MADE_BY_PEOPLE = {
    "conf/base/airflow.yml",
    "conf/experiment/parameters.yml",
    "conf/local/credentials.yml",
    "data/.locks",
    "data/.provenance.json",
    "data/01_raw/customers.csv",
    "data/01_raw/customers.xlsx",
    "data/01_raw/march.parquet",
    "data/08_reporting/{name}_plot.png",
    "src/flower_shop/features.py",
    "src/flower_shop/pipelines/models/plots.py",
}


@pytest.fixture
def project(bake: Bake) -> Project:
    """Return a project with all families."""
    return bake(project_name="Flower Shop")


def made_by_runs(project: Project) -> set[str]:
    """Return patterns of the files that runs make: of the catalog, and the report."""
    made = {"data/08_reporting/report.html", "data/06_models/studies.db"}
    for file in project.path.glob("conf/base/catalog*.yml"):
        paths = re.findall(r"filepath: (\S+)", file.read_text())
        made |= {re.sub(r"\$?\{[^{}]*\}", "*", path) for path in paths}
    return made


def exists(name: str, roots: Iterable[Path]) -> bool:
    """Return True if a file exists; its name may have a `*` or a placeholder."""
    pattern = re.sub(r"<[^<>]*>|\{[^{}]*\}", "*", name).rstrip("/")
    return any(any(root.glob(pattern)) for root in roots)


def test_every_path_in_a_document_exists(project: Project) -> None:
    package = project.path / "src" / project.package
    source = project.path / "src"
    in_project = (project.path, source, package, package / "pipelines")
    made = made_by_runs(project)
    missing = []
    for folder in (REPOSITORY, project.path):
        for document in documents(folder):
            roots = [document.parent, *in_project]
            if folder == REPOSITORY:
                roots += [REPOSITORY, REPOSITORY / "tests"]
            for name in named_paths(document.read_text()):
                # A name may also be the folder of a file.
                is_made = any(
                    fnmatch(name, pattern) or pattern.startswith(name)
                    for pattern in made
                )
                if not (name in MADE_BY_PEOPLE or is_made or exists(name, roots)):
                    missing.append(f"{document.name}: {name}")
    assert not missing, "\n".join(missing)


def test_every_command_in_a_document_is_run_by_a_test(project: Project) -> None:
    texts = [
        document.read_text()
        for folder in (REPOSITORY, project.path)
        for document in documents(folder)
        if document != folder / OWN_DATA  # e2e/test_documents.py follows all of it
    ]
    commands = [
        command
        for text in texts
        for block in blocks(text)
        for command in block.commands()
    ]
    # Each entry of the list is needed, and names a test that exists.
    for start, why in ELSEWHERE.items():
        assert any(command.startswith(start) for command in commands), start
        for test in re.findall(r"\S+\.py", why):
            assert (REPOSITORY / "tests" / test).is_file(), (start, test)
    # The test in e2e/ finds commands to run.
    assert len([command for command in commands if not is_elsewhere(command)]) > 8


def test_entries_of_a_readme_are_pasted_as_they_stand(project: Project) -> None:
    shipped = (project.path / "conf/base/parameters.yml").read_text()
    added = {REPOSITORY: 1, project.path: 3}
    for folder, count in added.items():
        pasted = shipped + "".join(entries((folder / "README.md").read_text()))
        parameters = yaml.safe_load(pasted)
        models = read_parameters(parameters).models
        assert len(models) == len(yaml.safe_load(shipped)["models"]) + count
        for name, model in models.items():
            assert not find_problems(model, name)
        # No key is there twice, of which YAML reads the last one.
        keys = re.findall(
            r"^(?:  )?\w+:", pasted.partition("\nmodels:")[2], re.MULTILINE
        )
        assert len(keys) == len({*keys})


def test_own_data_takes_at_most_16_lines_each(project: Project) -> None:
    text = (project.path / OWN_DATA).read_text()
    introduction, *steps = sections(text).values()
    assert [block.language for block in blocks(introduction)] == ["python", "bash"]
    assert len(steps) == 15
    for section in steps:
        lines = [line for block in blocks(section) for line in block.lines]
        assert len(lines) <= 16, section


def test_the_notebook_is_rendered_without_outputs(project: Project) -> None:
    (path,) = project.path.glob("notebooks/*.ipynb")
    cells = json.loads(path.read_text())["cells"]
    for cell in cells:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    assert len(cells) > 10


def test_pictures_show_what_is_rendered(project: Project) -> None:
    pictures = runpy.run_path(str(REPOSITORY / "docs/pictures.py"))
    taken_of = pictures["DIGEST"].read_text().strip()
    assert pictures["digest"](project.path) == taken_of, "run `nox -s docs`"
    for picture in REPOSITORY.glob("docs/*.png"):
        assert picture.stat().st_size <= 300 * 1024
        assert f"docs/{picture.name}" in (REPOSITORY / "README.md").read_text()
