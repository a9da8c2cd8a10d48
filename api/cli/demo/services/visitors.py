"""Visitors: requests to the shop's door, one at a time or a crowd of them."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from catalog.jsonvalue import Json

HOST = "127.0.0.1"
SECONDS = 30.0


class Door:
    """The shop's port."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, path: str, body: Json = None) -> tuple[int, Json]:
        """One request: its status and its JSON. Status 0: nobody answered."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=SECONDS)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()


class Crowd:
    """Visitors who ask again as soon as they are answered; `statuses` counts what they were told."""

    def __init__(self, door: Door, path: str, visitors: int) -> None:
        self.statuses: dict[int, int] = {}
        self._door = door
        self._path = path
        self._gone = threading.Event()
        self._counting = threading.Lock()
        self._threads = [threading.Thread(target=self._visit, daemon=True) for _ in range(visitors)]

    @contextmanager
    def visiting(self) -> Iterator[None]:
        """They come, and go at the end."""
        for each in self._threads:
            each.start()
        try:
            yield
        finally:
            self._gone.set()
            for each in self._threads:
                each.join()

    def _visit(self) -> None:
        while not self._gone.is_set():
            status, _ = self._door.ask("GET", self._path)
            with self._counting:
                self.statuses[status] = self.statuses.get(status, 0) + 1
