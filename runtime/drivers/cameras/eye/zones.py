"""Zones: the parts of a picture that count."""

from collections.abc import Iterator, Mapping

import numpy


class Zones:
    """Rectangles by name; without any, the whole picture counts and has no name."""

    def __init__(self, zones: Mapping[str, tuple[float, float, float, float]]) -> None:
        self._zones = dict(zones)

    def parts(self, picture: "numpy.ndarray") -> "Iterator[tuple[str | None, numpy.ndarray]]":
        """What of the picture lies in each zone."""
        if not self._zones:
            yield None, picture
        height, width = picture.shape[:2]
        for name, (left, top, right, bottom) in self._zones.items():
            rows = slice(int(top * height), max(int(top * height) + 1, round(bottom * height)))
            yield name, picture[rows, int(left * width) : max(int(left * width) + 1, round(right * width))]

    def holds(self, across: float, down: float) -> tuple[bool, str | None]:
        """Does that place (parts of width and height) count, and in which zone does it lie?"""
        if not self._zones:
            return True, None
        for name, (left, top, right, bottom) in self._zones.items():
            if left <= across <= right and top <= down <= bottom:
                return True, name
        return False, None
