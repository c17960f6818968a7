"""The engine's part of Kedro's settings, for ``settings.py`` to import."""

import atexit
import gc
import logging

from .console import keep_output_open
from .failures import FailureHook
from .files import match_patterns_fast, write_atomically
from .hooks import ProgressHook, ResultHook, RunHook
from .preflight import CheckHook
from .registry import ProjectConfigLoader
from .tracking import TrackingHook

# Tells pipeline_registry.py which configuration is in force, without any hook.
CONFIG_LOADER_CLASS = ProjectConfigLoader

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # conf/<env>/parameters.yml adds to base's models instead of replacing them all.
    "merge_strategy": {"parameters": "soft", "mlflow": "soft", "tracking": "soft"},
    "config_patterns": {"mlflow": ["mlflow*"], "tracking": ["tracking*"]},
}

# The last one is called first: the leaderboard is shown before it is tracked.
HOOKS = (
    FailureHook(),
    TrackingHook(),
    ResultHook(),
    CheckHook(),
    ProgressHook(),
    RunHook(),
)

# TrackingHook is kedro-mlflow's own hook, extended.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",)

# A process that is killed leaves no half-written file behind.
write_atomically()
match_patterns_fast()

# Nor does a run end when its output does, as in `kedro run | head`.
keep_output_open()

# Looking for unused objects, and once more at the end, took a third of a run's time.
gc.set_threshold(50_000)
atexit.register(gc.freeze)

# conf/logging.yml silences warnings until the plugins are imported.
logging.getLogger("py.warnings").setLevel(logging.WARNING)
