"""The project's pipelines: those of the packages in ``pipelines/``."""

from collections.abc import Mapping

from kedro.pipeline import Pipeline

from kedro_dynamic import dynamic_pipelines


def register_pipelines() -> Mapping[str, Pipeline]:
    """Return the pipelines by name. They follow the configuration when it changes."""
    pipelines = dynamic_pipelines()
    # A pipeline of your own, beside those of the packages.
    # pipelines["mine"] = Pipeline([Node(my_function, "my_table", "my_result")])
    return pipelines
