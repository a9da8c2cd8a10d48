"""Real JPEGs of a ball that moves, as OpenCV encodes them."""

from functools import cache

import cv2
import numpy


@cache
def moving(count: int = 12, width: int = 320, height: int = 240) -> tuple[bytes, ...]:
    """A ball on its way across a still scene, one picture a place."""
    return tuple(_picture(width, height, (index + 0.5) / count) for index in range(count))


@cache
def still(width: int = 320, height: int = 240) -> bytes:
    """The scene without the ball."""
    return _picture(width, height, None)


def _picture(width: int, height: int, place: float | None) -> bytes:
    across = numpy.tile(numpy.linspace(40, 120, width, dtype=numpy.uint8), (height, 1))
    scene = numpy.dstack([across, across, across])
    if place is not None:
        cv2.circle(scene, (int(width * place), height // 2), height // 6, (240, 240, 240), -1)
    good, content = cv2.imencode(".jpg", scene)
    assert good
    return bytes(content)
