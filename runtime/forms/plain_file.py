"""Plain files: opened without waiting, whatever stands at the path that somebody named."""

import os
import stat
from errno import EINVAL
from pathlib import Path
from typing import BinaryIO


def open_plain(path: Path) -> BinaryIO:
    """A plain file to read from. A pipe that nobody writes to would hold us for ever. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(EINVAL, "It is no plain file", str(path))
    return os.fdopen(descriptor, "rb")
