"""Plain files that somebody else named: nothing that blocks, such as a pipe, or has no end, such as a device."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, cast


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading, unbuffered. Raises OSError where it is none."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb", buffering=0)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a plain file")
    return cast(BinaryIO, file)


def read_plain(path: Path, most: int) -> bytes:
    """All of it, `most` bytes at most. Raises OSError where it is no plain file or longer."""
    with open_plain(path) as file:
        content = b""
        while chunk := os.read(file.fileno(), most + 1 - len(content)):
            content += chunk
            if len(content) > most:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return content
