"""Provider: one enabled plugin as the catalog wants it."""

from collections.abc import Awaitable, Callable, Iterable

from catalog.events import EventSpec
from catalog.jsonvalue import Json
from catalog.operations import Operation, Read
from catalog.plugins import EnabledPlugin
from catalog.provider import Call

Carry = Callable[[EnabledPlugin, Operation, dict[str, Json], Call], Awaitable[Json]]


class OnePlugin:
    """Implements `catalog.plugins.PluginProvider`. All its code reads; nothing here could write."""

    def __init__(self, plugin: EnabledPlugin, carry: Carry) -> None:
        self.plugin = plugin
        self._code = {each.id: _read(plugin, each, carry) for each in plugin.manifest.operations}

    @property
    def id(self) -> str:
        """See PluginProvider."""
        return self.plugin.manifest.id

    @property
    def organisations(self) -> frozenset[str]:
        """See PluginProvider."""
        return frozenset(self.plugin.granted)

    def operations(self) -> Iterable[Operation]:
        """What it can do."""
        return self.plugin.manifest.operations

    def events(self) -> Iterable[EventSpec]:
        """What it emits."""
        return self.plugin.manifest.events

    def code(self, operation_id: str) -> Read | None:
        """What calls its guest."""
        return self._code.get(operation_id)


def _read(plugin: EnabledPlugin, operation: Operation, carry: Carry) -> Read:
    async def handler(params: dict[str, Json], call: Call) -> Json:
        return await carry(plugin, operation, params, call)

    return Read(dict, handler)
