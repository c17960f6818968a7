"""Project settings, where they differ from Kedro's defaults.

All settings: https://docs.kedro.org/en/stable/configure/configuration_basics/
"""

import logging

from .dynamic_registry import ProjectConfigLoader, project_path
from .hooks import ProjectHooks

# Tells pipeline_registry.py which configuration is in force, without any hook.
CONFIG_LOADER_CLASS = ProjectConfigLoader

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # conf/<env>/parameters.yml adds to base's models instead of replacing them all.
    "merge_strategy": {"parameters": "soft"},
    # ${project_path:} in a configuration file.
    "custom_resolvers": {"project_path": lambda: project_path().as_posix()},
}

HOOKS = (ProjectHooks(),)

# conf/logging.yml silences warnings until the plugins are imported.
logging.getLogger("py.warnings").setLevel(logging.WARNING)
