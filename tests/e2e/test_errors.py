"""Faults in the configuration: the messages, and that no run begins."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from e2e.conftest import InstalledProject, free_port, wait_for


@dataclass
class Configuration:
    """The configuration of a project, which can be edited and restored."""

    project: InstalledProject
    originals: dict[Path, str] = field(default_factory=dict)

    def edit(self, file: str, *changes: tuple[str, str]) -> None:
        """Replace texts in a file of ``conf/base``; each must be in it."""
        path = self.project.path / "conf/base" / file
        text = path.read_text()
        self.originals.setdefault(path, text)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path.write_text(text)

    def restore(self) -> None:
        """Undo all edits."""
        for path, text in self.originals.items():
            path.write_text(text)


@pytest.fixture(scope="module")
def broken_project(
    installed: InstalledProject, tmp_path_factory: pytest.TempPathFactory
) -> InstalledProject:
    """Return a project for all faults. No run begins, so nothing is left behind."""
    return installed.copy(tmp_path_factory.mktemp("errors") / "iris")


@pytest.fixture
def configuration(broken_project: InstalledProject) -> Iterator[Configuration]:
    """Return the project's configuration, which is restored after the test."""
    configuration = Configuration(broken_project)
    yield configuration
    configuration.restore()


@dataclass(frozen=True)
class Fault:
    """Changes to ``parameters.yml``, and a pattern for each problem's line."""

    name: str
    changes: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]
    done: tuple[str, ...] | None = None
    """The nodes that run before the fault is found; None if no run begins."""

    title: str = ""
    """The first line of the message, if it does not count the problems."""


# The first class of the file, for faults in a class.
CLASS = "sklearn.neighbors.KNeighborsClassifier"
SVM = "linear_svm:\n    class: sklearn.svm.SVC"
REGRESSORS = (
    (CLASS, "sklearn.neighbors.KNeighborsRegressor"),
    ("sklearn.svm.SVC", "sklearn.svm.SVR"),
    ("tree.DecisionTreeClassifier", "tree.DecisionTreeRegressor"),
)

FAULTS = [
    Fault(
        "unknown key",
        ((f"class: {CLASS}", f"clas: {CLASS}"),),
        (r"models\.nearest_neighbors\.clas: unknown key; did you mean 'class'\?",),
    ),
    Fault(
        "name",
        (("linear_svm:", "Bad-Name:"),),
        (r"models\.Bad-Name: .*; write 'bad_name'",),
    ),
    Fault(
        "integer name",
        (("linear_svm:", "2024:"),),
        (r"models\.2024: .*; write 'model_2024'",),
    ),
    Fault(
        "missing class",
        ((SVM, "linear_svm:"),),
        (r"models\.linear_svm\.class: missing",),
    ),
    Fault(
        "train_fraction",
        (("train_fraction: 0.8", "train_fraction: 2"),),
        (r"data\.train_fraction: .*less than 1.* 2",),
    ),
    Fault(
        "misspelt key",
        (("drop: []", "dorp: []"), ("folds: 5", "fold: 5")),
        (
            r"data\.dorp: unknown key; did you mean 'drop'\?",
            r"comparison\.fold: unknown key; did you mean 'folds'\?",
        ),
    ),
    # All faults are listed at once, in the order of the file.
    Fault(
        "all at once",
        (
            ("train_fraction: 0.8", "train_fraction: 2"),
            (f"class: {CLASS}", f"class: {CLASS}\n    colour: red"),
            ("linear_svm:", "Bad-Name:"),
            ("decision_tree:", "2024:"),
        ),
        (
            r"data\.train_fraction: .*",
            r"models\.nearest_neighbors\.colour: unknown key.*class.*enabled.*",
            r"models\.Bad-Name: .*",
            r"models\.2024: .*",
        ),
    ),
    # Only a run finds these faults, since that takes an import.
    Fault(
        "unknown class",
        ((SVM, f"{SVM}C"),),
        (r"models\.linear_svm\.class: 'sklearn\.svm\.SVCC' .* 'sklearn\.svm\.SVC'\?",),
    ),
    Fault(
        "imports, all at once",
        (
            (SVM, "linear_svm:\n    class: sklearn.smv.SVC"),
            ("n_neighbors: 3", "n_neighbours: 3"),
            ("tree.DecisionTreeClassifier", "tree.DecisionTreeClasifier"),
        ),
        (
            r"models\.decision_tree\.class: .*'sklearn.tree.DecisionTreeClassifier'\?",
            r"models\.linear_svm\.class: .* cannot be imported: .* 'sklearn\.smv'",
            r"models\.nearest_neighbors\..*\.n_neighbours: .* 'n_neighbors'\?",
        ),
    ),
    Fault(
        "score",
        (("scoring: auto", "scoring: [acuracy]"),),
        (r"comparison\.scoring: .* no score 'acuracy'; did you mean 'accuracy'\?",),
    ),
    Fault(
        "score without probabilities",
        (("scoring: auto", "scoring: neg_log_loss"),),
        (
            r"comparison\.scoring: 'neg_log_loss' needs probabilities, which SVC of "
            r"models\.linear_svm does not have; write linear_svm: \{class: .* false.*",
        ),
    ),
    Fault(
        "classifiers and a regressor",
        (("tree.DecisionTreeClassifier", "tree.DecisionTreeRegressor"),),
        (r"models: .*classifiers \(.*regressors \(decision_tree\).*; disable .*",),
    ),
    # Only the data shows these faults.
    Fault(
        "target_column",
        (("target_column: species", "target_column: speces"),),
        (
            r"data\.target_column: 'speces' is not a column of the table; "
            r"did you mean 'species'\?; columns: .*",
        ),
        done=(),
        title="parameters.yml does not fit data/01_raw/iris.csv (example_iris_data)",
    ),
    Fault(
        "score of two classes",
        (("scoring: auto", "scoring: f1"),),
        (r"comparison\.scoring: 'f1' is .* two classes, .* has 3; write f1_macro",),
        done=("split_data",),
    ),
    Fault(
        "text to regress on",
        REGRESSORS,
        (r"data\.target_column: .*'species'.* a regressor; .* a classifier",),
        done=("split_data", "advise_on_table", "read_columns"),
    ),
    Fault(
        "number to classify",
        (("target_column: species", "target_column: petal_width"),),
        (r"data\.target_column: .*'petal_width'.* a classifier; .* a regressor",),
        done=("split_data", "advise_on_table", "read_columns"),
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_in_parameters(configuration: Configuration, fault: Fault) -> None:
    configuration.edit("parameters.yml", *fault.changes)
    runs = mlflow_runs(configuration.project)
    output = refused_run(configuration.project)
    assert_message(output, "parameters.yml", *fault.problems, title=fault.title)
    assert re.findall(r"Done: (\S+)", output) == list(fault.done or ())
    # If a run had begun, it must not look like a success.
    begun = mlflow_runs(configuration.project)[len(runs) :]
    assert set(begun) <= {"FAILED", "KILLED"}
    assert bool(begun) is (fault.done is not None)


def test_a_champion_by_a_score_that_is_not_computed(
    configuration: Configuration,
) -> None:
    configuration.edit("tracking.yml", ("metric: null", "metric: recall_macro"))
    output = refused_run(configuration.project)
    problem = (
        r"champion\.metric: 'recall_macro' is not in comparison\.scoring \(auto\); add "
        r"it there, or write 'metric: null' for the first score"
    )
    assert_message(output, "tracking.yml", problem)
    assert "Done: " not in output


def test_no_models(configuration: Configuration) -> None:
    path = configuration.project.path / "conf/base/parameters.yml"
    before, key, _ = path.read_text().partition("\nmodels:")
    configuration.edit("parameters.yml")
    path.write_text(before + key + "\n")
    output = refused_run(configuration.project)
    assert_message(output, "parameters.yml", r"models: none is enabled; .*")
    assert "Done: " not in output


def test_class_is_never_called(configuration: Configuration) -> None:
    # If the function were called, it would write a file.
    proof = configuration.project.path / "called"
    kwargs = "model_kwargs:\n      kernel: linear\n      C: 0.025"
    configuration.edit(
        "parameters.yml",
        (SVM, "linear_svm:\n    class: os.system"),
        (kwargs, f"model_kwargs: {{command: touch {proof}}}"),
    )
    output = refused_run(configuration.project)
    problem = (
        r"models\.linear_svm\.class: 'os\.system' is not imported, .* not trusted.*; "
        r"if you trust it, add 'os' to TRUSTED_PACKAGES in settings\.py"
    )
    assert_message(output, "parameters.yml", problem)
    assert not proof.exists()


def test_catalog_without_a_pattern(configuration: Configuration) -> None:
    pattern = "models.{namespace}.model_score"
    configuration.edit("catalog.yml", (f"{pattern}:", f"scores.{pattern}:"))
    runs = mlflow_runs(configuration.project)
    output = refused_run(configuration.project)
    # One entry mends the fault for all models.
    problem = rf"models\.\w+\.model_score: .*; add '{re.escape(pattern)}'"
    assert_message(output, "The catalog", problem)
    assert "Done: " not in output
    assert mlflow_runs(configuration.project) == runs


def test_pipelines_show_without_their_classes(
    configuration: Configuration, tmp_path: Path
) -> None:
    missing = "linear_svm:\n    class: not_installed.Model"
    configuration.edit("parameters.yml", (SVM, missing))
    trusted = ('("sklearn"', '("not_installed", "sklearn"')
    configuration.edit("../../src/iris/settings.py", trusted)
    project = configuration.project
    output = project.run("kedro", "registry", "list").stdout
    assert "- models.linear_svm\n" in output

    saved, log = tmp_path / "saved", tmp_path / "log"
    command = ["kedro", "viz", "run", "--no-browser", f"--port={free_port()}"]
    command += [f"--save-file={saved}", "--include-hooks"]
    with project.background(*command, log=log) as process:
        wait_for((saved / "api/version").exists, process, log)
    drawn = json.loads((saved / "api/main").read_text())["nodes"]
    assert "models.linear_svm.fit_model" in {node.get("full_name") for node in drawn}


def refused_run(project: InstalledProject) -> str:
    """Return what ``kedro run`` prints when it rejects the configuration."""
    done = project.run("kedro", "run", check=False)
    assert done.returncode != 0
    return done.stdout


def assert_message(output: str, file: str, *problems: str, title: str = "") -> None:
    """Check that the output ends with a message, without a traceback.

    Args:
        output: Everything that the command printed.
        file: The configuration file that the message names.
        problems: A pattern for the line of each problem, in order.
        title: The first line, if it does not count the problems of the file.
    """
    assert "Traceback" not in output
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = [f"Error: {title or f'{file} has {count}'}:", *problems]
    message = output.rstrip().splitlines()[-len(lines) :]
    assert message[0].strip() == lines[0]
    for line, pattern in zip(message[1:], problems, strict=True):
        assert re.fullmatch(pattern, line.strip())


def mlflow_runs(project: InstalledProject) -> list[str]:
    """Return the status of each run in the project's MLflow store, in order."""
    path = project.path / "mlflow.db"
    if not path.exists():
        return []
    with sqlite3.connect(path) as store:
        rows = store.execute("SELECT status FROM runs ORDER BY start_time").fetchall()
    return [status for (status,) in rows]
