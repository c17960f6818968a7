"""Whose code ``class:`` may have imported: the listed packages', and the project's."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession

from {{ cookiecutter.python_package }}.errors import ConfigurationError
from {{ cookiecutter.python_package }}.pipelines.models.estimators import (
    build_estimator,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import (
    ModelSpec,
    enabled_models,
)
from {{ cookiecutter.python_package }}.pipelines.models.trust import PACKAGE

TREE = "sklearn.tree.DecisionTreeClassifier"
SPLIT = {"train_fraction": 0.8, "random_state": 3, "target_column": "species"}


def check(class_path: str, **parameters: Any) -> list[str]:
    models = {"a_model": {"class": class_path}}
    return enabled_models({**SPLIT, "models": models, **parameters})


@pytest.fixture
def left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that importing the module ``nosy`` writes."""
    proof = tmp_path / "proof"
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "nosy.py").write_text(
        f"from pathlib import Path\nPath({str(proof)!r}).touch()\n"
        "from sklearn.tree import DecisionTreeClassifier as Model\n"
    )
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "nosy", raising=False)
    return proof


@pytest.mark.parametrize(
    "class_path",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.eval",
        "nosy.Model",
        "sklearn_too.svm.SVC",
        "Sklearn.svm.SVC",
    ],
)
def test_other_packages_are_refused(class_path: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        check(class_path)
    package = class_path.partition(".")[0]
    assert error.value.message.startswith("parameters.yml has a problem")
    assert f"models.a_model.class: '{class_path}' is not imp" in error.value.message
    assert f"add the line '- {package}' to trusted_packages" in error.value.message


@pytest.mark.parametrize("enabled", [True, False])
def test_nothing_of_another_package_is_imported(
    load_config: Callable[..., None],
    write_parameters: Callable[..., None],
    left_behind: Path,
    enabled: bool,
) -> None:
    nosy = {"class": "nosy.Model", "enabled": enabled}
    write_parameters("other", models={"nosy": nosy})
    load_config(env="other")
    with pytest.raises(ConfigurationError, match=r"models\.nosy\.class"):
        dict(pipelines)
    assert "nosy" not in sys.modules
    assert not left_behind.exists()


def test_a_run_with_another_package_does_not_begin(
    project: Path, left_behind: Path
) -> None:
    params = {"models": {"linear_svm": {"class": "nosy.Model"}}}
    session = KedroSession.create(project_path=project, runtime_params=params)
    with pytest.raises(ConfigurationError, match=r"models\.linear_svm\.class"):
        session.run(pipeline_names=["split_data"])
    assert not left_behind.exists()
    assert not (project / "data/05_model_input").exists()


def test_one_line_trusts_another_package(
    project: Path,
    load_config: Callable[..., None],
    write_parameters: Callable[..., None],
    left_behind: Path,
) -> None:
    write_parameters(
        "other",
        models={"nosy": {"class": "nosy.Model"}},
        trusted_packages=["sklearn", "nosy"],
    )
    load_config(env="other")
    assert "models.nosy" in pipelines
    assert not left_behind.exists()  # to register is not to import
    session = KedroSession.create(project_path=project, env="other")
    session.run(pipeline_names=["models.nosy"])
    assert left_behind.exists()


@pytest.mark.parametrize("trusted", [["sklearn"], [], None])
def test_the_projects_own_package_is_always_trusted(trusted: Any) -> None:
    own = f"{PACKAGE}.models.MyModel"
    assert check(own, trusted_packages=trusted) == ["a_model"]


@pytest.mark.parametrize(
    "class_path", [TREE, "xgboost.XGBClassifier", "lightgbm.LGBMClassifier"]
)
def test_without_a_list_the_usual_packages_are_trusted(class_path: str) -> None:
    assert check(class_path) == ["a_model"]


def test_a_shorter_list_counts() -> None:
    with pytest.raises(ConfigurationError, match="'- xgboost' to trusted_packages"):
        check("xgboost.XGBClassifier", trusted_packages=["sklearn"])


@pytest.mark.parametrize(
    ("trusted", "problem"),
    [
        ("sklearn", "trusted_packages: Input should be a valid list, not 'sklearn'"),
        ({"sklearn": True}, "trusted_packages: Input should be a valid list"),
        ([["os"]], "trusted_packages.0: Input should be a valid string"),
        (["os.path"], "trusted_packages.0: not the name of a package; write 'os'"),
        (["*"], "trusted_packages.0: not the name of a package"),
        ([None], "trusted_packages.0: Input should be a valid string"),
    ],
)
def test_a_wrong_list_trusts_nobody(trusted: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        check("os.system", trusted_packages=trusted)
    assert problem in error.value.message


def test_a_misspelt_package_is_suggested() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'sklearn'"):
        check("sklern.svm.SVC")


def test_what_is_no_import_path_is_said_to_be_none() -> None:
    with pytest.raises(ConfigurationError, match="'SVC' is no import path"):
        check("SVC")


@pytest.mark.parametrize(
    "value",
    ["nosy.Model", {"class": "nosy.Model"}, {"_target_": "nosy.Model"}],
)
def test_arguments_are_never_looked_up_as_classes(
    left_behind: Path, value: object
) -> None:
    model = ModelSpec.model_validate(
        {
            "class": "sklearn.ensemble.BaggingClassifier",
            "model_kwargs": {"estimator": value},
        }
    )
    estimator = build_estimator(model, random_state=3)
    assert estimator.get_params()["estimator"] == value
    assert not left_behind.exists()
