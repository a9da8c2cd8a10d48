"""Manifest: what a module consists of, as an OCI image manifest says it."""

import hashlib
from collections.abc import Mapping
from typing import Annotated

import msgspec

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.wasm.modules.media_types import INDEXES, MANIFEST, MANIFESTS

MANIFEST_MOST = 4 * 1024 * 1024
LAYERS_MOST = 128

Digest = Annotated[str, msgspec.Meta(pattern=r"\Asha256:[0-9a-f]{64}\Z")]


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A blob: what it is, its digest and its size in bytes."""

    media_type: str
    digest: Digest
    size: Annotated[int, msgspec.Meta(ge=0)]
    annotations: Mapping[str, str] = {}

    @property
    def hex(self) -> str:
        """The digest without its algorithm."""
        return self.digest.removeprefix("sha256:")


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An OCI image manifest, version 1.1."""

    schema_version: int
    media_type: str | None = None
    artifact_type: str | None = None
    config: Descriptor
    layers: tuple[Descriptor, ...] = ()
    annotations: Mapping[str, str] = {}

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The config and every layer, each digest once."""
        return tuple({each.digest: each for each in (self.config, *self.layers)}.values())


_reading = msgspec.json.Decoder(Manifest)
_writing = msgspec.json.Encoder(order="deterministic")


def encode_manifest(manifest: Manifest) -> bytes:
    """Its bytes: the same for equal manifests, since their digest is the module's name for machines."""
    return _writing.encode(manifest)


def decode_manifest(data: bytes, name: str) -> Manifest:
    """Read a manifest; `name` stands in messages. Raises Invalid MODULE_MANIFEST: an index, or not a manifest."""
    try:
        kind = msgspec.json.decode(data, type=_Kind)
        if kind.mediaType in INDEXES or (kind.manifests is not None and kind.config is None):
            raise Invalid(
                "MODULE_MANIFEST",
                f"`{name}` is an image index for several platforms, not one module.",
                hint="Name the digest of one of its manifests.",
            )
        found = _reading.decode(data)
    except msgspec.MsgspecError as error:
        raise _bad(name, str(error)) from None
    if found.schema_version != 2 or found.media_type not in (None, *MANIFESTS):
        raise _bad(name, f"schemaVersion {found.schema_version}, mediaType `{found.media_type}`")
    if len(found.layers) > LAYERS_MOST:
        raise _bad(name, f"it has over {LAYERS_MOST} layers")
    return found


class _Kind(msgspec.Struct, frozen=True):
    mediaType: str | None = None
    manifests: Json = None
    config: Json = None


def digest_of(data: bytes) -> str:
    """`sha256:` and the hexadecimal digest."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def describe(data: bytes, media_type: str = MANIFEST) -> Descriptor:
    """The descriptor of these bytes."""
    return Descriptor(media_type=media_type, digest=digest_of(data), size=len(data))


def _bad(name: str, why: str) -> Invalid:
    return Invalid("MODULE_MANIFEST", f"`{name}` has no readable OCI manifest: {why}.", hint="Build or push it again.")
