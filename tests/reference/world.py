"""The world of the reference's programs: a daemon with what they name, and the programs with its paths and names."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.api.daemon.hosted import Hosted
from tests.reference.samples import HERE

NODE = HERE / "node"
INSTALLED = HERE.parents[1] / ".venv" / "reference-node"
PRINTED_SOCKET = "/var/run/fabricks.sock"


def adapted(text: str, daemon: Hosted, names: Mapping[str, str]) -> str:
    """A program as printed, but for the socket's path and the names and ids of services."""
    found = text.replace(PRINTED_SOCKET, str(daemon.socket))
    found = found.replace(PRINTED_SOCKET.replace("/", "%2F"), str(daemon.socket).replace("/", "%2F"))
    for printed, ours in names.items():
        assert printed in text
        found = found.replace(printed, ours)
    return found


def environment(**more: str) -> dict[str, str]:
    """Nothing of whoever runs the tests that would lead a program elsewhere."""
    dropped = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    return {name: value for name, value in os.environ.items() if name.lower() not in dropped} | more


@contextmanager
def running(*command: str, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    """A program that does not end by itself; killed at the end, with what it has started."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        bufsize=1,
        start_new_session=True,
        env=environment(**variables),
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, 9)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def line_with(process: "subprocess.Popen[str]", text: str) -> str:
    """Read on until a line has this text."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if text in line:
            return line
    raise AssertionError(f"no line with {text!r}: {''.join(said)}")


def node_modules() -> Path:
    """Where axios is installed, as package-lock.json has it; once for all test processes."""
    wanted = hashlib.sha256((NODE / "package-lock.json").read_bytes()).hexdigest()
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = INSTALLED / ".installed"
        if not done.exists() or done.read_text() != wanted:
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copyfile(NODE / name, INSTALLED / name)
            subprocess.run(["npm", "ci", "--silent"], cwd=INSTALLED, check=True, timeout=120)
            done.write_text(wanted)
    return INSTALLED / "node_modules"
