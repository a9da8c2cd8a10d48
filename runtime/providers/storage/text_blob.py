"""`storage.text_blob`: text or JSON becomes an artifact, for the step that stores it (docs/decisions/0003)."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.artifacts import ArtifactRef
from catalog.jsonvalue import Json, compact
from catalog.operations import OperationSet
from catalog.provider import Call

operations = OperationSet("storage")

TEXT = "text/plain"
JSON = "application/json"


class Text(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the artifact holds."""

    content: Annotated[Json, Meta(description="Text as it stands; any other value as compact JSON.")]
    media_type: Annotated[
        Literal["text/plain", "application/json"] | UnsetType,
        Meta(description="`text/plain` for text and `application/json` for the rest, where it is left out."),
    ] = UNSET


class TextBlob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The artifact that was made."""

    artifact: ArtifactRef
    sha256: str
    size: int
    media_type: str


@operations.read("text_blob", permission="storage.view", produces=[TEXT, JSON], title="Make an artifact of text")
async def text_blob(text: Text, call: Call) -> TextBlob:
    """Turn text or any JSON value into an artifact, which `storage.store_blob` can then keep as a file."""
    plain = isinstance(text.content, str)
    media_type = text.media_type if text.media_type is not UNSET else TEXT if plain else JSON
    content = text.content.encode() if plain else compact(text.content)
    artifact = await call.ports.artifacts.put(content, media_type)
    return TextBlob(artifact=artifact, sha256=artifact.sha256, size=artifact.size, media_type=media_type)
