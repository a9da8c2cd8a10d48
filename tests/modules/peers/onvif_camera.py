"""IPyCam (PyPI), a virtual camera with an ONVIF device service of its own; its stream is GStreamer's."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PROGRAM = Path(__file__).with_name("onvif_camera_program.py")
USER, PASSWORD = "viewer", "secret"


@dataclass
class IpyCam:
    """A running one."""

    port: int
    version: str
    process: "subprocess.Popen[str]"

    @property
    def address(self) -> str:
        """As a controller's setting."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def ipycam(
    rtsp_port: int = 9, *, open_to_all: bool = False, calls_itself: str = "127.0.0.1", pictures_at: str = "snapshot.jpg"
) -> Iterator[IpyCam]:
    """One whose stream is at that port of this host, whatever address it names itself by.

    `pictures_at` is what it says of its pictures, which are at `snapshot.jpg`.
    """
    login = ("", "") if open_to_all else (USER, PASSWORD)
    job = {"rtsp_port": rtsp_port, "stream": "ball", "username": login[0], "password": login[1]}
    job |= {"calls_itself": calls_itself, "pictures_at": pictures_at}
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), json.dumps(job)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        word, _, port = process.stdout.readline().strip().partition(" ")
        assert word == "ready", "IPyCam does not start: is `make modules` done?"
        yield IpyCam(int(port), f"IPyCam {version('ipycam')}", process)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()
