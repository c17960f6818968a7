"""The mapping of pipelines that follows the configuration in force."""

import os
import sys
from collections import ChainMap
from collections.abc import Iterator, MutableMapping
from functools import cached_property

from kedro.framework.project import settings
from kedro.pipeline import Pipeline
from kedro.utils import is_kedro_project

from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.project import (
    loader_in_force,
    package_name,
    package_path,
    project_path,
    put_in_force,
)
from kedro_dynamic.registry.config_loader import ProjectConfigLoader


def dynamic_pipelines() -> MutableMapping[str, Pipeline]:
    """Return the project's pipelines, a mapping that follows the configuration.

    A pipeline that is assigned, as in ``pipelines["mine"] = Pipeline([...])``, is added
    to them, or takes the place of the one with its name.

    Raises:
        ConfigurationError: If settings.py has replaced what the library needs.
    """
    _check_settings()
    return _DynamicPipelines()


def _check_settings() -> None:
    """Reject settings that lack the library's own, with the lines to write.

    A project's setting replaces the imported one. Without the library's hook, runs
    would go untracked in silence.
    """
    if f"{package_name()}.settings" not in sys.modules:
        return
    problems = []
    hook_classes = [base for hook in settings.HOOKS for base in type(hook).__mro__]
    if not any(base.__module__ == "kedro_dynamic.hooks" for base in hook_classes):
        problems.append(
            "HOOKS: lacks the hook that tracks runs; import HOOKS from "
            "kedro_dynamic.settings, and write 'HOOKS = (*HOOKS, MyHook())'"
        )
    loader = settings.CONFIG_LOADER_CLASS
    if not issubclass(loader, ProjectConfigLoader):
        problems.append(
            f"CONFIG_LOADER_CLASS: {loader.__name__} registers no pipelines; import "
            "CONFIG_LOADER_CLASS from kedro_dynamic.settings, and delete this line or "
            "write 'class MyLoader(CONFIG_LOADER_CLASS)'"
        )
    if problems:
        raise ConfigurationError.listing("settings.py", problems)


class _DynamicPipelines(MutableMapping[str, Pipeline]):
    """Mapping of name to pipeline, built once per configuration."""

    def __init__(self) -> None:
        self._assigned: dict[str, Pipeline] = {}

    @cached_property
    def _loader_without_session(self) -> ProjectConfigLoader:
        """The configuration for commands that read pipelines without a session."""
        source = package_path().resolve().parents[1]
        root = source if is_kedro_project(source) else project_path()
        loader: ProjectConfigLoader = settings.CONFIG_LOADER_CLASS(
            conf_source=str(root / settings.CONF_SOURCE),
            env=os.getenv("KEDRO_ENV"),
            **settings.CONFIG_LOADER_ARGS,
        )
        # Only a session puts a configuration in force.
        put_in_force(None)
        return loader

    def _pipelines(self) -> MutableMapping[str, Pipeline]:
        loader = loader_in_force()
        if not isinstance(loader, ProjectConfigLoader):
            loader = self._loader_without_session
        return ChainMap(self._assigned, loader.pipelines)

    def __getitem__(self, name: str) -> Pipeline:
        return self._pipelines()[name]

    def __setitem__(self, name: str, pipeline: Pipeline) -> None:
        self._assigned[name] = pipeline

    def __delitem__(self, name: str) -> None:
        del self._assigned[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pipelines())

    def __len__(self) -> int:
        return len(self._pipelines())

    def __repr__(self) -> str:
        return f"<pipelines: {', '.join(self)}>"
