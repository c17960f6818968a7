"""The machine and the processes on it."""

import hashlib
import os
import platform

# Folders may be on a shared disk, so the number of a process is not enough.
HOST = platform.node()
# Its name may have any length and characters; names of files do not.
HOST_DIGEST = hashlib.sha256(HOST.encode()).hexdigest()[:8]


def is_alive(process: int) -> bool:
    """Return True if a process of this machine may still be running."""
    # On Windows, signal 0 would end it.
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # It belongs to another user.
    return True
