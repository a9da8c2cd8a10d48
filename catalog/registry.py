"""Registry: the providers behind the catalog, and the catalog they make, never older than three seconds."""

import time
from collections.abc import Callable, Iterable, Mapping

from catalog.catalog import Catalog
from catalog.errors import FabricError, Invalid, Unsupported
from catalog.events import EventSpec
from catalog.operations import Operation, Read, Write, WriteEntry
from catalog.plugins import PluginProvider, check_entries
from catalog.provider import OwnedProvider, Provider

FRESHNESS_SECONDS = 3.0
"""How old a catalog may be (the seed's TTL): a provider that comes or goes shows within this time."""

_Entries = tuple[tuple[Operation, ...], tuple[EventSpec, ...]]


class Registry:
    """Collects providers; `current()` is the catalog of what they offer now.

    `plugins` tells those of the moment. A wrong native provider is our own mistake and raises; a wrong plugin is left
    out, and `problems` says why.
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        *,
        plugins: Callable[[], Iterable[PluginProvider]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._providers = tuple(providers)
        self._plugins = plugins
        self._clock = clock
        self._built_at = float("-inf")
        self._catalog = Catalog((), ())
        self._code: dict[str, Read | Write | None] = {}
        self._owners: dict[str, frozenset[str]] = {}
        self._views: dict[str, Catalog] = {}
        self._offered: _Entries | None = None
        self._examined: dict[str, tuple[PluginProvider, FabricError | None]] = {}

    @property
    def problems(self) -> Mapping[str, FabricError]:
        """By plugin id, why it is left out of the catalog."""
        return {plugin_id: error for plugin_id, (_, error) in self._examined.items() if error is not None}

    def current(self) -> Catalog:
        """The catalog, rebuilt when older than FRESHNESS_SECONDS; the same object while nothing has changed."""
        now = self._clock()
        if now - self._built_at >= FRESHNESS_SECONDS:
            self._rebuild()
            self._built_at = now
        return self._catalog

    def seen_by(self, organisation_id: str) -> Catalog:
        """The catalog as one organisation sees it: without what is another's. The same object while
        nothing has changed."""
        catalog = self.current()
        if not self._owners:
            return catalog
        view = self._views.get(organisation_id)
        if view is None:
            view = self._views[organisation_id] = self._view(catalog, organisation_id)
        return view

    def _view(self, catalog: Catalog, organisation_id: str) -> Catalog:
        hidden = {name for name, owners in self._owners.items() if organisation_id not in owners}
        if not hidden:
            return catalog
        operations = [each for each in catalog.operations.values() if each.id not in hidden]
        found = Catalog(operations, [each for each in catalog.events.values() if each.event_type not in hidden])
        return next((each for each in self._views.values() if each.digest == found.digest), found)

    def refresh(self) -> Catalog:
        """The catalog as it is at this moment: for who has just changed what providers offer."""
        self._built_at = float("-inf")
        return self.current()

    def find_code(self, operation_id: str) -> Read | Write | None:
        """What can run the operation now; None where its driver is missing or the operation unknown."""
        return self._code.get(operation_id)

    def get_code(self, operation_id: str) -> Read | Write:
        """What can run the operation now. Raises NotFound OP_UNKNOWN, Unsupported DRIVER_MISSING."""
        code = self._code.get(operation_id)
        if code is not None:
            return code
        self.current().get_operation(operation_id)
        raise Unsupported(
            "DRIVER_MISSING",
            f"No driver for `{operation_id}` is installed.",
            hint="`fabric catalog ls` shows which operations have one.",
        )

    def _rebuild(self) -> None:
        plugins = self._good_plugins()
        providers: list[Provider] = [*self._providers, *plugins]
        offered = [(op, provider) for provider in providers for op in provider.operations()]
        events = tuple(spec for provider in providers for spec in provider.events())
        entries = (tuple(op for op, _ in offered), events)
        before = self._catalog
        if entries != self._offered:
            catalog = Catalog(*entries)
            if catalog.digest != self._catalog.digest:
                self._catalog = catalog
            self._offered = entries
        owners = {op.id: frozenset({each.organisation_id}) for op, each in offered if isinstance(each, OwnedProvider)}
        owners |= {name: each.organisations for each in plugins for name in _names_of(each)}
        if self._catalog is not before or owners != self._owners:
            self._owners, self._views = owners, {}
        self._code = {op.id: _without_apply(provider.code(op.id)) for op, provider in offered}

    def _good_plugins(self) -> list[PluginProvider]:
        """Those that may stand in the catalog. Each is examined once, for as long as it is the same object."""
        examined: dict[str, tuple[PluginProvider, FabricError | None]] = {}
        for plugin in self._plugins():
            known = self._examined.get(plugin.id)
            error = known[1] if known is not None and known[0] is plugin else _wrong_with(plugin)
            if plugin.id in examined:
                error = Invalid("CATALOG_DUPLICATE", f"`{plugin.id}` is the id of two plugins.")
            examined[plugin.id] = (plugin, error)
        self._examined = examined
        return [plugin for plugin, error in examined.values() if error is None]


def _names_of(plugin: PluginProvider) -> list[str]:
    return [*(each.id for each in plugin.operations()), *(each.event_type for each in plugin.events())]


def _wrong_with(plugin: PluginProvider) -> FabricError | None:
    try:
        operations = tuple(plugin.operations())
        check_entries(plugin.id, operations, plugin.events())
        Catalog(operations, plugin.events())
        for each in operations:
            if not isinstance(plugin.code(each.id), Read):
                raise Invalid("PLUGIN_WRITE_FORBIDDEN", f"The code of `{each.id}` is not a read's.")
    except FabricError as error:
        return error
    return None


def _without_apply(code: Read | WriteEntry | None) -> Read | Write | None:
    """A write leaves here without its way out: only `catalog.appliers` hands that on."""
    return Write(code.params, code.provider.plan) if isinstance(code, WriteEntry) else code
