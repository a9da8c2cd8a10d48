"""Making a change to a folder durable."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Return when the folder's entries (files made, renamed, removed) are on the disk. Blocks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
