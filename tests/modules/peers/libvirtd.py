"""A real libvirtd of the test's own, with QEMU machines under software emulation."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.cli.demo.vm.host import Host
from tests.modules.peers.versions import version_of

VERSION = f"libvirt {version_of('libvirt-daemon')}, QEMU {version_of('qemu-system-x86')}"


@contextmanager
def libvirtd() -> Iterator[Host]:
    """A host without machines. Its folder's path is short: Unix sockets are below it."""
    with tempfile.TemporaryDirectory(prefix="fabvm-") as folder:
        host = Host(Path(folder))
        try:
            host.start()
            yield host
        finally:
            host.stop()
