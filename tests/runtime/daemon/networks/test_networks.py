"""Networks: made, found, changed, removed, and there again after a restart."""

import asyncio
from pathlib import Path

import pytest

from catalog.errors import Conflict, Invalid, NotFound
from catalog.jsonvalue import Json
from runtime.daemon.events import EventBus
from runtime.daemon.networks import Networks, read_network
from runtime.daemon.spec import NetworkSpec
from runtime.state import StateStore
from tests.fakes.daemon_clock import DaemonClock

SEED: dict[str, Json] = {
    "name": "application",
    "internal": True,
    "ingress": ["dmz"],
    "egress": ["data", "cache"],
    "encryption": "required",
}


class World:
    """Networks over a state file, as often opened anew as a test likes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.clock = DaemonClock()
        self.events = EventBus(self.clock, buffer=100, retention=3600.0)

    async def __aenter__(self) -> Networks:
        self._state = StateStore(self._path)
        await self._state.open()
        networks = Networks(self._state, self.events, self.clock)
        await networks.load()
        return networks

    async def __aexit__(self, *_: object) -> None:
        await self._state.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "state.db")


async def test_default_is_there_from_the_start_and_stays(world: World) -> None:
    async with world as networks:
        default = networks.get("default")
        assert not default.spec.internal
        with pytest.raises(Conflict, match="cannot be deleted") as raised:
            await networks.delete(default.id)
        assert raised.value.code == "INVALID_STATE"
    async with world as networks:
        assert networks.list() == [default]


async def test_a_network_has_an_id_of_the_reference_and_is_found_by_id_and_name(world: World) -> None:
    async with world as networks:
        made = await networks.create(read_network(SEED))
        assert made.id.startswith("network-")
        assert len(made.id) == len("network-x1y2z3")
        assert networks.get(made.id) is networks.get("application") is made
        assert networks.specs(["application", "nowhere", made.id]) == (made.spec,)


async def test_networks_are_there_again_after_a_restart(world: World) -> None:
    async with world as networks:
        made = await networks.create(read_network(SEED))
        world.clock.pass_by(1)
        gone = await networks.create(NetworkSpec(name="gone"))
        await networks.delete(gone.id)
        changed = await networks.replace("application", NetworkSpec(name="application", audit_all=True))
        assert (changed.id, changed.created_at_ns) == (made.id, made.created_at_ns)
    async with world as networks:
        assert [each.spec.name for each in networks.list()] == ["default", "application"]
        assert networks.get(made.id) == changed


async def test_making_a_network_is_an_event(world: World) -> None:
    async with world as networks:
        made = await networks.create(read_network(SEED))
        events, _ = world.events.history(types=["network.created"], limit=10)
        assert events[0].data["id"] == made.id
        assert events[0].data["name"] == "application"


async def test_a_name_that_is_taken_is_refused(world: World) -> None:
    async with world as networks:
        made = await networks.create(read_network(SEED))
        for name in ("application", made.id, "default"):
            with pytest.raises(Conflict, match="already") as raised:
                await networks.create(NetworkSpec(name=name))
            assert raised.value.code == "INVALID_STATE"


async def test_a_network_with_services_in_it_is_not_deleted(world: World) -> None:
    async with world as networks:
        await networks.create(read_network(SEED))
        with pytest.raises(Conflict, match="`api`, `worker`") as raised:
            await networks.delete("application", used_by=["api", "worker"])
        assert raised.value.details["services"] == ["api", "worker"]
        assert networks.find("application") is not None


async def test_an_unknown_network_is_not_found_and_the_nearest_is_named(world: World) -> None:
    async with world as networks:
        await networks.create(read_network(SEED))
        with pytest.raises(NotFound) as raised:
            networks.get("aplication")
        assert raised.value.code == "NETWORK_NOT_FOUND"
        assert raised.value.hint == "Did you mean `application`?"


async def test_every_change_is_told_to_those_who_watch(world: World) -> None:
    async with world as networks:
        told: list[int] = []
        networks.watch(lambda: told.append(len(networks.list())))
        await networks.create(NetworkSpec(name="a"))
        await networks.replace("a", NetworkSpec(name="a", internal=True))
        await networks.delete("a")
        assert told == [2, 2, 1]


def test_the_body_of_the_reference_is_read() -> None:
    assert read_network(SEED) == NetworkSpec(
        name="application", internal=True, ingress=("dmz",), egress=("data", "cache"), encryption="required"
    )


@pytest.mark.parametrize(
    ("ingress", "expected"),
    [
        ("0.0.0.0/0", ("0.0.0.0/0",)),
        ("*", ("*",)),
        (["dmz", "10.0.0.0/8"], ("dmz", "10.0.0.0/8")),
        ([], ()),
        (None, None),
    ],
)
def test_ingress_is_a_text_or_a_list_or_left_out(ingress: Json, expected: tuple[str, ...] | None) -> None:
    assert read_network({"name": "n", "ingress": ingress}).ingress == expected


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "-a"}, "name"),
        ({"ingress": 5}, "ingress"),
        ({"ingress": ["10.0.0.0/99"]}, "ingress[0]"),
        ({"ingress": ["external:x"]}, "ingress[0]"),
        ({"egress": ["external:"]}, "egress[0]"),
        ({"egress": "A b"}, "egress"),
        ({"internal": "yes"}, "internal"),
        ({"encryption": "maybe"}, "encryption"),
        ({"intrenal": True}, "intrenal"),
        ({"external": {"x": ["host"]}}, "external.x[0]"),
        ({"external": {"x": ["host:0"]}}, "external.x[0]"),
    ],
)
def test_a_wrong_field_is_named(wrong: dict[str, Json], field: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_network({"name": "n", **wrong})
    assert raised.value.code == "INVALID_REQUEST"
    assert [each["field"] for each in raised.value.details["fields"]] == [field]


async def test_what_is_deleted_twice_at_once_is_deleted_once_and_its_name_is_free(world: World) -> None:
    async with world as networks:
        old = await networks.create(NetworkSpec(name="one"))

        async def anew() -> None:
            while networks.find("one") is not None:
                await asyncio.sleep(0)
            await networks.create(NetworkSpec(name="one", description="new"))

        results = await asyncio.gather(networks.delete(old.id), networks.delete(old.id), anew(), return_exceptions=True)
        assert [type(each) for each in results[1:]] == [NotFound, type(None)]
        assert networks.get("one").spec.description == "new"


async def test_what_is_replaced_and_deleted_at_once_is_the_same_after_a_restart(world: World) -> None:
    async with world as networks:
        await networks.create(NetworkSpec(name="one"))
        changed = NetworkSpec(name="one", description="new")
        await asyncio.gather(networks.delete("one"), networks.replace("one", changed), return_exceptions=True)
        told = networks.find("one")
    async with world as again:
        assert (again.find("one"), told) == (None, None)
