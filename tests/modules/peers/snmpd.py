"""Debian's snmpd, with tables that a script beside it serves."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.modules.peers.versions import version_of

COMMUNITY, USER, AUTH, PRIV = "let-me-see", "ada", "sign-with-this", "and-hide-it-so"
OWN_TABLES = "-smux,at,ip,interface,ifTable,ifXTable,inetNetToMediaTable,dot3StatsTable"
"""What snmpd would tell of this machine itself is left out: the tests say what stands in these tables."""

SCRIPT = Path(__file__).with_name("snmp_tables.py")


class Snmpd:
    """A running snmpd, over IPv6 too where the machine has it. What `serve` is given it answers at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address, self.port = "127.0.0.1", _free_port()
        self.ipv6 = _has_ipv6()
        self.version = version_of("snmpd")
        self._process: subprocess.Popen[bytes] | None = None

    def serve(self, objects: Mapping[str, tuple[str, str]]) -> None:
        """These objects: OID → (type as snmpd.conf(5) names it for `pass`, value)."""
        target = self.folder / "objects.json"
        fresh = target.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(objects))
        fresh.replace(target)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.serve({})
        (self.folder / "state").mkdir(exist_ok=True)
        (self.folder / "snmpd.conf").write_text(self._configuration())
        environment = {"PATH": os.environ["PATH"], "MIBS": "", "SNMP_PERSISTENT_DIR": str(self.folder / "state")}
        command = ["snmpd", "-f", "-LE", "3", "-C", "-c", str(self.folder / "snmpd.conf"), "-r", "-I", OWN_TABLES]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, (self.folder / "log").read_text()

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)

    def _configuration(self) -> str:
        served = ("1.3.6.1.2.1.4.22", "1.3.6.1.2.1.4.35", "1.3.6.1.2.1.17", "1.3.6.1.2.1.31", "1.2.840.10036",
                  "1.3.6.1.2.1.2")  # fmt: skip
        script = f"{sys.executable} -S -E {SCRIPT} {self.folder / 'objects.json'}"
        return "\n".join(
            [
                f"agentaddress udp:{self.address}:{self.port}" + (f",udp6:[::1]:{self.port}" if self.ipv6 else ""),
                f"rocommunity {COMMUNITY} 127.0.0.1",
                f"rocommunity6 {COMMUNITY} ::1",
                f'createUser {USER} SHA-256 "{AUTH}" AES "{PRIV}"',
                f"rouser {USER} priv",
                "sysName closet-switch",
                *(f"pass_persist -p 1 .{oid} {script} .{oid}" for oid in served),
                "",
            ]
        )

    def _answers(self) -> bool:
        """A GET of sysName, as bytes: any answer will do."""
        request = bytes.fromhex("302d020101040a") + COMMUNITY.encode() + bytes.fromhex(
            "a01c02040000000102010002010030" "0e300c06082b060102010105000500"
        )  # fmt: skip
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.1)
            probe.connect((self.address, self.port))
            try:
                probe.send(request)
                return bool(probe.recv(2048))
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.02)
                return False


@contextmanager
def snmpd(folder: Path) -> Iterator[Snmpd]:
    """One of one's own."""
    made = Snmpd(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def is_installed() -> bool:
    """Is snmpd here?"""
    return shutil.which("snmpd") is not None


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
