"""The farm of cameras as a child process."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy

from bench.void import Void

WIDTH, HEIGHT, QUALITY = 640, 480, 80


@contextmanager
def farm() -> Iterator[str]:
    """A started farm's URL; killed at the end. Each picture is a JPEG of 640 by 480 with some noise, about 60 KiB."""
    with tempfile.NamedTemporaryFile(suffix=".jpg") as picture:
        picture.write(_picture())
        picture.flush()
        command = [sys.executable, "-m", "bench.modules.farm", picture.name]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            if process.stdout is None or not (port := process.stdout.readline().strip()):
                raise Void("the farm did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _picture() -> bytes:
    shade = numpy.linspace(0, 200, WIDTH, dtype=numpy.float32)[None, :, None] * numpy.ones((HEIGHT, 1, 3))
    noise = numpy.random.default_rng(1).normal(0, 8, (HEIGHT, WIDTH, 3))
    image = numpy.clip(shade + noise, 0, 255).astype(numpy.uint8)
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return bytes(encoded.tobytes())
