"""`python -m api.cli.demo.selfheal`: 0 and `demo: ok` as the last line, or what was not as it should be."""

import sys
from pathlib import Path

from api.cli import terminal
from api.cli.demo.selfheal.story import play
from api.cli.exits import report
from catalog.errors import FabricError

PLACE = Path(".demo/selfheal")
"""Kept: the daemon's data and log can be looked at afterwards."""


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
