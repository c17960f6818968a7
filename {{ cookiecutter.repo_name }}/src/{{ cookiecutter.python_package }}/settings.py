"""The project's settings.

https://docs.kedro.org/en/stable/configure/configuration_basics/ describes what can be
set here. A setting replaces the one that is imported: add a hook to the others with
``HOOKS = (*HOOKS, MyHook())``.
"""

from kedro_dynamic.settings import (
    CONFIG_LOADER_ARGS,
    CONFIG_LOADER_CLASS,
    DISABLE_HOOKS_FOR_PLUGINS,
    HOOKS,
)

# Packages whose classes parameters.yml may name, besides the project's own package.
# Naming a class imports its package, which runs the package's code.
TRUSTED_PACKAGES = ("sklearn", "xgboost", "lightgbm")

# A run waits for another run that uses the same files. If False, it fails instead.
WAIT_FOR_OTHER_RUNS = True
