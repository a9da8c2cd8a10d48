"""A mortar over real services, networks, volumes, policies, modules and state; only guests are not real."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from runtime.daemon.mortar import Mortar
from runtime.daemon.volumes import Volumes
from runtime.wasm.modules.store import ModuleStore
from tests.runtime.daemon.services.house import House, house

SHOP = """
mortar_version = "1.0"
[project]
name = "shop"
version = "1.0.0"
[network.edge]
ingress = "0.0.0.0/0"
egress = ["core"]
[network.core]
internal = true
ingress = ["edge"]
[volume.books]
size = "1Mi"
[service.gate]
image = "gate:1"
type = "http"
networks = ["edge"]
depends_on = ["cart", "ledger"]
ports = ["18080"]
[service.cart]
image = "cart:1"
networks = ["core"]
depends_on = ["ledger"]
[service.ledger]
image = "ledger:1"
networks = ["core"]
volumes = { books = "/data" }
[[policy.quiet.deny]]
from = ["gate"]
to = ["external:*"]
"""


def wasm(mark: int = 0) -> bytes:
    """A module that exports `_start`; `mark` makes it another one."""
    custom = b"\x00" + bytes((6, 4)) + b"mark" + bytes((mark,))
    return (
        b"\0asm" + struct.pack("<I", 1)
        + b"\x01\x04\x01\x60\x00\x00" + b"\x03\x02\x01\x00" + b"\x07\x0a\x01\x06_start\x00\x00"
        + b"\x0a\x04\x01\x02\x00\x0b" + custom
    )  # fmt: skip


class Projects:
    """The house, and what mortar needs besides it."""

    def __init__(self, folder: Path, home: House) -> None:
        self.folder = folder
        self.house = home
        self.store = ModuleStore(folder / "storage", folder / "unpacked")
        self.volumes = Volumes(folder / "volumes", home.state, home.events, home.clock)
        self.mortar = Mortar(
            state=home.state,
            services=home.services,
            networks=home.networks,
            volumes=self.volumes,
            policies=home.policies,
            modules=self.store,
            clock=home.clock,
        )

    def module(self, reference: str, mark: int = 0) -> None:
        """Store a module."""
        path = self.folder / "made.wasm"
        path.write_bytes(wasm(mark))
        self.store.add(path, reference)

    @property
    def names(self) -> list[str]:
        """Services."""
        return sorted(each.name for each in self.house.services.list())


@asynccontextmanager
async def projects(folder: Path) -> AsyncIterator[Projects]:
    """All of it on `folder`; the same folder again is the daemon started again."""
    async with house(folder) as home:
        made = Projects(folder, home)
        await made.volumes.load()
        await made.mortar.load()
        await home.services.recover()
        try:
            yield made
        finally:
            await made.volumes.close()


def everything(shop: Projects) -> object:
    services = {each.name: each.spec for each in shop.house.services.list()}
    volumes = [each.spec for each in shop.volumes.list()]
    return services, [each.spec for each in shop.house.networks.list()], volumes, shop.house.policies.in_force()
