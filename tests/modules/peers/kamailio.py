"""Debian's kamailio, and telephones that sipp plays."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.modules.peers.certificate_files import self_signed
from tests.modules.peers.versions import version_of

SIP = Path(__file__).with_name("sip")
USERNAME, PASSWORD = "fabric", "let-me-look"
BASIC = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()


class Kamailio:
    """A running kamailio: SIP and JSON-RPC at `port`, TLS at `tls_port` with the certificate of `ca_file`."""

    def __init__(self, folder: Path, *, dialog: bool) -> None:
        self.folder, self._dialog = folder, dialog
        self.host = "127.0.0.1"
        self.port, self.tls_port = free_port(), free_port()
        self.ca_file = folder / "certificate.pem"
        self.version = f"{version_of('kamailio')}, sipp {version_of('sip-tester')}"
        self._process: subprocess.Popen[bytes] | None = None
        self._phones: list[subprocess.Popen[bytes]] = []

    @property
    def rpc(self) -> str:
        """Where its JSON-RPC is."""
        return f"http://{self.host}:{self.port}/RPC"

    def start(self) -> None:
        """Start it and wait until it answers."""
        both, certificate = self_signed()
        (self.folder / "key.pem").write_text(both)
        self.ca_file.write_text(certificate)
        configuration = self.folder / "kamailio.cfg"
        configuration.write_text(self._configuration())
        command = ["kamailio", "-f", str(configuration), "-DD", "-E", "-w", str(self.folder), "-Y", str(self.folder)]
        command += ["-m", "32", "-M", "4", *(["-A", "WITH_DIALOG"] if self._dialog else [])]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < until, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.05)

    def stop(self) -> None:
        """End it and its telephones."""
        for each in self._phones:
            each.kill()
            each.wait(timeout=10)
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, 9)
                self._process.wait(timeout=5)

    def ask(self, method: str, *params: str) -> object:
        """What its JSON-RPC answers."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.rpc, body, {"Authorization": f"Basic {BASIC}"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())["result"]

    def register(self, phone: str, port: int, expires: int = 600) -> None:
        """Register a telephone at that port of this machine; 0 seconds take the registration back."""
        keys = ["-key", "contact", str(port), "-key", "expires", str(expires)]
        done = self._sipp("register", phone, 0, *keys)
        assert done.wait(timeout=10) == 0, f"{phone} cannot register"

    @contextmanager
    def call(self, phone: str, port: int, *, rings: float, talks: float) -> Iterator[None]:
        """A call to that telephone, which rings and then talks for so many seconds; over when the block is left."""
        callee = self._sipp("callee", phone, port, "-d", str(int(rings * 1000)))
        wait_until_bound(port)
        caller = self._sipp("caller", phone, 0, "-d", str(int(talks * 1000)))
        try:
            yield
        finally:
            for each in (caller, callee):
                each.kill()
                each.wait(timeout=10)

    @contextmanager
    def telephone(self, port: int) -> Iterator[None]:
        """A telephone that answers OPTIONS at that port of this machine."""
        made = self._sipp("answers", "phone", port, calls=1000)
        wait_until_bound(port)
        try:
            yield
        finally:
            made.kill()
            made.wait(timeout=10)

    def _sipp(self, scenario: str, phone: str, port: int, *more: str, calls: int = 1) -> "subprocess.Popen[bytes]":
        command = [
            "sipp",
            f"{self.host}:{self.port}",
            "-sf",
            str(SIP / f"{scenario}.xml"),
            "-m",
            str(calls),
            "-s",
            phone,
        ]
        command += ["-i", self.host, "-p", str(port or free_port()), "-nostdin", *more]
        made = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._phones.append(made)
        return made

    def _configuration(self) -> str:
        text = (SIP / "kamailio.cfg").read_text()
        words = {"PORT": self.port, "TLS_PORT": self.tls_port, "KEY": self.folder / "key.pem",
                 "CERTIFICATE": self.folder / "key.pem", "BASIC": BASIC, "PASSWORD": PASSWORD,
                 "MODULES": next(Path("/usr/lib").glob("*/kamailio/modules"))}  # fmt: skip
        for word, value in words.items():
            text = text.replace(f"@{word}@", str(value))
        return text

    def _answers(self) -> bool:
        try:
            return "kamailio" in str(self.ask("core.version"))
        except OSError:
            return False


@contextmanager
def kamailio(folder: Path, *, dialog: bool = True) -> Iterator[Kamailio]:
    """One of one's own; without `dialog` it does not follow calls."""
    made = Kamailio(folder, dialog=dialog)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def is_installed() -> bool:
    """Are kamailio and sipp here?"""
    return shutil.which("kamailio") is not None and shutil.which("sipp") is not None


def free_port() -> int:
    """A port that nobody has, over UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            port = int(udp.getsockname()[1])
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until_bound(port: int) -> None:
    """Until somebody listens there, over UDP."""
    until, wanted = time.monotonic() + 5, f"0100007F:{port:04X}"
    while wanted not in Path("/proc/net/udp").read_text():
        assert time.monotonic() < until, f"nobody listens at {port}"
        time.sleep(0.01)
