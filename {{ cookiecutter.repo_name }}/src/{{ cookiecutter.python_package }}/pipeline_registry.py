"""The project's pipelines: those of the packages in ``pipelines/``."""

from collections.abc import Mapping

from kedro.pipeline import Pipeline

from kedro_dynamic import dynamic_pipelines


def register_pipelines() -> Mapping[str, Pipeline]:
    """Return the pipelines by name. They follow the configuration when it changes."""
    return dynamic_pipelines()
