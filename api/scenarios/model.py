"""Scenario: what an author writes to try a Connection out. Strict: an unknown key is an error."""

from typing import Literal

import msgspec

from catalog.jsonvalue import Json


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people write: no key passes that nobody reads."""


class ArtifactIn(_Written, frozen=True):
    """Bytes that come with an event: a file beside the scenario."""

    file: str
    media_type: str


class EventIn(_Written, frozen=True):
    """An event as a module would emit it."""

    type: str
    payload: dict[str, Json] = {}
    artifact: ArtifactIn | None = None


class IngestIn(_Written, frozen=True):
    """What an outside system pushes through the inbound bridge."""

    name: str
    payload: Json = {}
    key: str | None = None


class ControllerIn(_Written, frozen=True):
    """A target. Driver `local` without settings is given a folder of its own, holding `files` (path → text)."""

    id: str
    name: str
    driver: str = "local"
    settings: dict[str, Json] = {}
    credentials: dict[str, str] = {}
    read_only: bool = False
    files: dict[str, str] = {}


class AskIn(_Written, frozen=True):
    """One request of the services API; `path` is what follows /v1/."""

    method: str
    path: str
    body: Json = None


class DaemonIn(_Written, frozen=True):
    """A services daemon of the scenario's own, the local one: folders of built modules, then what it is asked."""

    modules: tuple[str, ...] = ()
    asks: tuple[AskIn, ...] = ()


class AnswerOut(_Written, frozen=True):
    """What the receiver answers; `delay` is in seconds."""

    status: int = 200
    body: Json = None
    headers: dict[str, str] = {}
    delay: float = 0.0


class ReceiverIn(_Written, frozen=True):
    """The loopback receiver. `stands_for` lists beginnings of URLs in the Connections that lead to it instead.

    `answers` are given in turn, a bare number being a status; the last one stays.
    """

    stands_for: tuple[str, ...] = ()
    answers: tuple[int | AnswerOut, ...] = (200,)


class StepExpected(_Written, frozen=True):
    """What a step came to; `output`, `params` and `artifact` are matched as subsets, `error` is a code."""

    state: str | None = None
    attempts: int | None = None
    output: Json = msgspec.UNSET
    params: Json = msgspec.UNSET
    artifact: Json = msgspec.UNSET
    error: str | None = None
    reason: str | None = None


class RunExpected(_Written, frozen=True):
    """One firing. `connection` is needed where there are several; steps are named by id or number."""

    connection: str | None = None
    state: str | None = None
    reason: str | None = None
    error: str | None = None
    steps: dict[str, StepExpected] = {}


class ChangeExpected(_Written, frozen=True):
    """One staged write; `controller` is a name of the scenario, values that are JSON are matched as subsets."""

    operation: str | None = None
    controller: str | None = None
    target: Json = msgspec.UNSET
    state: str | None = None
    artifact: Json = msgspec.UNSET
    before: Json = msgspec.UNSET
    after: Json = msgspec.UNSET
    outcome: Json = msgspec.UNSET
    error: str | None = None


class CallExpected(_Written, frozen=True):
    """One request that reached the receiver; `body` is matched as a subset, `headers` by name in any case."""

    method: str | None = None
    path: str | None = None
    body: Json = msgspec.UNSET
    headers: dict[str, Json] = {}


class NotificationExpected(_Written, frozen=True):
    """One in-app notification."""

    title: Json = msgspec.UNSET
    body: Json = msgspec.UNSET


class FileExpected(_Written, frozen=True):
    """A file of a `local` controller: its text, its JSON (a subset), the same bytes as a file here, or its absence.

    `path` may hold `*`; then it must be exactly one file's.
    """

    controller: str
    path: str
    text: str | None = None
    json: Json = msgspec.UNSET
    same_as: str | None = None
    absent: bool = False


class Expected(_Written, frozen=True):
    """What is looked at; what is not named is not. Lists must be complete, in any order.

    `runs`, `calls` and `notifications` are those since the stage began; `changes` are all so far. `refused` is the
    code with which the stage itself is turned away.
    """

    runs: tuple[RunExpected, ...] | None = None
    changes: tuple[ChangeExpected, ...] | None = None
    calls: tuple[CallExpected, ...] | None = None
    notifications: tuple[NotificationExpected, ...] | None = None
    files: tuple[FileExpected, ...] = ()
    refused: str | None = None


class Stage(_Written, frozen=True):
    """One thing that happens (exactly one of `event`, `ingest`, `apply`, `reject`), and what is expected of it.

    `apply` and `reject` take numbers of changes in the order they were staged, or `all` that are pending.
    """

    event: EventIn | None = None
    ingest: IngestIn | None = None
    apply: tuple[int, ...] | Literal["all"] | None = None
    reject: tuple[int, ...] | Literal["all"] | None = None
    expect: Expected = Expected()

    @property
    def deeds(self) -> int:
        """How many things happen in it."""
        return sum(each is not None for each in (self.event, self.ingest, self.apply, self.reject))


class Scenario(_Written, frozen=True):
    """A story: Connections, what they need, an event, what is expected; then what a person does, and so on.

    `read_only` is ADAPTER_READ_ONLY; `seconds` bounds how long a stage's runs may take.
    """

    scenario: str
    description: str = ""
    connections: tuple[str, ...] = ("connection.yaml",)
    secrets: dict[str, str] = {}
    controllers: tuple[ControllerIn, ...] = ()
    receiver: ReceiverIn = ReceiverIn()
    daemon: DaemonIn | None = None
    read_only: bool = False
    seconds: float = 30.0
    event: EventIn | None = None
    ingest: IngestIn | None = None
    expect: Expected = Expected()
    then: tuple[Stage, ...] = ()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The first event and what follows, alike."""
        return (Stage(event=self.event, ingest=self.ingest, expect=self.expect), *self.then)
