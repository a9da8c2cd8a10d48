"""Two machines on a wire: network namespaces joined by a pair of virtual Ethernet interfaces."""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.modules.peers.versions import version_of

HERE, THERE = "10.87.0.1", "10.87.0.2"


class Wire:
    """`home` and `far` are namespaces; `here` and `there` the interfaces' names; `mac` is the far one's address."""

    def __init__(self, name: str) -> None:
        self.home, self.far = f"{name}h", f"{name}f"
        self.here, self.there = "lan0", "far0"
        self.mac = ""
        self.version = f"Linux {os.uname().release}, iproute2 {version_of('iproute2')}"

    def ip(self, *words: str, namespace: str | None = None) -> str:
        """What `ip` prints."""
        inside = [] if namespace is None else ["-n", namespace]
        return _run(["ip", *inside, *words])

    def speak(self, address: str, namespace: str | None = None) -> None:
        """Send one datagram there, so that the kernel asks for its neighbour."""
        _run(["ip", "netns", "exec", namespace or self.home, "bash", "-c", f"echo hello > /dev/udp/{address}/9"])

    def wait_until_known(self, mac: str) -> None:
        """Until the home's table has that neighbour."""
        until = time.monotonic() + 5
        while mac not in (told := self.ip("neigh", namespace=self.home)):
            assert time.monotonic() < until, told
            time.sleep(0.02)

    def build(self, bridge: str) -> None:
        """Make the namespaces and the wire; with a name for it, the home's end is the port of a bridge."""
        self.ip("netns", "add", self.home)
        self.ip("netns", "add", self.far)
        # They are made inside: names of other tests' interfaces are nobody's business.
        self.ip("link", "add", self.here, "type", "veth", "peer", "name", self.there, "netns", self.far,
                namespace=self.home)  # fmt: skip
        if bridge:
            self.ip("link", "add", bridge, "type", "bridge", namespace=self.home)
            self.ip("link", "set", self.here, "up", "master", bridge, namespace=self.home)
        for namespace, name, address in ((self.home, bridge or self.here, HERE), (self.far, self.there, THERE)):
            self.ip("addr", "add", f"{address}/24", "dev", name, namespace=namespace)
            self.ip("link", "set", name, "up", namespace=namespace)
        self.mac = self.ip("-br", "link", "show", self.there, namespace=self.far).split()[2]

    def tear_down(self) -> None:
        """Remove both; the wire goes with them."""
        for namespace in (self.home, self.far):
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)


@contextmanager
def wire(*, bridge: str = "") -> Iterator[Wire]:
    """A wire of one's own."""
    made = Wire(f"fab{uuid.uuid4().hex[:8]}")
    try:
        made.build(bridge)
        yield made
    finally:
        made.tear_down()


def can_be_made() -> bool:
    """Are we root, and is `ip` here?"""
    return os.geteuid() == 0 and shutil.which("ip") is not None


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
