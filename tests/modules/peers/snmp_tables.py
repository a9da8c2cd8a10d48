"""Serves SNMP objects from a JSON file to snmpd, which runs it as `pass_persist` (snmpd.conf(5)).

Started by snmpd alone, without the project: it needs the standard library only.
"""

import json
import sys
from pathlib import Path


def main(source: Path, root: tuple[int, ...]) -> None:
    """Answer one request after another, each from the file as it is at that moment."""
    for line in sys.stdin:
        verb = line.strip()
        if verb == "PING":
            _say("PONG")
            continue
        oid = _numbers(sys.stdin.readline().strip())
        if verb == "set":
            sys.stdin.readline()
            _say("not-writable")
            continue
        objects = {_numbers(key): value for key, value in json.loads(source.read_text()).items()}
        objects = {key: value for key, value in objects.items() if key[: len(root)] == root}
        found = oid if verb == "get" else min((each for each in objects if each > oid), default=None)
        if found is None or found not in objects:
            _say("NONE")
        else:
            _say("." + ".".join(map(str, found)), *objects[found])


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.strip(".").split("."))


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), _numbers(sys.argv[2]))
