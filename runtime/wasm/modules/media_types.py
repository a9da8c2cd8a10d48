"""Media types and annotations of a module's manifest, and the part that each kind of layer plays."""

from collections.abc import Mapping
from enum import StrEnum

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEXES = frozenset({INDEX, DOCKER_LIST})
MANIFESTS = frozenset({MANIFEST, DOCKER_MANIFEST})

MODULE = "application/vnd.fabricks.module.v1"
"""The artifactType of every module that is built here."""
CONFIG = "application/vnd.fabricks.config.v1+toml"
CNCF_CONFIG = "application/vnd.wasm.config.v0+json"
"""The config of CNCF wasm artifacts, as `wkg` and `wash` push them."""

WASM = "application/vnd.fabricks.module.v1+wasm"
COMPONENT = "application/vnd.fabricks.component.v1+wasm"
PLAIN_WASM = "application/wasm"
RUNTIME = "application/vnd.fabricks.runtime.v1+wasm"
SOURCE = "application/vnd.fabricks.source.v1.tar+gzip"
FILES = "application/vnd.fabricks.files.v1.tar+gzip"

REF_NAME = "org.opencontainers.image.ref.name"
TITLE = "org.opencontainers.image.title"
DESCRIPTION = "org.opencontainers.image.description"
AUTHORS = "org.opencontainers.image.authors"
LICENSES = "org.opencontainers.image.licenses"
SOURCE_URL = "org.opencontainers.image.source"
CREATED = "org.opencontainers.image.created"
VERSION = "org.opencontainers.image.version"

FORMAT = "dev.fabricks.version"
NAME = "dev.fabricks.name"
MODULE_VERSION = "dev.fabricks.module.version"
MODULE_TYPE = "dev.fabricks.module.type"
LAYER_TYPE = "dev.fabricks.layer.type"
RUNTIME_ARGV = "dev.fabricks.runtime.argv"
"""On a runtime layer: the interpreter's argv as a JSON list."""
RUNTIME_IMAGE = "dev.fabricks.runtime"
EXPORTS = "dev.fabricks.exports"
IMPORTS = "dev.fabricks.imports"
CAPABILITIES = "dev.fabricks.capabilities"
"""JSON: what the module may, with what its parents brought."""
PLUGIN_SCHEMAS = "dev.fabricks.plugin.schemas"
"""JSON: the schemas that a plugin's Fabrickfile names as files, by their path."""
FUNCTION_SCHEMAS = "dev.fabricks.function.schemas"
"""JSON: the schemas that `[function]` names as files, by their path."""
TARGETS = "dev.fabricks.files"
"""On a files layer: the guest's directories that it fills, as a JSON list."""
FORMAT_VERSION = "1.0"


class Part(StrEnum):
    """What a layer is for."""

    WASM = "wasm"
    RUNTIME = "runtime"
    """An interpreter; with a source layer beside it the module is interpreted."""
    SOURCE = "source"
    FILES = "files"


_PARTS = {
    WASM: Part.WASM,
    COMPONENT: Part.WASM,
    PLAIN_WASM: Part.WASM,
    RUNTIME: Part.RUNTIME,
    SOURCE: Part.SOURCE,
    FILES: Part.FILES,
}


def part_of(media_type: str, annotations: Mapping[str, str]) -> Part | None:
    """The part a layer plays: by its annotation, else by its media type; None for a layer that is none of ours."""
    said = annotations.get(LAYER_TYPE)
    if said is not None and said in Part.__members__.values():
        return Part(said)
    return _PARTS.get(media_type)
