"""nftables in a network namespace, its log read by a real ulogd2 and written as JSON."""

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.modules.peers.versions import version_of

PLUGINS = Path("/usr/lib/x86_64-linux-gnu/ulogd")
NAMES = ("inppkt_NFLOG", "raw2packet_BASE", "filter_IFINDEX", "filter_IP2STR", "filter_HWHDR", "output_JSON")
RULES = """
table inet watched {
  chain incoming {
    type filter hook input priority 0
    udp dport 9 log prefix "[high] drop discard " group 5 drop
    udp dport 7 log prefix "echo " group 5 drop
    udp dport 19 log prefix "chargen " group 5 drop
  }
}
"""
CONFIG = """
[global]
logfile="{folder}/ulogd.log"
{plugins}
stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,mac2str1:HWHDR,json1:JSON
[log1]
group=5
netlink_qthreshold=1
[json1]
sync=1
file="{log}"
device="home gateway"
"""


class NftLog:
    """`log` is what ulogd writes, `pid_file` where it says who it is."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "nft.json"
        self.pid_file = folder / "ulogd.pid"
        self._folder = folder
        self._namespace = f"fab{uuid.uuid4().hex[:8]}"
        self._ulogd: subprocess.Popen[bytes] | None = None
        self.version = f"nftables {version_of('nftables')}, ulogd2 {version_of('ulogd2')}"

    def start(self) -> None:
        """Returns when packets are logged."""
        _run(["ip", "netns", "add", self._namespace])
        _run(["ip", "-n", self._namespace, "link", "set", "lo", "up"])
        _run(["ip", "netns", "exec", self._namespace, "nft", "-f", "-"], RULES)
        plugins = "\n".join(f'plugin="{PLUGINS}/ulogd_{name}.so"' for name in NAMES)
        config = self._folder / "ulogd.conf"
        config.write_text(CONFIG.format(folder=self._folder, log=self.log, plugins=plugins))
        command = ["ip", "netns", "exec", self._namespace, "/usr/sbin/ulogd", "-c", str(config)]
        self._ulogd = subprocess.Popen([*command, "-p", str(self.pid_file)], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while not self._listens():
            assert self._ulogd.poll() is None, self._said()
            assert time.monotonic() < until, self._said()
            time.sleep(0.02)

    def send(self, port: int, address: str = "127.0.0.1") -> None:
        """A datagram that a rule logs."""
        script = f"echo hello > /dev/udp/{address}/{port}"
        _run(["ip", "netns", "exec", self._namespace, "bash", "-c", script])

    def wait_for(self, lines: int) -> None:
        """Until so many are written."""
        until = time.monotonic() + 10
        while self.log.read_bytes().count(b"\n") < lines:
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.01)

    def rotate(self) -> None:
        """As logrotate does it for ulogd: rename, and tell it to open its log anew."""
        assert self._ulogd is not None
        self.log.rename(self.log.with_name(self.log.name + ".1"))
        self._ulogd.send_signal(signal.SIGHUP)
        until = time.monotonic() + 10
        while not self.log.exists():
            assert time.monotonic() < until
            time.sleep(0.01)

    def end_ulogd(self) -> None:
        """Stop the log's writer; its log and its pid file stay as after a crash."""
        if self._ulogd is not None:
            pid = self.pid_file.read_text() if self.pid_file.exists() else None
            self._ulogd.terminate()
            self._ulogd.wait(10)
            self._ulogd = None
            if pid is not None:
                self.pid_file.write_text(pid)

    def tear_down(self) -> None:
        """Stop all of it."""
        self.end_ulogd()
        subprocess.run(["ip", "netns", "del", self._namespace], check=False, capture_output=True)

    def _listens(self) -> bool:
        """Does the kernel hand group 5 to anybody?"""
        groups = _run(["ip", "netns", "exec", self._namespace, "cat", "/proc/net/netfilter/nfnetlink_log"])
        return self.log.exists() and any(line.split()[:1] == ["5"] for line in groups.splitlines())

    def _said(self) -> str:
        file = self._folder / "ulogd.log"
        return file.read_text() if file.exists() else ""


def can_be_made() -> bool:
    """Are we root, and is all there that it takes?"""
    there = all(shutil.which(each) for each in ("ip", "nft", "ulogd"))
    return os.geteuid() == 0 and there and (PLUGINS / "ulogd_output_JSON.so").exists()


@contextmanager
def nft_log(folder: Path) -> Iterator[NftLog]:
    """One of one's own, for as long as the block lasts."""
    made = NftLog(folder)
    try:
        made.start()
        yield made
    finally:
        made.tear_down()


def _run(command: Sequence[str], given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
