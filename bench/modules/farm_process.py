"""The farm of cameras as a child process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.void import Void

PICTURE = Path(__file__).resolve().parents[2] / "samples" / "motion-to-store" / "motion.jpg"


@contextmanager
def farm() -> Iterator[str]:
    """A started farm's URL; killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.modules.farm", str(PICTURE)], stdout=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is None or not (port := process.stdout.readline().strip()):
            raise Void("the farm did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
