"""TODO."""

import os
from collections.abc import Iterator, Mapping
from functools import cached_property

from kedro.framework.project import settings
from kedro.pipeline import Pipeline
from kedro.utils import is_kedro_project

from kedro_dynamic.config.project import package_path
from kedro_dynamic.registry.config_loader import (
    ProjectConfigLoader,
    loader_in_force,
    project_path,
    release_loader,
)


def dynamic_pipelines() -> Mapping[str, Pipeline]:
    """Return the project's pipelines, a mapping that follows the configuration."""
    return _DynamicPipelines()


class _DynamicPipelines(Mapping[str, Pipeline]):
    """Read-only mapping of name to pipeline, built once per configuration."""

    @cached_property
    def _without_session(self) -> ProjectConfigLoader:
        """For commands that read pipelines without a session."""
        source = package_path().resolve().parents[1]
        root = source if is_kedro_project(source) else project_path()
        loader: ProjectConfigLoader = settings.CONFIG_LOADER_CLASS(
            conf_source=str(root / settings.CONF_SOURCE),
            env=os.getenv("KEDRO_ENV"),
            **settings.CONFIG_LOADER_ARGS,
        )
        # Only a session puts a configuration in force.
        release_loader()
        return loader

    def _pipelines(self) -> dict[str, Pipeline]:
        # An unread config loader is an empty mapping, hence falsy: test for None.
        loader = loader_in_force()
        return (self._without_session if loader is None else loader).pipelines

    def __getitem__(self, name: str) -> Pipeline:
        return self._pipelines()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pipelines())

    def __len__(self) -> int:
        return len(self._pipelines())
