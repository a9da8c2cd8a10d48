"""Playing a demo: 0 and `demo: ok` as the last line, or what was not as it should be."""

from collections.abc import Callable
from pathlib import Path

from api.cli import terminal
from api.cli.exits import report
from catalog.errors import FabricError


def played(play: Callable[[Path], None], place: Path) -> int:
    """Play it in that folder, which is kept: data, logs and what it wrote can be looked at afterwards."""
    try:
        play(place.resolve())
    except FabricError as error:
        return int(report(error, program="demo"))
    terminal.say(("demo: ok", "bold green"))
    return 0
