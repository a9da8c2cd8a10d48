"""Upstream: the one connection to a camera, to an address that was checked, with the login that it asks for."""

import os

from runtime.drivers.cameras.eye.job import Source, Unseen
from runtime.drivers.cameras.eye.rtsp_text import Message, judge_description, read_next, status_of
from runtime.drivers.cameras.eye.wire import Wire
from runtime.drivers.cameras.settings import StreamPlace
from runtime.drivers.challenge import Challenge, answer, read_challenge

AGENT = "Fabric/0.1"


class Upstream:
    """Speaks RTSP to one camera. Its methods raise Unseen."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.place = StreamPlace(scheme=source.scheme, host=source.host, port=source.port, path=source.path)
        self._challenge: Challenge | None = None
        self._uses = 0
        self.sequence = 0
        self._wire = Wire(source)

    def describe(self) -> None:
        """Ask for the stream's description, signing in where that is asked for: whatever is wrong shows here."""
        reply = self._ask("DESCRIBE")
        if status_of(reply) == 401 and self._source.username and self._learn(reply):
            reply = self._ask_again("DESCRIBE")
        judge_description(reply, has_login=bool(self._source.username))

    def send(self, method: str, uri: str, headers: dict[str, str], body: bytes) -> None:
        """One request, under the next number."""
        self.sequence += 1
        signed = {**headers, "CSeq": str(self.sequence), "User-Agent": AGENT, **self._authorization(method, uri)}
        self.pass_on(Message(first=f"{method} {uri} RTSP/1.0", headers=signed, body=body).written())

    def pass_on(self, content: bytes) -> None:
        """Bytes as they are."""
        self._wire.send(content)

    def receive(self) -> Message | bytes:
        """The next reply, or a piece of media. A challenge in it is answered from the next request on."""
        found = read_next(self._wire.reader)
        if isinstance(found, Message) and status_of(found) == 401:
            self._learn(found)
        return found

    def close(self) -> None:
        """Wakes whoever reads from it."""
        self._wire.close()

    def _ask(self, method: str) -> Message:
        self.send(method, self.place.url, {"Accept": "application/sdp"}, b"")
        while isinstance(found := self.receive(), bytes):
            pass
        return found

    def _ask_again(self, method: str) -> Message:
        """Some hang up after they have asked for a login."""
        try:
            return self._ask(method)
        except Unseen as unseen:
            if unseen.reason != "hung_up":
                raise
        self.close()
        self._wire = Wire(self._source)
        return self._ask(method)

    def _learn(self, reply: Message) -> bool:
        challenge = read_challenge(reply.headers.get("www-authenticate", ""))
        if challenge is None:
            return False
        self._challenge, self._uses = challenge, 0
        return True

    def _authorization(self, method: str, uri: str) -> dict[str, str]:
        if self._challenge is None:
            return {}
        self._uses += 1
        signed = answer(
            self._challenge,
            self._source.username,
            self._source.password,
            method=method,
            uri=uri,
            count=self._uses,
            cnonce=os.urandom(8).hex(),
        )
        return {"Authorization": signed}
