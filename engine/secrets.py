"""Secrets: sealed at rest, opened for one run, named and never shown."""

import re
from collections.abc import Iterable

from catalog.errors import Invalid, TooLarge
from engine.audit import audit_row
from engine.owned_ports import SecretStore
from engine.ports import Clock, Seal
from engine.tenancy import Actor

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
MAX_BYTES = 16 * 1024


class Secrets:
    """An organisation's secrets."""

    def __init__(self, store: SecretStore, seal: Seal, clock: Clock) -> None:
        self._store = store
        self._seal = seal
        self._clock = clock

    async def put(self, actor: Actor, name: str, value: str) -> None:
        """Set a secret. Raises Invalid SECRET_NAME, SECRET_EMPTY; TooLarge SECRET_TOO_LARGE."""
        if not _NAME.match(name):
            raise Invalid(
                "SECRET_NAME", "A secret's name is a lower-case word.", hint="Use a-z, 0-9, `_`, `-`, at most 64."
            )
        plain = value.encode()
        if not plain:
            raise Invalid("SECRET_EMPTY", f"Secret `{name}` is empty.", hint="Delete it instead.")
        if len(plain) > MAX_BYTES:
            raise TooLarge("SECRET_TOO_LARGE", f"Secret `{name}` is over {MAX_BYTES} bytes.")
        row = audit_row(actor, "secret.set", name, self._clock)
        await self._store.put_secret(actor.organisation_id, name, self._seal.seal(plain), row)

    async def names(self, organisation_id: str) -> list[tuple[str, float]]:
        """Names and when each was last set."""
        return await self._store.list_secrets(organisation_id)

    async def delete(self, actor: Actor, name: str) -> None:
        """Remove a secret. Raises NotFound SECRET_NOT_FOUND."""
        row = audit_row(actor, "secret.deleted", name, self._clock)
        await self._store.delete_secret(actor.organisation_id, name, row)

    async def open(self, organisation_id: str, names: Iterable[str]) -> dict[str, str]:
        """Those of `names` that are set, opened. A missing one is a missing reference when it is rendered."""
        sealed = await self._store.sealed_secrets(organisation_id, sorted(names))
        return {name: self._seal.open(each).decode() for name, each in sealed.items()}
