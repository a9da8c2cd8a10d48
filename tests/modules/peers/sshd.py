"""OpenSSH's server on loopback, with one key of its own and one that it lets in."""

import getpass
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.modules.peers.versions import version_of

VERSION = f"OpenSSH {version_of('openssh-server')}"


class Sshd:
    """`host_key` as a controller's setting, `private_key` as its credential."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.user = getpass.getuser()
        with socket.socket() as asked:
            asked.bind(("127.0.0.1", 0))
            self.port = int(asked.getsockname()[1])
        for name in ("host", "user"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)]
            subprocess.run(command, check=True)
        self.host_key = (folder / "host.pub").read_text().strip()
        self.user_key = (folder / "user.pub").read_text().strip()
        self.private_key = (folder / "user").read_text()

    @contextmanager
    def running(self, *, forced: str = "") -> Iterator["Sshd"]:
        """It runs. `forced` is what it does instead of what it is asked for."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        configuration = self._folder / "sshd_config"
        configuration.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self._folder}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self._folder}/user.pub\nStrictModes no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
        )
        if forced:
            with configuration.open("a") as file:
                file.write(f"ForceCommand {forced}\n")
        with (self._folder / "sshd.log").open("ab") as log:
            process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(configuration)], stderr=log)
        try:
            self._wait(process)
            yield self
        finally:
            process.terminate()
            process.wait(5)

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert process.poll() is None and time.monotonic() < until, (self._folder / "sshd.log").read_text()
                time.sleep(0.02)
            else:
                return
