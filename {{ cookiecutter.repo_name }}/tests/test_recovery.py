"""Failed models are an error of the run, whatever part of the pipeline is run."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.session import KedroSession
from sklearn.svm import LinearSVC

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.models.failures import (
    FailedModel,
)
from {{ cookiecutter.python_package }}.recovery import ModelsFailed

FAILS = {"models": {"linear_svm": {"model_kwargs": {"C": -1}}}}
FIT = ["models.linear_svm.fit_model"]


def run(project: Path, params: dict[str, Any] | None = None, **options: Any) -> None:
    with KedroSession.create(project_path=project, runtime_params=params) as session:
        session.run(**options)


@pytest.mark.parametrize(
    "part",
    [{"node_names": FIT}, {"to_outputs": ["models.linear_svm.fitted_model"]}],
    ids=["node", "output"],
)
def test_a_failure_shows_without_metrics(project: Path, part: dict[str, Any]) -> None:
    run(project, pipeline_names=["split_data"])
    with pytest.raises(ModelsFailed) as error:
        run(project, FAILS, **part)
    first, failure, *_ = error.value.message.splitlines()
    assert first == "All 1 models failed:"
    assert failure.startswith("  models.linear_svm: InvalidParameterError: ")
    assert not list(project.glob("data/06_models/*.pkl"))


def test_what_a_killed_run_left_is_no_model(project: Path) -> None:
    run(project, pipeline_names=["split_data"])
    file = project / "data/06_models/linear_svm_model.pkl"
    file.parent.mkdir()
    file.write_bytes(pickle.dumps(FailedModel("ValueError: no", "...")))
    run(project, only_missing_outputs=True)
    assert isinstance(pickle.loads(file.read_bytes()), LinearSVC)


def test_a_version_that_failed_is_no_version(project: Path) -> None:
    file = project / "conf/base/catalog.yml"
    catalog = yaml.safe_load(file.read_text())
    for kind in ("fitted_model", "metrics"):
        catalog["models.{namespace}." + kind]["versioned"] = True
    file.write_text(yaml.safe_dump(catalog))
    run(project)
    with pytest.raises(ModelsFailed, match="1 of 3 models failed"):
        run(project, FAILS)
    models = project.glob("data/06_models/linear_svm_model.pkl/*/*")
    (model,) = (pickle.loads(path.read_bytes()) for path in models)
    assert isinstance(model, LinearSVC)
    assert len(list(project.glob("data/06_models/decision_tree_model.pkl/*/*"))) == 2

    with pytest.raises(ConfigurationError) as error:
        run(project, only_missing_outputs=True)
    assert "models.linear_svm.fitted_model: has to be made again" in str(error.value)
    run(project)
