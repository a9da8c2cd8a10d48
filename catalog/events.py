"""EventSpec: what a module emits. Event: one that happened. Event patterns: how a Connection names its source."""

import inspect
import re

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from catalog.operations import Tier, check_namespace, check_schemas
from catalog.schemas import schema_of

_SEGMENT = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")


class EventSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A catalog entry: an event's type, its payload's schema, and the media type of the artifact it refers to."""

    event_type: str
    title: str
    tier: Tier = Tier.NATIVE
    module: str = ""
    description: str = ""
    payload_schema: Json = msgspec.field(default_factory=dict)
    produces: str | None = None
    driver_missing: bool = False

    @classmethod
    def of(cls, event_type: str, payload: type, **facts: str | bool | None) -> "EventSpec":
        """The spec whose payload is a struct; its docstring is the title."""
        title = " ".join((inspect.getdoc(payload) or "").partition("\n\n")[0].split()).rstrip(".")
        fields = {"title": title, "module": event_type.partition(".")[0], **facts}
        return cls(event_type=event_type, payload_schema=schema_of(payload), **fields)  # type: ignore[arg-type]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in an organisation. `time` is seconds since 1970 UTC.

    `depth` counts the firings that led here (0 for one from outside) and `cause` names the run that did. `only` bounds
    it to one Connection and `origin` says why (a test); an ordinary event is `live` and fires whatever matches.
    """

    id: str
    organisation_id: str
    type: str
    payload: Json
    time: float
    artifact: ArtifactRef | None = None
    depth: int = 0
    cause: str | None = None
    only: str | None = None
    origin: str = "live"


def check_event(spec: EventSpec) -> None:
    """Refuse an EventSpec whose type is malformed or outside its tier's namespace. Raises EVENT_*, SCHEMA_INVALID."""
    check_namespace(spec.event_type, spec.tier, kind="EVENT")
    if spec.tier is Tier.PLUGIN:
        check_schemas(spec.event_type, spec.payload_schema)


class Pattern(msgspec.Struct, frozen=True):
    """A parsed source pattern: leading segments, then nothing, one segment (`*`) or any depth (`#`)."""

    text: str
    segments: tuple[str, ...]
    tail: str = ""

    @property
    def exact(self) -> bool:
        """Does it name one event type?"""
        return not self.tail

    def matches(self, event_type: str) -> bool:
        """Does an event of this type fire it? `a.b.#` also matches `a.b`; a lone `*` matches everything."""
        if not self.tail:
            return event_type == self.text
        if not self.segments:
            return True
        found = tuple(event_type.split("."))
        lead = len(self.segments)
        if found[:lead] != self.segments:
            return False
        return len(found) == lead + 1 if self.tail == "*" else len(found) >= lead


def parse_pattern(text: str) -> Pattern:
    """Parse `a.b.c`, `a.b.*`, `a.b.#` or `*`. Raises Invalid SCHEMA_PATTERN."""
    *lead, last = text.split(".")
    if last in ("*", "#"):
        valid = all(_SEGMENT.match(each) for each in lead) and (bool(lead) or last == "*")
        pattern = Pattern(text, tuple(lead), last)
    else:
        valid = bool(lead) and all(_SEGMENT.match(each) for each in (*lead, last))
        pattern = Pattern(text, (*lead, last))
    if not valid:
        raise Invalid(
            "SCHEMA_PATTERN",
            f"`{text[:80]}` is not an event pattern.",
            hint="Write `a.b.c`, `a.b.*`, `a.b.#` or `*`; a wildcard stands last and alone.",
        )
    return pattern
