"""What the ONVIF peer runs: IPyCam's device and media service and its pictures, and none of its discovery.

`onvif_camera_program.py JOB`: JOB is JSON with `rtsp_port` and `stream` (where its stream is), `username` and
`password` (empty: everybody is let in), `calls_itself` (its address) and `pictures_at` (where it says that its pictures
are). Prints `ready PORT`, and ends when its standard input does.
"""

import dataclasses
import importlib
import json
import sys
import threading
from http.server import ThreadingHTTPServer
from typing import Protocol

import cv2
import numpy

# It has no types, and no name that a checker could follow.
ipycam = importlib.import_module("ipycam")

WIDTH, HEIGHT = 320, 240


def main() -> None:
    """Serve until standard input ends."""
    job = json.loads(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), ipycam.IPCameraHTTPHandler)
    config = ipycam.CameraConfig(
        name="Porch",
        local_ip=job["calls_itself"],
        onvif_port=server.server_port,
        rtsp_port=job["rtsp_port"],
        main_stream_name=job["stream"],
        main_width=WIDTH,
        main_height=HEIGHT,
        main_fps=5,
        username=job["username"],
        password=job["password"],
        show_timestamp=False,
        recording_enabled=False,
    )
    camera = ipycam.IPCamera(config)
    ipycam.IPCameraHTTPHandler.camera = camera
    said = dataclasses.replace(config, snapshot_url=job["pictures_at"])
    camera.onvif = ipycam.ONVIFService(said, camera.ptz)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=show, args=(camera,), daemon=True).start()
    print(f"ready {server.server_port}", flush=True)
    sys.stdin.read()


class Shown(Protocol):
    """What the camera is shown."""

    def stream(self, frame: object) -> bool:
        """Show it one picture, and wait for the next one's time."""
        ...


def show(camera: Shown) -> None:
    """A ball on its way."""
    place = 0
    while True:
        place = (place + 16) % WIDTH
        picture: numpy.ndarray = numpy.zeros((HEIGHT, WIDTH, 3), dtype=numpy.uint8)
        cv2.circle(picture, (place, HEIGHT // 2), 40, (240, 240, 240), -1)
        camera.stream(picture)


if __name__ == "__main__":
    main()
