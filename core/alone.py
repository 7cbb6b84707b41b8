"""One process at a time in a folder: two people editing at once would lose each other's lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Whoever comes second waits. The lock ends with the process."""
    import fcntl  # not on Windows, where nobody edits these files: read where it is needed

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
