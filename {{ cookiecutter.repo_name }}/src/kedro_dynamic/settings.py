"""What a project's ``settings.py`` imports."""

import sys

from kedro_dynamic.registry.config_loader import ProjectConfigLoader
from kedro_dynamic.registry.stand_ins import use_stand_ins

if "--lite" in sys.argv:  # kedro viz
    use_stand_ins()

from kedro_dynamic import patches
from kedro_dynamic.hooks import RunHook

# Tells pipeline_registry.py which configuration is in force, without any hook.
CONFIG_LOADER_CLASS = ProjectConfigLoader

# The loader adds what the library needs, also to a project's own arguments.
CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}

HOOKS = (RunHook(),)

# kedro-mlflow's hook is called by ours.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",)

patches.apply()
