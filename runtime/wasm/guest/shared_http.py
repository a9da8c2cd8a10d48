"""SharedHttp: one request socket for the `fabric.http_request`s of many threads."""

from queue import SimpleQueue
from threading import Lock

from runtime.wasm.guest.requests import RequestSocket


class SharedHttp:
    """Each thread waits for its own answer; one thread reads the socket for all."""

    def __init__(self, requests: RequestSocket) -> None:
        self._requests = requests
        self._lock = Lock()
        self._last = 0
        self._waiting: dict[int, SimpleQueue[bytes | None]] = {}

    def ask(self, request: bytes) -> bytes:
        """Have the daemon carry it out. Raises ConnectionError."""
        answer: SimpleQueue[bytes | None] = SimpleQueue()
        with self._lock:
            self._last = number = self._last + 1
            self._waiting[number] = answer
            self._requests.ask(number, request)
        got = answer.get()
        if got is None:
            raise ConnectionError
        return got

    def run(self) -> None:
        """Read answers until the daemon closes the socket."""
        while (frame := self._requests.next_answer()) is not None:
            number, payload = frame
            waiting = self._waiting.pop(number, None)
            if waiting is not None:
                waiting.put(payload)
        for waiting in list(self._waiting.values()):
            waiting.put(None)
