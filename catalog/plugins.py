"""Plugins: what one brings (PluginManifest), where it may stand in the catalog, and the port behind which it runs."""

import re
from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from catalog.errors import Invalid
from catalog.events import EventSpec, check_event
from catalog.foreign_schemas import check_foreign_schema
from catalog.operations import PLUGIN_PREFIX, Operation, Tier, check_operation
from catalog.provider import Provider

PLUGIN_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")
ENTRIES_MOST = 64
"""Operations and events of one plugin, all together."""


class PluginManifest(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin as its module describes it. `digest` is the module's; `hosts` are those it asks for, as `host:port`."""

    id: str
    version: str
    reference: str
    digest: str
    description: str = ""
    operations: tuple[Operation, ...] = ()
    events: tuple[EventSpec, ...] = ()
    permissions: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A detached signature over a module's digest, as cosign makes it: the payload that was signed, and its signature.

    Both are base64.
    """

    payload: str
    signature: str


class EnabledPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin that is enabled: for each organisation that enabled it, the hosts that its administrator granted."""

    manifest: PluginManifest
    granted: Mapping[str, frozenset[str]]


class PluginProvider(Provider, Protocol):
    """The provider of one plugin: what is wrong with it costs nobody else."""

    @property
    def id(self) -> str:
        """The plugin's id."""
        ...

    @property
    def organisations(self) -> frozenset[str]:
        """Those that have enabled it: nobody else sees it."""
        ...


class PluginHost(Protocol):
    """What reads plugins' modules and runs them."""

    async def read(self, reference: str) -> PluginManifest:
        """The manifest of a stored module. Raises Invalid PLUGIN_*, OP_*, EVENT_*, SCHEMA_INVALID; NotFound
        MODULE_NOT_FOUND; Unavailable PLUGINS_UNAVAILABLE.
        """
        ...

    async def prepare(self, manifest: PluginManifest) -> None:
        """Make its module ready to run. Raises GuestFailed BUILD_FAILED; Invalid PLUGIN_KIND; what `read` raises."""
        ...

    def trust(self, manifest: PluginManifest, signature: Signature | None) -> None:
        """Refuse a plugin that no trusted key signed, where keys are set. Raises Forbidden PLUGIN_SIGNATURE_*."""
        ...

    def hold(self, plugins: Iterable[EnabledPlugin]) -> None:
        """These are enabled from now on, and no others."""
        ...

    def log_of(self, organisation_id: str, plugin_id: str) -> str:
        """The end of what the plugin's guest printed for this organisation."""
        ...


def check_manifest(manifest: PluginManifest) -> None:
    """Refuse a plugin that reaches out of its place. Raises Invalid PLUGIN_ID, PLUGIN_PERMISSION, PLUGIN_TOO_MANY, and
    what `check_entries` raises; each names what is wrong.
    """
    if not PLUGIN_ID.match(manifest.id):
        raise Invalid(
            "PLUGIN_ID",
            f"`{manifest.id[:80]}` is not a plugin's id.",
            hint="Use a lower-case word of a-z, 0-9, `_` and `-`, at most 32 long.",
        )
    for permission in manifest.permissions:
        if not _inside(permission, manifest.id):
            raise Invalid(
                "PLUGIN_PERMISSION",
                f"Plugin `{manifest.id}` declares the permission `{permission[:80]}`, which is not its own.",
                hint=f"A plugin's permissions are `{PLUGIN_PREFIX}{manifest.id}.…`.",
            )
    for operation in manifest.operations:
        if operation.permission not in manifest.permissions:
            raise Invalid(
                "PLUGIN_PERMISSION",
                f"Operation `{operation.id}` asks for no permission that its plugin declares.",
                hint="Name one of `[plugin] permissions` in its `permission`.",
            )
    check_entries(manifest.id, manifest.operations, manifest.events)


def check_entries(plugin_id: str, operations: Iterable[Operation], events: Iterable[EventSpec]) -> None:
    """Refuse entries of a plugin that lie outside `plugin.{id}.*`, write, or have a schema that we do not take.

    Raises Invalid OP_ID, OP_NAMESPACE, EVENT_ID, EVENT_NAMESPACE, PLUGIN_WRITE_FORBIDDEN, SCHEMA_INVALID,
    PLUGIN_TOO_MANY.
    """
    operations, events = tuple(operations), tuple(events)
    if len(operations) + len(events) > ENTRIES_MOST:
        raise Invalid("PLUGIN_TOO_MANY", f"Plugin `{plugin_id}` brings over {ENTRIES_MOST} operations and events.")
    for operation in operations:
        _check_place(plugin_id, operation.id, operation.tier, kind="OP")
        check_foreign_schema(f"The input schema of `{operation.id}`", operation.input_schema)
        check_foreign_schema(f"The output schema of `{operation.id}`", operation.output_schema)
        check_operation(operation)
    for spec in events:
        _check_place(plugin_id, spec.event_type, spec.tier, kind="EVENT")
        check_foreign_schema(f"The payload schema of `{spec.event_type}`", spec.payload_schema)
        check_event(spec)


def _check_place(plugin_id: str, name: str, tier: Tier, *, kind: str) -> None:
    if tier is not Tier.PLUGIN or not _inside(name, plugin_id):
        raise Invalid(
            f"{kind}_NAMESPACE",
            f"Plugin `{plugin_id}` declares `{name[:120]}`, which lies outside `{PLUGIN_PREFIX}{plugin_id}.*`.",
            hint="Use a plain name: the namespace is put before it.",
        )


def _inside(name: str, plugin_id: str) -> bool:
    lead = f"{PLUGIN_PREFIX}{plugin_id}."
    return name.startswith(lead) and len(name) > len(lead)
