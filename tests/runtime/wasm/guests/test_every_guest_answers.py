"""Each sample guest, built from source, answers through a worker of its own."""

from pathlib import Path

import pytest

from runtime.wasm.launch import Mount
from runtime.wasm.messages import encode_answer
from tests.runtime.wasm.guests.running import Kitchen

pytestmark = pytest.mark.xdist_group("guests")


async def _nobody(_request: bytes) -> bytes:
    return encode_answer(0, [], b"FORBIDDEN")


HTTP = {
    "hello": "hello",
    "greeter": "greeting",
    "orders": "error",
    "visitor-cgi": "Welcome",
    "report-cgi": "no such path",
    "quotes": "error",
    "cart": "error",
    "riddles": "question",
    "ledger": "",
    "caller": "",
    "gate": "shop",
    "catalogue": "error",
}


@pytest.mark.parametrize("name", HTTP)
async def test_an_http_guest_is_healthy_and_answers(kitchen: Kitchen, name: str) -> None:
    outgoing = _nobody if name in {"caller", "gate"} else None
    async with kitchen.guest(name, outgoing=outgoing) as guest:
        health = await guest.get("/health")
        assert (health.status, health.body.strip()) == (200, b"ok")
        assert HTTP[name].encode() in (await guest.get("/")).body


async def test_c_reads_the_request_its_environment_and_its_volume(kitchen: Kitchen, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    mount = Mount(host=volume, guest="/data", writable=True)
    async with kitchen.guest("hello", environment={"REGION": 'the "north"'}, mounts=(mount,)) as guest:
        assert await guest.json("/env") == {"REGION": 'the "north"'}
        assert await guest.json("/request?a=1") == {
            "method": "GET",
            "path": "/request",
            "query": "a=1",
            "headers": {"host": "test"},
            "body_bytes": 0,
        }
        assert await guest.json("/file?name=note", "POST", b"kept") == {"written": 4}
        assert (await guest.get("/file?name=note")).body == b"kept"
        assert await guest.json("/file") == ["note"]
        assert (await guest.get("/file?name=../escaped")).status == 403
    assert (volume / "note").read_bytes() == b"kept"


async def test_assemblyscript_counts_and_escapes(kitchen: Kitchen) -> None:
    async with kitchen.guest("greeter") as guest:
        assert await guest.json("/?name=Zo\u00eb%22") == {"greeting": "Hello, Zo\u00eb%22!", "greeted": 1}
        assert await guest.json("/") == {"greeting": "Hello, stranger!", "greeted": 2}
        assert "somebody without a name" in await guest.prints("stderr", "name\n")


async def test_go_keeps_orders_on_its_volume(kitchen: Kitchen, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    mount = Mount(host=volume, guest="/data", writable=True)
    async with kitchen.guest("orders", mounts=(mount,)) as guest:
        order = b'{"item": "tea", "count": 2}'
        assert await guest.json("/orders", "POST", order) == {"id": 1, "item": "tea", "count": 2}
        assert (await guest.ask("POST", "/orders", b"{}")).status == 400
    async with kitchen.guest("orders", mounts=(mount,)) as guest:
        assert await guest.json("/orders/1") == {"id": 1, "item": "tea", "count": 2}
        assert (await guest.get("/crash")).status == 500
        assert "asked to crash" in await guest.prints("stderr", "goroutine")
        assert await guest.json("/orders") == [{"id": 1, "item": "tea", "count": 2}]


async def test_cgi_has_the_request_in_its_environment_and_keeps_nothing(kitchen: Kitchen, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    async with kitchen.guest("visitor-cgi", mounts=(Mount(host=volume, guest="/data", writable=True),)) as guest:
        assert b"Query: a=1. Visits: 1." in (await guest.get("/?a=1")).body
        assert b"Visits: 2." in (await guest.get("/")).body
        moved = await guest.get("/moved")
        assert (moved.status, dict(moved.headers)[b"location"]) == (302, b"/")
        typed = [(b"content-type", b"text/x"), (b"x-why", b"because")]
        echoed = await guest.ask("POST", "/echo", b"body", typed)
        assert (echoed.body, dict(echoed.headers)[b"content-type"]) == (b"body", b"text/x")
        told = (await guest.ask("PUT", "/env?q", b"12345", typed)).body.decode().splitlines()
        assert {"REQUEST_METHOD=PUT", "QUERY_STRING=q", "CONTENT_LENGTH=5", "HTTP_X_WHY=because"} <= set(told)


async def test_go_as_cgi_reads_the_body(kitchen: Kitchen) -> None:
    async with kitchen.guest("report-cgi", environment={"REGION": "north"}) as guest:
        answer = await guest.ask("POST", "/report", b"tea,2\ncups,3.5\n")
        assert answer.body == b"rows: 2\ntotal: 5.5\n"
        assert (await guest.ask("POST", "/report", b'"broken')).status == 400
        assert (await guest.get("/env?a")).body == b"GET a north\n"


async def test_python_and_javascript_keep_what_they_are_told(kitchen: Kitchen) -> None:
    async with kitchen.guest("quotes", environment={"REGION": "north"}) as guest:
        quote = '{"by": "Zo\u00eb", "text": "so"}'.encode()
        assert (await guest.ask("POST", "/quotes", quote)).status == 201
        assert await guest.json("/quotes?by=Zo%C3%AB") == [{"by": "Zo\u00eb", "text": "so"}]
        assert "Zo\u00eb" in await guest.prints("stdout", "a new quote")
        assert await guest.json("/env") == {"REGION": "north"}
        assert (await guest.ask("POST", "/echo", bytes(range(256)) * 1000)).body == bytes(range(256)) * 1000
    async with kitchen.guest("cart") as guest:
        added = await guest.ask("POST", "/carts/7", '{"item": "t\u00e9", "count": 2}'.encode())
        assert added.status == 201
        assert await guest.json("/carts/7") == {"cart": "7", "lines": [{"item": "t\u00e9", "count": 2}], "count": 2}
        assert "cart 7 has 2 more" in await guest.prints("stdout", "t\u00e9")
        assert (await guest.ask("POST", "/echo", bytes(range(256)) * 1000)).body == bytes(range(256)) * 1000


async def test_a_handlers_exception_is_a_500_and_a_traceback_in_the_log(kitchen: Kitchen) -> None:
    async with kitchen.guest("quotes") as guest:
        assert (await guest.get("/crash")).status == 500
        assert "Traceback" in await guest.prints("stderr", "RuntimeError: asked to crash")
        assert (await guest.get("/health")).status == 200
    async with kitchen.guest("cart") as guest:
        assert (await guest.get("/crash")).status == 500
        assert "cart.js" in await guest.prints("stderr", "Error: asked to crash")
        assert (await guest.get("/health")).status == 200


@pytest.mark.parametrize("name", ["hello", "greeter", "orders"])
async def test_a_warm_reactor_gives_back_what_it_takes(kitchen: Kitchen, name: str) -> None:
    async with kitchen.guest(name) as guest:
        for _ in range(1000):
            await guest.ask("POST", "/echo", b"x" * 4000)
        before = guest.replica.usage().memory
        for _ in range(4000):
            await guest.ask("POST", "/echo", b"x" * 4000)
        assert guest.replica.usage().memory - before <= 4 * 1024 * 1024  # 16 MB have come since
