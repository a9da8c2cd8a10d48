"""What a test needs to call an operation, or to open a controller, with the real way out."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec

from catalog.jsonvalue import Json
from catalog.provider import Call, Ports, Target
from catalog.registry import Registry
from catalog.schemas import validator
from runtime.drivers.driver import Peer
from runtime.drivers.opening import link_of, open_peer
from runtime.egress.client import EgressClient
from runtime.egress.guard import Guard
from runtime.providers import NATIVE
from tests.fakes.ports import FakePorts


@asynccontextmanager
async def ports() -> AsyncIterator[Ports]:
    """Ports whose way out is the real one, and which close what drivers keep open."""
    fakes = FakePorts()
    made = Ports(
        log=fakes.log,
        http=EgressClient(Guard(), controllers=Guard(configured=True)),
        mail=fakes.mail,
        inbox=fakes.inbox,
        artifacts=fakes.artifacts,
    )
    try:
        yield made
    finally:
        await made.residents.shut()


def controller(
    driver: str, settings: Mapping[str, Json] | None = None, credentials: Mapping[str, str] | None = None
) -> Target:
    """A controller named `peer` of that driver."""
    return Target(
        id="3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0a01",
        organisation_id="org-1",
        site_id="house",
        driver=driver,
        name="peer",
        settings=settings or {},
        credentials=credentials or {},
    )


async def ask(operation_id: str, target: Target, ports: Ports, seconds: float = 10.0, **params: Json) -> Json:
    """What the operation answers, as JSON; it must fit its own schema. Raises FabricError."""
    registry = Registry(NATIVE)
    registry.current()
    code = registry.get_code(operation_id)
    call = Call(
        organisation_id=target.organisation_id,
        operation_id=operation_id,
        ports=ports,
        deadline=asyncio.get_running_loop().time() + seconds,
        target=target,
    )
    given: Json = msgspec.convert({"controller_id": target.id, **params}, code.params)
    assert hasattr(code, "handler"), "a write is not asked"
    answer = msgspec.to_builtins(await code.handler(given, call))
    assert validator(registry.current().operations[operation_id].output_schema)(answer)
    return answer


def opened(target: Target, ports: Ports, seconds: float = 10.0) -> Peer:
    """The controller, opened for so many seconds."""
    return open_peer(link_of(target, ports, asyncio.get_running_loop().time() + seconds))
