"""Placing: a service's `files`, copied beside its state, so that its guests see them where it says. Blocks."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from catalog.errors import Invalid
from runtime.wasm.launch import Mount

FILES_MOST = 10_000
BYTES_MOST = 1 << 30


def place_files(folder: Path, files: Mapping[str, str]) -> tuple[Mount, ...]:
    """Copy `files` (host path to guest path) into a new directory below `folder`, and answer the mounts, all read-only.

    A directory is mounted at its target, a file in its target's directory. What was placed before is kept, once: an
    earlier revision's replicas may look at it still. Raises Invalid INVALID_REQUEST where one cannot be read or all are
    too many.
    """
    old = sorted(int(each.name) for each in folder.glob("[0-9]*")) if folder.is_dir() else []
    for number in old[:-1]:
        shutil.rmtree(folder / str(number), ignore_errors=True)
    if not files:
        return ()
    home = folder / str(old[-1] + 1 if old else 1)
    places: dict[str, str] = {}
    left = [FILES_MOST, BYTES_MOST]
    try:
        home.mkdir(parents=True, mode=0o700)
        for source, target in files.items():
            path, guest = Path(source), target.rstrip("/")
            where = guest if path.is_dir() else str(PurePosixPath(guest).parent)
            place = home / places.setdefault(where, str(len(places)))
            place.mkdir(exist_ok=True)
            if path.is_dir():
                _copy_tree(path, place, left)
            else:
                _copy_file(path, place / PurePosixPath(guest).name, left)
    except OSError as error:
        raise Invalid(
            "INVALID_REQUEST",
            f"`{error.filename or folder}` of the service's `files` cannot be copied: {error.strerror}.",
            hint="Name paths that the daemon's user may read.",
        ) from None
    return tuple(Mount(host=home / place, guest=where) for where, place in places.items())


def _copy_tree(source: Path, place: Path, left: list[int]) -> None:
    for root, folders, names in os.walk(source):
        here = place / Path(root).relative_to(source)
        folders[:] = [each for each in folders if not (Path(root) / each).is_symlink()]
        here.mkdir(exist_ok=True)
        for name in names:
            if not (Path(root) / name).is_symlink():
                _copy_file(Path(root) / name, here / name, left)


def _copy_file(source: Path, target: Path, left: list[int]) -> None:
    left[0] -= 1
    left[1] -= source.stat().st_size
    if min(left) < 0 or not source.is_file():
        raise Invalid(
            "INVALID_REQUEST",
            f"The service's `files` are over {FILES_MOST} files or {BYTES_MOST >> 20} MiB, or no plain files.",
            hint="Put what is large into a volume.",
        )
    shutil.copyfile(source, target)
