"""Motion: how much of a picture differs from what the camera has seen until now."""

import cv2
import numpy

from runtime.drivers.cameras.eye.zones import Zones

WIDTH = 320
"""Pixels across; smaller things than one of these are noise."""

_DIFFERENT = 24
"""Steps of brightness, of 256, from which a pixel counts as another one."""

_LEARNS = 0.2
"""How much of each picture goes into what is expected of the next."""

_LIGHT = 0.8
"""Where more of the picture differs it is the light that changed, and not what stands in it."""


class Motion:
    """Compares picture after picture. `sensitivity` is from 1 to 100."""

    def __init__(self, sensitivity: int, zones: Zones) -> None:
        self._share = 10 ** (-0.5 - sensitivity * 0.03)
        self._zones = zones
        self._expected: object | None = None

    def moved(self, gray: "object") -> tuple[float, str | None] | None:
        """How sure it is, 0 to 1, and in which zone; None: nothing moved. The first picture moves nothing."""
        calm = cv2.GaussianBlur(gray, (7, 7), 0).astype(numpy.float32)
        expected = self._expected
        if expected is None or numpy.shape(expected) != calm.shape:
            self._expected = calm
            return None
        different = numpy.abs(calm - expected) > _DIFFERENT
        cv2.accumulateWeighted(calm, expected, _LEARNS)
        if different.mean() > _LIGHT:
            self._expected = calm
            return None
        share, zone = max(
            ((float(part.mean()) if part.size else 0.0, name) for name, part in self._zones.parts(different)),
            key=lambda found: found[0],
        )
        return (round(share / (share + self._share), 3), zone) if share >= self._share else None
