"""A project file as the command line is given it."""

from pathlib import Path

from api.cli.files import read_bytes
from catalog.errors import Invalid

NAME = "fabricks-mortar.toml"


def read_project_file(place: Path) -> tuple[str, Path]:
    """The text of the file, or of the one in the folder, and where it is. Raises Invalid FILE_UNREADABLE."""
    path = place / NAME if place.is_dir() else place
    try:
        return read_bytes(path).decode("utf-8"), path
    except UnicodeDecodeError:
        raise Invalid("FILE_UNREADABLE", f"`{path}` is not UTF-8.", hint="Save it as UTF-8.") from None


def project_name(given: str) -> str:
    """The name of a project that is named by itself, by its file or by its folder."""
    place = Path(given)
    if not (place.is_file() or (place / NAME).is_file()):
        return given
    from runtime.forms.toml_text import read_toml  # noqa: PLC0415 - keeps `--help` quick

    text, _ = read_project_file(place)
    project = read_toml(text, name=f"`{place}`").get("project")
    name = project.get("name") if isinstance(project, dict) else None
    if not isinstance(name, str):
        raise Invalid("INVALID_REQUEST", f"`{place}` does not say the project's name.", hint="Name the project.")
    return name
