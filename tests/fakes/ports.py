"""Ports that record what a handler did with them, and a Call that carries them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.artifacts import ArtifactRef
from catalog.daemons import DaemonApi
from catalog.errors import FabricError, NotFound
from catalog.jsonvalue import Json
from catalog.provider import Answer, Call, Ports, Target


@dataclass
class Sent:
    """One outgoing request as a handler asked for it."""

    purpose: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    delivery_id: str


@dataclass
class FakeHttp:
    """Answers every request with `answer`, or raises `error`."""

    answer: Answer = field(default_factory=lambda: Answer(status=200, headers={}, body=b""))
    error: FabricError | None = None
    sent: list[Sent] = field(default_factory=list)

    async def send(
        self,
        purpose: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        delivery_id: str = "",
        target: Target | None = None,
        seconds: float | None = None,
    ) -> Answer:
        self.sent.append(Sent(purpose, method, url, dict(headers), body, delivery_id))
        if self.error is not None:
            raise self.error
        return self.answer

    async def pin(self, host: str, port: int) -> Sequence[str]:
        if self.error is not None:
            raise self.error
        return (host,)


@dataclass
class FakeMail:
    """Keeps every message; raises `error` instead where one is set."""

    error: FabricError | None = None
    sent: list[tuple[list[str], str, str, str]] = field(default_factory=list)

    async def send(self, recipients: Sequence[str], subject: str, body: str, message_id: str) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append((list(recipients), subject, body, message_id))


@dataclass
class FakeInbox:
    """Notifications by delivery id."""

    kept: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)

    async def deliver(self, organisation_id: str, delivery_id: str, title: str, body: str, source: str) -> str:
        self.kept[delivery_id] = (organisation_id, title, body, source)
        return f"n-{delivery_id}"


@dataclass
class FakeArtifacts:
    """Bytes by their SHA-256; handed over in pieces of `piece` bytes, as they are in `held`, altered or not."""

    held: dict[str, bytes] = field(default_factory=dict)
    piece: int = 5

    async def put(self, content: bytes, media_type: str) -> ArtifactRef:
        token = hashlib.sha256(content).hexdigest()
        self.held[token] = content
        return ArtifactRef(token=token, sha256=token, size=len(content), media_type=media_type)

    async def open(self, artifact: ArtifactRef) -> AsyncIterator[bytes]:
        content = self.held.get(artifact.token)
        if content is None:
            raise NotFound("ARTIFACT_GONE", "The artifact is no longer there.")
        for start in range(0, len(content), self.piece):
            await asyncio.sleep(0)
            yield content[start : start + self.piece]


@dataclass
class FakeLog:
    """Every line with the call it came from."""

    lines: list[tuple[str | None, Call]] = field(default_factory=list)

    def line(self, message: str | None, call: Call) -> None:
        self.lines.append((message, call))


@dataclass
class FakePorts:
    """All of them, and `call()` to make what a handler is given."""

    log: FakeLog = field(default_factory=FakeLog)
    http: FakeHttp = field(default_factory=FakeHttp)
    mail: FakeMail = field(default_factory=FakeMail)
    inbox: FakeInbox = field(default_factory=FakeInbox)
    artifacts: FakeArtifacts = field(default_factory=FakeArtifacts)
    daemon: DaemonApi | None = None

    def call(
        self,
        operation_id: str,
        *,
        trigger: Json = None,
        target: Target | None = None,
        artifact: ArtifactRef | None = None,
        change_id: str = "",
    ) -> Call:
        ports = Ports(
            log=self.log,
            http=self.http,
            mail=self.mail,
            inbox=self.inbox,
            artifacts=self.artifacts,
            daemon=self.daemon,
        )
        return Call(
            organisation_id="org-1",
            operation_id=operation_id,
            ports=ports,
            deadline=float("inf"),
            delivery_id="run-1.0",
            trigger=trigger,
            run_id="run-1",
            step="0",
            connection="porch",
            target=target,
            artifact=artifact,
            change_id=change_id,
        )
