"""The lists themselves: they are those of the corpus, to the first and last address."""

import ipaddress

import pytest

from runtime.egress import Guard, Refused, classify
from runtime.egress.names import EXACT, SUFFIXES
from runtime.egress.networks import LOOPBACK, NEVER, PRIVATE, Reach, read_address
from runtime.egress.ports import BAD_PORTS
from tests.corpora.cases import load
from tests.fakes.outside import Names

META = load("ssrf.yaml")["meta"]
RULES = META["networks"]
CLASSES = [
    *((text, Reach.NEVER) for text in (*RULES["v4_never"], *RULES["v6_never"])),
    *((text, Reach.PRIVATE) for text in (*RULES["v4_private"], *RULES["v6_private"])),
    *((text, Reach.LOOPBACK) for text in (*RULES["v4_loopback"], *RULES["v6_loopback"])),
]


@pytest.mark.promise("O1")
@pytest.mark.parametrize(("text", "reach"), CLASSES)
def test_a_listed_network_has_its_class_to_both_edges(text: str, reach: Reach) -> None:
    network = ipaddress.ip_network(text)
    edges = {network[0], network[-1]}
    if text == "::/96":
        edges = {network[0], network[2], network[-1]}  # ::1 is loopback, and lies inside
    assert {classify(edge) for edge in edges} == {reach}


@pytest.mark.promise("O1")
def test_the_lists_hold_nothing_else() -> None:
    listed = [ipaddress.ip_network(text) for text, _ in CLASSES]
    for network in (*LOOPBACK, *NEVER, *PRIVATE):
        assert network in listed
    assert frozenset(META["bad_ports"]) == BAD_PORTS
    assert frozenset(META["names_refused_before_dns"]["exact"]) == EXACT
    assert META["names_refused_before_dns"]["suffix"] == list(SUFFIXES)


@pytest.mark.parametrize("text", ["1fff:ffff::1", "4000::1", "::2", "8000::1", "e000::1"])
def test_ipv6_is_an_allow_rule(text: str) -> None:
    assert classify(ipaddress.ip_address(text)) is Reach.NEVER


@pytest.mark.parametrize("name", [*sorted(EXACT), *(f"any{suffix}" for suffix in SUFFIXES)])
def test_names_of_local_networks_are_refused_before_dns(name: str) -> None:
    names = Names({name: [["93.184.215.14"]]})
    with pytest.raises(Refused) as refused:
        Guard((), (), names).check(f"http://{name}/")
    assert refused.value.code == "SSRF_NAME"
    assert names.asked == []


@pytest.mark.parametrize("text", ["fe80::1%eth0", "127.1", "010.0.0.1", "", "x", "1.2.3.4.5"])
def test_what_is_no_plain_address_is_none(text: str) -> None:
    assert read_address(text) is None
