"""The project's settings.

https://docs.kedro.org/en/stable/configure/configuration_basics/ describes what can be
set here. The lines below with ``#`` are examples.
"""

from kedro_dynamic.settings import (
    CONFIG_LOADER_ARGS,
    CONFIG_LOADER_CLASS,
    DISABLE_HOOKS_FOR_PLUGINS,
    HOOKS,
)

# A hook of your own, beside the library's.
# HOOKS = (*HOOKS, MyHook())

# A resolver of your own, as in ${upper:iris}. The library adds what it needs.
# CONFIG_LOADER_ARGS = {"custom_resolvers": {"upper": str.upper}}

# Hooks of plugins that are not called. That of kedro-mlflow stays disabled.
# DISABLE_HOOKS_FOR_PLUGINS = ("kedro_telemetry",)

# A config loader of your own, which inherits from the library's.
# CONFIG_LOADER_CLASS = type("MyLoader", (MyMixin, CONFIG_LOADER_CLASS), {})

# Packages whose classes parameters.yml may name, besides the project's own package.
# Naming a class imports its package, which runs the package's code.
TRUSTED_PACKAGES = ("sklearn", "xgboost", "lightgbm")

# A run waits for another run that uses the same files. If False, it fails instead.
WAIT_FOR_OTHER_RUNS = True
