"""A real Redis server of the test's own: on a free port, keeping nothing on disk."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class RedisServer:
    """A running redis-server. `stop` kills it; `start` brings it back on the same port, empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = shutil.which("redis-server")
        assert program is not None, "redis-server is missing; run `python -m tests.packages`"
        places = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        self._process = subprocess.Popen(
            [program, *places, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
        )
        for _ in range(400):
            try:
                if self.ask("PING") == b"+PONG\r\n":
                    return
            except OSError:
                time.sleep(0.01)
        raise AssertionError("redis-server does not answer")

    def stop(self) -> None:
        """Kill it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ask(self, *words: str) -> bytes:
        """The raw answer to one command whose answer is a single line."""
        with socket.create_connection(("127.0.0.1", self.port), 2.0) as peer, peer.makefile("rwb") as stream:
            stream.write(f"*{len(words)}\r\n".encode())
            for word in words:
                stream.write(f"${len(word.encode())}\r\n{word}\r\n".encode())
            stream.flush()
            return stream.readline()


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A started server; killed at the end."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
