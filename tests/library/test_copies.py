"""Copies of the library: the project's, and those that are logged with models."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import kedro_dynamic
import pandas as pd
import pytest
from kedro_dynamic.config import library
from kedro_dynamic.config.library import LIBRARY
from kedro_dynamic.models.labels import LabelEncodedClassifier
from sklearn.tree import DecisionTreeClassifier

ROWS = pd.DataFrame({"legs": [4, 2] * 20})
KIND = pd.Series(["cat", "bird"] * 20)

LOAD = """
import pickle, sys
from pathlib import Path

for folder in sys.argv[1:]:
    sys.path.insert(0, f"{folder}/code")  # as MLflow does
    model = pickle.loads(Path(folder, "model.pkl").read_bytes())
"""

OPEN_PROJECT = """
import iris
from kedro.framework import project
from kedro_dynamic.config.project import check_library

project.PACKAGE_NAME = "iris"
check_library()
"""


def fit_model() -> LabelEncodedClassifier:
    """Return a fitted model of a class of the library."""
    return LabelEncodedClassifier(DecisionTreeClassifier()).fit(ROWS, KIND)


def save_model(folder: Path, version: str, patch: pytest.MonkeyPatch) -> Path:
    """Save a model with a copy of the library of some version, as MLflow does."""
    copy = folder / "code" / LIBRARY.name
    shutil.copytree(LIBRARY, copy)
    (folder / "MLmodel").touch()
    code = copy / "config/library.py"
    code.write_text(code.read_text().replace(library.VERSION, version))
    with patch.context() as context:
        context.setattr(library, "VERSION", version)
        (folder / "model.pkl").write_bytes(pickle.dumps(fit_model()))
    return folder


def python(script: str, *arguments: Path, path: str = "") -> str:
    """Run a script without the library on its path; return its last line of errors."""
    wide = {"COLUMNS": "1000"}  # Kedro's tracebacks wrap lines
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, *arguments],
        env={**os.environ, **wide, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    return done.stderr.strip().rpartition("\n")[2]


def test_copies_of_an_object_are_as_they_were() -> None:
    model = fit_model()
    for copy in (deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert vars(copy).keys() == vars(model).keys()
        assert copy.predict(ROWS).tolist() == KIND.tolist()


def test_a_project_reads_models_of_older_versions_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    older = save_model(tmp_path / "older", "0.2.10", monkeypatch) / "model.pkl"
    model = pickle.loads(older.read_bytes())
    assert model.predict(ROWS).tolist() == KIND.tolist()

    newer = save_model(tmp_path / "newer", "0.10.0", monkeypatch)
    monkeypatch.syspath_prepend(newer / "code")
    with pytest.raises(ImportError) as error:
        pickle.loads((newer / "model.pkl").read_bytes())
    assert f"logged with kedro_dynamic 0.10.0, whose code is in {newer}" in str(
        error.value
    )
    assert f"imported kedro_dynamic {library.VERSION} from {LIBRARY}" in str(
        error.value
    )


@pytest.mark.parametrize("versions", [("1.0.0", "2.0.0"), ("2.0.0", "1.0.0")])
def test_two_models_of_other_versions_in_one_process_are_an_error(
    versions: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = (
        save_model(tmp_path / version, version, monkeypatch) for version in versions
    )
    error = python(LOAD, first, second)
    assert error.startswith(f"ImportError: The model was logged with {LIBRARY.name}")
    assert f"{versions[1]}, whose code is in {second}" in error
    assert f"{versions[0]} from {first}" in error


def test_two_models_of_one_version_share_its_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    models = [save_model(tmp_path / name, "1.0.0", monkeypatch) for name in "ab"]
    assert python(LOAD, *models) == ""


@pytest.mark.parametrize("has_own", [True, False])
def test_a_project_does_not_run_with_the_code_of_a_model(
    has_own: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "project/src"
    (source / "iris").mkdir(parents=True)
    (source / "iris/__init__.py").touch()
    folder = source if has_own else tmp_path / "installed"
    shutil.copytree(LIBRARY, folder / LIBRARY.name)
    paths = [str(source), str(folder)]
    assert python(OPEN_PROJECT, path=os.pathsep.join(paths)) == ""

    model = save_model(tmp_path / "model", library.VERSION, monkeypatch)
    error = python(OPEN_PROJECT, path=os.pathsep.join([f"{model}/code", *paths]))
    assert f"imported from {model}/code/{LIBRARY.name}, but the project iris " in error
    assert f"uses {folder / LIBRARY.name}. Start Python anew" in error


def test_a_project_uses_its_own_copy_and_no_other_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from kedro_dynamic.config.project import check_library

    package: Any = type(sys)("iris")
    package.__file__ = str(tmp_path / "src/iris/__init__.py")
    monkeypatch.setitem(sys.modules, "iris", package)
    check_library()
    (tmp_path / "src" / LIBRARY.name).mkdir(parents=True)
    with pytest.raises(kedro_dynamic.ConfigurationError, match="was imported from"):
        check_library()
