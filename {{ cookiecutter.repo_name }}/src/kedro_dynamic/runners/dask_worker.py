"""What a Dask worker does: it configures itself for the project, and runs nodes."""

import logging
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

from kedro_dynamic.catalog.atomic import AtomicFile
from kedro_dynamic.config.errors import ConfigurationError
from kedro_dynamic.config.library import LIBRARY
from kedro_dynamic.config.project import package_name, put_path_in_force
from kedro_dynamic.runs import progress

# The packages that nodes and their outputs are pickled with.
DISTRIBUTIONS = ("cloudpickle", "dask", "kedro", "numpy", "pandas", "scikit-learn")

# Dask logs each connection at level INFO.
QUIET = {"DASK_LOGGING__DISTRIBUTED": "warning"}
dask.config.set({"logging.distributed": "warning"})


def warm_up() -> None:
    """Import what local workers need, in a process that workers are then forked from.

    The process imports while the run gets ready.
    """
    # Dask looks every 10 ms at what workers do, and every 20 ms at each event loop: 5 %
    # of the time.
    dask.config.set({"distributed.worker.profile.enabled": False})
    dask.config.set({"distributed.admin.tick.interval": "1s"})

    if "forkserver" not in multiprocessing.get_all_start_methods():
        return
    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
    # Importing it reads that setting, and sets what a forkserver imports.
    import distributed  # noqa: F401

    for name, value in dask.config.get("distributed.nanny.pre-spawn-environ").items():
        os.environ[name] = str(value)
    # Importing the columns imports scikit-learn.
    modules = ["__main__", "distributed", f"{package_name()}.settings"]
    multiprocessing.set_forkserver_preload(
        [*modules, "kedro_dynamic.models.columns.encoder"]
    )
    ensure_running()


@cache
def fingerprint(package: str) -> str:
    """Return what has to be the same on a worker as in the run.

    Args:
        package: The name of the project's package.

    Returns:
        A digest of the code of project and library, as it was when this process first
        called this, and the versions of Python packages.
    """
    digest = sha256(python_version().encode())
    folder = Path(str(import_module(package).__file__)).parent
    for root in (folder, LIBRARY):
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    versions = [f"{name} {version(name)}" for name in DISTRIBUTIONS]
    return ", ".join([f"{package} {digest.hexdigest()[:8]}", *versions])


def work(package: str, expected: str, log_config: bytes, content: bytes) -> None:
    """Run a node on this worker.

    Args:
        package: The name of the project's package.
        expected: The fingerprint of the run.
        log_config: The pickled configuration of the log.
        content: The pickled node with its part of the catalog. If empty, only the
            worker is checked.

    Raises:
        ConfigurationError: If the node would be another one on this worker.
    """
    actual = fingerprint(package)
    if actual != expected:
        raise ConfigurationError(f"has {actual}, but the run {expected}")
    hook_manager = _configure(package, log_config)
    if not content:
        return

    node, catalog, is_async, run_id, root, owner = cloudpickle.loads(content)
    AtomicFile.owner = owner
    if root.exists():
        put_path_in_force(root)
    Task(node, catalog, is_async, hook_manager, run_id).execute()


@cache
def _configure(package: str, log_config: bytes) -> Any:
    """Configure this process for the project, and return a manager of its hooks.

    Hooks of plugins are left out: that of kedro-mlflow would write to another run.
    """
    project.configure_project(package)
    project.configure_logging(cloudpickle.loads(log_config))
    # The process of the run logs itself which nodes are done.
    logging.getLogger(progress.__name__).setLevel(logging.WARNING)
    # Private, but Kedro's own workers do the same.
    hook_manager = _create_hook_manager()
    for hook in project.settings.HOOKS:
        hook_manager.register(hook)
    return hook_manager
