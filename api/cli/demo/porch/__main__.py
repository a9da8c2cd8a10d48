"""`python -m api.cli.demo.porch`: 0 and `demo: ok` as the last line, or what was not as it should be."""

import sys
from pathlib import Path

from api.cli.demo.playing import played
from api.cli.demo.porch.story import play

if __name__ == "__main__":
    sys.exit(played(play, Path(".demo/porch")))
