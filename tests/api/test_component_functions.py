"""Functions of a component, read from its WIT: a real component, the daemon, the catalog, the compiler, the engine."""

import asyncio
import base64
import hashlib
from collections.abc import Iterator

import pytest

from catalog.jsonvalue import Json
from runtime.wasm.compile import Compiler
from runtime.wasm.messages import decode_answer, encode_request
from samples.services.build import STATE
from samples.services.build import build as make_guest
from tests.api.daemon.guests import SERVICES
from tests.api.daemon.hosted import configured, short_folder
from tests.api.functions import Floor
from tests.api.running import running

pytestmark = pytest.mark.xdist_group("guests")

QUOTE, RECEIPT = "service.fares.tickets_quote", "service.fares.tickets_receipt"
LOOK = "service.fares.mirror_look"
COUNT = "service.fares.count-calls"
JOURNEY: Json = {
    "start": "inner",
    "end": "airport",
    "passengers": [{"age": 40}, {"age": 9, "card": None}],
    "extras": [],
}


@pytest.fixture(scope="module")
def shop() -> Iterator[Floor]:
    """A server whose service `fares` runs. What was compiled once stays: it takes seconds, on a busy day more."""
    ((wasm,),) = make_guest(["fares"]).values()
    asyncio.run(Compiler(STATE / "machine-code").compile(wasm, hashlib.sha256(wasm.read_bytes()).hexdigest()))
    with short_folder() as folder:
        config, _ = configured(folder, runtime__build_cache_dir=str(STATE / "machine-code"))
        with running(folder / "f", services=config) as server:
            made = Floor(server, folder)
            made.start("fares", made.store(SERVICES / "fares"))
            made.refresh()
            yield made


def test_the_catalog_has_the_functions_of_the_world_and_of_its_interface_with_their_types(shop: Floor) -> None:
    found = shop.functions()
    assert set(found) == {QUOTE, RECEIPT, COUNT, LOOK}, "an option of an option has no JSON, and is left out"
    quote = found[QUOTE]
    assert (quote["tier"], quote["write"], quote["permission"]) == ("native", False, "services.call")
    fields = quote["input_schema"]["properties"]
    assert quote["input_schema"]["required"] == ["start", "end", "passengers", "extras"]
    assert fields["start"] == {"enum": ["inner", "outer", "airport"]}
    passenger = fields["passengers"]["items"]
    assert passenger["properties"]["age"] == {"type": "integer", "minimum": 0, "maximum": 255}
    assert passenger["required"] == ["age"], "an option may be left out"
    assert quote["output_schema"]["required"] == ["cents", "zones", "note"], "an answer leaves nothing out"
    assert found[COUNT]["output_schema"]["type"] == "integer"


def test_records_lists_enums_options_flags_variants_and_tuples_pass_both_ways(shop: Floor) -> None:
    assert shop.invoke(QUOTE, JOURNEY).body["output"] == {
        "cents": 690 + 345,
        "zones": ["inner", "airport"],
        "note": None,
    }
    with_both = {**JOURNEY, "end": "inner", "extras": ["dog", "bicycle"], "passengers": [{"age": 70, "card": "S"}]}
    given = shop.invoke(QUOTE, with_both).body["output"]
    assert given == {"cents": 105 + 300, "zones": ["inner"], "note": "a dog travels free"}
    for payment, words in (({"cash": None}, "4.05 by cash"), ({"card": "V-1"}, "4.05 by card V-1")):
        told = shop.invoke(RECEIPT, {"cents": 405, "payment": payment})
        assert told.status == 200, (payment, told.body)
        text, content = told.body["output"]
        assert (text, base64.b64decode(content)[::-1].decode()) == (words, words)


EVERYTHING: Json = {
    "truth": True,
    "small": -128,
    "large": -(1 << 63),
    "real": 0.1,
    "letter": "ß",
    "words": ["", "a\u0000b", "\U0001f600"],
    "pair": ["x", 65535],
    "outcome": {"err": 7},
    "done": {"ok": None},
    "choices": [{"left": 1}, {"right": 1}, {"neither": None}],
    "perhaps": None,
}


@pytest.mark.parametrize(
    "other",
    [{}, {"outcome": {"ok": 7}, "done": {"err": None}, "real": 3}, {"perhaps": {"right": 0}, "words": []}],
    ids=str,
)
def test_every_type_comes_back_as_it_went(shop: Floor, other: Json) -> None:
    what = {**EVERYTHING, **other}
    told = shop.invoke(LOOK, {"what": what})
    assert told.status == 200, told.body
    assert told.body["output"] == what


@pytest.mark.parametrize(
    "wrong",
    [
        {"small": 128},
        {"large": 1 << 63},
        {"letter": "ab"},
        {"letter": ""},
        {"pair": ["x"]},
        {"outcome": {"ok": 1, "err": 1}},
        {"choices": [{"middle": 1}]},
        {"truth": 1},
        {"words": [None]},
    ],
    ids=str,
)
def test_a_value_that_is_of_no_such_type_is_refused(shop: Floor, wrong: Json) -> None:
    told = shop.invoke(LOOK, {"what": {**EVERYTHING, **wrong}})
    assert told.status == 400, told.body


def test_its_instance_stays_from_call_to_call(shop: Floor) -> None:
    first = shop.invoke(COUNT).body["output"]
    assert [shop.invoke(COUNT).body["output"] for _ in range(3)] == [first + 1, first + 2, first + 3]


def test_a_result_that_is_an_error_fails_the_call_in_its_own_words(shop: Floor) -> None:
    refused = shop.invoke(QUOTE, {**JOURNEY, "passengers": [{"age": 3}]})
    assert (refused.status, refused.body["code"]) == (502, "FUNCTION_FAILED")
    assert refused.body["output"] == {"status": 422, "reason": "nobody travels alone under six"}


def test_one_that_traps_costs_its_call_and_the_next_has_a_fresh_instance(shop: Floor) -> None:
    shop.invoke(COUNT)
    failed = shop.invoke(RECEIPT, {"cents": 0, "payment": {"cash": None}})
    assert (failed.status, failed.body["code"]) == (502, "GUEST_TRAPPED")
    assert shop.invoke(COUNT).body["output"] == 1
    assert any("a receipt for nothing" in each["message"] for each in shop.logs("fares"))


def test_it_answers_no_requests_where_it_exports_no_handler(shop: Floor) -> None:
    async def asked(path: bytes) -> bytes:
        answered: asyncio.Future[bytes | Exception] = asyncio.get_running_loop().create_future()
        shop.services.daemon.services.get("fares").route.forward(
            encode_request(b"GET", path, [], b""), answered.set_result
        )
        answer = await answered
        assert isinstance(answer, bytes)
        return answer

    for path in (b"/", b"/.fabric/functions/none", b"/.fabric/functions/exports.init"):
        found = decode_answer(shop.server.run(asked(path)))
        assert (found.status, b"exports functions" in found.body) == (404, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": "moon"},
        {"passengers": [{"age": 256}]},
        {"passengers": [{}]},
        {"passengers": None},
        {"extras": ["dog", "dog"]},
        {"more": 1},
    ],
    ids=str,
)
def test_what_does_not_fit_the_types_never_reaches_it(shop: Floor, wrong: Json) -> None:
    before = shop.invoke(COUNT).body["output"]
    assert shop.invoke(QUOTE, {**JOURNEY, **wrong}).body["code"] == "PARAM_SCHEMA"
    assert shop.invoke(COUNT).body["output"] == before + 1


def test_a_connection_is_checked_against_the_types_and_calls_them(shop: Floor) -> None:
    wrong: Json = {
        "name": "wrong",
        "source_event": "ingest.external",
        "steps": [
            {"id": "a", "operation_id": QUOTE, "params": {**JOURNEY, "start": "moon"}},
            {"operation_id": "fabric.log", "params": {"message": "{{steps.a.output.cent}}"}},
        ],
    }
    refused = shop.server.call("POST", "/connections", wrong)
    codes = {each["code"] for each in refused.body["diagnostics"] if each["severity"] == "error"}
    assert (refused.status, codes) == (422, {"PARAM_ENUM", "TEMPLATE_UNKNOWN_FIELD"})
    run = shop.fire(
        [
            {"id": "a", "operation_id": QUOTE, "params": JOURNEY},
            {"operation_id": "fabric.log", "params": {"message": "{{steps.a.output.cents}} cents"}},
        ]
    )
    assert run["state"] == "succeeded", run
    assert run["steps"][1]["params"] == {"message": "1035 cents"}
