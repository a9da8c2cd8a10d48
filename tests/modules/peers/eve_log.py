"""A log as Suricata documents and writes it, rotated as logrotate does. Debian 12 has no Suricata to start."""

import json
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

BEGAN = datetime(2026, 5, 1, 12, tzinfo=UTC)
VERSION = "EVE of Suricata 7 as documented"


def alert(number: int, severity: int = 2, **facts: object) -> bytes:
    """An alert, `number` seconds after BEGAN."""
    part = {
        "action": "allowed",
        "gid": 1,
        "signature_id": 2_000_000 + number,
        "rev": 2,
        "signature": f"ET SCAN Suspicious inbound to PostgreSQL port 5432 no{number}",
        "category": "Potentially Bad Traffic",
        "severity": severity,
    }
    record = {
        "timestamp": _stamp(number),
        "flow_id": 1_000_000_000_000 + number,
        "in_iface": "eth0",
        "event_type": "alert",
        "src_ip": f"192.0.2.{number % 250}",
        "src_port": 40000 + number % 1000,
        "dest_ip": "10.0.0.5",
        "dest_port": 5432,
        "proto": "TCP",
        "alert": {**part, **{key: value for key, value in facts.items() if key in part}},
        "app_proto": "failed",
        "flow": {"pkts_toserver": 1, "pkts_toclient": 0, "start": _stamp(number)},
        **{key: value for key, value in facts.items() if key not in part},
    }
    return json.dumps(record).encode() + b"\n"


def stats(number: int) -> bytes:
    """What Suricata says of itself every few seconds."""
    record = {"timestamp": _stamp(number), "event_type": "stats", "stats": {"uptime": number, "capture": {}}}
    return json.dumps(record).encode() + b"\n"


def _stamp(number: int) -> str:
    """In a zone that is not UTC's, and without the colon, as Suricata writes it."""
    return (BEGAN + timedelta(seconds=number, hours=2)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "+0200"


class EveLog:
    """The log at `path`."""

    version = VERSION

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()

    def write(self, *lines: bytes) -> None:
        """Append, as Suricata does."""
        with self.path.open("ab") as file:
            file.writelines(lines)

    def alerts(self, numbers: Iterable[int], severity: int = 2) -> None:
        """Append these alerts."""
        self.write(*(alert(number, severity) for number in numbers))

    def rename(self, suffix: str = ".1") -> None:
        """Rotate by renaming, and open anew."""
        self.path.rename(self.path.with_name(self.path.name + suffix))
        self.path.touch()

    def copy_and_truncate(self, suffix: str = ".1") -> None:
        """Rotate by copying; the log stays the same file."""
        shutil.copy2(self.path, self.path.with_name(self.path.name + suffix))
        os.truncate(self.path, 0)
