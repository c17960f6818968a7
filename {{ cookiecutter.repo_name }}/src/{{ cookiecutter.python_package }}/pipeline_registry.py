"""The project's pipelines, from the packages in ``pipelines/``."""

import logging
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from . import pipelines
from .dynamic_registry import DynamicPipelines

logger = logging.getLogger(__name__)


def register_pipelines() -> Mapping[str, Pipeline]:
    """Register the project's pipelines.

    Returns:
        A mapping of name to pipeline. It is built when it is first read, and anew when
        the configuration in force changes.
    """
    return DynamicPipelines(create_pipelines)


def create_pipelines(catalog: DataCatalog) -> dict[str, Pipeline]:
    """Collect every pipeline of the project.

    A package in ``pipelines/`` offers ``create_pipelines(catalog)``, which returns
    any number of pipelines by name, or Kedro's usual ``create_pipeline``, whose
    pipeline gets the name of the package.

    Args:
        catalog: The data catalog in force, with ``parameters`` in it.
    """
    registered: dict[str, Pipeline] = {}
    for package in iter_modules(pipelines.__path__):
        module = import_module(f"{pipelines.__name__}.{package.name}")
        if hasattr(module, "create_pipelines"):
            registered |= module.create_pipelines(catalog)
        elif hasattr(module, "create_pipeline"):
            registered[package.name] = module.create_pipeline(catalog=catalog)
        else:
            logger.warning(
                "%s has no create_pipeline, so nothing in it is registered.",
                module.__name__,
            )
    return registered
