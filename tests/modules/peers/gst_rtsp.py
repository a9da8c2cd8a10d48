"""GStreamer's RTSP server (Debian's gir1.2-gst-rtsp-server-1.0) with a test pattern that moves."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.cli.demo.porch.stream import Stream
from catalog.jsonvalue import Json

STREET = Path(__file__).parents[1] / "cameras" / "people" / "street.jpg"
USER, PASSWORD = "viewer", "secret"

_RAW = "video/x-raw,format=I420,width=320,height=240,framerate=10/1"
_JPEG = "jpegenc ! rtpjpegpay name=pay0 pt=26"
_H264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=5 ! rtph264pay name=pay0 pt=96 config-interval=-1"
MOUNTS = {
    "/ball": f"videotestsrc is-live=true pattern=ball ! {_RAW} ! {_JPEG}",
    "/ball264": f"videotestsrc is-live=true pattern=ball ! {_RAW} ! {_H264}",
    "/black": f"videotestsrc is-live=true pattern=black ! {_RAW} ! {_JPEG}",
    "/street": f"filesrc location={STREET} ! jpegdec ! imagefreeze is-live=true ! videoconvert ! videorate "
    f"! video/x-raw,format=I420,framerate=5/1 ! {_JPEG}",
    "/tone": "audiotestsrc is-live=true ! audio/x-raw,rate=8000 ! mulawenc ! rtppcmupay name=pay0 pt=0",
}


@dataclass
class GstRtsp:
    """A running one. `version` is the package's."""

    port: int
    scheme: str
    version: str

    @property
    def address(self) -> str:
        """As a controller's setting."""
        return f"{self.scheme}://127.0.0.1:{self.port}"


@contextmanager
def gst_rtsp(method: str = "none", certificate: str = "") -> Iterator[GstRtsp]:
    """One that asks for a login by `basic` or `digest`, or for none; with a certificate (PEM, with its key) by TLS."""
    login: dict[str, Json] = {"user": USER, "password": PASSWORD, "method": method} if method != "none" else {}
    more: dict[str, Json] = {"certificate": certificate} if certificate else {}
    stream = Stream(MOUNTS, **login, **more)
    try:
        yield GstRtsp(stream.start(), "rtsps" if certificate else "rtsp", _version())
    finally:
        stream.stop()


def _version() -> str:
    asked = ["dpkg-query", "-W", "-f=${Version}", "gir1.2-gst-rtsp-server-1.0"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout
