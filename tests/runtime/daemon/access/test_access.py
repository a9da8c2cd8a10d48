"""Access: capability, networks and policies in series; remembered verdicts; audit; events."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from catalog.errors import Forbidden
from runtime.daemon.access import REMEMBERED, Access
from runtime.daemon.events import EventBus
from runtime.daemon.networks import Networks
from runtime.daemon.outbound import permits
from runtime.daemon.policies import Deny, Policies, Policy, Warn
from runtime.daemon.spec import NetworkSpec, Port, ServiceSpec
from runtime.state import StateStore
from runtime.wasm.modules.fabrickfile import NetworkCapability
from tests.fakes.daemon_clock import DaemonClock

BANK = NetworkCapability(connect=("pay.example.net:443", "pay.example.net:80"))
NETWORKS = (
    NetworkSpec(name="edge", ingress=("0.0.0.0/0",), egress=("core",)),
    NetworkSpec(name="core", internal=True, ingress=("edge",), audit_all=True),
    NetworkSpec(name="vault", egress=("external:*",), encryption="required"),
    NetworkSpec(name="lan", ingress=("10.0.0.0/8",)),
    NetworkSpec(name="bank", egress=("external:bank",), external={"bank": ("pay.example.net:443",)}),
)
GATE = ServiceSpec(name="gate", image="m", networks=("edge",))
LEDGER = ServiceSpec(name="ledger", image="m", networks=("core",))
OPEN = ServiceSpec(name="open", image="m", networks=("default",))
VAULT = ServiceSpec(name="vault", image="m", networks=("vault",))
PAYER = ServiceSpec(name="payer", image="m", networks=("bank",))
ALONE, ALONE_TOO = ServiceSpec(name="alone", image="m"), ServiceSpec(name="alone-too", image="m")
GHOST = ServiceSpec(name="ghost", image="m", networks=("nowhere",))


class Told:
    """An audit log that is kept."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []

    def info(self, event: str, **told: object) -> None:
        self.lines.append({"event": event, **told})


class World:
    def __init__(self, networks: Networks, policies: Policies, events: EventBus) -> None:
        self.networks = networks
        self.policies = policies
        self.events = events
        self.log = Told()
        self.access = Access(networks, policies, events, self.log)

    def violated(self) -> list[dict[str, object]]:
        found, _ = self.events.history(types=["policy.violated"], limit=1000)
        return [dict(each.data) for each in reversed(found)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = DaemonClock()
    events = EventBus(clock, buffer=1000, retention=3600.0)
    state = StateStore(tmp_path / "state.db")
    await state.open()
    networks = Networks(state, events, clock)
    await networks.load()
    for each in NETWORKS:
        await networks.create(each)
    yield World(networks, Policies(None, "enforce", events), events)
    await state.close()


def refused(raised: pytest.ExceptionInfo[Forbidden]) -> tuple[object, object]:
    assert raised.value.code == "FORBIDDEN"
    assert raised.value.details.keys() == {"policy", "rule", "reason", "from", "to"}
    return raised.value.details["policy"], raised.value.details["rule"]


async def test_services_reach_each_other_over_their_networks_alone(world: World) -> None:
    world.access.connect(GATE, LEDGER)
    world.access.connect(LEDGER, LEDGER)
    for source, target in ((LEDGER, GATE), (OPEN, GATE), (GATE, GHOST), (ALONE, OPEN), (OPEN, ALONE)):
        with pytest.raises(Forbidden, match=f"`{source.name}` may not reach `{target.name}`") as raised:
            world.access.connect(source, target)
        assert refused(raised) == (None, "network")
    assert world.violated() == []


async def test_a_module_must_be_granted_the_service_it_asks(world: World) -> None:
    granted, other = NetworkCapability(connect=("ledger:80",)), NetworkCapability(connect=("cart:80", "ledger:81"))
    world.access.connect(GATE, LEDGER, capabilities=granted)
    with pytest.raises(Forbidden) as raised:
        world.access.connect(GATE, LEDGER, capabilities=other)
    assert refused(raised) == (None, "capability")
    with pytest.raises(Forbidden) as raised:
        world.access.connect(LEDGER, GATE, capabilities=NetworkCapability(allow_all_outbound=True))
    assert refused(raised) == (None, "network")
    free = ServiceSpec(name="free", image="m", networks=("edge",), no_capabilities=True)
    world.access.connect(free, LEDGER, capabilities=NetworkCapability())


async def test_a_service_without_networks_is_internal_only(world: World) -> None:
    world.access.connect(ALONE, ALONE_TOO)
    with pytest.raises(Forbidden):
        world.access.ingress(ALONE, "")
    with pytest.raises(Forbidden):
        world.access.egress(ALONE, scheme="https", host="pay.example.net", port=443, capabilities=BANK)
    strict = Access(world.networks, world.policies, world.events, world.log, deny_by_default=True)
    with pytest.raises(Forbidden):
        strict.connect(ALONE, ALONE_TOO)
    strict.connect(ALONE, ALONE)


async def test_the_outside_enters_where_a_network_lets_it(world: World) -> None:
    world.access.ingress(GATE, "203.0.113.9")
    world.access.ingress(OPEN, "")
    world.access.ingress(ServiceSpec(name="l", image="m", networks=("lan",)), "10.9.9.9")
    for target, address in (
        (LEDGER, "203.0.113.9"),
        (GHOST, ""),
        (ServiceSpec(name="l", image="m", networks=("lan",)), ""),
    ):
        with pytest.raises(Forbidden) as raised:
            world.access.ingress(target, address)
        assert refused(raised) == (None, "network")


async def test_going_out_needs_the_capability_then_the_network(world: World) -> None:
    ask = world.access.egress
    ask(PAYER, scheme="https", host="pay.example.net", port=443, capabilities=BANK)
    with pytest.raises(Forbidden) as raised:
        ask(PAYER, scheme="https", host="pay.example.net", port=443, capabilities=None)
    assert refused(raised) == (None, "capability")
    with pytest.raises(Forbidden) as raised:
        ask(PAYER, scheme="http", host="pay.example.net", port=80, capabilities=BANK)
    assert refused(raised) == (None, "network")
    free = ServiceSpec(name="free", image="m", networks=("bank",), no_capabilities=True)
    ask(free, scheme="https", host="pay.example.net", port=443, capabilities=None)
    with pytest.raises(Forbidden) as raised:
        ask(free, scheme="https", host="example.net", port=443, capabilities=None)
    assert refused(raised) == (None, "network")


async def test_locked_egress_is_what_is_named_and_no_more(world: World) -> None:
    anything = NetworkCapability(allow_all_outbound=True)
    world.access.egress(OPEN, scheme="https", host="example.net", port=443, capabilities=anything)
    locked = ServiceSpec(name="locked", image="m", networks=("default",), egress_locked=True)
    named = NetworkCapability(connect=("example.net:443",))
    for capabilities in (anything, named):
        with pytest.raises(Forbidden):
            world.access.egress(locked, scheme="https", host="example.net", port=443, capabilities=capabilities)
    payer = ServiceSpec(name="payer-2", image="m", networks=("bank",), egress_locked=True)
    world.access.egress(payer, scheme="https", host="pay.example.net", port=443, capabilities=BANK)


async def test_a_network_that_requires_encryption_refuses_plain_text_and_says_so(world: World) -> None:
    anything = NetworkCapability(allow_all_outbound=True)
    world.access.egress(VAULT, scheme="https", host="example.net", port=443, capabilities=anything)
    with pytest.raises(Forbidden) as raised:
        world.access.egress(VAULT, scheme="http", host="example.net", port=80, capabilities=anything)
    assert refused(raised) == ("network:vault", "require")
    assert [(each["policy"], each["from"], each["to"]) for each in world.violated()] == [
        ("network:vault", "vault", "example.net:80")
    ]


async def test_a_tcp_port_in_a_network_that_requires_encryption_is_refused(world: World) -> None:
    spec = ServiceSpec(name="raw", image="m", networks=("vault",), ports=(Port(host=7000, container=7000),))
    world.access.check_service(spec, type="http")
    world.access.check_service(ServiceSpec(name="raw", image="m", networks=("vault",)), type="tcp")
    with pytest.raises(Forbidden, match="plain text"):
        world.access.check_service(spec, type="tcp")


async def test_policies_come_after_networks_and_their_violations_are_events(world: World) -> None:
    world.policies.put_project("p", [Policy(name="quiet", deny=(Deny(from_=("gate",), to=("core",), reason="no"),))])
    with pytest.raises(Forbidden) as raised:
        world.access.connect(GATE, LEDGER)
    assert refused(raised) == ("quiet", "deny")
    expected = {"policy": "quiet", "rule": "deny", "from": "gate", "to": "ledger", "reason": "no", "mode": "enforce"}
    assert world.violated() == [{**expected, "count": 1}]
    world.policies.set_mode("audit")
    world.access.connect(GATE, LEDGER)
    assert world.violated()[-1]["mode"] == "audit"
    world.policies.set_mode("disabled")
    world.access.connect(GATE, LEDGER)
    assert len(world.violated()) == 2


async def test_policies_hold_for_the_outside_both_ways(world: World) -> None:
    rules = (Deny(from_=("external:*",), to=("gate",)), Deny(from_=("payer",), to=("external:bank",)))
    world.policies.put_project("p", [Policy(name="outside", deny=rules)])
    with pytest.raises(Forbidden) as raised:
        world.access.ingress(GATE, "203.0.113.9")
    assert raised.value.details["from"] == "203.0.113.9"
    with pytest.raises(Forbidden) as raised:
        world.access.egress(PAYER, scheme="https", host="pay.example.net", port=443, capabilities=BANK)
    assert raised.value.details["to"] == "pay.example.net:443"


async def test_a_warning_lets_through(world: World) -> None:
    world.policies.put_project("p", [Policy(name="w", warn=(Warn(cross_network=True),))])
    world.access.connect(GATE, LEDGER)
    world.access.connect(GATE, LEDGER)
    assert [each["rule"] for each in world.violated()] == ["warn"]


async def test_a_verdict_is_remembered_until_networks_or_policies_change(world: World) -> None:
    world.access.connect(GATE, LEDGER)
    before = world.access.generation
    await world.networks.replace("core", NetworkSpec(name="core"))
    world.access.ingress(LEDGER, "203.0.113.9")
    await world.networks.replace("core", NetworkSpec(name="core", internal=True))
    with pytest.raises(Forbidden):
        world.access.ingress(LEDGER, "203.0.113.9")
    await world.networks.create(NetworkSpec(name="nowhere"))
    world.access.ingress(GHOST, "")
    world.policies.put_project("p", [Policy(name="shut", deny=(Deny(from_=("*",), to=("*",)),))])
    with pytest.raises(Forbidden):
        world.access.ingress(GHOST, "")
    assert world.access.generation == before + 4


async def test_a_changed_service_is_asked_for_anew(world: World) -> None:
    world.access.ingress(GATE, "203.0.113.9")
    for _ in range(3):
        moved = ServiceSpec(name="gate", image="m", networks=("core",))
        with pytest.raises(Forbidden):
            world.access.ingress(moved, "203.0.113.9")
        del moved


async def test_each_new_pair_of_an_audited_network_is_written_down_once(world: World) -> None:
    for _ in range(3):
        world.access.connect(GATE, LEDGER)
        with pytest.raises(Forbidden):
            world.access.ingress(LEDGER, "203.0.113.9")
        world.access.ingress(GATE, "203.0.113.9")
    assert world.log.lines == [
        {
            "event": "network.connection",
            "kind": "service",
            "verdict": "permitted",
            "networks": ["core"],
            "from": "gate",
            "to": "ledger",
        },
        {
            "event": "network.connection",
            "kind": "ingress",
            "verdict": "refused",
            "networks": ["core"],
            "from": "203.0.113.9",
            "to": "ledger",
        },
    ]


async def test_more_addresses_than_are_remembered_are_no_memory(world: World) -> None:
    for number in range(REMEMBERED + 10):
        world.access.ingress(OPEN, f"10.0.{number >> 8}.{number & 255}")
    assert len(world.access._ingress) <= REMEMBERED


async def test_a_remembered_verdict_costs_next_to_nothing(world: World) -> None:
    rounds = 20_000
    world.access.ingress(GATE, "203.0.113.9")
    best = 1.0
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(rounds):
            world.access.ingress(GATE, "203.0.113.9")
        best = min(best, (time.perf_counter() - begun) / rounds)
    assert best < 2e-6


@pytest.mark.parametrize(
    ("connect", "host", "port", "permitted"),
    [
        ("pay.example.net:443", "PAY.example.net", 443, True),
        ("pay.example.net:443", "pay.example.net", 80, False),
        ("pay.example.net:443", "xpay.example.net", 443, False),
        ("*.example.net:443", "pay.example.net", 443, True),
        ("*.example.net:443", "example.net", 443, False),
        ("*.example.net:443", "evilexample.net", 443, False),
        ("example.net:*", "example.net", 8443, True),
        ("*:443", "example.net", 443, True),
        ("*:443", "example.net", 80, False),
        ("[2001:db8::1]:443", "2001:db8::1", 443, True),
    ],
)
def test_a_capability_names_hosts_and_ports(connect: str, host: str, port: int, permitted: bool) -> None:
    assert (permits(NetworkCapability(connect=(connect,)), host, port) is None) == permitted
