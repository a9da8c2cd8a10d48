"""A camera's stream: GStreamer's RTSP server in a process of its own, with a test pattern that moves."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from catalog.errors import Unsupported
from catalog.jsonvalue import Json

SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's own, for which its packages of GStreamer are made."""

PROGRAM = Path(__file__).with_name("stream_program.py")
PACKAGES = "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
BALL = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=10/1"
    " ! jpegenc ! rtpjpegpay name=pay0 pt=26"
)
"""A white ball that flies through the dark, ten pictures a second."""


class Stream:
    """Serves `mounts` (path → GStreamer pipeline) on a free port of loopback. `facts` are those of the program."""

    def __init__(self, mounts: Mapping[str, str], **facts: Json) -> None:
        self._job: Json = {"port": 0, "mounts": dict(mounts), **facts}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        """Start it and wait until it serves; its port. Raises Unsupported DEMO_LACKS."""
        if not Path(SYSTEM_PYTHON).exists():
            raise _lacking()
        self._process = subprocess.Popen(  # noqa: S603 - our own program, run by the system's interpreter
            [SYSTEM_PYTHON, str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        sent, said = self._process.stdin, self._process.stdout
        if sent is None or said is None:
            raise _lacking()
        try:
            sent.write(json.dumps(self._job).encode() + b"\n")
        except OSError:
            self.stop()
            raise _lacking() from None
        word, _, port = said.readline().decode().strip().partition(" ")
        if word != "ready":
            self.stop()
            raise _lacking()
        return int(port)

    def stop(self) -> None:
        """End it. Leaves nothing behind, whatever happened."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        with process:
            process.wait()


def _lacking() -> Unsupported:
    return Unsupported(
        "DEMO_LACKS",
        "This needs GStreamer's RTSP server and its packages for the system's Python.",
        hint=f"apt-get install --no-install-recommends {PACKAGES}",
    )
