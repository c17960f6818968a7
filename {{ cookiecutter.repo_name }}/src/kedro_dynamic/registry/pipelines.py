"""Creates the pipelines of the packages in ``pipelines/``."""

import logging
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from kedro.pipeline import Pipeline

from kedro_dynamic.config.errors import VERBATIM, ConfigurationError, one_line
from kedro_dynamic.config.project import package_name
from kedro_dynamic.config.schema import warn_of_near_misses
from kedro_dynamic.registry.lazy import LazyPipeline

logger = logging.getLogger(__name__)


def create_pipelines(parameters: Mapping[str, Any]) -> dict[str, Pipeline]:
    """Create the pipelines of every package in ``pipelines/``.

    A package offers Kedro's usual ``create_pipeline()``, or
    ``create_pipelines(parameters)``, which returns pipelines by name, or functions that
    build them when they are first used. A package that cannot be imported costs only
    its own pipelines.

    Args:
        parameters: The parameters in force.

    Returns:
        Pipelines by name, among them ``__default__``.

    Raises:
        ConfigurationError: If the parameters do not fit.
    """
    warn_of_near_misses(parameters)

    packages = f"{package_name()}.pipelines"
    created: dict[str, Pipeline] = {}
    for package in iter_modules(import_module(packages).__path__):
        try:
            created |= _create_pipelines_of(f"{packages}.{package.name}", parameters)
        except ConfigurationError:
            raise
        except Exception as error:  # whatever a module of the project may raise
            problem = f"{packages}.{package.name} are missing: {one_line(error)}"
            logger.warning("The pipelines of %s", problem, extra=VERBATIM)

    # As with Kedro's own find_pipelines: all together, unless a package offers one.
    parts = list(created.values())
    created.setdefault("__default__", LazyPipeline(lambda: Pipeline(parts)))
    return created


def _create_pipelines_of(
    package: str, parameters: Mapping[str, Any]
) -> dict[str, Pipeline]:
    """Create the pipelines of one package, by name."""
    module = import_module(package)
    if not hasattr(module, "create_pipelines"):
        return {package.rpartition(".")[2]: module.create_pipeline()}

    pipelines = {}
    for name, pipeline in module.create_pipelines(parameters).items():
        is_built = isinstance(pipeline, Pipeline)
        pipelines[name] = pipeline if is_built else LazyPipeline(pipeline)
    return pipelines
