"""SealedStore on SQLite."""

from collections import Counter
from collections.abc import Callable

import msgspec

from engine.records import Resealed, SealedKind
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.readers import Rows
from engine.stores.sqlite.transaction import Transaction
from engine.tenancy import Controller, Credential

Renew = Callable[[bytes], bytes | None]

_encode = msgspec.json.Encoder().encode
_controller = msgspec.json.Decoder(Controller).decode
_credential = msgspec.json.Decoder(Credential).decode

_COUNT = "SELECT (SELECT count(*) FROM controller) + (SELECT count(*) FROM secret) + (SELECT count(*) FROM credential)"
_READ = {
    SealedKind.CONTROLLER: "SELECT id, organisation_id, body FROM controller WHERE id > ?1 ORDER BY id LIMIT ?2",
    SealedKind.SECRET: (
        "SELECT json_array(organisation_id, name), organisation_id, sealed FROM secret"
        " WHERE (organisation_id, name) > (coalesce(?1 ->> 0, ''), coalesce(?1 ->> 1, ''))"
        " ORDER BY organisation_id, name LIMIT ?2"
    ),
    SealedKind.CREDENTIAL: "SELECT id, organisation_id, body FROM credential WHERE id > ?1 ORDER BY id LIMIT ?2",
}
_WRITE = {
    SealedKind.CONTROLLER: "UPDATE controller SET body = ?2 WHERE id = ?1",
    SealedKind.SECRET: "UPDATE secret SET sealed = ?2 WHERE organisation_id = ?1 ->> 0 AND name = ?1 ->> 1",
    SealedKind.CREDENTIAL: "UPDATE credential SET body = ?2 WHERE id = ?1",
}


class SealedPart(Part):
    """What is sealed."""

    async def count_sealed(self) -> int:
        """See SealedStore."""
        return int(self._readers.now(_COUNT)[0][0])

    async def reseal(self, kind: SealedKind, after: str | None, limit: int, renewed: Renew) -> Resealed:
        """See SealedStore."""
        return await self._writer.submit("reseal", _reseal, kind, after, limit, renewed)

    async def scrub(self) -> None:
        """See SealedStore."""
        await self._writer.scrub()


def _reseal(transaction: Transaction, kind: SealedKind, after: str | None, limit: int, renewed: Renew) -> Resealed:
    first = "[]" if kind is SealedKind.SECRET else ""
    rows = transaction.rows(_READ[kind], (after or first, limit))
    moved, broken = Counter[str](), Counter[str]()
    # What is written over is zeroed, so that no page of the file keeps what the old key opens.
    transaction.connection.pragma("secure_delete", True)
    try:
        for key, organisation_id, content in rows:
            tally = _Tally(renewed)
            written = _renewed(kind, content, tally)
            moved[organisation_id] += tally.moved
            broken[organisation_id] += tally.broken
            if tally.moved:
                transaction.execute(_WRITE[kind], (key, written))
    finally:
        transaction.connection.pragma("secure_delete", "fast")
    return Resealed(len(rows), dict(+moved), dict(+broken), _next(rows, limit))


class _Tally:
    """Renews values and counts what came of it."""

    def __init__(self, renewed: Renew) -> None:
        self._renewed = renewed
        self.moved = 0
        self.broken = 0

    def __call__(self, sealed: bytes) -> bytes:
        found = self._renewed(sealed)
        self.broken += found is None
        self.moved += found is not None and found != sealed
        return sealed if found is None else found


def _renewed(kind: SealedKind, content: bytes, renew: _Tally) -> bytes:
    if kind is SealedKind.SECRET:
        return renew(content)
    if kind is SealedKind.CONTROLLER:
        controller = _controller(content)
        sealed = None if controller.sealed is None else renew(controller.sealed)
        return _encode(msgspec.structs.replace(controller, sealed=sealed))
    credential = _credential(content)
    return _encode(msgspec.structs.replace(credential, sealed_signing=tuple(map(renew, credential.sealed_signing))))


def _next(rows: Rows, limit: int) -> str | None:
    return str(rows[-1][0]) if len(rows) == limit else None
