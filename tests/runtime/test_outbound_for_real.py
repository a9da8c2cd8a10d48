"""The sinks over real sockets: handler, guard, client and signature together, against a server on loopback."""

import gzip
import json
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from catalog.errors import FabricError, TargetFailed
from catalog.jsonvalue import Json
from catalog.operations import Read
from catalog.provider import Call, Ports
from catalog.schemas import converter
from runtime.egress import Guard
from runtime.egress.client import EgressClient
from runtime.providers.fabric import FABRIC
from runtime.signatures import Signer, verify, whsec_form
from tests.fakes.ports import FakePorts

SECRET = "a plain secret"


class Receiver:
    """A server on loopback that keeps every request."""

    def __init__(self) -> None:
        self.requests: list[tuple[web.Request, bytes]] = []
        self.port = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append((request, await request.read()))
        if request.path == "/moved":
            raise web.HTTPFound(f"http://127.0.0.1:{self.port}/secret")
        if request.path == "/long":
            return web.Response(body=gzip.compress(b"y" * 20000), headers={"Content-Encoding": "gzip"})
        return web.json_response({"seen": request.method}, headers={"Set-Cookie": "a=b"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


def call_with(guard: Guard, trigger: Json) -> Call:
    fakes = FakePorts()
    call = fakes.call("fabric.webhook", trigger=trigger)
    http = EgressClient(guard, signer=Signer(SECRET))
    call.ports = Ports(log=fakes.log, http=http, mail=fakes.mail, inbox=fakes.inbox, artifacts=fakes.artifacts)
    return call


async def webhook(params: Json, *, allowed: tuple[str, ...] = ("127.0.0.1",), trigger: Json = None) -> Json:
    code = FABRIC.code("fabric.webhook")
    assert isinstance(code, Read)
    return await code.handler(converter(code.params)(params), call_with(Guard(allowed), trigger))


async def test_a_webhook_arrives_signed_and_its_answer_comes_back(receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/hook?x=1"
    given = await webhook({"url": url, "headers": {"X-Own": "1"}}, trigger={"device": "cam-7"})
    assert (given.status, given.ok, given.body) == (200, True, {"seen": "POST"})
    request, body = receiver.requests[0]
    assert json.loads(body) == {"device": "cam-7"}
    assert request.headers["X-Own"] == "1"
    assert verify("standard", list(request.headers.items()), body, [SECRET], time.time()) == "OK"
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert Webhook(whsec_form(SECRET)).verify(body, headers) == {"device": "cam-7"}


async def test_a_repeat_of_the_same_step_carries_the_same_id_and_no_cookie(receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/hook"
    for _ in range(2):
        await webhook({"url": url})
    first, second = (request.headers for request, _ in receiver.requests)
    assert first["webhook-id"] == second["webhook-id"]
    assert "Cookie" not in second


async def test_a_redirect_is_an_answer_and_leads_nowhere(receiver: Receiver) -> None:
    with pytest.raises(TargetFailed) as failed:
        await webhook({"url": f"http://127.0.0.1:{receiver.port}/moved"})
    assert failed.value.output["status"] == 302
    assert [request.path for request, _ in receiver.requests] == ["/moved"]


async def test_an_answer_is_unpacked_and_cut_at_16_kib(receiver: Receiver) -> None:
    given = await webhook({"url": f"http://127.0.0.1:{receiver.port}/long"})
    assert (given.body, given.truncated) == ("y" * 16384, True)


@pytest.mark.promise("O1")
async def test_loopback_is_reached_by_nobody_who_did_not_list_it(receiver: Receiver) -> None:
    for url in (f"http://127.0.0.1:{receiver.port}/", f"http://localhost:{receiver.port}/"):
        with pytest.raises(FabricError) as refused:
            await webhook({"url": url}, allowed=())
        assert refused.value.code in ("SSRF_LOOPBACK", "SSRF_NAME")
    assert receiver.requests == []
