"""Video: a stream's frames, as PyAV decodes them, and the JPEG of one."""

from collections.abc import Callable, Iterator
from fractions import Fraction

import av

from runtime.drivers.cameras.eye.job import Unseen
from runtime.drivers.cameras.limits import MAX_SIDE

_OPTIONS = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "protocol_whitelist": "rtsp,rtp,tcp",
    "fpsprobesize": "0",
    "analyzeduration": "1000000",
}
BROKEN_IN_A_ROW = 100
"""Packets that cannot be decoded, before a stream is given up."""

_BEST, _GOOD = "2", "4"
"""Quantisers of the JPEGs: 2 is the finest."""


class Frame:
    """One picture of a stream."""

    def __init__(self, frame: "av.VideoFrame") -> None:
        self._frame = frame
        self.width = int(frame.width)
        self.height = int(frame.height)

    def gray(self, width: int) -> "object":
        """Its brightness, scaled down to that width: an array of bytes, rows first."""
        width = min(width, self.width)
        height = max(1, self.height * width // self.width)
        return self._frame.reformat(width=width, height=height, format="gray").to_ndarray()

    def jpeg(self) -> bytes:
        """This very picture."""
        coder = av.CodecContext.create("mjpeg", "w")
        coder.width, coder.height, coder.pix_fmt = self.width, self.height, "yuvj420p"
        coder.time_base = Fraction(1, 25)
        coder.options = {"qmin": _BEST, "qmax": _GOOD, "strict": "unofficial"}
        picture = self._frame.reformat(format="yuvj420p")
        picture.pts = 0
        return b"".join(bytes(packet) for packet in (*coder.encode(picture), *coder.encode(None)))


def frames(url: str, seconds: float, why: Callable[[], Unseen | None]) -> Iterator[Frame]:
    """Frame after frame. `why` knows what happened to the connection, if anything did. Raises Unseen."""
    try:
        with av.open(url, format="rtsp", options=_OPTIONS, timeout=seconds) as container:
            if not container.streams.video:
                raise Unseen("no_video")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            yield from _decoded(container, stream)
    except (av.FFmpegError, ValueError):
        raise why() or Unseen("broken") from None
    raise why() or Unseen("hung_up")


def _decoded(container: "av.container.InputContainer", stream: "av.VideoStream") -> Iterator[Frame]:
    broken = 0
    for packet in container.demux(stream):
        try:
            found = packet.decode()
        except av.FFmpegError:
            broken += 1
            if broken > BROKEN_IN_A_ROW:
                raise Unseen("broken") from None
            continue
        for frame in found:
            broken = 0
            if not frame.is_corrupt and max(frame.width, frame.height) <= MAX_SIDE:
                yield Frame(frame)
