"""Faults of catalog, data, names and output: one plain line, or no error at all."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from e2e.conftest import InstalledProject

IRIS = "data/01_raw/iris.csv"


@pytest.fixture(scope="module")
def plain(
    installed: InstalledProject, tmp_path_factory: pytest.TempPathFactory
) -> InstalledProject:
    """Return a project for all faults, each of which is undone."""
    return installed.copy(tmp_path_factory.mktemp("plain") / "iris")


def error_of(project: InstalledProject, *options: str) -> str:
    """Return the error of a run as one line, which comes without a traceback."""
    done = project.run("kedro", "run", *options, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    return " ".join(done.stdout.partition("Error: ")[2].split())


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        (
            f"example_iris_data: {{type: pandas.CSVDataset, filepath: {IRIS}, x: 1}}",
            "example_iris_data: CSVDataset.__init__() got an unexpected keyword",
        ),
        (
            "models.{namespace}.metrics: {type: json.JSONDataset, filepath: all.json}",
            "all.json: the file of models.decision_tree.metrics, models.linear_svm.met",
        ),
    ],
    ids=["argument", "one file"],
)
def test_catalog(plain: InstalledProject, entry: str, error: str) -> None:
    file = plain.path / "conf/local/catalog.yml"
    name, _, value = entry.partition(":")
    file.write_text(f"{json.dumps(name)}:{value}")  # in quotes, for the braces
    shown = error_of(plain)
    file.unlink()
    assert error in shown
    assert shown.endswith("its entry is in conf/local/catalog.yml")


def test_a_model_with_the_file_of_another_pipeline(plain: InstalledProject) -> None:
    parameters = plain.path / "conf/base/parameters.yml"
    text = parameters.read_text()
    parameters.write_text(text.replace("linear_svm:", "sentiment:"))
    shown = error_of(plain, "--pipelines", "models")
    parameters.write_text(text)
    assert "sentiment_model.pkl: the file of model, models.sentiment.fitted_mo" in shown


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--env", "imdb_cvs"], "no environment 'imdb_cvs'; did you mean 'imdb_csv'?"),
        (
            ["--pipelines", "models.linearsvm"],
            "no pipeline 'models.linearsvm'; did you mean 'models.linear_svm'?",
        ),
        (
            ["--pipelines=user_app", "--params", "model_uri=/tmp/evil"],
            "sentiment_model.load_args.model_uri: '/tmp/evil' is not used",
        ),
        (
            [
                "--params",
                "trusted_packages=[evil],TRUSTED_PACKAGES=[evil],"
                "models.linear_svm.class=evil.Model,models.linearsvm.enabled=false",
            ],
            "models.linearsvm.class: missing in a new entry; did you mean 'linear_svm'",
        ),
    ],
)
def test_name(plain: InstalledProject, options: list[str], error: str) -> None:
    shown = error_of(plain, *options)
    assert error in shown
    # No parameter says which packages to import.
    assert ("evil.Model" in shown) is ("'evil.Model' is not imported" in shown)


def test_data_and_modes(plain: InstalledProject) -> None:
    table = plain.path / IRIS
    content = table.read_bytes()
    table.write_text(content.decode(), encoding="utf-16")
    shown = error_of(plain, "--pipelines", "split_data")
    table.write_bytes(content)
    assert shown.startswith(f"{IRIS} (example_iris_data) cannot be read: 'utf-8' codec")

    def mode(name: str) -> str:
        return oct((plain.path / "data/06_models" / name).stat().st_mode & 0o777)

    previous = os.umask(0o027)
    plain.run("kedro", "run")
    os.umask(previous)
    model, score = "linear_svm_model.pkl", "linear_svm_model_score.json"
    assert mode(model) == mode(score) == "0o640"
    (plain.path / "data/06_models" / model).chmod(0o600)
    plain.run("kedro", "run")
    assert (mode(model), mode(score)) == ("0o600", "0o640")


@pytest.mark.parametrize("shell", ["| head -1", ">&-", "> ascii"])
def test_output(plain: InstalledProject, shell: str) -> None:
    leaderboard = plain.path / "data/08_reporting/leaderboard.csv"
    leaderboard.unlink(missing_ok=True)
    kedro = plain.environment.bin / "kedro"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; '{kedro}' run {shell}"],
        cwd=plain.path,
        env=plain.env({"PYTHONIOENCODING": "ascii"}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert leaderboard.exists()
