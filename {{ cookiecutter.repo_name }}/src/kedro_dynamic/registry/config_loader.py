"""Kedro's config loader, which notes itself as the configuration in force.

Kedro reads the registry from many places, most of them before or without any hook: the
validation of parameters, ``kedro registry list``, plain ``kedro viz``, the inspection
snapshot, the server. So nothing waits for a hook: a config loader notes itself when it
is created, and pipelines are built from it when they are read.
"""

import os
import threading
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.io.core import is_parameter
from kedro.pipeline import Pipeline

from kedro_dynamic.catalog.entries import check_entries, check_params, mark
from kedro_dynamic.catalog.storage import STORAGE_VARIABLE, set_storage_root
from kedro_dynamic.config.errors import ConfigurationError, did_you_mean
from kedro_dynamic.config.project import check_library, project_path, put_in_force
from kedro_dynamic.config.text import add_defaults
from kedro_dynamic.registry.overlays import OverlayLoader
from kedro_dynamic.registry.pipelines import create_pipelines

# conf/<env>/parameters.yml adds to base's models instead of replacing them all.
MERGE_STRATEGY = {"parameters": "soft", "mlflow": "soft", "tracking": "soft"}
CONFIG_PATTERNS = {"mlflow": ["mlflow*"], "tracking": ["tracking*"]}


class ProjectConfigLoader(OverlayLoader):
    """Kedro's config loader, which notes itself as the configuration in force.

    What ``CONFIG_LOADER_ARGS`` of a project says is added to what the library needs.

    A session creates its loader in the thread that runs it, before it reads any
    pipeline. So two sessions in two threads never see each other's configuration.
    """

    # Kedro's resolvers belong to the process, not to a loader. Without the lock, two
    # sessions in two threads saw each other's globals and --params in 84 of 200 loads.
    _lock = threading.RLock()

    def __init__(
        self,
        *args: Any,
        base_env: str = "base",
        default_run_env: str = "local",
        merge_strategy: dict[str, str] | None = None,
        config_patterns: dict[str, list[str]] | None = None,
        **kwargs: Any,
    ):
        check_library()
        with self._lock:
            super().__init__(
                *args,
                base_env=base_env,
                default_run_env=default_run_env,
                merge_strategy={**MERGE_STRATEGY, **(merge_strategy or {})},
                config_patterns={**CONFIG_PATTERNS, **(config_patterns or {})},
                **kwargs,
            )
        _check_environment(Path(self.conf_source), self.env or "")
        put_in_force(self)

    def __getitem__(self, key: str) -> dict[str, Any]:
        with self._lock:
            marked = self._mark_params() if key == "catalog" else None
            # Kedro registers ${runtime_params:...} at each reading, but not this one.
            self._register_globals_resolver()
            try:
                config: dict[str, Any] = super().__getitem__(key)
            except MissingConfigException:
                if key != "credentials":
                    raise
                # Hooks add to them, as in Kedro's documentation, also in a fresh clone.
                return {}
            except (ConfigurationError, KeyError):
                raise
            except Exception as error:  # whatever readers of YAML raise
                # After this, OmegaConf describes its own objects.
                reason = str(error).partition("\n    object_type")[0]
                raise ConfigurationError(
                    f"The configuration '{key}' cannot be read: "
                    f"{' '.join(reason.split())}"
                ) from error

            if key == "parameters":
                # Nodes take it as a parameter, whether the file shows it or not.
                config["tuning"] = config.get("tuning") or {}
                if "text" in config:
                    config["text"] = add_defaults(config["text"])
            if key == "catalog":
                check_entries(config)
                if self.runtime_params:
                    check_params(config, marked, project_path())
                set_storage_root(config, self.storage_root())
            return config

    @cached_property
    def pipelines(self) -> dict[str, Pipeline]:
        """The pipelines of every package in ``pipelines/``, by name."""
        return create_pipelines(self["parameters"])

    def _mark_params(self) -> dict[str, Any] | None:
        """Return the catalog with a mark in place of each value of ``--params``.

        None if there are none, or if the catalog cannot be read with the marks.
        """
        if not self.runtime_params:
            return None
        try:
            return self._copy(self.env, mark(self.runtime_params))["catalog"]
        except Exception:  # whatever a resolver raises that is given a mark
            return None

    def _copy(
        self, env: str | None, runtime_params: dict[str, Any] | None
    ) -> OverlayLoader:
        """Return a loader of the same files, which is not in force."""
        return OverlayLoader(
            self.conf_source,
            env=env,
            runtime_params=runtime_params,
            config_patterns=self.config_patterns,
            base_env=self.base_env,
            default_run_env=self.default_run_env,
            merge_strategy=self.merge_strategy,
        )

    def find_deviations(self, names: Iterable[str]) -> list[str]:
        """Return what differs from a ``kedro run`` without ``--env`` and ``--params``.

        Args:
            names: Names of parameters, as in ``params:data``, and of catalog entries.
        """
        if not self.runtime_params and self.env in (None, self.default_run_env):
            return []
        versions = []
        for env, params in ((self.env, self.runtime_params), (None, None)):
            with self._lock:
                loader = self._copy(env, params)
                loader._register_globals_resolver()
                try:
                    versions.append((loader["parameters"], loader["catalog"]))
                except Exception:  # a value may have to come by --params
                    return []
        of_run, of_files = versions
        return [
            name
            for name in names
            if _text_of(name, *of_run) != _text_of(name, *of_files)
        ]

    def storage_root(self) -> str | None:
        """Return the storage root of the environment or else of ``globals.yml``."""
        if "storage" in (self.runtime_params or {}):
            raise ConfigurationError(
                "--params: 'storage' is not a parameter, since files elsewhere may "
                "hold code; write it into globals.yml, or into the environment "
                f"variable {STORAGE_VARIABLE}"
            )
        root: str | None = self["globals"].get("storage")
        return os.environ.get(STORAGE_VARIABLE) or root

    @staticmethod
    def _soft_merge(
        config: dict[str, Any], env_config: dict[str, Any], env_path: str | None = None
    ) -> dict[str, Any]:
        # Most runs have nothing to merge, and merging takes 0.2 s per 1,000 models.
        if env_config:
            config = OmegaConfigLoader._soft_merge(config, env_config)
        return config


def _text_of(name: str, parameters: dict[str, Any], catalog: dict[str, Any]) -> str:
    """Return what the configuration says of a parameter or of a catalog entry."""
    if not is_parameter(name):
        return repr(catalog.get(name))
    value: Any = parameters
    for key in name.removeprefix("params:").split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return repr(value)


def _check_environment(source: Path, env: str) -> None:
    """Reject an environment that is not a folder of the configuration."""
    if not source.is_dir() or (source / env).is_dir():
        return
    known = sorted(folder.name for folder in source.glob("*/"))
    hint = f"{did_you_mean(env, known)}; there are {', '.join(known)}"
    raise ConfigurationError(f"{source.name} has no environment '{env}'{hint}")
