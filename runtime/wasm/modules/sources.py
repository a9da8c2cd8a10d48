"""Sources: which files of a folder go into a layer, and under which names. Blocks on the disk."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from catalog.errors import Invalid

ENTRYPOINT_FILE = ".fabricks.toml"
_NEVER = ("**/__pycache__", "**/.git")
"""What differs from machine to machine and no guest needs."""


def source_files(folder: Path, include: Sequence[str], exclude: Sequence[str]) -> dict[str, Path | bytes]:
    """Files of `folder` that an `include` glob takes (all, where none is given) and no `exclude` glob takes.

    An excluded folder excludes what is in it. Raises Invalid BUILD_SOURCE: no such folder, nothing left, a link that
    leads out.
    """
    if not folder.is_dir():
        raise Invalid("BUILD_SOURCE", f"There is no folder `{folder}`.", hint="Correct `[source] path`.")
    refused = set(_globbed(folder, (*exclude, *_NEVER)))
    taken: dict[str, Path | bytes] = {}
    for path in _globbed(folder, include or ("**/*",)):
        if refused.isdisjoint((path, *path.parents)) and path.is_file():
            taken[path.relative_to(folder).as_posix()] = _inside(path, folder)
    if not taken:
        raise Invalid(
            "BUILD_SOURCE", f"No file in `{folder}` is left to pack.", hint="Correct `include` and `exclude`."
        )
    return taken


def guest_files(folder: Path, files: Mapping[str, str]) -> dict[str, Path | bytes]:
    """The files of `[files]`, named as a guest sees them without the first `/`; a folder brings all that is in it.

    Raises Invalid BUILD_SOURCE.
    """
    taken: dict[str, Path | bytes] = {}
    for source, target in files.items():
        path, name = folder / source, target.strip("/")
        if path.is_dir():
            taken.update({f"{name}/{each}": file for each, file in source_files(path, (), ()).items()})
        elif path.is_file():
            taken[name] = _inside(path, folder)
        else:
            raise Invalid("BUILD_SOURCE", f"There is no `{source}` in `{folder}`.", hint="Correct `[files]`.")
    return taken


def entrypoint_file(entrypoint: str) -> bytes:
    """What tells an interpreter where to begin."""
    # A JSON string is a TOML basic string, for every character but DEL, which no entry point has.
    quoted = entrypoint.replace("\\", "\\\\").replace('"', '\\"')
    return f'entrypoint = "{quoted}"\n'.encode()


def _globbed(folder: Path, globs: Iterable[str]) -> Iterator[Path]:
    for glob in globs:
        try:
            yield from folder.glob(glob)
        except (ValueError, NotImplementedError) as error:
            raise Invalid("BUILD_SOURCE", f"`{glob}` is no glob: {error}.", hint="Write `**/*.py`.") from None


def _inside(path: Path, folder: Path) -> Path:
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()):
        raise Invalid("BUILD_SOURCE", f"`{path}` is a link that leads out of its folder.", hint="Copy the file there.")
    return real
