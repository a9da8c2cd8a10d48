"""Where runtime and engine meet: Provider, what a handler is given (Call), and the ports it may use."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.daemons import DaemonApi
from catalog.events import Event, EventSpec
from catalog.jsonvalue import Json
from catalog.operations import Operation, Read, WriteEntry
from catalog.residents import Residents


class Provider(Protocol):
    """A source of operations and events: a native module, the plugin host, a running service."""

    def operations(self) -> Iterable[Operation]:
        """What it can do now."""
        ...

    def events(self) -> Iterable[EventSpec]:
        """What it emits."""
        ...

    def code(self, operation_id: str) -> Read | WriteEntry | None:
        """The code behind one of its operations; None: the driver is missing."""
        ...


@runtime_checkable
class OwnedProvider(Provider, Protocol):
    """A provider whose operations are one organisation's: nobody else sees them or may call them."""

    @property
    def organisation_id(self) -> str:
        """Whose they are."""
        ...


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A controller as a driver sees it; `credentials` are opened for this call alone and never shown."""

    id: str
    organisation_id: str
    site_id: str
    driver: str
    name: str = ""
    settings: Mapping[str, Json]
    credentials: Mapping[str, str] = msgspec.field(default_factory=dict)
    read_only: bool = False

    def __repr__(self) -> str:
        return f"Target(id={self.id!r}, driver={self.driver!r})"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an outgoing request came back with: header names in lower case, of the body what the guard keeps.

    `truncated` says that there was more of it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False


class Http(Protocol):
    """The guarded way out."""

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
        """Send one request and read at most what the guard keeps.

        `purpose` is `webhook`, `guest`, `notify` or `controller` (then `target` is the controller, whose setting
        `address` is the only place it may go, and `seconds` is how long it may take). Headers that are ours to set are
        dropped. A `delivery_id` (stable over repeats) goes along as `webhook-id`, and the request is signed where a
        secret is set. With `Expect: 100-continue` a controller is asked before the body is sent.

        Raises FabricError URL_*, SSRF_*, PARAM_HEADER, EGRESS_UNREACHABLE, EGRESS_TLS, EGRESS_PROTOCOL, EGRESS_TIMEOUT.
        """
        ...

    async def pin(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a controller's host, each checked, for a driver that speaks another protocol than HTTP.

        Connect to one of them and never to the name. Raises FabricError URL_*, SSRF_*, EGRESS_UNREACHABLE.
        """
        ...


class Mail(Protocol):
    """The configured SMTP relay."""

    async def send(self, recipients: Sequence[str], subject: str, body: str, message_id: str) -> None:
        """Hand one message over. Raises FabricError MAIL_UNCONFIGURED, MAIL_REFUSED or MAIL_UNREACHABLE."""
        ...


class Inbox(Protocol):
    """In-app notifications."""

    async def deliver(self, organisation_id: str, delivery_id: str, title: str, body: str, source: str) -> str:
        """Keep a notification and return its id; the same `delivery_id` again is the same notification."""
        ...


class Artifacts(Protocol):
    """Bytes by reference."""

    async def put(self, content: bytes, media_type: str) -> ArtifactRef:
        """Keep bytes in the transient broker (one hour)."""
        ...

    def open(self, artifact: ArtifactRef) -> AsyncIterator[bytes]:
        """Its bytes, hashed as they are handed over. Raises FabricError ARTIFACT_GONE or ARTIFACT_ALTERED."""
        ...


class LogSink(Protocol):
    """Where `fabric.log` writes."""

    def line(self, message: str | None, call: "Call") -> None:
        """Record one structured line. No side effect besides."""
        ...


class Managed(msgspec.Struct, frozen=True, kw_only=True):
    """Every organisation's controllers: those that are opened, and the ids of those whose credentials do not open."""

    targets: tuple[Target, ...]
    closed: frozenset[str] = frozenset()


class Controllers(Protocol):
    """The managed targets, for what watches them."""

    async def every(self) -> Managed:
        """All there are. One whose credentials do not open is logged. Raises FabricError STORE_*."""
        ...

    def changed(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after any of them came, went or changed, until the returned function is called."""
        ...


class EventSink(Protocol):
    """How pollers and daemons hand events to the engine."""

    async def publish(self, event: Event) -> None:
        """Make the event durable, then dispatch it."""
        ...


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """What every handler may reach, built once. `daemon` is the services daemon of this process, where one may run.

    `residents` is what drivers keep open between calls, `home` the folder for files of their own.
    """

    log: LogSink
    http: Http
    mail: Mail
    inbox: Inbox
    artifacts: Artifacts
    daemon: DaemonApi | None = None
    residents: Residents = msgspec.field(default_factory=Residents)
    home: Path | None = None


class Call(msgspec.Struct, kw_only=True):
    """What a handler is given besides its parameters.

    `deadline` is on the loop's monotonic clock in seconds. `delivery_id` is stable over repeats of the same run,
    step and item, so that receivers can drop them. `trigger` is the event's payload. `change_id` is set at Apply.
    `depth` counts the firings that led to the run's event.
    """

    organisation_id: str
    operation_id: str
    ports: Ports
    deadline: float
    delivery_id: str = ""
    trigger: Json = None
    actor_id: str = ""
    run_id: str = ""
    step: str = ""
    connection: str = ""
    target: Target | None = None
    artifact: ArtifactRef | None = None
    change_id: str = ""
    depth: int = 0
