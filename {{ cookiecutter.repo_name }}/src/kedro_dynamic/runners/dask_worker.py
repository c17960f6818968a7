"""What a Dask worker does: it becomes one of the project, and runs nodes."""

import multiprocessing
import os
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from platform import python_version
from typing import Any

import cloudpickle
import dask
from kedro.framework import project
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.runner.task import Task

from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.library import LIBRARY
from kedro_dynamic.config.project import package_name, project_path
from kedro_dynamic.registry.config_loader import ProjectConfigLoader

# What nodes, and what they leave, are pickled with.
DISTRIBUTIONS = ("cloudpickle", "dask", "kedro", "numpy", "pandas", "scikit-learn")


# Of Dask's log, warnings: it has a line for each connection.
QUIET = {"DASK_LOGGING__DISTRIBUTED": "warning"}


dask.config.set({"logging.distributed": "warning"})


def warm_up() -> None:
    """Import what workers need while the run gets ready, for them to be forked then."""
    # A look every 10 ms at what workers do, and every 20 at each loop: 5 % of the time.
    dask.config.set({"distributed.worker.profile.enabled": False})
    dask.config.set({"distributed.admin.tick.interval": "1s"})
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return
    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
    import distributed  # noqa: F401, which reads that, and sets what to import

    for name, value in dask.config.get("distributed.nanny.pre-spawn-environ").items():
        os.environ[name] = str(value)
    package = package_name()
    modules = ["__main__", "distributed", f"{package}.settings"]
    modules += ["kedro_dynamic.models.columns"]  # and scikit-learn with it
    multiprocessing.set_forkserver_preload(modules)
    ensure_running()


@cache
def fingerprint(package: str) -> str:
    """Return what has to be the same in a worker; of code, as it was first imported."""
    digest = sha256(python_version().encode())
    folder = Path(str(import_module(package).__file__)).parent
    for root in (folder, LIBRARY):
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    versions = [f"{name} {version(name)}" for name in DISTRIBUTIONS]
    return ", ".join([f"{package} {digest.hexdigest()[:8]}", *versions])


@cache
def _hooks(package: str, log: bytes) -> Any:
    """Make a worker one of the project's; plugins would write to runs of their own."""
    project.configure_project(package)
    project.configure_logging(cloudpickle.loads(log))
    manager = _create_hook_manager()  # private, as Kedro's own workers do
    for hook in project.settings.HOOKS:
        manager.register(hook)
    return manager


def work(package: str, known: str, log: bytes, content: bytes) -> None:
    """Run a node in a worker, unless it would be another one there."""
    if (here := fingerprint(package)) != known:
        raise ConfigurationError(f"has {here}, but the run {known}")
    hooks = _hooks(package, log)
    if content:
        node, catalog, is_async, run_id, root = cloudpickle.loads(content)
        if root.exists() and project_path() != root:
            ProjectConfigLoader(str(root / project.settings.CONF_SOURCE))
        Task(node, catalog, is_async, hooks, run_id).execute()
