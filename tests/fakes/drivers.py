"""A driver whose controllers do what a test says, known for as long as the test wants."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from runtime.drivers import opening
from runtime.drivers.driver import Check, Device, Driver, NoCredentials, Patience
from runtime.drivers.link import Link

FAKE = "fake"


class FakeSettings(Patience, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is."""

    address: str = "here"
    ports: Mapping[str, int] = msgspec.field(default_factory=dict)


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one gets in."""

    username: str
    password: str


class Script:
    """What every fake controller answers, and the links that were opened."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.devices: Callable[[Link], Awaitable[Sequence[Device]]] = nothing
        self.check: Callable[[Link], Awaitable[Sequence[Check]]] = fine


async def nothing(_link: Link) -> Sequence[Device]:
    """No device."""
    return ()


async def fine(_link: Link) -> Sequence[Check]:
    """It answers."""
    return (Check(name="answer", ok=True),)


script = Script()


class FakePeer:
    """Implements Peer by the script."""

    def __init__(self, link: Link) -> None:
        self._link = link
        script.links.append(link)

    async def check(self) -> Sequence[Check]:
        """As the script says."""
        return await script.check(self._link)

    async def devices(self) -> Sequence[Device]:
        """As the script says."""
        return await script.devices(self._link)


def fake_driver(name: str = FAKE, **facts: object) -> Driver:
    """A driver of fakes."""
    usual: dict[str, object] = {
        "module": "fakes",
        "title": "A fake",
        "settings": FakeSettings,
        "credentials": NoCredentials,
        "code": "tests.fakes.drivers:FakePeer",
        "devices": True,
        "poll_seconds": 60.0,
    }
    return Driver(**{"name": name, **usual, **facts})  # type: ignore[arg-type] # a test names what it wants


@contextmanager
def known(*drivers: Driver) -> Iterator[Script]:
    """These drivers exist inside, and the script is fresh."""
    global script  # noqa: PLW0603 - each test has a script of its own
    script = Script()
    before = dict(opening.KNOWN)
    opening.KNOWN.update({each.name: each for each in drivers})
    try:
        yield script
    finally:
        opening.KNOWN.clear()
        opening.KNOWN.update(before)
