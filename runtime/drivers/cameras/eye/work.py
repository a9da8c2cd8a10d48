"""Work: what an eye does for each kind of job. Imports no client library that the job does not need."""

import time
from collections.abc import Callable
from typing import BinaryIO

from runtime.drivers.cameras.eye.framing import read_framed
from runtime.drivers.cameras.eye.job import Attention, Job, Told
from runtime.drivers.cameras.eye.relay import Relay
from runtime.drivers.cameras.eye.upstream import Upstream

ALIVE_SECONDS = 5.0
"""How often a watch of a stream says that it still looks."""

Tell = Callable[[Told, bytes], None]


def work(job: Job, pictures: BinaryIO, tell: Tell) -> None:
    """Do the job. Raises Unseen where its stream cannot be looked at."""
    if job.source is None:
        if job.attention is not None:
            _watch_pictures(job.attention, pictures, tell)
        return
    upstream = Upstream(job.source)
    upstream.describe()
    relay = Relay(upstream)
    relay.start()
    try:
        _play(job, relay, tell)
    finally:
        relay.close()


def _play(job: Job, relay: Relay, tell: Tell) -> None:
    from runtime.drivers.cameras.eye.video import frames  # noqa: PLC0415 - PyAV, only where a stream is decoded

    found = frames(relay.url, job.seconds, lambda: relay.unseen)
    if job.attention is None:
        frame = next(found)
        seen_at = time.time()
        tell(Told(kind="still", width=frame.width, height=frame.height, at=seen_at), frame.jpeg())
        return
    from runtime.drivers.cameras.eye.watching import Watch  # noqa: PLC0415 - OpenCV, only where something is watched

    watch = Watch(job.attention, tell)
    said = time.monotonic()
    for frame in found:
        if watch.wants():
            watch.look(frame)
        if time.monotonic() - said > ALIVE_SECONDS:
            said = time.monotonic()
            tell(Told(kind="looked"), b"")


def _watch_pictures(attention: Attention, pictures: BinaryIO, tell: Tell) -> None:
    from runtime.drivers.cameras.eye.pictures import Picture  # noqa: PLC0415
    from runtime.drivers.cameras.eye.watching import Watch  # noqa: PLC0415

    watch = Watch(attention, tell)
    while (sent := read_framed(pictures)) is not None:
        try:
            watch.look(Picture(sent[1]))
            tell(Told(kind="looked"), b"")
        except ValueError:
            tell(Told(kind="failed", reason="broken"), b"")


def warm_up() -> None:
    """Load what a picture of a stream needs, so that whoever asks for one need not wait for that."""
    import runtime.drivers.cameras.eye.video  # noqa: PLC0415, F401
