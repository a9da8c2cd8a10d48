"""Entry: a stored Connection as the index holds it, compiled when it is first needed."""

from collections.abc import Callable

import msgspec

import connections
from catalog.catalog import Catalog
from catalog.events import Pattern, parse_pattern
from catalog.jsonvalue import Json
from connections.plan import Plan
from engine.records import StoredConnection


class Routing(msgspec.Struct, frozen=True):
    """What decides whether an event may fire a Connection: its patterns, and one equality condition on the payload."""

    patterns: tuple[Pattern, ...]
    equals: tuple[tuple[str, ...], Json] | None = None


def routing_of(plan: Plan) -> Json:
    """A plan's routing as it is stored beside the source, so that the index needs no compiling at start."""
    first = next(iter(plan.equality_terms), None)
    return {
        "patterns": [pattern.text for pattern in plan.source_patterns],
        "equals": [list(first[0]), first[1]] if first else None,
    }


def read_routing(stored: Json) -> Routing:
    """The other way of `routing_of`."""
    equals = stored.get("equals")
    return Routing(
        tuple(parse_pattern(text) for text in stored["patterns"]),
        (tuple(equals[0]), equals[1]) if equals else None,
    )


class Entry:
    """A Connection in the index. `plan()` compiles once for each catalog; a run keeps the Plan it began with."""

    __slots__ = (
        "_catalog",
        "_current",
        "_plan",
        "author_id",
        "id",
        "name",
        "organisation_id",
        "revision",
        "routing",
        "source",
    )

    def __init__(self, stored: StoredConnection, catalog: Callable[[], Catalog], plan: Plan | None = None) -> None:
        self.id = stored.id
        self.organisation_id = stored.organisation_id
        self.name = stored.name
        self.author_id = stored.author_id
        self.revision = stored.revision
        self.routing = read_routing(stored.routing)
        self.source = stored.source
        self._current = catalog
        self._catalog = catalog() if plan is not None else None
        self._plan = plan

    def plan(self) -> Plan:
        """The compiled Connection. Raises ConnectionInvalid where the present catalog no longer allows it."""
        catalog = self._current()
        if self._plan is None or self._catalog is not catalog:
            self._plan = connections.compile(self.source, catalog)
            self._catalog = catalog
        return self._plan
