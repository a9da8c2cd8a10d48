"""Who works while the server dies: senders that push events, and a person who applies what waits."""

import http.client
import json
import random
import threading
import time
import urllib.error
from typing import Any

from bench.server import Server

PAUSE = 0.01
"""Seconds between two events of one sender."""


class Sender(threading.Thread):
    """Pushes events with an Idempotency-Key each, trying again until one is answered; keeps what was acknowledged."""

    def __init__(self, server: Server, key: str, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}
        self._number = number
        self._over = stop
        self.acknowledged: list[str] = []
        self.repeated = 0

    def run(self) -> None:
        """Until told to stop; what is under way then is still brought to its answer."""
        dice = random.Random(self._number)
        count = 0
        while not self._over.is_set():
            count += 1
            name = "keep" if dice.random() < 0.1 else "read"
            body = json.dumps({"name": name, "payload": {"sender": self._number, "count": count}})
            self._push(body.encode(), f"{self._number}-{count}")
            time.sleep(PAUSE)

    def _push(self, body: bytes, key: str) -> None:
        """Send one event; after a lost answer the same again with the same key."""
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=10)
            try:
                headers = {**self._headers, "Idempotency-Key": key}
                connection.request("POST", "/api/v1/fabric/ingest", body, headers)
                answer = connection.getresponse()
                told = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError):
                self.repeated += 1
                time.sleep(0.05)
                continue
            finally:
                connection.close()
            if answer.status == 202:
                self.acknowledged.append(told["event_id"])
                return
            if answer.status < 500:
                raise RuntimeError(f"ingest answers {answer.status}: {told}")
            time.sleep(0.05)


class Person(threading.Thread):
    """Looks at what is pending and applies it, once each as far as he knows; keeps what he asked for."""

    def __init__(self, server: Server, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._server = server
        self._over = stop
        self.asked: set[str] = set()
        self.applied: set[str] = set()

    def run(self) -> None:
        """Until told to stop."""
        while not self._over.is_set():
            try:
                page = self._server.call("GET", "changes?state=pending&limit=20", timeout=5)
                for change in page["items"]:
                    self._decide(change)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.1)
            time.sleep(0.02)

    def _decide(self, change: Any) -> None:
        self.asked.add(change["id"])
        body = {"force": True, "digest": change["digest"]}
        try:
            told = self._server.call("POST", f"changes/{change['id']}/apply", body, timeout=10)
        except urllib.error.HTTPError as error:
            if error.code != 409:
                raise
        else:
            if told["state"] == "applied":
                self.applied.add(change["id"])
