"""Advisory file locks between processes; the system drops the locks of a process that dies."""

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCKS = fcntl is not None
"""Whether this system has POSIX file locks; without them every lock is granted."""


def lock(file: int, *, shared: bool, wait: bool = True) -> bool:
    """Lock an open file; returns whether it is locked, which without ``wait`` another process may prevent."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def unlock(file: int) -> None:
    """Give a lock back."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_UN)


def open_to_lock(path: Path) -> int:
    """Open a file for locking, reading and appending; created if missing."""
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
