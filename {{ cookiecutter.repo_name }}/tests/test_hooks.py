"""Checks that come before any data is read."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from kedro.framework.session import KedroSession
from mlflow import MlflowClient

from {{ cookiecutter.python_package }}.console import RunProgress
from {{ cookiecutter.python_package }}.errors import ConfigurationError


def test_every_model_that_cannot_be_built_is_named_before_the_run(
    project: Path, write_parameters: Callable[..., None]
) -> None:
    write_parameters(
        "other",
        models={
            "misspelt": {"class": "sklearn.svm.SVCC"},
            "no_model": {"class": "sklearn.preprocessing.StandardScaler"},
        },
    )
    session = KedroSession.create(project_path=project, env="other")
    with pytest.raises(ConfigurationError) as error:
        session.run()
    assert "models.misspelt.class: 'sklearn.svm.SVCC'" in error.value.message
    assert "did you mean 'sklearn.svm.SVC'?" in error.value.message
    assert "models.no_model.class: 'sklearn.preproc" in error.value.message
    assert not list((project / "data").glob("05_model_input/*"))


def test_a_catalog_that_would_lose_a_model_is_refused(
    project: Path,
) -> None:
    file = project / "conf/base/catalog.yml"
    catalog = yaml.safe_load(file.read_text())
    del catalog["models.{namespace}.fitted_model"]
    file.write_text(yaml.safe_dump(catalog))
    with pytest.raises(ConfigurationError) as error:
        KedroSession.create(project_path=project).run()
    first, *lost = error.value.message.splitlines()
    assert first == "catalog.yml has 3 problems:"
    assert "models.linear_svm.fitted_model" in lost[1]
    assert "add 'models.{namespace}.fitted_model'" in lost[1]
    # Of another pipeline's datasets there is nothing to say.
    KedroSession.create(project_path=project).run(pipeline_names=["split_data"])


def test_a_missing_file_is_named_before_the_run(project: Path) -> None:
    (project / "data/01_raw/iris.csv").unlink()
    with pytest.raises(ConfigurationError) as error:
        KedroSession.create(project_path=project).run()
    _, line = error.value.message.splitlines()
    assert line.startswith("  example_iris_data: put it at ")
    assert line.endswith("data/01_raw/iris.csv, or correct the catalog")


def test_missing_data_is_named_with_the_command_that_makes_it(project: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        KedroSession.create(project_path=project).run(pipeline_names=["models"])
    first, *missing = error.value.message.splitlines()
    assert first == "Data is missing:"
    assert missing == [
        f"  {name}: does not exist yet; 'kedro run --pipelines split_data' makes it"
        for name in ("X_test", "X_train", "y_test", "y_train")
    ]
    # Before the run: MLflow knows of none.
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiments = [found.experiment_id for found in client.search_experiments()]
    assert not client.search_runs(experiments)


def test_a_run_that_another_hook_refuses_shows_no_progress(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    monkeypatch.setattr(RunProgress, "start", lambda self, nodes: begun.append(nodes))
    with pytest.raises(ConfigurationError, match="champion"):
        KedroSession.create(project_path=project).run(pipeline_names=["predict"])
    assert begun == []
    KedroSession.create(project_path=project).run(pipeline_names=["split_data"])
    assert begun == [1]
