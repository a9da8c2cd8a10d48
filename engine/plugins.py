"""Plugins: which an organisation has added, which are enabled, and what its administrators granted them."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

import msgspec
import structlog

from catalog.errors import Conflict, FabricError, Invalid, NotFound
from catalog.jsonvalue import Json
from catalog.plugins import EnabledPlugin, PluginHost, Signature, check_manifest
from catalog.registry import Registry
from engine.audit import audit_row
from engine.authoring import Authoring
from engine.credentials import require_admin
from engine.directory import TOPIC
from engine.owned_ports import PluginStore
from engine.ports import Bus, Clock, ConnectionStore
from engine.records import InstalledPlugin, StoredConnection
from engine.tenancy import Actor

_log = structlog.get_logger()


class PluginRows(PluginStore, ConnectionStore, Protocol):
    """What of the store plugins need."""


class Plugins:
    """Every organisation's plugins. Whoever changes them is an administrator of his organisation."""

    def __init__(
        self, store: PluginRows, host: PluginHost, registry: Registry, authoring: Authoring, clock: Clock, bus: Bus
    ) -> None:
        self._store = store
        self._host = host
        self._registry = registry
        self._authoring = authoring
        self._clock = clock
        self._bus = bus
        self._rows: dict[tuple[str, str], InstalledPlugin] = {}
        self._refused: dict[tuple[str, str], FabricError] = {}
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Take up what the last process left, at start. A plugin that is not acceptable any more costs only itself."""
        self._rows = {(each.organisation_id, each.id): each for each in await self._store.all_plugins()}
        for key, row in self._rows.items():
            if row.enabled:
                try:
                    self._examine(row)
                except FabricError as error:
                    self._refused[key] = error
                    _log.warning("plugin_left_out", plugin=row.id, code=error.code, reason=error.message)
        self._show()

    def all(self, organisation_id: str) -> list[InstalledPlugin]:
        """The organisation's, by id."""
        return [row for key, row in sorted(self._rows.items()) if key[0] == organisation_id]

    def get(self, organisation_id: str, plugin_id: str) -> InstalledPlugin:
        """The organisation's plugin. Raises NotFound PLUGIN_NOT_FOUND."""
        found = self._rows.get((organisation_id, plugin_id))
        if found is None:
            raise NotFound(
                "PLUGIN_NOT_FOUND",
                f"There is no plugin `{plugin_id[:64]}`.",
                hint="`fabric plugin ls` lists them.",
            )
        return found

    def problem(self, row: InstalledPlugin) -> FabricError | None:
        """Why an enabled plugin is left out of the catalog."""
        return self._refused.get((row.organisation_id, row.id)) or self._registry.problems.get(row.id)

    def log(self, row: InstalledPlugin) -> str:
        """The end of what its guest printed."""
        return self._host.log_of(row.organisation_id, row.id)

    async def add(self, actor: Actor, reference: str, signature: Signature | None = None) -> InstalledPlugin:
        """Add the plugin in a stored module, not enabled; or take a newer module for one that is not.

        Raises Conflict PLUGIN_ENABLED; what `PluginHost.read` and `trust` raise.
        """
        require_admin(actor)
        manifest = await self._host.read(reference)
        async with self._changing:
            old = self._rows.get((actor.organisation_id, manifest.id))
            if old is not None and old.enabled:
                raise Conflict("PLUGIN_ENABLED", f"Plugin `{manifest.id}` is enabled.", hint="Disable it first.")
            now = self._clock.now()
            row = InstalledPlugin(
                organisation_id=actor.organisation_id,
                manifest=manifest,
                # What was granted to the plugin that it was holds only as far as it still asks for it.
                hosts=tuple(each for each in old.hosts if each in manifest.hosts) if old is not None else (),
                signature=signature,
                created_at=old.created_at if old is not None else now,
                updated_at=now,
            )
            self._examine(row)
            await self._keep(actor, row, "plugin.added", {"reference": manifest.reference, "digest": manifest.digest})
            return row

    async def grant(self, actor: Actor, plugin_id: str, hosts: Iterable[str]) -> InstalledPlugin:
        """Grant these of the hosts that it asks for, and no others. Raises NotFound; Invalid PLUGIN_HOST_UNASKED."""
        require_admin(actor)
        async with self._changing:
            old = self.get(actor.organisation_id, plugin_id)
            wanted = tuple(sorted(set(hosts)))
            for each in wanted:
                if each not in old.manifest.hosts:
                    raise Invalid(
                        "PLUGIN_HOST_UNASKED",
                        f"Plugin `{plugin_id}` does not ask for `{each[:120]}`.",
                        hint=f"It asks for {', '.join(old.manifest.hosts) or 'nothing'}.",
                    )
            row = msgspec.structs.replace(old, hosts=wanted, updated_at=self._clock.now())
            await self._keep(actor, row, "plugin.granted", {"hosts": list(wanted)})
            self._show()
            return row

    async def enable(self, actor: Actor, plugin_id: str) -> InstalledPlugin:
        """Show it in the catalog, at once. Raises NotFound; Conflict PLUGIN_ID_TAKEN; what makes it unfit to run."""
        require_admin(actor)
        async with self._changing:
            old = self.get(actor.organisation_id, plugin_id)
            self._examine(old)
            self._check_free(old)
            await self._host.prepare(old.manifest)
            row = msgspec.structs.replace(old, enabled=True, updated_at=self._clock.now())
            self._refused.pop((row.organisation_id, row.id), None)
            await self._keep(actor, row, "plugin.enabled", {"digest": row.manifest.digest, "hosts": list(row.hosts)})
            await self._told()
            return row

    async def disable(self, actor: Actor, plugin_id: str) -> tuple[InstalledPlugin, list[StoredConnection]]:
        """Take it out of the catalog, at once; and which of the organisation's Connections that breaks."""
        require_admin(actor)
        async with self._changing:
            old = self.get(actor.organisation_id, plugin_id)
            row = msgspec.structs.replace(old, enabled=False, updated_at=self._clock.now())
            before = await self._broken(actor.organisation_id)
            await self._keep(actor, row, "plugin.disabled", None)
            self._refused.pop((row.organisation_id, row.id), None)
            await self._told()
            after = await self._broken(actor.organisation_id)
            return row, [each for each in after.values() if each.broken != getattr(before.get(each.id), "broken", None)]

    async def remove(self, actor: Actor, plugin_id: str) -> None:
        """Forget it. Raises NotFound; Conflict PLUGIN_ENABLED."""
        require_admin(actor)
        async with self._changing:
            row = self.get(actor.organisation_id, plugin_id)
            if row.enabled:
                raise Conflict("PLUGIN_ENABLED", f"Plugin `{plugin_id}` is enabled.", hint="Disable it first.")
            await self._store.delete_plugin(
                actor.organisation_id, plugin_id, audit_row(actor, "plugin.removed", plugin_id, self._clock)
            )
            del self._rows[actor.organisation_id, plugin_id]

    def _examine(self, row: InstalledPlugin) -> None:
        check_manifest(row.manifest)
        self._host.trust(row.manifest, row.signature)

    def _check_free(self, row: InstalledPlugin) -> None:
        """One id is one module in the whole catalog, whichever organisations enable it."""
        for other in self._rows.values():
            if other.enabled and other.id == row.id and other.manifest.digest != row.manifest.digest:
                raise Conflict(
                    "PLUGIN_ID_TAKEN",
                    f"Another module is enabled as plugin `{row.id}` on this server.",
                    hint="Use the same module, or another id.",
                )

    async def _keep(self, actor: Actor, row: InstalledPlugin, action: str, details: Json) -> None:
        await self._store.put_plugin(row, audit_row(actor, action, row.id, self._clock, details))
        self._rows[row.organisation_id, row.id] = row

    def _show(self) -> None:
        """Tell the host what is enabled now, and the catalog at once."""
        granted: dict[str, dict[str, frozenset[str]]] = {}
        manifests = {}
        for key, row in self._rows.items():
            if row.enabled and key not in self._refused:
                manifests[row.id] = row.manifest
                granted.setdefault(row.id, {})[row.organisation_id] = frozenset(row.hosts)
        self._host.hold(EnabledPlugin(manifest=manifests[each], granted=granted[each]) for each in manifests)
        self._registry.refresh()
        self._bus.publish(TOPIC, None)  # an administrator holds what the catalog declares

    async def _told(self) -> None:
        self._show()
        await self._authoring.check_all()

    async def _broken(self, organisation_id: str) -> dict[str, StoredConnection]:
        found = await self._store.all_connections()
        return {each.id: each for each in found if each.organisation_id == organisation_id and each.broken}
