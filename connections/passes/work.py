"""Work: one compilation under way: what was read, what may be known, and what the passes have decided so far."""

from collections.abc import Sequence

import msgspec

from catalog.authority import Author, Targets
from catalog.catalog import Catalog
from catalog.events import Pattern
from catalog.jsonvalue import Json
from catalog.operations import Operation
from connections.conditions import Check
from connections.findings import Findings
from connections.model import Connection
from connections.parse import Draft
from connections.plan import Source
from connections.reachability import Reachability
from connections.templates import Template


class StepWork:
    """What is decided of one step. `operation` is None where it is unknown, `template` where it cannot be read."""

    __slots__ = ("artifact_from", "condition", "foreach_in", "item_schema", "operation", "template")

    def __init__(self) -> None:
        self.operation: Operation | None = None
        self.template: Template | None = None
        self.foreach_in: Template | None = None
        self.item_schema: Json = {}
        self.condition: Check | None = None
        self.artifact_from: tuple[Source, ...] = ()


class Origin(msgspec.Struct, frozen=True):
    """What may fire the Connection: the payload's schema, and the media types that come along.

    `known` is false where an event's spec is missing; `wrong` says that this was reported as a mistake.
    """

    schema: Json
    produces: tuple[str, ...]
    known: bool
    wrong: bool = False


class Work:
    """Handed from pass to pass; each fills in what it is named after."""

    def __init__(
        self, draft: Draft, connection: Connection, catalog: Catalog, author: Author | None, targets: Targets | None
    ) -> None:
        self.connection = connection
        self.catalog = catalog
        self.author = author
        self.targets = targets
        self.findings: Findings = draft.document.findings
        self.steps = tuple(StepWork() for _ in connection.steps)
        self.ids: Sequence[str | None] = tuple(step.id for step in connection.steps)
        self.patterns: tuple[Pattern, ...] = ()
        self.origin = Origin({}, (), known=False)
        self.reach = Reachability(())
        self.unordered: set[int] = set()
        """Steps whose `needs` could not be read in full: what they need is not known."""
        self.condition: Check | None = None
        self._broken = draft.broken

    def broken(self, pointer: str) -> bool:
        """Was the value at this pointer reported as unusable?"""
        return pointer in self._broken
