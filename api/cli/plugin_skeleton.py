"""Plugin skeleton: the files of a plugin that builds and answers, with its own name."""

from pathlib import Path

from catalog.errors import Conflict, Invalid
from catalog.plugins import PLUGIN_ID

SKELETON = Path(__file__).parent / "skeleton"
_WORD = "NAME"


def write_skeleton(name: str, folder: Path) -> list[Path]:
    """Write them into a new folder. Raises Invalid PLUGIN_ID, FILE_UNWRITABLE; Conflict FILE_EXISTS."""
    if not PLUGIN_ID.match(name) or "_" in name or name.endswith("-"):
        raise Invalid(
            "PLUGIN_ID",
            f"`{name[:80]}` is not a plugin's id that is a module's name as well.",
            hint="Use a lower-case word of a-z, 0-9 and `-`, at most 32 long.",
        )
    if folder.exists() and any(folder.iterdir()):
        raise Conflict("FILE_EXISTS", f"`{folder}` is not empty.", hint="Name another folder with `--folder`.")
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sorted(SKELETON.iterdir()):
            target = folder / source.name.replace(_WORD, name)
            text = source.read_text(encoding="utf-8")
            target.write_text(text if source.suffix == ".h" else text.replace(_WORD, name), encoding="utf-8")
            written.append(target)
    except OSError as error:
        raise Invalid("FILE_UNWRITABLE", f"`{folder}` cannot be written: {error.strerror}.") from None
    return written
