"""Index: from an event to the Connections it may fire, at a cost that follows the matches and not the Connections.

By organisation, then by event type (a dictionary for exact types, a trie of segments for patterns), then by one
equality condition of each Connection: the seed routes every callback by `ingest.external` and a condition on name.
"""

from collections.abc import Iterable

from catalog.events import Pattern
from catalog.jsonvalue import Json
from engine.entries import Entry, Routing

_ABSENT = object()


def _key(value: object) -> object:
    """A dictionary key under which 1 and 1.0 are one and true and 1 are two, as `eq` has it."""
    return (bool, value) if value is True or value is False else value


class Bucket:
    """The Connections of one pattern: those without an equality condition, and the others under path and value."""

    __slots__ = ("always", "by_path")

    def __init__(self) -> None:
        self.always: dict[str, Entry] = {}
        self.by_path: dict[tuple[str, ...], dict[object, dict[str, Entry]]] = {}

    def add(self, entry: Entry, routing: Routing) -> None:
        """Put an entry where its first equality condition says."""
        if routing.equals is None:
            self.always[entry.id] = entry
            return
        path, value = routing.equals
        self.by_path.setdefault(path, {}).setdefault(_key(value), {})[entry.id] = entry

    def remove(self, entry: Entry, routing: Routing) -> None:
        """Take an entry out of where `add` put it."""
        if routing.equals is None:
            self.always.pop(entry.id, None)
            return
        path, value = routing.equals
        values = self.by_path.get(path, {})
        entries = values.get(_key(value), {})
        entries.pop(entry.id, None)
        if not entries:
            values.pop(_key(value), None)
        if not values:
            self.by_path.pop(path, None)

    def collect(self, payload: Json, found: dict[str, Entry]) -> None:
        """Add to `found` every entry whose equality condition the payload meets."""
        if self.always:
            found.update(self.always)
        for path, values in self.by_path.items():
            value = payload
            for segment in path:
                value = value.get(segment, _ABSENT) if type(value) is dict else _ABSENT
            if type(value) in (str, int, float, bool):
                entries = values.get(_key(value))
                if entries:
                    found.update(entries)

    @property
    def empty(self) -> bool:
        """Does it hold nothing?"""
        return not self.always and not self.by_path


class _Node:
    __slots__ = ("any_depth", "children", "one_segment")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.one_segment = Bucket()
        self.any_depth = Bucket()


class _Patterns:
    """One organisation's patterns."""

    def __init__(self) -> None:
        self.exact: dict[str, Bucket] = {}
        self.root = _Node()
        self.wild = 0

    def bucket(self, pattern: Pattern) -> Bucket:
        if pattern.exact:
            return self.exact.setdefault(pattern.text, Bucket())
        node = self.root
        for segment in pattern.segments:
            node = node.children.setdefault(segment, _Node())
        return node.any_depth if pattern.tail == "#" or not pattern.segments else node.one_segment

    def collect(self, event_type: str, payload: Json, found: dict[str, Entry]) -> None:
        bucket = self.exact.get(event_type)
        if bucket is not None:
            bucket.collect(payload, found)
        if self.wild:
            self._collect_wild(event_type.split("."), payload, found)

    def _collect_wild(self, segments: list[str], payload: Json, found: dict[str, Entry]) -> None:
        node: _Node | None = self.root
        for position, segment in enumerate(segments):
            if node is None:
                return
            node.any_depth.collect(payload, found)
            if position == len(segments) - 1:
                node.one_segment.collect(payload, found)
            node = node.children.get(segment)
        if node is not None:
            node.any_depth.collect(payload, found)


class Index:
    """Every enabled Connection of every organisation."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._organisations: dict[str, _Patterns] = {}
        self._entries: dict[str, Entry] = {}
        for entry in entries:
            self.put(entry)

    def put(self, entry: Entry) -> None:
        """Add the entry, or replace the one of the same id."""
        self.remove(entry.id)
        self._entries[entry.id] = entry
        patterns = self._organisations.setdefault(entry.organisation_id, _Patterns())
        for pattern in entry.routing.patterns:
            patterns.bucket(pattern).add(entry, entry.routing)
            patterns.wild += not pattern.exact

    def remove(self, connection_id: str) -> None:
        """Forget a Connection; absent ones are no error."""
        entry = self._entries.pop(connection_id, None)
        if entry is None:
            return
        patterns = self._organisations[entry.organisation_id]
        for pattern in entry.routing.patterns:
            bucket = patterns.bucket(pattern)
            bucket.remove(entry, entry.routing)
            patterns.wild -= not pattern.exact
            if pattern.exact and bucket.empty:
                del patterns.exact[pattern.text]
        if not patterns.exact and not patterns.wild:
            del self._organisations[entry.organisation_id]

    def find(self, connection_id: str) -> Entry | None:
        """The enabled Connection of that id, or None."""
        return self._entries.get(connection_id)

    def entries(self) -> list[Entry]:
        """All of them."""
        return list(self._entries.values())

    def candidates(self, organisation_id: str, event_type: str, payload: Json) -> Iterable[Entry]:
        """Entries whose pattern matches and whose indexed condition holds; the others' conditions are not looked at."""
        patterns = self._organisations.get(organisation_id)
        if patterns is None:
            return ()
        found: dict[str, Entry] = {}
        patterns.collect(event_type, payload, found)
        return found.values()
