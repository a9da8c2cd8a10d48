"""A real libvirtd of the test's own, with QEMU machines under software emulation."""

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.cli.demo.vm.host import Host
from tests.fakes.certificates import authority_pem, pair
from tests.modules.peers.versions import version_of

VERSION = f"libvirt {version_of('libvirt-daemon')}, QEMU {version_of('qemu-system-x86')}"

USER, PASSWORD = "ada", "correct-horse"


class Libvirtd(Host):
    """A host that listens on TCP and, for those who show a certificate of its authority and log in, on TLS."""

    def __init__(self, folder: Path) -> None:
        self.tcp, self.tls = _free_port(), _free_port()
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(authority_pem())
        (folder / "pair.pem").write_bytes(pair("127.0.0.1"))
        accounts = folder / "accounts.db"
        (folder / "libvirt.conf").write_text(f"mech_list: scram-sha-256\nsasldb_path: {accounts}\n")
        command = ["saslpasswd2", "-c", "-p", "-f", str(accounts), "-a", "libvirt", "-u", socket.gethostname(), USER]
        subprocess.run(command, input=PASSWORD.encode(), check=True)
        super().__init__(
            folder,
            listening=f"""
                listen_tls = 1
                listen_tcp = 1
                listen_addr = "127.0.0.1"
                tcp_port = "{self.tcp}"
                tls_port = "{self.tls}"
                auth_tcp = "none"
                auth_tls = "sasl"
                ca_file = "{self.ca_file}"
                cert_file = "{folder}/pair.pem"
                key_file = "{folder}/pair.pem"
                tls_no_sanity_certificate = 1
            """,
        )

    def environment(self) -> dict[str, str]:
        """The accounts are its own as well."""
        return {**super().environment(), "SASL_CONF_PATH": str(self.ca_file.parent)}


@contextmanager
def libvirtd() -> Iterator[Libvirtd]:
    """A host without machines. Its folder's path is short: Unix sockets are below it."""
    with tempfile.TemporaryDirectory(prefix="fabvm-") as folder:
        host = Libvirtd(Path(folder))
        try:
            host.start()
            yield host
        finally:
            host.stop()


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
