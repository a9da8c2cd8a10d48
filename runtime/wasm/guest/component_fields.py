"""`fields` of wasi:http/types: headers, in the order in which they came."""

from collections.abc import Iterable, Sequence

from wasmtime.component import Variant

from runtime.wasm.guest.component_resources import Function, Resource
from runtime.wasm.messages import Header

_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_FORBIDDEN = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
"""What belongs to a connection and not to a message."""

IMMUTABLE, FORBIDDEN, INVALID = Variant("immutable"), Variant("forbidden"), Variant("invalid-syntax")


class Fields(Resource):
    """Names in lower case, each with a value. Those of a message that came cannot be changed."""

    kind = 5

    def __init__(self, entries: Iterable[Header] = (), *, mutable: bool = True) -> None:
        self.items = list(entries)
        self._mutable = mutable

    @classmethod
    def from_list(cls, entries: Sequence[tuple[str, bytes]]) -> "Fields | Variant":
        """New ones, or why not."""
        made = cls()
        for name, value in entries:
            refusal = made.append(name, value)
            if refusal is not None:
                return refusal
        return made

    def get(self, name: str) -> list[bytes]:
        """All values of a name."""
        wanted = _name(name)
        return [value for each, value in self.items if each == wanted]

    def has(self, name: str) -> bool:
        """Is there one?"""
        return any(each == _name(name) for each, _ in self.items)

    def set(self, name: str, values: Sequence[bytes]) -> Variant | None:
        """Replace all values of a name."""
        refusal = self._refusal(name, values)
        if refusal is None:
            self.items = [item for item in self.items if item[0] != _name(name)]
            self.items += [(_name(name), value) for value in values]
        return refusal

    def delete(self, name: str) -> Variant | None:
        """Remove a name."""
        return self.set(name, ())

    def append(self, name: str, value: bytes) -> Variant | None:
        """One more value."""
        refusal = self._refusal(name, (value,))
        if refusal is None:
            self.items.append((_name(name), value))
        return refusal

    def entries(self) -> list[tuple[str, bytes]]:
        """All of them."""
        return [(name.decode("latin-1"), value) for name, value in self.items]

    def clone(self) -> "Fields":
        """A copy that can be changed."""
        return Fields(self.items)

    def frozen(self) -> "Fields":
        """A copy that cannot."""
        return Fields(self.items, mutable=False)

    def _refusal(self, name: str, values: Sequence[bytes]) -> Variant | None:
        if not self._mutable:
            return IMMUTABLE
        raw = _name(name)
        if not raw or not _TOKEN.issuperset(raw) or any(set(value) & set(b"\r\n\0") for value in values):
            return INVALID
        return FORBIDDEN if raw in _FORBIDDEN else None


def _name(name: str) -> bytes:
    return name.lower().encode("utf-8")


FIELDS: dict[str, Function] = {
    "[constructor]fields": Fields,
    "[static]fields.from-list": Fields.from_list,
    "[method]fields.get": Fields.get,
    "[method]fields.has": Fields.has,
    "[method]fields.set": Fields.set,
    "[method]fields.delete": Fields.delete,
    "[method]fields.append": Fields.append,
    "[method]fields.entries": Fields.entries,
    "[method]fields.clone": Fields.clone,
}
