"""Files that are either complete or not there."""

import os
import shutil
import sys
from typing import Any

from fsspec.implementations.local import LocalFileOpener, LocalFileSystem


class AtomicFile(LocalFileOpener):  # type: ignore[misc]
    """A file that is written under a hidden name, and renamed when it is complete."""

    def __init__(self, path: str, mode: str, **options: Any):
        # A link stays: the file that it points to is replaced.
        self._target = os.path.realpath(path)
        # An error that is being handled while the file is written is not about it.
        self._earlier_error = sys.exc_info()[1]
        folder, name = os.path.split(self._target)
        # The same name each time: the next write replaces what a killed process left.
        super().__init__(os.path.join(folder, f".{name}.tmp"), mode, **options)

    def close(self) -> None:
        """Put the file in its place, or delete it if writing it failed."""
        if self.closed:
            return
        super().close()
        if sys.exc_info()[1] is not self._earlier_error:
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
        """Open a file, a text as UTF-8, whatever the machine's own encoding is."""
        if "b" not in mode:
            kwargs.setdefault("encoding", "utf-8")
        return super().open(path, mode, *args, **kwargs)

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> LocalFileOpener:
        path = self._strip_protocol(path)
        # /dev/null, for instance, cannot be replaced.
        is_special = os.path.exists(path) and not os.path.isfile(path)
        if "w" not in mode or is_special:
            return super()._open(path, mode, **kwargs)

        if self.auto_mkdir:
            self.makedirs(self._parent(path), exist_ok=True)
        kwargs.pop("block_size", None)
        return AtomicFile(path, mode, fs=self, **kwargs)
