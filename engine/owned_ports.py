"""Ports for what an organisation owns: its people and places, credentials and their spending, secrets, plugins.

Part of `engine.ports.Store`, whose rules hold here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from catalog.events import Event
from engine.changes import PendingChange
from engine.records import AuditRow, InstalledPlugin, Page, Resealed, SealedKind, Spent
from engine.tenancy import Controller, Credential, Organisation, Role, Site, User


class TenancyStore(Protocol):
    """Organisations, sites, controllers, people. `put_*` inserts, or replaces the row of that id."""

    async def put_tenant(self, row: Organisation | Site | Controller | User | Role, audit: AuditRow) -> None:
        """Keep a row. Raises Conflict NAME_TAKEN, Invalid SITE_UNKNOWN (a controller's site is the organisation's),
        ORGANISATION_UNKNOWN, PreconditionFailed REVISION_CHANGED (controllers and users: `revision` is the one that was
        read, 0 for a new row; the kept row has one more).
        """
        ...

    async def get_tenant(
        self, kind: type, organisation_id: str, row_id: str
    ) -> Organisation | Site | Controller | User | Role:
        """The row. Raises NotFound SITE_NOT_FOUND, CONTROLLER_NOT_FOUND, USER_NOT_FOUND, ROLE_NOT_FOUND."""
        ...

    async def list_tenants(self, kind: type, organisation_id: str, limit: int, cursor: str | None) -> Page:  # type: ignore[type-arg]
        """Rows of that kind by name."""
        ...

    async def delete_tenant(self, kind: type, organisation_id: str, row_id: str, audit: AuditRow) -> None:
        """Remove it. Raises NotFound; Conflict IN_USE (a site with controllers)."""
        ...

    async def organisations(self) -> list[Organisation]:
        """All of them."""
        ...

    async def find_controllers(self, controller_ids: Sequence[str]) -> list[Controller]:
        """Controllers of any organisation: the caller compares owners, so that unknown and foreign answer alike."""
        ...


class CredentialStore(Protocol):
    """Tokens and keys."""

    async def put_credential(self, credential: Credential, audit: AuditRow) -> None:
        """Keep or replace a credential. Raises Invalid USER_UNKNOWN (its person is the organisation's; it goes with
        him), Conflict KEY_EXISTS.
        """
        ...

    async def find_credential(self, sha256: str) -> Credential | None:
        """By the SHA-256 of its text; revoked and expired ones too."""
        ...

    async def list_credentials(self, organisation_id: str, limit: int, cursor: str | None) -> Page[Credential]:
        """Credentials, newest first."""
        ...

    async def get_credential(self, organisation_id: str, credential_id: str) -> Credential:
        """The credential. Raises NotFound KEY_NOT_FOUND."""
        ...


class SpendingStore(Protocol):
    """What assistants have called, a day at a time."""

    async def spend(self, credential_id: str, day: str, limit: int, events: Mapping[int, Event]) -> Spent:
        """Count a call of this credential on `day` (ISO date), unless it has made `limit` that day. Where the count
        comes to a key of `events`, that event is kept, undispatched, in the same commit. A day before one that was
        counted already (the clock was set back) counts as that one. Raises NotFound KEY_NOT_FOUND.
        """
        ...

    async def spending(self, credential_ids: Sequence[str], day: str) -> dict[str, int]:
        """Calls that these credentials have made on `day` or since; those that have made some."""
        ...


class SecretStore(Protocol):
    """Sealed secrets; their names are all that is ever listed."""

    async def put_secret(self, organisation_id: str, name: str, sealed: bytes, audit: AuditRow) -> None:
        """Keep or replace a secret."""
        ...

    async def sealed_secrets(self, organisation_id: str, names: Sequence[str]) -> dict[str, bytes]:
        """The sealed values of those names that exist."""
        ...

    async def list_secrets(self, organisation_id: str) -> list[tuple[str, float]]:
        """Names and when each was last set."""
        ...

    async def delete_secret(self, organisation_id: str, name: str, audit: AuditRow) -> None:
        """Remove it. Raises NotFound SECRET_NOT_FOUND."""
        ...


class SealedStore(Protocol):
    """Everything that is sealed, whosever it is, for the rotation of the key."""

    async def count_sealed(self) -> int:
        """Rows that may hold something sealed."""
        ...

    async def reseal(
        self, kind: SealedKind, after: str | None, limit: int, renewed: Callable[[bytes], bytes | None]
    ) -> Resealed:
        """Write at most `limit` rows of that kind anew, from the one behind `after`, in one commit: of each sealed
        value what `renewed` gives for it (None: it stays). Nothing else of a row changes, nor its revision.
        """
        ...

    async def scrub(self) -> None:
        """Returns once what was overwritten is gone from the log as well, as far as no reader holds on to it."""
        ...


class RemovalStore(Protocol):
    """A controller's end, with that of the changes that wait for it."""

    async def open_changes(self, organisation_id: str, controller_id: str) -> list[PendingChange]:
        """Its changes that are pending or being applied, oldest first."""
        ...

    async def remove_controller(
        self,
        organisation_id: str,
        controller_id: str,
        audit: AuditRow,
        expired: Sequence[tuple[PendingChange, AuditRow, Event]],
    ) -> None:
        """Remove the controller, and expire these changes of its, in one commit. Raises NotFound CONTROLLER_NOT_FOUND;
        Conflict IN_USE where another one is pending or being applied (`details`: how many), CHANGE_STATE where one of
        `expired` is no longer pending; then nothing has changed.
        """
        ...


class PluginStore(Protocol):
    """Plugins that organisations have added."""

    async def put_plugin(self, plugin: InstalledPlugin, audit: AuditRow) -> None:
        """Keep or replace the organisation's plugin of that id."""
        ...

    async def delete_plugin(self, organisation_id: str, plugin_id: str, audit: AuditRow) -> None:
        """Remove it. Raises NotFound PLUGIN_NOT_FOUND."""
        ...

    async def all_plugins(self) -> list[InstalledPlugin]:
        """Every organisation's, by organisation and id."""
        ...
