"""`python -m api.cli.demo.vm`: 0 and `demo: ok` as the last line, or what was not as it should be."""

import sys
from pathlib import Path

from api.cli.demo.playing import played
from api.cli.demo.vm.story import play

if __name__ == "__main__":
    sys.exit(played(play, Path(".demo/vm")))
