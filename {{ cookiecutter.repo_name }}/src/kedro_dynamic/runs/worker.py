"""What the library does in the worker processes of ``ParallelRunner``."""

import multiprocessing
import os
import threading
from functools import cache
from multiprocessing.process import BaseProcess


def end_with_parent() -> None:
    """End this process when its parent is killed. Does nothing in the main process.

    A worker that goes on would overwrite a file of the next run.
    """
    _watch_parent(os.getpid())


# The argument is the key of the cache: forked processes inherit the cache.
@cache
def _watch_parent(process: int) -> None:
    """Watch the parent of this process in a thread, once in each process."""
    parent = multiprocessing.parent_process()
    if parent:
        threading.Thread(target=_end_after, args=[parent], daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    """End this process after its parent has ended."""
    parent.join()
    os._exit(1)
