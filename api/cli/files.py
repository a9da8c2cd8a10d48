"""Files: which files a command means, and their text."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from catalog.errors import Invalid, NotFound

SUFFIXES = frozenset({".yaml", ".yml", ".json"})


def connection_files(given: Iterable[Path]) -> list[Path]:
    """The files themselves, and for a folder every .yaml, .yml and .json below it that is no scenario.

    A folder that holds none raises NotFound FILES_NONE; what is named twice is taken once.
    """
    found: dict[Path, None] = {}
    for path in given:
        if not path.is_dir():
            found[path] = None
            continue
        below = sorted(_below(path))
        if not below:
            raise NotFound("FILES_NONE", f"There is no Connection below `{path}`.", hint="Name a .yaml or .json file.")
        found.update(dict.fromkeys(below))
    return list(found)


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in SUFFIXES and not hidden and not is_scenario(path) and path.is_file():
            yield path


def is_scenario(path: Path) -> bool:
    """Is it a scenario by its name: `scenario.yaml`, `night.scenario.yaml`?"""
    return path.stem == "scenario" or path.stem.endswith(".scenario")


def read_bytes(path: Path) -> bytes:
    """The file's content. Raises Invalid FILE_UNREADABLE."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(
            "FILE_UNREADABLE", f"`{path}` cannot be read: {error.strerror or error}.", hint="Check its name and mode."
        ) from None


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file that a user named. Raises Invalid FILE_UNWRITABLE."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: Path, error: OSError) -> Invalid:
    """The failure of a file that cannot be written."""
    message = f"`{path}` cannot be written: {error.strerror or error}."
    return Invalid("FILE_UNWRITABLE", message, hint="Name a place that exists and that you may write to.")


def lines_of(content: bytes) -> list[str]:
    """The lines as the compiler counts them, to show one."""
    return content.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
