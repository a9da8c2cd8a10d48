"""The eye: a process of its own that decodes what cameras send, and has nothing but that to lose.

FFmpeg and OpenCV read bytes of whoever answers at an address; the server never does. `python -m
runtime.drivers.cameras.eye` takes one job on its standard input, tells on its standard output, and ends.
"""
