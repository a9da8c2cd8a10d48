"""O1 over generated URLs: many spellings of many addresses, names that answer badly, lists, redirects and rebinding."""

import asyncio
import ipaddress
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import FabricError
from runtime.egress import Guard
from runtime.egress.client import EgressClient, Limits
from tests.fakes.outside import Names, Outside, outside

EXAMPLES = 5000

NEAR = [
    *("127.0.0.1", "127.8.9.10", "10.0.0.1", "172.16.5.4", "192.168.1.20", "100.64.0.9", "169.254.169.254", "0.0.0.0"),
    *("168.63.129.16", "100.100.100.200", "192.0.0.192", "224.0.0.1", "255.255.255.255", "198.18.0.1"),
]
NEAR6 = ["::1", "::", "fe80::1", "fd12::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1", "5f00::1", "3fff::1"]
FAR = ["93.184.215.14", "8.8.8.8", "2606:4700:4700::1111"]


def spellings(text: str) -> list[str]:
    """An IPv4 address as readers of many kinds would take it."""
    number = int(ipaddress.IPv4Address(text))
    a, b, c, d = text.split(".")
    low = number & 0xFFFF
    mapped = f"{number >> 16:x}:{low:x}"
    return [
        *(text, f"{text}.", f"{number}", f"0x{number:x}", f"0{number:o}", f"{a}.{b}.{low}", f"{a}.{number & 0xFFFFFF}"),
        *(f"0x{int(a):x}.{b}.{c}.{d}", f"0{int(a):o}.{b}.{c}.0{int(d):o}", f"{int(a):03}.{b}.{c}.{d}"),
        *(text.replace(".", "。"), text.replace("1", "①"), text.replace(".", "%2e"), text.replace("1", "１")),
        *(f"[::ffff:{text}]", f"[::ffff:{mapped}]", f"[::{text}]", f"[64:ff9b::{mapped}]", f"[2002:{mapped}::]"),
        *(f"[::ffff:0:{mapped}]", f"[64:ff9b:1::{mapped}]", f"[{text}]", f"[::ffff:{text}%25lo]"),
    ]


@dataclass(frozen=True)
class Attempt:
    """A URL, what DNS says at each look-up, what the operator listed, and where the answer redirects to."""

    url: str
    answers: tuple[tuple[str, ...], ...]
    allowed: tuple[str, ...]
    location: str


dice = Random(20261121)


def some_v4() -> str:
    return dice.choice([dice.choice(NEAR), dice.choice(FAR[:2]), str(ipaddress.IPv4Address(dice.getrandbits(32)))])


def some_v6() -> str:
    wide = ipaddress.IPv6Address((dice.choice([0x2, 0x3, 0xF, 0x0]) << 124) | dice.getrandbits(124))
    return dice.choice([dice.choice(NEAR6), FAR[2], str(wide)])


def some_answers() -> tuple[tuple[str, ...], ...]:
    def one() -> tuple[str, ...]:
        return tuple(dice.choice([some_v4, some_v6])() for _ in range(dice.choice([1, 1, 2])))

    return tuple(one() for _ in range(dice.choice([1, 2])))


# Pools, drawn from by one choice each: Hypothesis spends its time on choices, and shrinks within a pool as well.
LITERALS = [spelt for _ in range(150) for spelt in spellings(some_v4())] + [f"[{some_v6()}]" for _ in range(500)]
NAMES = ["a.example.com", "127.0.0.1.example.com", "localhost", "nas.lan", "redis", "metadata"]
HOSTS = LITERALS + ["a.example.com"] * len(LITERALS) + NAMES * 50
PREFIXES = [*["http://"] * 12, "HTTP://", "http://x@", "http://8.8.8.8@", "http:\\\\", "http:/", "//"]
SUFFIXES = [*["/"] * 10, "", ":80/", ":8080/", ":22/", "#@8.8.8.8/", "?@8.8.8.8/", "\\@8.8.8.8/", "/\t", "\r\n"]
LISTED: list[tuple[str, ...]] = [(), (), ("nas.lan",), ("redis", "10.0.0.1"), ("127.0.0.1", "localhost"), ("::1",)]
LISTED += [("169.254.169.254", "192.168.1.20"), ("a.example.com",), ("metadata", "0.0.0.0")]

attempts = st.builds(
    lambda prefix, host, suffix, answers, allowed, other: Attempt(
        prefix + host + suffix, answers, allowed, f"http://{other}/"
    ),
    st.sampled_from(PREFIXES),
    st.sampled_from(HOSTS),
    st.sampled_from(SUFFIXES),
    st.sampled_from([some_answers() for _ in range(3000)]),
    st.sampled_from(LISTED),
    st.sampled_from(HOSTS),
)


def may_be_reached(address: str, host: str, allowed: tuple[str, ...]) -> bool:
    """An oracle that shares no list with the guard: what Python's flags and a few facts call out of bounds."""
    found = ipaddress.ip_address(address)
    if str(found) in allowed and (found.is_loopback or (found.is_private and not found.is_link_local)):
        return True
    carrier_grade = found.version == 4 and found in ipaddress.ip_network("100.64.0.0/10")
    if host in allowed and (carrier_grade or found.is_private) and not (found.is_loopback or found.is_link_local):
        return address not in ("100.100.100.200", "fd00:ec2::254") and not found.is_unspecified
    if not found.is_global or found.is_multicast or found.is_reserved or carrier_grade:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        embeds = found.ipv4_mapped or found.sixtofour or found.teredo
        return found in ipaddress.ip_network("2000::/3") and not embeds
    return address not in ("168.63.129.16", "192.0.0.192")


async def connected(attempt: Attempt, world: Outside) -> tuple[str, list[str]]:
    """Deliver twice (a retry asks DNS anew): the outcome of the first, and every address a socket was led to."""
    world.connects.clear()
    world.answer = f"HTTP/1.1 302 Found\r\nLocation: {attempt.location}\r\nContent-Length: 0\r\n\r\n".encode()
    table = dict.fromkeys(("a.example.com", "127.0.0.1.example.com", "localhost", "nas.lan", "redis"), attempt.answers)
    client = EgressClient(
        Guard(attempt.allowed, (), Names(table)), open_socket=world.open_socket, limits=Limits(total=5, connect=5)
    )
    outcomes = []
    for _ in range(2):
        try:
            outcomes.append(str((await client.send("webhook", "POST", attempt.url, {}, b"")).status))
        except FabricError as error:
            outcomes.append(error.code)
    return outcomes[0], list(world.connects)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[asyncio.Runner, Outside]]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        world = runner.run(stack.enter_async_context(outside(tmp_path)))
        yield runner, world
        runner.run(stack.aclose())


@pytest.mark.promise("O1", count=EXAMPLES)
def test_no_generated_url_leads_where_it_must_not(running: tuple[asyncio.Runner, Outside]) -> None:
    runner, world = running
    reached, refused = set[str](), set[str]()

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(attempts)
    def deliver(attempt: Attempt) -> None:
        outcome, connects = runner.run(connected(attempt, world))
        host = re.split("[/?#:]", attempt.url.lower().partition("://")[2])[0]
        for address in connects:
            assert may_be_reached(address, host, attempt.allowed), address
        reached.update(connects)
        refused.add(outcome)

    deliver()
    # A run that connects to nothing, or refuses nothing, would prove nothing.
    assert len(reached) > 50
    assert {"302", "SSRF_NEVER", "SSRF_PRIVATE", "SSRF_LOOPBACK", "SSRF_NAME", "URL_IP_NOT_CANONICAL"} <= refused
