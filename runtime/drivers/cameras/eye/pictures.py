"""A picture that was sent in: read by OpenCV, and handed back as it came."""

import cv2
import numpy

from runtime.drivers.cameras.jpeg import measure


class Picture:
    """One JPEG. Raises ValueError where it is none that can be read."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        size = measure(content)
        self.width, self.height = size.width, size.height
        # A large one is scaled down as it is read: the eighth part of a side costs a sixty-fourth.
        smaller = cv2.IMREAD_REDUCED_GRAYSCALE_2 if self.width >= 2 * 640 else cv2.IMREAD_GRAYSCALE
        found = cv2.imdecode(numpy.frombuffer(content, numpy.uint8), smaller)
        if found is None:
            raise ValueError("its JPEG cannot be read")
        self._gray = found

    def gray(self, width: int) -> "object":
        """Its brightness, scaled down to that width."""
        height, present = self._gray.shape[:2]
        width = min(width, present)
        return cv2.resize(self._gray, (width, max(1, height * width // present)), interpolation=cv2.INTER_AREA)

    def jpeg(self) -> bytes:
        """This very picture."""
        return self._content
