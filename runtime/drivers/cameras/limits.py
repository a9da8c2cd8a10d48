"""How much of a camera is taken, whatever it sends."""

MAX_JPEG = 8 * 1024 * 1024
"""Bytes of one picture."""

MAX_SIDE = 16384
"""Pixels of a picture's longer side."""

AT_ONCE = 4
"""Cameras of one controller that are asked at the same time."""
