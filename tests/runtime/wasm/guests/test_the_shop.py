"""The four guests of the shop sell something: gate asks catalogue, cart and ledger, each in its own language."""

from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from runtime.wasm.launch import Mount
from runtime.wasm.messages import decode_request, encode_answer
from tests.runtime.wasm.guests.running import Kitchen, Running

pytestmark = pytest.mark.xdist_group("guests")


async def test_a_cart_is_filled_paid_for_and_written_into_the_book(kitchen: Kitchen, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    others: dict[str, Running] = {}

    async def to_the_others(message: bytes) -> bytes:
        request = decode_request(message)
        url = urlsplit(request.path.decode())
        answer = await others[url.hostname or ""].ask(request.method.decode(), url.path, request.body, request.headers)
        return encode_answer(answer.status, answer.headers, answer.body)

    async with AsyncExitStack() as open_ones:
        for name in ("catalogue", "cart", "ledger"):
            mounts = (Mount(host=volume, guest="/data", writable=True),) if name == "ledger" else ()
            others[name] = await open_ones.enter_async_context(kitchen.guest(name, mounts=mounts))
        gate = await open_ones.enter_async_context(
            kitchen.guest("gate", outgoing=to_the_others, environment={"SHOP_NAME": "Corner"})
        )
        assert await gate.json("/") == {"shop": "Corner"}
        products = await gate.json("/products")
        assert isinstance(products, dict)
        assert products["products"]["tea"] == 450
        assert (await gate.ask("POST", "/carts/7", b'{"item": "tea", "count": 2}')).status == 201
        assert (await gate.ask("POST", "/carts/7", b'{"item": "../health", "count": 1}')).status == 404
        assert await gate.json("/checkout/7", "POST") == {"number": 1, "entry": {"cart": "7", "total": 900}}
        assert (await gate.ask("POST", "/checkout/7")).status == 409
        assert await gate.json("/receipts") == [{"cart": "7", "total": 900}]
    assert (volume / "ledger").read_text("utf-8") == '{"cart":"7","total":900}\n'
