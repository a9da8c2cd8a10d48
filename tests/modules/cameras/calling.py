"""Calls of the module's operations, with the real guarded way out and artifacts in memory."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, cast
from uuid import UUID

import msgspec

from catalog.jsonvalue import Json
from catalog.operations import Read
from catalog.provider import Call, Ports, Target
from runtime.drivers.cameras.face import Cameras
from runtime.drivers.opening import link_of, open_peer
from runtime.egress import Guard
from runtime.egress.client import EgressClient
from runtime.providers.cameras import CAMERAS
from tests.fakes.ports import FakeArtifacts, FakePorts

CONTROLLER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


class Caller:
    """Calls operations at one controller; its residents last until the test ends."""

    made: ClassVar[list["Caller"]] = []

    def __init__(self, driver: str, settings: Mapping[str, Json], credentials: Mapping[str, str] | None = None) -> None:
        self.made.append(self)
        fakes = FakePorts()
        self.artifacts: FakeArtifacts = fakes.artifacts
        self.ports = Ports(
            log=fakes.log,
            http=EgressClient(Guard(()), controllers=Guard((), configured=True)),
            mail=fakes.mail,
            inbox=fakes.inbox,
            artifacts=fakes.artifacts,
        )
        self.target = Target(
            id=CONTROLLER,
            organisation_id="org-1",
            site_id="house",
            driver=driver,
            name="porch",
            settings=settings,
            credentials=credentials or {},
        )

    async def ask(self, operation: str, **params: Json) -> Json:
        """Its answer as JSON. Raises what the operation raises."""
        code = CAMERAS.code(operation)
        assert isinstance(code, Read)
        call = Call(
            organisation_id="org-1",
            operation_id=operation,
            ports=self.ports,
            deadline=asyncio.get_running_loop().time() + 30,
            target=self.target,
        )
        answer = await code.handler(msgspec.convert({"controller_id": UUID(CONTROLLER), **params}, code.params), call)
        return msgspec.to_builtins(answer)

    def open(self, seconds: float = 30) -> Cameras:
        """The controller, opened."""
        deadline = asyncio.get_running_loop().time() + seconds
        return cast(Cameras, open_peer(link_of(self.target, self.ports, deadline)))
