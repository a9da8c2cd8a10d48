"""OpenStack Swift with its S3 API, in a folder."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.modules.peers.versions import version_of

KEY_ID = "test:tester"
SECRET = "testing"
STRANGER, STRANGERS_SECRET = "test:stranger", "stranger"

_PROGRAM = Path(__file__).with_name("swift_program.py")
_SERVER = Path("/usr/bin/swift-proxy-server")


class Swift:
    """A running one; `address` is where its S3 API answers."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.version = version_of("python3-swift")


def is_installed() -> bool:
    """Is Debian's Swift here?"""
    return _SERVER.exists()


@contextmanager
def swift(folder: Path) -> Iterator[Swift]:
    """A Swift for as long as the block lasts; a bucket is made by whoever wants one."""
    command = ["/usr/bin/python3", str(_PROGRAM), str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = process.stdout.readline().split()
        assert said[:1] == [b"ready"], (folder / "log").read_text()[-2000:]
        yield Swift(int(said[1]))
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()
