"""The door to every benchmark: `python -m bench NAME --json` prints one line of flat JSON; progress is on stderr."""

import argparse
import importlib
import json
import sys

from bench.calibration import calibration
from bench.void import Void

NAMES = ("dispatch", "compile", "ingest", "durable", "startup", "services", "operations", "modules")


def main() -> int:
    """0 with figures on stdout; 1, and nothing on stdout, where the run is void."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="one line of flat JSON (default: a readable list)")
    chosen = parser.parse_args()
    module = importlib.import_module(f"bench.{chosen.name}")
    try:
        figures = {**module.run(_progress), "calibration": calibration()}
    except Void as void:
        print(f"void: {void}", file=sys.stderr)
        return 1
    if chosen.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key:32} {value}")
    return 0


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
