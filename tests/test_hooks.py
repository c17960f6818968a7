"""The hooks reject bad answers with advice, and remove families left out."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import LIBRARY, REPOSITORY, TEMPLATE, Bake
from cookiecutter.exceptions import FailedHookException  # type: ignore[import-untyped]

# Modules that are not called as their distribution is.
MODULES = {"pyyaml": "yaml", "scikit-learn": "sklearn"}

PRE = runpy.run_path(str(REPOSITORY / "hooks/pre_gen_project.py"))
POST = runpy.run_path(str(REPOSITORY / "hooks/post_gen_project.py"))
find_problems: Callable[[dict[str, Any]], list[str]] = PRE["find_problems"]
remove_unasked: Callable[[Path, str], None] = POST["remove_unasked"]


def answers_for(project_name: str, **changes: Any) -> dict[str, Any]:
    """Return the answers that cookiecutter.json derives from a project name."""
    name = project_name.strip().lower()
    return {
        "project_name": project_name,
        "repo_name": name.replace(" ", "-").replace("_", "-"),
        "python_package": name.replace(" ", "_").replace("-", "_"),
        "pipelines": "all",
        **changes,
    }


@pytest.mark.parametrize(
    "name",
    ["Dynamic Iris", "flower-shop_2", "My  Models", "Kedro Iris", "Match", "Null"],
)
def test_good_names_pass(name: str) -> None:
    assert find_problems(answers_for(name)) == []


@pytest.mark.parametrize(
    ("name", "variable", "fault", "advice"),
    [
        ("1st try", "python_package", "starting with a letter", "Project 1st try"),
        ("Class", "python_package", "Python keyword", "Class Project"),
        ("Email", "python_package", "would hide the module", "Email Project"),
        ("Kedro Viz", "python_package", "would hide the module", "Kedro Viz Project"),
        ("tests", "python_package", "would hide the module", "tests Project"),
        ("ML", "python_package", '"mlflow"', "ML Project"),
        ("Conf", "python_package", '"configparser"', "Conf Project"),
        ("dyn", "python_package", '"dynaconf"', "dyn Project"),
        ("Nul", "python_package", "device on Windows", "Nul Project"),
        ("Aux", "repo_name", "device on Windows", "Aux Project"),
        ("Iris_", "repo_name", "both ends", "Iris"),
        (" Iris", "project_name", "without spaces around", "Iris"),
        ("Iris\n", "project_name", "ASCII letters", "Iris"),
        ("x", "project_name", "two or more", "x Project"),
        ("Schwertlilie M\u00fcller", "project_name", "ASCII", "Schwertlilie Muller"),
        ("Donn\u00e9es", "python_package", "ASCII", "Donnees"),
        ("\u9e22\u5c3e\u82b1", "project_name", "ASCII", "Project"),
        ("", "project_name", "ASCII", "Project"),
        ("../../Iris", "repo_name", "plain folder name", "Iris"),
        ("a\\b c", "repo_name", "plain folder name", "a b c"),
    ],
)
def test_wrong_names_are_explained(
    name: str, variable: str, fault: str, advice: str
) -> None:
    problems = find_problems(answers_for(name))
    (problem,) = (problem for problem in problems if problem.startswith(variable))
    assert fault in problem
    assert problem.endswith(f'Enter for example project_name "{advice}".')
    assert find_problems(answers_for(advice)) == []


def test_names_given_on_their_own_get_advice_of_their_own() -> None:
    problems = find_problems(
        answers_for("Iris", repo_name="Iris!", python_package="Mlflow")
    )
    assert len(problems) == 2
    assert problems[0].endswith('Enter for example repo_name "iris".')
    assert problems[1].endswith('Enter for example python_package "mlflow_project".')


def test_modules_of_the_dependencies_are_known() -> None:
    """The list follows: nox -s names."""
    names = PRE["DEPENDENCIES"]
    assert names == sorted(set(names))
    requirements = (TEMPLATE / "requirements.txt").read_text()
    required = set(re.findall(r"^[a-z][a-z0-9-]*", requirements, re.MULTILINE))
    modules = {MODULES.get(name, name.replace("-", "_")) for name in required} | {
        LIBRARY
    }
    assert len(modules) > 15
    assert modules <= {*names}


@pytest.mark.parametrize(
    "pipelines", ["all", "none", "ALL", " Text ", "text,benchmark", "text, Text ,text"]
)
def test_good_pipelines_pass(pipelines: str) -> None:
    assert find_problems(answers_for("Iris", pipelines=pipelines)) == []


@pytest.mark.parametrize(
    ("pipelines", "fault"),
    [
        ("", "names no pipelines"),
        ("  ", "names no pipelines"),
        (None, "names no pipelines"),
        ("text,", "'' is unknown"),
        ("txet", 'Did you mean "text"?'),
        ("benchmarks,text", 'Did you mean "benchmark"?'),
        ("all,text", "stand alone"),
        ("none,text", "stand alone"),
        ("text;benchmark", "is unknown"),
    ],
)
def test_wrong_pipelines_are_explained(pipelines: object, fault: str) -> None:
    (problem,) = find_problems(answers_for("Iris", pipelines=pipelines))
    assert fault in problem
    assert 'Enter "all", "none" or a comma list such as "text,benchmark".' in problem


def test_a_refusal_lists_every_problem_and_leaves_nothing(
    bake: Bake, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FailedHookException):
        bake(project_name="Donn\u00e9es", pipelines=["text", "txet"])
    stderr = capfd.readouterr().err
    for variable in ("project_name", "repo_name", "python_package", "pipelines"):
        assert f"\n  - {variable} " in stderr
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variable", ["project_name", "pipelines"])
@pytest.mark.parametrize(
    "value",
    [
        '"""; open({pwned!r}, "w"); """',
        '" """ )\nopen({pwned!r}, "w")\n#',
        'Iris\\""" + str(open({pwned!r}, "w")) + r"""',
        "Iris' + open({pwned!r}, 'w').name + '",
        "Iris\\",
    ],
)
def test_hostile_answers_are_data(
    variable: str,
    value: str,
    bake: Bake,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    value = value.format(pwned=str(tmp_path / "pwned"))
    names = {"repo_name": "iris", "python_package": "iris"}
    with pytest.raises(FailedHookException):
        bake(**{**names, variable: value})
    stderr = capfd.readouterr().err
    assert f"{variable} {value!r}" in stderr
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []


FILES = {
    "always": [
        "conf/base/catalog.yml",
        "data/01_raw/iris.csv",
        "src/kedro_dynamic/models/tuning.py",
        "src/iris/pipelines/models/nodes.py",
        "tests/pipelines/models/test_nodes.py",
        "tests/test_models.py",
    ],
    "text": [
        "conf/base/catalog_text.yml",
        "conf/base/parameters_text.yml",
        "conf/base/globals.yml",
        "conf/imdb/catalog_text.yml",
        "conf/imdb_csv/globals.yml",
        "data/01_raw/reviews/train.csv",
        "data/01_raw/stopwords.yml",
        "src/iris/pipelines/etl_app/nodes.py",
        "src/iris/pipelines/ml_app/nodes.py",
        "src/iris/pipelines/user_app/nodes.py",
        "tests/pipelines/etl_app/test_nodes.py",
        "tests/pipelines/test_ml_app.py",
        "tests/test_text.py",
    ],
    "benchmark": [
        "conf/base/catalog_benchmark.yml",
        "conf/base/parameters_benchmark.yml",
        "data/01_raw/breast_cancer.csv",
        "data/01_raw/digits.csv",
        "data/01_raw/wine.csv",
        "src/iris/pipelines/benchmark/nodes.py",
        "tests/pipelines/benchmark/test_benchmark.py",
        "tests/test_benchmark.py",
    ],
}


@pytest.mark.parametrize(
    ("pipelines", "families"),
    [
        ("all", ["always", "text", "benchmark"]),
        ("none", ["always"]),
        (" TEXT ", ["always", "text"]),
        ("benchmark", ["always", "benchmark"]),
        ("benchmark, text", ["always", "text", "benchmark"]),
    ],
)
def test_families_are_removed_whole(
    pipelines: str, families: list[str], tmp_path: Path
) -> None:
    for path in {name for names in FILES.values() for name in names}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()

    remove_unasked(tmp_path, pipelines)

    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")}
    assert left == {name for family in families for name in FILES[family]}


def test_hooks_and_prompt_know_the_same_families() -> None:
    answers = json.loads((REPOSITORY / "cookiecutter.json").read_text())
    assert tuple(POST["FAMILIES"]) == PRE["FAMILIES"]
    assert ",".join(PRE["FAMILIES"]) in answers["__prompts__"]["pipelines"]
