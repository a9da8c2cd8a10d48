"""`python -m api.cli.demo.porch`: 0 and `demo: ok` as the last line, or what was not as it should be."""

import sys
from pathlib import Path

from api.cli import terminal
from api.cli.demo.porch.story import play
from api.cli.exits import report
from catalog.errors import FabricError

PLACE = Path(".demo/porch")
"""Kept: the server's data and log, and the picture, can be looked at afterwards."""


def main() -> int:
    """Play the demo."""
    try:
        play(PLACE.resolve())
    except FabricError as error:
        return int(report(error, program="demo"))
    terminal.say(("demo: ok", "bold green"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
