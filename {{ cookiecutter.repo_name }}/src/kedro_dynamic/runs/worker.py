"""What the library does in the worker processes of ``ParallelRunner``."""

import json
import multiprocessing
import os
import threading
from functools import cache
from multiprocessing.context import ForkProcess
from multiprocessing.process import BaseProcess
from multiprocessing.util import register_after_fork
from pathlib import Path

from kedro_dynamic.catalog.atomic import AtomicFile, Owner

# Tells the worker processes of a run which run it is.
OWNER_VARIABLE = "KEDRO_DYNAMIC_OWNER"

POLL_INTERVAL = 0.5  # seconds


def end_with_parent() -> None:
    """End each worker process when its parent is killed, also before its first node.

    A worker that goes on would overwrite a file of the next run.
    """
    register_after_fork(_watch_parent, lambda _: _watch_parent(os.getpid()))
    _watch_parent(os.getpid())


def name_owner(owner: Owner) -> None:
    """Note that what this process and its workers write belongs to its run."""
    AtomicFile.owner = owner
    os.environ[OWNER_VARIABLE] = json.dumps([str(owner.notes), str(owner.journal)])


def own_outputs() -> None:
    """Note, in a worker process, that its files belong to the run of its parent.

    A node that is not interrupted, in code of C for instance, may end after the next
    run has begun.
    """
    parent = multiprocessing.parent_process()
    folders = os.environ.get(OWNER_VARIABLE)
    if parent and parent.pid and folders and AtomicFile.owner is None:
        notes, journal = map(Path, json.loads(folders))
        AtomicFile.owner = Owner(notes, parent.pid, journal)


# The argument is the key of the cache: forked processes inherit the cache.
@cache
def _watch_parent(process: int) -> None:
    """Watch the parent of this process in a thread, once in each process."""
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=_end_after, args=[parent], daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    """End this process after its parent has ended."""
    is_forked = isinstance(multiprocessing.current_process(), ForkProcess)
    while parent.is_alive():
        # A forked sibling keeps the pipe open by which the end of the parent is seen.
        if is_forked and os.getppid() != parent.pid:
            break
        parent.join(POLL_INTERVAL)
    os._exit(1)
