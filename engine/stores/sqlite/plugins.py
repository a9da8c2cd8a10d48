"""PluginStore on SQLite."""

import msgspec

from catalog.errors import NotFound
from engine.records import AuditRow, InstalledPlugin
from engine.stores.sqlite.audit_chain import append_audit
from engine.stores.sqlite.part import Part
from engine.stores.sqlite.transaction import Transaction

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(InstalledPlugin).decode


class PluginsPart(Part):
    """Plugins that organisations have added."""

    async def put_plugin(self, plugin: InstalledPlugin, audit: AuditRow) -> None:
        """See PluginStore."""
        await self._writer.submit("put_plugin", _put, plugin, audit)

    async def delete_plugin(self, organisation_id: str, plugin_id: str, audit: AuditRow) -> None:
        """See PluginStore."""
        await self._writer.submit("delete_plugin", _delete, organisation_id, plugin_id, audit)

    async def all_plugins(self) -> list[InstalledPlugin]:
        """See PluginStore."""
        rows = self._readers.now("SELECT body FROM plugin ORDER BY organisation_id, id", ())
        return [_decode(body) for (body,) in rows]


def _put(transaction: Transaction, plugin: InstalledPlugin, audit: AuditRow) -> None:
    transaction.execute(
        "INSERT OR REPLACE INTO plugin(organisation_id, id, body) VALUES (?, ?, ?)",
        (plugin.organisation_id, plugin.id, _encode(plugin)),
    )
    append_audit(transaction, audit)


def _delete(transaction: Transaction, organisation_id: str, plugin_id: str, audit: AuditRow) -> None:
    transaction.execute("DELETE FROM plugin WHERE organisation_id = ? AND id = ?", (organisation_id, plugin_id))
    if transaction.connection.changes() == 0:
        raise plugin_not_found(plugin_id)
    append_audit(transaction, audit)


def plugin_not_found(plugin_id: str) -> NotFound:
    """The error for a plugin that is absent or another organisation's."""
    return NotFound(
        "PLUGIN_NOT_FOUND", f"There is no plugin `{plugin_id[:64]}`.", hint="`fabric plugin ls` lists them."
    )
