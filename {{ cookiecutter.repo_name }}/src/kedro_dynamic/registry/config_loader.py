"""The registry: pipelines built from whatever configuration is in force.

Kedro reads the registry from many places, most of them before or without any hook
(parameter validation, ``kedro registry list``, plain ``kedro viz``, the inspection
snapshot, the server). So nothing here waits for a hook: a config loader notes itself
when it is created, and pipelines are built from it when they are read.
"""

import logging
import re
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project, is_kedro_project

from kedro_dynamic.catalog.entries import check_entries
from kedro_dynamic.catalog.storage import move_to
from kedro_dynamic.config.errors import (
    ConfigurationError,
    did_you_mean,
)
from kedro_dynamic.registry.pipelines import create_pipelines

logger = logging.getLogger(__name__)


class _InForce(threading.local):
    """Thread-local, not a ContextVar: all cells of a notebook share a thread."""

    config_loader: "ProjectConfigLoader | None" = None


_in_force = _InForce()


class ProjectConfigLoader(OmegaConfigLoader):
    """Kedro's config loader, noting itself as the configuration in force.

    A session creates its loader in the thread that runs it, before it reads any
    pipeline, so two sessions in two threads never see each other's configuration.
    """

    # Kedro's resolvers belong to the process, not to a loader: without turns, a session
    # would see the globals and --params of another thread's.
    _turn = threading.RLock()

    def __init__(self, *args: Any, **kwargs: Any):
        with self._turn:
            super().__init__(*args, **kwargs)
        source, env = Path(self.conf_source), self.env or ""
        if source.is_dir() and not (source / env).is_dir():
            known = sorted(folder.name for folder in source.glob("*/"))
            hint = f"{did_you_mean(env, known)}; there are {', '.join(known)}"
            raise ConfigurationError(f"{source.name} has no environment '{env}'{hint}")
        _in_force.config_loader = self

    def __getitem__(self, key: str) -> dict[str, Any]:
        with self._turn:
            # Kedro registers ${runtime_params:...} at each reading, but not this one.
            self._register_globals_resolver()
            try:
                config: dict[str, Any] = super().__getitem__(key)
            except (MissingConfigException, ConfigurationError, KeyError):
                raise
            except Exception as error:  # whatever readers of YAML raise
                reason = " ".join(str(error).partition("\n    object_type")[0].split())
                raise ConfigurationError(
                    f"The configuration '{key}' cannot be read: {reason}"
                ) from error
            if key == "catalog":
                check_entries(config, where)
                given = self.runtime_params or {}
                move_to(given.get("storage") or self["globals"].get("storage"), config)
            return config

    @cached_property
    def pipelines(self) -> dict[str, Pipeline]:
        """The pipelines of every package in ``pipelines/``, by name."""
        return create_pipelines(self["parameters"])

    @staticmethod
    def _soft_merge(
        config: dict[str, Any], env_config: dict[str, Any], env_path: str | None = None
    ) -> dict[str, Any]:
        # Most runs have nothing to merge, and merging takes 0.2 s per 1,000 models.
        if env_config:
            config = OmegaConfigLoader._soft_merge(config, env_config)
        return config


def loader_in_force() -> "ProjectConfigLoader | None":
    """Return the config loader of this thread's session, if there is one."""
    return _in_force.config_loader


def release_loader() -> None:
    """Take the config loader out of force: it was made without a session."""
    _in_force.config_loader = None


def project_path() -> Path:
    """Return the root of the project in force; a packaged one runs where it is."""
    loader = _in_force.config_loader
    if loader is not None:
        path = Path(loader.conf_source).resolve().parent
        if is_kedro_project(path):
            return path
    return find_kedro_project(Path.cwd()) or Path.cwd()


def where(entry: str) -> str:
    """Say in which file an entry of the catalog stands."""
    loader = _in_force.config_loader
    if loader is None:
        return ""
    source = Path(loader.conf_source)
    key = re.compile(rf"^['\"]?{re.escape(entry)}['\"]? *:", re.MULTILINE)
    for env in (loader.env or loader.default_run_env, loader.base_env):
        for file in (source / str(env)).rglob("*catalog*.y*ml"):
            if key.search(file.read_text("utf-8")):
                place = file.relative_to(source.parent).as_posix()
                return f"; its entry is in {place}"
    return ""
