"""Reading: from a stored module to what it brings as a plugin. Blocks on the disk: call it in a thread."""

import msgspec

from catalog.errors import Invalid
from catalog.events import EventSpec
from catalog.jsonvalue import Json
from catalog.operations import PLUGIN_PREFIX, Operation, Tier
from catalog.plugins import PluginManifest, check_manifest
from runtime.wasm.modules.fabrickfile import Capabilities, Fabrickfile, NetworkCapability
from runtime.wasm.modules.fabrickfile_reading import FILE_MOST, read_fabrickfile
from runtime.wasm.modules.media_types import CONFIG, PLUGIN_SCHEMAS
from runtime.wasm.modules.plugin_section import SCHEMAS_MOST, PluginEvent, PluginOperation, PluginSection, Schema
from runtime.wasm.modules.store import ModuleStore, Stored


def read_manifest(store: ModuleStore, reference: str) -> PluginManifest:
    """The plugin in a module. Raises Invalid PLUGIN_MANIFEST (no plugin), INVALID_REQUEST (wrong fields, each with its
    place), PLUGIN_KIND, PLUGIN_CAPABILITY, PLUGIN_SCHEMA, what `check_manifest` raises; NotFound MODULE_NOT_FOUND.
    """
    stored = store.read(reference)
    fabrickfile = _written(store, stored)
    section = fabrickfile.plugin
    if section is None:
        raise Invalid(
            "PLUGIN_MANIFEST",
            f"Module `{reference[:200]}` is no plugin: its Fabrickfile has no `[plugin]`.",
            hint="`fabric plugin new` writes one.",
        )
    if fabrickfile.info.type != "http":
        raise Invalid(
            "PLUGIN_KIND",
            "A plugin's module has `info.type` `http`: it is asked like one.",
            hint='Write type = "http".',
        )
    # What its parents brought at its build counts as well.
    hosts = _hosts(stored.fabrickfile.capabilities)
    manifest = _manifest(section, _schemas(stored), fabrickfile, hosts, stored)
    check_manifest(manifest)
    return manifest


def _written(store: ModuleStore, stored: Stored) -> Fabrickfile:
    config = stored.manifest.config
    if config.media_type != CONFIG:
        raise Invalid("PLUGIN_MANIFEST", f"Module `{stored.name}` has no Fabrickfile.", hint="Build it as a module.")
    return read_fabrickfile(store.layout.read(config, FILE_MOST)).fabrickfile


def _hosts(capabilities: Capabilities) -> tuple[str, ...]:
    network = capabilities.network
    granted = msgspec.structs.replace(
        capabilities, network=NetworkCapability(connect=network.connect), wasm=Capabilities().wasm
    )
    for field in granted.__struct_fields__:
        if field != "network" and getattr(granted, field) != getattr(Capabilities(), field):
            raise _not_granted(f"capabilities.{field}")
    if network.listen or network.allow_all_outbound:
        raise _not_granted("capabilities.network." + ("listen" if network.listen else "allow_all_outbound"))
    for each in network.connect:
        if each.startswith("*:"):
            raise _not_granted("capabilities.network.connect")
    return network.connect


def _not_granted(where: str) -> Invalid:
    return Invalid(
        "PLUGIN_CAPABILITY",
        f"The plugin asks for `{where}`, which no plugin is given.",
        hint="A plugin may ask for hosts only: `[capabilities] network.connect`, by name.",
    )


def _schemas(stored: Stored) -> dict[str, Json]:
    text = stored.manifest.annotations.get(PLUGIN_SCHEMAS, "{}")
    try:
        if len(text) > SCHEMAS_MOST * 2:
            raise ValueError
        return msgspec.json.decode(text, type=dict[str, Json])
    except (msgspec.MsgspecError, ValueError):
        raise Invalid("PLUGIN_SCHEMA", f"The schema files of `{stored.name}` cannot be read.") from None


def _manifest(
    section: PluginSection, schemas: dict[str, Json], fabrickfile: Fabrickfile, hosts: tuple[str, ...], stored: Stored
) -> PluginManifest:
    return PluginManifest(
        id=section.id,
        version=fabrickfile.info.version,
        reference=stored.name,
        digest=stored.entry.digest,
        description=fabrickfile.info.description,
        operations=tuple(_operation(section.id, each, schemas) for each in section.operations),
        events=tuple(_event(section.id, each, schemas) for each in section.events),
        permissions=tuple(_whole(section.id, each) for each in section.permissions),
        hosts=hosts,
    )


def _operation(plugin_id: str, written: PluginOperation, schemas: dict[str, Json]) -> Operation:
    where = f"plugin.operations.{written.name}"
    return Operation(
        id=_whole(plugin_id, written.name),
        title=(written.title or written.name).rstrip("."),
        description=written.description,
        tier=Tier.PLUGIN,
        write=written.write,
        permission=None if written.permission is None else _whole(plugin_id, written.permission),
        input_schema=_schema(f"{where}.input", written.input, schemas),
        output_schema=_schema(f"{where}.output", written.output, schemas),
    )


def _event(plugin_id: str, written: PluginEvent, schemas: dict[str, Json]) -> EventSpec:
    return EventSpec(
        event_type=_whole(plugin_id, written.name),
        title=(written.title or written.name).rstrip("."),
        description=written.description,
        tier=Tier.PLUGIN,
        module=f"{PLUGIN_PREFIX}{plugin_id}",
        payload_schema=_schema(f"plugin.events.{written.name}.payload", written.payload, schemas),
    )


def _whole(plugin_id: str, name: str) -> str:
    """A plain name within the plugin's namespace; one with a dot stands for itself, and is refused where it is not."""
    return name if "." in name else f"{PLUGIN_PREFIX}{plugin_id}.{name}"


def _schema(where: str, written: Schema, schemas: dict[str, Json]) -> Json:
    if not isinstance(written, str):
        return written
    found = schemas.get(written)
    if not isinstance(found, dict):
        raise Invalid("PLUGIN_SCHEMA", f"`{where}` names `{written}`, which did not come along as a JSON object.")
    return found
