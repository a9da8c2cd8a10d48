"""T3: whatever bytes go in, only ConnectionInvalid comes out, and what loads survives being written and read again."""

import random
from pathlib import Path

import pytest

import connections
from catalog.errors import ConnectionInvalid
from connections.format import format_value
from tests.connections.world import AUTHOR, CONTROLLERS, native_catalog

_GOLDEN = Path(__file__).parents[1] / "golden"
_INVALID = [each.read_bytes() for each in sorted((_GOLDEN / "invalid").glob("*.yaml"))]
_VALID = [each.read_bytes() for each in sorted((_GOLDEN / "valid").glob("*.yaml"))]
_SCRAPS = [
    b"{{", b"}}", b"&a", b"*a", b"!!", b"? ", b"- ", b": ", b"|\n", b"> \n", b"%", b"---\n", b"\xff", b"\xc3", b"\0",
    b"\xef\xbb\xbf", b"[", b"]", b"{", b"}", b'"', b"'", b"\\", b"\t", b"\r", b"1e999", b"<<", b"~", b"\xe2\x80\xa8",
    b"steps", b"needs", b"foreach", b"conditions", b"all", b"not", b"{{steps.0.output}}", b"{{trigger}}", b"#",
]  # fmt: skip
_COUNT = 10_000


def _mutated(chance: random.Random) -> bytes:
    """A golden file with a few bytes changed, cut, doubled or put in; now and then nothing but noise."""
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(200))
    valid = chance.random() < 0.5
    text = bytearray(chance.choice(_VALID if valid else _INVALID))
    for _ in range(1 if valid else chance.randrange(1, 6)):
        place = chance.randrange(len(text) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            text[place:place] = chance.choice(_SCRAPS)
        elif kind == 1:
            del text[place : place + chance.randrange(1, 12)]
        elif kind == 2:
            text[place:place] = text[place : place + chance.randrange(40)]
        elif place < len(text):
            text[place] = chance.randrange(256)
    return bytes(text)


@pytest.mark.promise("T3", count=_COUNT)
def test_only_our_own_exception_leaves_the_loader_and_the_compiler() -> None:
    chance = random.Random(20261121)
    outcomes = {"plan": 0, "refused": 0}
    for _ in range(_COUNT):
        source = _mutated(chance)
        try:
            connections.compile(source, native_catalog(), author=AUTHOR, targets=CONTROLLERS)
            outcomes["plan"] += 1
        except ConnectionInvalid as error:
            outcomes["refused"] += 1
            assert error.diagnostics
            assert all(each.code and each.message for each in error.diagnostics)
    assert min(outcomes.values()) > _COUNT / 100, outcomes


@pytest.mark.promise("T3")
def test_what_loads_gives_the_same_graph_when_it_is_written_and_read_again() -> None:
    chance = random.Random(7)
    seen = 0
    while seen < 100:
        source = _mutated(chance)
        try:
            plan = connections.compile(source, native_catalog())
        except ConnectionInvalid:
            continue
        seen += 1
        for again in (plan.connection, plan.connection.document(), format_value(plan.connection.document())):
            other = connections.compile(again, native_catalog())
            assert other.connection == plan.connection
            assert list(other.graph.edges) == list(plan.graph.edges)
            assert [each.template.value for each in other.steps] == [each.template.value for each in plan.steps]
