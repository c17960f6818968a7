"""`kedro viz --lite` draws the graph without the packages that models need."""

from __future__ import annotations

import os
import subprocess
import sys

from conftest import TEMPLATE

# Here the packages are installed, so the stand-ins take their place by coming first.
CODE = """
import sys

from kedro_dynamic.registry.stand_ins import PACKAGES, StandInFinder

sys.meta_path.insert(0, StandInFinder(PACKAGES))

import kedro_dynamic
import kedro_dynamic.settings
from kedro.framework import project
from kedro.io import AbstractDataset
from kedro.pipeline import Node, Pipeline
from kedro_datasets.pandas import CSVDataset

project.PACKAGE_NAME = "json"
for name in kedro_dynamic.__all__:
    getattr(kedro_dynamic, name)

inference = Pipeline([Node(pow, ["rows", "model"], "answers")])
arguments = kedro_dynamic.log_model_kwargs(
    "a", {"x": "double"}, {"y": "double?"}, {"x": 1}, ["no-such-distribution"], []
)
fit = Node(len, "rows", "model", name="fit")
training = kedro_dynamic.bind_inference(
    Pipeline([fit]), inference, "rows", log_model_kwargs=arguments
)
assert [node.name for node in training.nodes] == ["fit"]
assert issubclass(CSVDataset, AbstractDataset)
layer = {"kedro-viz": {"layer": "raw"}}
assert CSVDataset(filepath="a.csv", metadata=layer).metadata == layer
assert type(kedro_dynamic.settings.HOOKS[0]).__name__ == "RunHook"
print("DRAWN")
"""


def run(code: str, *arguments: str) -> str:
    """Return what some code prints that has the library."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=os.environ | {"PYTHONPATH": str(TEMPLATE / "src")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_library_is_imported_and_pipelines_are_made() -> None:
    assert run(CODE).endswith("DRAWN\n")


def test_packages_that_are_installed_have_no_stand_ins() -> None:
    code = "import kedro_dynamic.settings, sklearn; print(sklearn.__version__)"
    assert run(code, "--lite").strip()
