"""Reach: every rule by a table, and the whole of it against a model that is too plain to be wrong."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.daemon.networks.networks import DEFAULT_NETWORK
from runtime.daemon.networks.reach import between, from_outside, groups_of, to_outside, unencrypted
from runtime.daemon.spec import NetworkSpec

EDGE = NetworkSpec(name="edge", ingress=("0.0.0.0/0",), egress=("core",))
CORE = NetworkSpec(name="core", internal=True, ingress=("edge",), egress=("store",), encryption="required")
STORE = NetworkSpec(name="store", isolated=True, ingress_only=True, ingress=("core",), egress=("edge",))
OPEN = NetworkSpec(name="open")
PROBE = NetworkSpec(name="probe", egress=("*",))
TAKES_ALL = NetworkSpec(name="sink", ingress=("*",))
TALKER = NetworkSpec(name="talker", egress=("sink", "open"))
PAY = NetworkSpec(
    name="pay",
    egress=("external:bank", "external:post"),
    external={"bank": ("pay.example.net:443",), "post": ("mail.example.net:25",)},
    external_tls=("bank",),
)
LOCAL = NetworkSpec(name="local", ingress=("10.0.0.0/8", "2001:db8::/32"), egress=("192.0.2.0/24",))
ANYWHERE = NetworkSpec(name="anywhere", egress=("external:*",))

BETWEEN: list[tuple[str, list[NetworkSpec], list[NetworkSpec], str | None]] = [
    ("a network of both", [CORE], [CORE, STORE], None),
    ("egress that the other lets in", [EDGE], [CORE], None),
    ("not the other way about", [CORE], [EDGE], "share no network"),
    ("no way at all", [EDGE], [STORE], "share no network"),
    ("egress into a network without an ingress list", [TALKER], [OPEN], None),
    ("egress into a network that takes all", [TALKER], [TAKES_ALL], None),
    ("being let in is not enough", [OPEN], [TAKES_ALL], "share no network"),
    ("egress to all, refused at the door", [PROBE], [EDGE], "does not let network `probe` in"),
    ("egress to all, let in", [PROBE], [OPEN], None),
    ("a range of addresses is no network", [EDGE], [LOCAL], "share no network"),
    ("isolated", [STORE], [STORE], "isolated"),
    ("isolated, whatever else they have in common", [STORE, CORE], [CORE, STORE], "isolated"),
    ("into an isolated network from elsewhere", [CORE], [STORE], None),
    ("ingress-only never leaves", [STORE], [EDGE], "ingress-only"),
    ("ingress-only, but another way leads there", [STORE, TALKER], [OPEN], None),
    ("internal is no hindrance between services", [EDGE], [CORE], None),
    ("no networks", [], [], "share no network"),
    ("unknown networks permit nothing", [], [OPEN], "share no network"),
]


@pytest.mark.parametrize(("name", "source", "target", "reason"), BETWEEN, ids=[row[0] for row in BETWEEN])
def test_between_services(name: str, source: list[NetworkSpec], target: list[NetworkSpec], reason: str | None) -> None:
    found = between(source, target)
    assert found is None if reason is None else reason in (found or "")


FROM_OUTSIDE: list[tuple[str, list[NetworkSpec], str, str | None]] = [
    ("everybody", [EDGE], "203.0.113.9", None),
    ("everybody is IPv6 too", [EDGE], "2a00::1", None),
    ("this machine's socket", [EDGE], "", None),
    ("internal", [CORE], "203.0.113.9", "internal"),
    ("internal beside another way in", [CORE, EDGE], "203.0.113.9", None),
    ("no list", [OPEN], "203.0.113.9", None),
    ("a list of networks holds nobody outside", [TAKES_ALL], "203.0.113.9", "does not let that address in"),
    ("inside the range", [LOCAL], "10.1.2.3", None),
    ("inside the range, mapped", [LOCAL], "::ffff:10.1.2.3", None),
    ("inside the range of IPv6", [LOCAL], "2001:db8::7", None),
    ("outside the range", [LOCAL], "11.1.2.3", "does not let that address in"),
    ("this machine is not in the range", [LOCAL], "", "does not let that address in"),
    ("no address at all", [LOCAL], "somebody", "does not let that address in"),
    ("an empty list", [NetworkSpec(name="shut", ingress=())], "10.0.0.1", "does not let that address in"),
    ("no networks", [], "10.0.0.1", "no network that the outside may enter"),
    ("default", [DEFAULT_NETWORK], "203.0.113.9", None),
]


@pytest.mark.parametrize(("name", "target", "address", "reason"), FROM_OUTSIDE, ids=[row[0] for row in FROM_OUTSIDE])
def test_from_outside(name: str, target: list[NetworkSpec], address: str, reason: str | None) -> None:
    found = from_outside(target, address)
    assert found is None if reason is None else reason in (found or "")


def varied(spec: NetworkSpec, *, internal: bool = False, ingress_only: bool = False) -> NetworkSpec:
    return NetworkSpec(
        name=spec.name,
        egress=spec.egress,
        external=spec.external,
        external_tls=spec.external_tls,
        internal=internal,
        ingress_only=ingress_only,
    )


TO_OUTSIDE: list[tuple[str, list[NetworkSpec], tuple[str, str, int], bool, str | None]] = [
    ("a named host", [PAY], ("https", "pay.example.net", 443), False, None),
    ("case of a host", [PAY], ("https", "PAY.example.net", 443), False, None),
    ("another port", [PAY], ("https", "pay.example.net", 8443), False, "egress list"),
    ("a host that wants TLS", [PAY], ("http", "pay.example.net", 443), False, "egress list"),
    ("a host that does not", [PAY], ("http", "mail.example.net", 25), False, None),
    ("another host", [PAY], ("https", "example.net", 443), False, "egress list"),
    ("any host", [ANYWHERE], ("http", "example.net", 80), False, None),
    ("any host, locked", [ANYWHERE], ("http", "example.net", 80), True, "egress list"),
    ("a named host, locked", [PAY], ("https", "pay.example.net", 443), True, None),
    ("an address of the range", [LOCAL], ("http", "192.0.2.7", 80), False, None),
    ("an address of the range, locked", [LOCAL], ("http", "192.0.2.7", 80), True, "egress list"),
    ("a name is in no range", [LOCAL], ("http", "example.net", 80), False, "egress list"),
    ("every network is no host", [PROBE], ("http", "example.net", 80), False, "egress list"),
    ("all addresses", [NetworkSpec(name="n", egress=("0.0.0.0/0",))], ("http", "example.net", 80), False, None),
    ("internal", [varied(PAY, internal=True)], ("https", "pay.example.net", 443), False, "internal"),
    ("ingress-only", [varied(PAY, ingress_only=True)], ("https", "pay.example.net", 443), False, "ingress-only"),
    ("internal beside another way", [CORE, PAY], ("https", "pay.example.net", 443), False, None),
    ("names are each network's own", [NetworkSpec(name="n", egress=("external:bank",)), varied(PAY, internal=True)],
     ("https", "pay.example.net", 443), False, "internal"),
    ("no egress list", [OPEN], ("https", "example.net", 443), False, "egress list"),
    ("no networks", [], ("https", "example.net", 443), False, "egress list"),
    ("default", [DEFAULT_NETWORK], ("http", "example.net", 80), False, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "source", "place", "locked", "reason"), TO_OUTSIDE, ids=[row[0] for row in TO_OUTSIDE]
)
def test_to_outside(
    name: str, source: list[NetworkSpec], place: tuple[str, str, int], locked: bool, reason: str | None
) -> None:
    found = to_outside(source, *place, locked=locked)
    assert found is None if reason is None else reason in (found or "")


def test_a_network_that_requires_encryption_is_left_over_https_alone() -> None:
    assert unencrypted([EDGE, CORE], "http") is CORE
    assert unencrypted([EDGE, CORE], "https") is None
    assert unencrypted([EDGE], "http") is None


def test_a_host_has_the_names_that_its_networks_give_it() -> None:
    assert groups_of([EDGE, PAY], "Pay.example.net", 443) == {"bank"}
    assert groups_of([EDGE], "pay.example.net", 443) == frozenset()


NAMES = ("a", "b", "c")
ENTRIES = st.sampled_from([*NAMES, "*", "10.0.0.0/8", "0.0.0.0/0", "external:x", "external:*", "nowhere"])
HOSTS = ("10.1.1.1", "x.example.net", "y.example.net")
NETWORK = st.builds(
    NetworkSpec,
    name=st.sampled_from(NAMES),
    internal=st.booleans(),
    isolated=st.booleans(),
    ingress=st.none() | st.lists(ENTRIES, max_size=3).map(tuple),
    egress=st.lists(ENTRIES, max_size=3).map(tuple),
    ingress_only=st.booleans(),
    external=st.just({"x": ("x.example.net:443",)}),
    external_tls=st.sampled_from([(), ("x",)]),
)
WORLD = st.lists(NETWORK, max_size=3, unique_by=lambda each: each.name)
MEMBERSHIP = st.sets(st.sampled_from(NAMES))


def lets_in(network: NetworkSpec, other: str) -> bool:
    return network.ingress is None or other in network.ingress or "*" in network.ingress


@given(world=WORLD, ours=MEMBERSHIP, theirs=MEMBERSHIP)
def test_between_is_what_the_plain_model_says(world: list[NetworkSpec], ours: set[str], theirs: set[str]) -> None:
    known = {each.name: each for each in world}
    source, target = ours & known.keys(), theirs & known.keys()
    ways = {
        (mine, other)
        for mine in source
        for other in target
        if {other, "*"} & set(known[mine].egress) and not known[mine].ingress_only and lets_in(known[other], mine)
    }
    forbidden = {each for each in source & target if known[each].isolated}
    permitted = not forbidden and bool(source & target or ways)
    found = between([known[each] for each in sorted(source)], [known[each] for each in sorted(target)])
    assert (found is None) == permitted


@given(world=WORLD, ours=MEMBERSHIP, address=st.sampled_from(["10.2.3.4", "11.2.3.4", "::1", "::ffff:10.0.0.1", ""]))
def test_from_outside_is_what_the_plain_model_says(world: list[NetworkSpec], ours: set[str], address: str) -> None:
    ten = {"10.2.3.4", "::ffff:10.0.0.1"}
    doors = [each for each in world if each.name in ours and not each.internal]
    permitted = any(
        each.ingress is None or "0.0.0.0/0" in each.ingress or ("10.0.0.0/8" in each.ingress and address in ten)
        for each in doors
    )
    assert (from_outside([each for each in world if each.name in ours], address) is None) == permitted


@given(
    world=WORLD,
    ours=MEMBERSHIP,
    host=st.sampled_from(HOSTS),
    scheme=st.sampled_from(["http", "https"]),
    port=st.sampled_from([80, 443]),
    locked=st.booleans(),
)
def test_to_outside_is_what_the_plain_model_says(
    world: list[NetworkSpec], ours: set[str], host: str, scheme: str, port: int, locked: bool
) -> None:
    permitted = False
    for each in world:
        if each.name not in ours or each.internal or each.ingress_only:
            continue
        listed = "external:x" in each.egress and (host, port) == ("x.example.net", 443)
        if listed and (scheme == "https" or not each.external_tls):
            permitted = True
        anywhere = {"external:*", "0.0.0.0/0"} & set(each.egress)
        in_range = "10.0.0.0/8" in each.egress and host[0].isdigit() and ipaddress.ip_address(host).is_private
        if not locked and (anywhere or in_range):
            permitted = True
    found = to_outside([each for each in world if each.name in ours], scheme, host, port, locked=locked)
    assert (found is None) == permitted
