"""Contents: a digest of the files that a service is given, to see when they have changed. Blocks."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from catalog.errors import Invalid

FILES_MOST = 10_000
BYTES_MOST = 1 << 30


def contents_digest(files: Mapping[str, str]) -> str:
    """Equal where all names and contents are; empty for no files. Raises Invalid INVALID_REQUEST."""
    if not files:
        return ""
    found, left = hashlib.sha256(), [FILES_MOST, BYTES_MOST]
    for source, target in sorted(files.items()):
        for path, name in _below(Path(source)):
            found.update(f"{target}\0{name}\0{_digest(path, left)}\n".encode())
    return found.hexdigest()


def _below(path: Path) -> Iterator[tuple[Path, str]]:
    """The plain files of a folder, by name, links left out; or the file itself."""
    if not path.is_dir():
        yield path, path.name
        return
    for root, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            each = Path(root) / name
            if not each.is_symlink():
                yield each, str(each.relative_to(path))


def _digest(path: Path, left: list[int]) -> str:
    try:
        left[0] -= 1
        left[1] -= path.stat().st_size
        if min(left) < 0 or not path.is_file():
            raise Invalid(
                "INVALID_REQUEST",
                f"`{path}` is no plain file, or one too many: a service's `files` are at most {FILES_MOST} and "
                f"{BYTES_MOST >> 20} MiB.",
            )
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Invalid("INVALID_REQUEST", f"`{path}` cannot be read: {error.strerror}.") from None
