"""The settings of the project.

What may stand here: https://docs.kedro.org/en/stable/configure/configuration_basics/
"""

from kedro_dynamic.settings import (
    CONFIG_LOADER_ARGS,
    CONFIG_LOADER_CLASS,
    DISABLE_HOOKS_FOR_PLUGINS,
    HOOKS,
)

# Packages whose classes parameters.yml may name: importing one runs its code. The
# project's own package is trusted anyway.
TRUSTED_PACKAGES = ("sklearn", "xgboost", "lightgbm")

# A run that would write the same files as another one waits; with False, it is refused.
WAIT_FOR_OTHER_RUNS = True
