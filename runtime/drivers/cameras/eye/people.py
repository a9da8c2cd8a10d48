"""People: persons who stand or walk, whole, as OpenCV's own detector (HOG, trained by Dalal and Triggs) finds them."""

import math

import cv2
import numpy

from runtime.drivers.cameras.eye.zones import Zones

WIDTH = 640
"""Pixels across. A person must be some 96 of them tall: a fifth of the height of a 4:3 picture."""

_SMALLEST = (64, 128)


class People:
    """Looks for persons. `sensitivity` is from 1 to 100: how unsure it may be."""

    def __init__(self, sensitivity: int, zones: Zones) -> None:
        self._detector = cv2.HOGDescriptor()
        self._detector.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())
        self._least = 1.0 - sensitivity / 100
        self._zones = zones

    def found(self, gray: "object") -> tuple[float, str | None] | None:
        """How sure it is of the surest one, 0 to 1, and in which zone the middle of that person is; None: nobody."""
        picture = numpy.asarray(gray)
        height, width = picture.shape[:2]
        if width < _SMALLEST[0] or height < _SMALLEST[1]:
            return None
        boxes, weights = self._detector.detectMultiScale(
            picture, hitThreshold=self._least, winStride=(8, 8), padding=(8, 8), scale=1.06
        )
        best: tuple[float, str | None] | None = None
        for (left, top, wide, tall), weight in zip(boxes, map(float, numpy.ravel(weights)), strict=True):
            counts, zone = self._zones.holds((left + wide / 2) / width, (top + tall / 2) / height)
            sure = round(1 - math.exp(-weight), 3)
            if counts and weight >= self._least and (best is None or sure > best[0]):
                best = sure, zone
        return best
