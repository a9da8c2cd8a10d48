"""`storage.store_blob` as the engine carries it out: planned, looked at again, applied."""

import asyncio

import msgspec

from catalog.artifacts import ArtifactRef
from catalog.changes import Change
from catalog.jsonvalue import Json, canonical
from catalog.operations import WriteEntry, WriteProvider
from catalog.provider import Call, Ports, Target
from runtime.drivers.opening import link_of
from runtime.drivers.storage.bucket import Bucket
from runtime.drivers.storage.settings import S3Credentials, S3Settings
from runtime.providers.storage import STORAGE
from tests.modules.asking import controller


class Storing:
    """One storage and what is to be kept in it."""

    def __init__(self, target: Target, ports: Ports) -> None:
        code = STORAGE.code("storage.store_blob")
        assert isinstance(code, WriteEntry)
        self._params = code.params
        self.write: WriteProvider = code.provider
        self.target = target
        self.ports = ports

    def call(self, artifact: ArtifactRef, change_id: str = "change-1", seconds: float = 10.0) -> Call:
        """What the provider is given."""
        return Call(
            organisation_id="org-1",
            operation_id="storage.store_blob",
            ports=self.ports,
            deadline=asyncio.get_running_loop().time() + seconds,
            target=self.target,
            artifact=artifact,
            change_id=change_id,
        )

    async def plan(self, path: str, content: bytes, media_type: str = "image/jpeg") -> tuple[Change, ArtifactRef]:
        """A change that stores `content` there."""
        artifact = await self.ports.artifacts.put(content, media_type)
        params: object = msgspec.convert({"controller_id": self.target.id, "path": path}, self._params)
        change = await self.write.plan(params, self.call(artifact))
        # Through JSON, as a store keeps it.
        return msgspec.json.decode(msgspec.json.encode(change), type=Change), artifact

    async def drifted(self, change: Change, artifact: ArtifactRef) -> bool:
        """Apply's own question."""
        present = await self.write.observe(change, self.call(artifact))
        return canonical(present) != canonical(change.precondition)

    async def store(self, path: str, content: bytes, media_type: str = "image/jpeg") -> Json:
        """All of it in one go."""
        change, artifact = await self.plan(path, content, media_type)
        assert not await self.drifted(change, artifact)
        return msgspec.to_builtins(await self.write.apply(change, self.call(artifact)))


def bucket_of(target: Target, ports: Ports) -> Bucket:
    """The controller's bucket, to do with it what a storage does not."""
    link = link_of(target, ports, asyncio.get_running_loop().time() + 10)
    assert isinstance(link.settings, S3Settings)
    assert isinstance(link.credentials, S3Credentials)
    return Bucket(link, link.settings, link.credentials)


async def made_bucket(target: Target, ports: Ports) -> None:
    """Make the bucket that the controller names."""
    answer = await bucket_of(target, ports).send("PUT")
    assert answer.status == 200, answer


def local(directory: str, **settings: Json) -> Target:
    """A controller with the driver `local`."""
    return controller("local", {"directory": directory, **settings})
