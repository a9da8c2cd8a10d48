"""`storage.store_blob`: an artifact becomes a file. A write: it is planned and staged here, and applied by a person."""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.artifacts import ArtifactRef
from catalog.changes import Change
from catalog.errors import Conflict, Invalid
from catalog.jsonvalue import Json
from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.drivers.storage.face import storage_of
from runtime.drivers.storage.paths import check_path
from runtime.providers.fields import ControllerId

operations = OperationSet("storage")


class Blob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the artifact goes."""

    controller_id: ControllerId
    path: Annotated[str, Meta(description="Below the storage's folder: `porch/42.jpg`.", min_length=1, max_length=512)]


class Stored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file that is there now; `written` is false where it already had these bytes."""

    path: str
    sha256: str
    size: int
    written: bool


@operations.write("store_blob", permission="storage.write", accepts=["*/*"], title="Store an artifact as a file")
class StoreBlob:
    """Keep the chain's artifact as a file in a storage.

    Takes the artifact of the nearest step (or event) that has one. Missing folders are made. A file that is there
    already is replaced, if it is still the one that the change was planned against.
    """

    async def plan(self, params: Blob, call: Call) -> Change:
        """The file as it is and as it would be. Raises Invalid PATH_INVALID, PATH_OCCUPIED, ARTIFACT_REQUIRED."""
        artifact = _need_artifact(call)
        check_path(params.path)
        before = await storage_of(call).look(params.path)
        if before["kind"] not in ("absent", "file"):
            raise Invalid(
                "PATH_OCCUPIED",
                f"At `path` or on the way to it stands something that is no file: {before['kind']}.",
                hint="Choose another path.",
            )
        content = {"sha256": artifact.sha256, "size": artifact.size}
        return Change(
            target_id=params.path,
            request={"path": params.path, "media_type": artifact.media_type, **content},
            before=before,
            after={"kind": "file", **content},
            precondition=before,
            summary=_summary(params.path, artifact, before),
        )

    async def observe(self, change: Change, call: Call) -> Json:
        """What stands at the path now."""
        return await storage_of(call).look(change.request["path"])

    async def apply(self, change: Change, call: Call) -> Stored:
        """Write exactly the bytes that were staged. Raises Conflict ARTIFACT_ALTERED, TARGET_MOVED."""
        request = change.request
        content = await _bytes_of(_need_artifact(call), request, call)
        stored = Stored(path=request["path"], sha256=request["sha256"], size=request["size"], written=True)
        if change.precondition == change.after:
            return msgspec.structs.replace(stored, written=False)
        storage = storage_of(call)
        await storage.write(request["path"], content, request["media_type"], call.change_id, change.precondition)
        return stored


def _need_artifact(call: Call) -> ArtifactRef:
    if call.artifact is None:
        raise Invalid(
            "ARTIFACT_REQUIRED",
            "`storage.store_blob` needs an artifact and the chain holds none.",
            hint="Put a step that produces one before it: `cameras.snapshot`, `storage.text_blob`.",
        )
    return call.artifact


async def _bytes_of(artifact: ArtifactRef, request: Json, call: Call) -> bytes:
    """The artifact's bytes, hashed once more as they are handed over."""
    content = bytearray()
    async for piece in call.ports.artifacts.open(artifact):
        content += piece
        if len(content) > request["size"]:
            break
    if len(content) != request["size"] or hashlib.sha256(content).hexdigest() != request["sha256"]:
        raise Conflict(
            "ARTIFACT_ALTERED",
            "The artifact's bytes are not the ones that the change shows.",
            hint="Run the Connection again for a new change.",
        )
    return bytes(content)


def _summary(path: str, artifact: ArtifactRef, before: Json) -> str:
    verb = "Replace" if before["kind"] == "file" else "Create"
    return f"{verb} `{path}` with {artifact.size} bytes of {artifact.media_type}."
