"""The kinds of tenant rows: how each is named, stored and found."""

from collections.abc import Callable
from typing import Any

import msgspec

from catalog.errors import NotFound
from engine.tenancy import Controller, Organisation, Role, Site, User

Tenant = Organisation | Site | Controller | User | Role


class Kind(msgspec.Struct, frozen=True):
    """One kind: its table, its word for people, the column that names a row, and whether edits are compared."""

    table: str
    word: str
    key: str
    revised: bool
    columns: Callable[[Any], dict[str, object]]
    decode: Callable[[bytes], Tenant]

    def not_found(self, row_id: str) -> NotFound:
        """The error for a row that is absent or another organisation's."""
        return NotFound(
            f"{self.table.upper()}_NOT_FOUND",
            f"There is no {self.word} `{row_id[:64]}`.",
            hint=f"List the {self.word}s.",
        )


def _named(row: Site | User | Controller) -> dict[str, object]:
    return {"id": row.id, "organisation_id": row.organisation_id, "name": row.name}


def _organisation(row: Organisation) -> dict[str, object]:
    return {"id": row.id, "name": row.name}


def _controller(row: Controller) -> dict[str, object]:
    return {**_named(row), "site_id": row.site_id, "revision": row.revision}


def _user(row: User) -> dict[str, object]:
    return {**_named(row), "revision": row.revision}


def _role(row: Role) -> dict[str, object]:
    return {"organisation_id": row.organisation_id, "name": row.name}


def _decoder(kind: type[Tenant]) -> Callable[[bytes], Tenant]:
    return msgspec.json.Decoder(kind).decode


KINDS: dict[type, Kind] = {
    Organisation: Kind("organisation", "organisation", "id", False, _organisation, _decoder(Organisation)),
    Site: Kind("site", "site", "id", False, _named, _decoder(Site)),
    Controller: Kind("controller", "controller", "id", True, _controller, _decoder(Controller)),
    User: Kind("user", "person", "id", True, _user, _decoder(User)),
    Role: Kind("role", "role", "name", False, _role, _decoder(Role)),
}
