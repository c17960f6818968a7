"""TODO."""

import os
import shutil
import sys
from typing import Any

from fsspec.implementations.local import LocalFileOpener, LocalFileSystem


class AtomicFile(LocalFileOpener):  # type: ignore[misc]
    """A file that is written under another name, and renamed when it is whole."""

    def __init__(self, path: str, mode: str, **options: Any):
        self._target = os.path.realpath(path)  # of a link, what it points to
        folder, name = os.path.split(self._target)
        # An error that is being handled around the saving is none of its own.
        self._around = sys.exc_info()[1]
        # The same each time: what a killed process leaves, the next one overwrites.
        super().__init__(os.path.join(folder, f".{name}.tmp"), mode, **options)

    def close(self) -> None:
        """Put the file in its place, or take it away if writing it has failed."""
        if self.closed:
            return
        super().close()
        if sys.exc_info()[1] is not self._around:
            os.unlink(self.path)
            return
        if os.path.exists(self._target):
            shutil.copymode(self._target, self.path)
        os.replace(self.path, self._target)

    def __exit__(self, *error: object) -> None:
        self.close()


class AtomicFileSystem(LocalFileSystem):  # type: ignore[misc]
    """The local file system, through which the catalog's datasets write."""

    def open(self, path: str, mode: str = "rb", *args: Any, **kwargs: Any) -> Any:
        """Open a file; of text as UTF-8, whatever a machine's own encoding is."""
        if "b" not in mode:
            kwargs.setdefault("encoding", "utf-8")
        return super().open(path, mode, *args, **kwargs)

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> LocalFileOpener:
        path = self._strip_protocol(path)
        special = os.path.exists(path) and not os.path.isfile(path)  # as /dev/null
        if "w" not in mode or special:
            return super()._open(path, mode, **kwargs)
        if self.auto_mkdir:
            self.makedirs(self._parent(path), exist_ok=True)
        kwargs.pop("block_size", None)
        return AtomicFile(path, mode, fs=self, **kwargs)
