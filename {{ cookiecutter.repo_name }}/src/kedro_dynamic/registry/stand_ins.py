"""Stand-ins for packages that are not installed, where only the graph is drawn.

``kedro viz --lite`` draws a project in an environment without its requirements. It puts
mocks in place of what the project's package imports, which is not all that this library
imports, and a class cannot inherit from two mocks.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType, new_class
from typing import Any

from kedro.io import MemoryDataset
from kedro.pipeline import Pipeline

# What the library imports, and Kedro-Viz does not require.
PACKAGES = (
    *("cloudpickle", "filelock", "kedro_datasets", "kedro_mlflow", "matplotlib"),
    *("mlflow", "optuna", "scipy", "skops", "sklearn"),
)


class StandInFinder(MetaPathFinder, Loader):
    """Finds modules of packages that are not installed.

    Args:
        packages: Names of the packages.
    """

    def __init__(self, packages: Sequence[str]):
        self.packages = packages

    def find_spec(
        self, fullname: str, path: Any = None, target: Any = None
    ) -> ModuleSpec | None:
        """Return how a module is made; None if it is not of these packages."""
        if fullname.partition(".")[0] not in self.packages:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module that has whatever is imported from it."""
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module is as it was made."""


class _StandIn(ModuleType):
    """A module of classes."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        base: type = _Anything
        if name == "PipelineML":
            base = _TrainingPipeline
        elif name.endswith("Dataset"):
            base = _Dataset
        return new_class(name, (base,))


class _AnyAttribute(type):
    """A class of classes that have any attributes."""

    def __getattr__(cls, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class _Anything(metaclass=_AnyAttribute):
    """A class that takes any arguments, and has any attributes."""

    def __init__(self, *args: Any, **kwargs: Any):
        pass


class _Dataset(MemoryDataset):
    """A dataset that knows its metadata, such as its layer."""

    def __init__(self, metadata: dict[str, Any] | None = None, **kwargs: Any):
        super().__init__(metadata=metadata)


class _TrainingPipeline(Pipeline):
    """A pipeline that takes whatever else that of kedro-mlflow takes."""

    def __init__(self, nodes: Any, **kwargs: Any):
        super().__init__(nodes)


def use_stand_ins() -> None:
    """Put stand-ins in place of packages that are not installed."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        sys.meta_path.append(StandInFinder(missing))
