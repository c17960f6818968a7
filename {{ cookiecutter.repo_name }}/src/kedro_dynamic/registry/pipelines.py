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

    A package offers ``create_pipelines(parameters)``: pipelines by name, or functions
    that build them when they are first used; or Kedro's usual ``create_pipeline``.
    """
    packages = f"{package_name()}.pipelines"
    warn_of_near_misses(parameters)
    created: dict[str, Pipeline] = {}
    for found in iter_modules(import_module(packages).__path__):
        try:
            module = import_module(f"{packages}.{found.name}")
            if hasattr(module, "create_pipelines"):
                offered = module.create_pipelines(parameters)
            else:
                offered = {found.name: module.create_pipeline()}
        except ConfigurationError:
            raise
        except Exception as error:  # whatever a module of one's own may raise
            what = f"{packages}.{found.name} are missing: {one_line(error)}"
            logger.warning("The pipelines of %s", what, extra=VERBATIM)
            continue
        for name, pipeline in offered.items():
            is_built = isinstance(pipeline, Pipeline)
            created[name] = pipeline if is_built else LazyPipeline(pipeline)
    # As with Kedro's own find_pipelines: without one of that name, all together.
    parts = [*created.values()]
    created.setdefault("__default__", LazyPipeline(lambda: Pipeline(parts)))
    return created
