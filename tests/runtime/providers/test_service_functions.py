"""The provider of service functions, over a source that the test moves."""

import asyncio
from pathlib import Path

import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.operations import Read
from catalog.registry import Registry
from runtime.providers.service_functions import Offer, ServiceFunctions
from runtime.providers.service_functions.source import Forward
from runtime.wasm.launch import Done
from runtime.wasm.messages import decode_request, encode_answer
from runtime.wasm.modules.function_section import Function
from tests.fakes.ports import FakePorts

QUOTE = Function(name="Quote.It", description="What it costs.\n\nIn cents.", output={"type": "integer"})
OWNER = FakePorts().call("x").organisation_id
"""The organisation that test calls come from."""


class Source:
    """Services as a test wants them; `answers` are what guests give, by path."""

    def __init__(self, *offers: Offer) -> None:
        self.told = offers
        self.gone: set[str] = set()
        self.notes: list[tuple[str, str]] = []
        self.answers: dict[bytes, bytes] = {}
        self.asked: list[tuple[str, bytes, bytes]] = []

    def offers(self) -> tuple[Offer, ...]:
        """As told."""
        return self.told

    def knows(self, service_id: str) -> bool:
        """All but those that are gone."""
        return service_id not in self.gone

    def way(self, service_id: str) -> Forward:
        """Notes who is asked, and answers at once if there is an answer."""

        def forward(request: bytes, done: Done) -> None:
            read = decode_request(request)
            self.asked.append((service_id, read.path, read.body))
            if read.path in self.answers:
                done(self.answers[read.path])

        return forward

    def note(self, service_id: str, sentence: str) -> None:
        """Keeps it."""
        self.notes.append((service_id, sentence))


def offer(name: str, *functions: Function) -> Offer:
    return Offer(service_id=f"{name}-1", service=name, functions=functions)


async def ask(functions: ServiceFunctions, operation_id: str, params: Json) -> Json:
    code = functions.code(operation_id)
    assert isinstance(code, Read)
    return await code.handler(params, FakePorts().call(operation_id))


def ids(functions: ServiceFunctions) -> list[str]:
    return [each.id for each in functions.operations()]


async def test_a_name_is_folded_to_an_id_and_the_guest_is_asked_for_the_name() -> None:
    source = Source(offer("shop", QUOTE))
    source.answers[b"/.fabric/functions/Quote.It"] = encode_answer(200, [(b"x", b"y")], b"12")
    functions = ServiceFunctions()
    functions.open(source, OWNER)
    (operation,) = functions.operations()
    assert (operation.id, operation.title, operation.description) == (
        "service.shop.quote_it",
        "What it costs",
        "In cents.",
    )
    assert operation.input_schema == {"type": "object"}
    assert await ask(functions, "service.shop.quote_it", {"a": 1}) == 12
    assert source.asked == [("shop-1", b"/.fabric/functions/Quote.It", b'{"a":1}')]


async def test_a_call_is_waited_for_so_long_and_no_longer_and_a_late_answer_is_nobodys() -> None:
    functions = ServiceFunctions(seconds=0.05)
    source = Source(offer("shop", QUOTE))
    functions.open(source, OWNER)
    assert ids(functions) == ["service.shop.quote_it"]
    first = asyncio.create_task(ask(functions, "service.shop.quote_it", {}))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(ask(functions, "service.shop.quote_it", {}))
    for each in (first, second):
        with pytest.raises(FabricError) as caught:
            await asyncio.wait_for(each, 5)
        assert caught.value.code == "FUNCTION_TIMEOUT"
    source.answers[b"/.fabric/functions/Quote.It"] = encode_answer(200, [], b"3")
    assert await ask(functions, "service.shop.quote_it", {}) == 3


async def test_what_is_refused_is_told_and_costs_only_itself() -> None:
    source = Source(
        offer("shop", QUOTE, Function(name="quote.it"), Function(name="deep", output={"$ref": "http://x/"})),
        offer("desk", Function(name="odd", input={"type": "array"}), Function(name="lost", output="schemas/x.json")),
    )
    functions = ServiceFunctions()
    functions.open(source, OWNER)
    assert ids(functions) == ["service.shop.quote_it"]
    assert [
        (service, [code for code in ("FUNCTION_CLASH", "SCHEMA_INVALID") if code in said])
        for service, said in source.notes
    ] == [
        ("shop-1", ["FUNCTION_CLASH"]),
        ("shop-1", ["SCHEMA_INVALID"]),
        ("desk-1", ["SCHEMA_INVALID"]),
        ("desk-1", ["SCHEMA_INVALID"]),
    ]


async def test_a_service_that_does_not_run_yet_is_remembered_and_one_that_is_gone_is_not(tmp_path: Path) -> None:
    file = tmp_path / "functions.json"
    functions = ServiceFunctions(file)
    functions.open(Source(offer("shop", QUOTE), offer("desk", QUOTE)), OWNER)
    assert len(ids(functions)) == 2
    again = ServiceFunctions(file)
    assert ids(again) == ["service.shop.quote_it", "service.desk.quote_it"]
    with pytest.raises(FabricError) as caught:
        await ask(again, "service.desk.quote_it", {})
    assert caught.value.code == "SERVICES_UNAVAILABLE"
    source = Source()
    source.gone = {"shop-1"}
    again.open(source, OWNER)
    assert ids(again) == ["service.desk.quote_it"]
    assert ids(ServiceFunctions(file)) == ["service.desk.quote_it"]


def test_a_file_that_cannot_be_read_is_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "functions.json"
    file.write_text("{")
    assert ids(ServiceFunctions(file)) == []


async def test_nobody_elses_call_reaches_a_guest() -> None:
    source = Source(offer("shop", QUOTE))
    functions = ServiceFunctions()
    functions.open(source, "org-2")
    assert ids(functions) == ["service.shop.quote_it"]
    with pytest.raises(FabricError) as caught:
        await ask(functions, "service.shop.quote_it", {})
    assert (caught.value.code, source.asked) == ("OP_UNKNOWN", [])


async def test_only_the_owner_sees_what_is_his() -> None:
    functions = ServiceFunctions()
    functions.open(Source(offer("shop", QUOTE)), OWNER)
    registry = Registry((functions,))
    mine, theirs = registry.seen_by(OWNER), registry.seen_by("org-2")
    assert (list(mine.operations), list(theirs.operations)) == (["service.shop.quote_it"], [])
    assert mine is registry.current()
    assert theirs is registry.seen_by("org-2") is registry.seen_by("org-3")
