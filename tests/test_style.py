"""Symptoms of language that is hard to read, counted.

The counts are symptoms. The aim is that nobody has to read a sentence twice.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import REPOSITORY, Bake

# Words that do not say what a variable holds.
VAGUE = re.compile(
    "asked|each|few|given|here|its?|kept|many|mine|much|ones?|others?|ours|own|rest|"
    "said|same|so|such|that|theirs|them|then|there|these|they|things?|this|those|told|"
    "what|which|who|whole"
)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)

Symptoms = Iterator[str]


def bound_names(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each name that a file binds, with its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def vague_names(path: Path) -> Symptoms:
    """Yield names of variables that are pronouns, such as `its`."""
    for line, name in bound_names(path):
        if VAGUE.fullmatch(name.strip("_")):
            yield f"{path}:{line} {name}"


def odd_docstrings(path: Path) -> Symptoms:
    """Yield docstrings that begin with "Let" or "Tell"."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, DOCUMENTED):
            docstring = ast.get_docstring(node) or ""
            if re.match(r"(Let|Tell)\b", docstring):
                yield f"{path}:{getattr(node, 'lineno', 1)} {docstring.splitlines()[0]}"


def odd_negations(path: Path) -> Symptoms:
    """Yield lines with "is no column" where "is not a column" is meant."""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if re.search(r"\b(is|are|has) no\b", line):
            yield f"{path}:{number} {line.strip()}"


def nested_comprehensions(path: Path) -> Symptoms:
    """Yield comprehensions that contain another one."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, COMPREHENSIONS):
            inner = [part for part in ast.walk(node) if part is not node]
            if any(isinstance(part, COMPREHENSIONS) for part in inner):
                yield f"{path}:{node.lineno}"


def code_of_a_project(bake: Bake) -> list[Path]:
    """Return the Python files of a project with all families."""
    return sorted(bake(project_name="Iris").path.rglob("*.py"))


def code_of_the_repository(bake: Bake) -> list[Path]:
    """Return the Python files of this repository without those of the template."""
    folders = ("benchmarks", "docs", "dynamic_iris", "hooks", "tests")
    paths = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    return sorted([*paths, REPOSITORY / "noxfile.py"])


# How many there may be at most for each 1,000 names that the code binds.
BOUNDS: dict[Callable[[Path], Symptoms], int] = {
    vague_names: 10,
    odd_docstrings: 0,
    odd_negations: 4,
    nested_comprehensions: 1,
}


@pytest.mark.parametrize("code", [code_of_a_project, code_of_the_repository])
def test_code_reads_plainly(code: Callable[[Bake], list[Path]], bake: Bake) -> None:
    paths = code(bake)
    names = sum(1 for path in paths for _ in bound_names(path))
    too_many = []
    for symptoms, bound in BOUNDS.items():
        found = [symptom for path in paths for symptom in symptoms(path)]
        if len(found) > bound * names / 1000:
            too_many += [f"{len(found)} {symptoms.__name__}:", *found]
    assert not too_many, "\n".join(too_many)
