"""The real server with one route more: `/bench/floor`, which answers 204 behind the same protocol class and signals."""

import sys

from api.server import serve
from api.settings import read_settings

if __name__ == "__main__":
    settings, _ = read_settings()
    sys.exit(serve(settings, floor=True))
