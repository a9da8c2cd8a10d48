"""The client beyond the corpus: headers, signing, controllers, TLS, and DNS off the event loop."""

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from catalog.errors import FabricError, Invalid, TargetFailed, TargetTimeout
from catalog.provider import Target
from runtime.egress import Guard, Refused
from runtime.egress.client import EgressClient, Limits
from runtime.signatures import Signer, verify
from tests.fakes.certificates import serving, trusting
from tests.fakes.outside import Names, Outside, outside

PUBLIC = Names({"hooks.example.com": [["93.184.215.14"]], "two.example.com": [["8.8.8.8", "93.184.215.14"]]})


def client_of(world: Outside, **facts: object) -> EgressClient:
    facts = {"tls": trusting(), "open_socket": world.open_socket, "limits": Limits(total=3), **facts}
    return EgressClient(Guard((), (), PUBLIC), **facts)  # type: ignore[arg-type] # each fact is a keyword of the client


def camera(address: object) -> Target:
    return Target(id="c", organisation_id="o", site_id="s", driver="d", settings={"address": address})


async def test_a_request_carries_method_path_body_and_the_authors_headers(tmp_path: Path) -> None:
    async with outside(tmp_path) as world:
        url = "http://hooks.example.com:8080/%2e%2e/a?q=ü#part"
        await client_of(world).send("webhook", "PATCH", url, {"X-Own": "1", "accept-encoding": "br"}, b"{}")
    seen = world.requests[0]
    assert seen.line == "PATCH /%2e%2e/a?q=%C3%BC HTTP/1.1"
    assert seen.body == b"{}"
    assert seen.values("X-Own") == ["1"]
    assert seen.values("Host") == ["hooks.example.com:8080"]
    assert seen.values("Accept-Encoding") == ["identity"]
    assert seen.values("Cookie") == []


@pytest.mark.parametrize("headers", [{"X-A": "1\r\nX-B: 2"}, {"X A": "1"}, {"X-A": "1\x00"}, {"": "1"}])
async def test_a_header_that_would_split_the_request_is_refused(tmp_path: Path, headers: dict[str, str]) -> None:
    async with outside(tmp_path) as world:
        with pytest.raises(Invalid) as refused:
            await client_of(world).send("webhook", "POST", "http://hooks.example.com/", headers, b"")
    assert refused.value.code == "PARAM_HEADER"
    assert world.connects == []


async def test_a_delivery_is_signed_when_a_secret_is_set(tmp_path: Path) -> None:
    async with outside(tmp_path) as world:
        client = client_of(world, signer=Signer("plain secret", lambda: 1000.0))
        await client.send("webhook", "POST", "http://hooks.example.com/", {}, b'{"a":1}', delivery_id="run-1")
        await client.send("guest", "POST", "http://hooks.example.com/", {}, b'{"a":1}', delivery_id="run-1")
    signed, unsigned = world.requests
    assert verify("standard", signed.headers, signed.body, ["plain secret"], 1000.0) == "OK"
    assert signed.values("webhook-id") == ["run-1"]
    assert unsigned.values("webhook-signature") == unsigned.values("X-Fabric-Signature") == []


async def test_the_certificate_must_be_the_named_hosts(tmp_path: Path) -> None:
    async with outside(tmp_path, serving("other.example.com")) as world:
        with pytest.raises(TargetFailed) as failed:
            await client_of(world).send("webhook", "POST", "https://hooks.example.com/", {}, b"")
    assert failed.value.code == "EGRESS_TLS"
    assert world.names == ["hooks.example.com"]
    assert world.requests == []


async def test_the_next_checked_address_is_tried_when_the_first_is_down(tmp_path: Path) -> None:
    async with outside(tmp_path) as world:
        world.failures = [111]
        answer = await client_of(world).send("webhook", "POST", "http://two.example.com/", {}, b"")
    assert answer.status == 200
    assert world.connects == ["8.8.8.8", "93.184.215.14"]


@pytest.mark.promise("O1")
async def test_an_address_that_was_never_checked_gets_no_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = AsyncMock(
        return_value=[{"hostname": "x", "host": "10.0.0.9", "port": 80, "family": 2, "proto": 6, "flags": 4}]
    )
    monkeypatch.setattr("runtime.egress.connector._PinnedResolver.resolve", elsewhere)
    async with outside(tmp_path) as world:
        with pytest.raises(Refused) as refused:
            await client_of(world).send("webhook", "POST", "http://hooks.example.com/", {}, b"")
    assert refused.value.code == "SSRF_NEVER"
    assert world.connects == []


@pytest.mark.parametrize(
    ("address", "url", "code"),
    [
        ("http://10.0.0.9:8000", "http://10.0.0.9:8000/snapshot", "OK"),
        ("http://10.0.0.9:8000", "http://10.0.0.9:8001/snapshot", "SSRF_CONTROLLER"),
        ("http://10.0.0.9:8000", "http://10.0.0.8:8000/snapshot", "SSRF_CONTROLLER"),
        (None, "http://10.0.0.9:8000/snapshot", "SSRF_CONTROLLER"),
        ("http://169.254.169.254", "http://169.254.169.254/latest", "SSRF_NEVER"),
    ],
)
async def test_a_controller_is_reached_at_its_configured_address_only(
    tmp_path: Path, address: object, url: str, code: str
) -> None:
    async with outside(tmp_path) as world:
        client = client_of(world, controllers=Guard((), (), PUBLIC, configured=True))
        try:
            await client.send("controller", "GET", url, {}, b"", target=camera(address))
            told = "OK"
        except Refused as refused:
            told = refused.code
    assert told == code
    assert len(world.connects) == (code == "OK")


async def test_dns_never_blocks_the_event_loop_and_counts_into_the_deadline() -> None:
    threads: list[threading.Thread] = []

    def slow(host: str) -> Sequence[str]:
        threads.append(threading.current_thread())
        time.sleep(1.0)
        return ["93.184.215.14"]

    client = EgressClient(Guard((), (), slow), limits=Limits(total=0.2))
    began = time.monotonic()
    sending = asyncio.create_task(client.send("webhook", "POST", "http://hooks.example.com/", {}, b""))
    ticks = 0
    while not sending.done():
        await asyncio.sleep(0.01)
        ticks += 1
    with pytest.raises(TargetTimeout) as late:
        await sending
    assert late.value.code == "EGRESS_TIMEOUT"
    assert time.monotonic() - began < 0.8
    assert ticks >= 5
    assert threads != [threading.main_thread()]
    assert threads[0].daemon


async def test_the_callers_own_deadline_is_a_cancellation_and_stays_one() -> None:
    def slow(host: str) -> Sequence[str]:
        time.sleep(0.3)
        return ["93.184.215.14"]

    client = EgressClient(Guard((), (), slow))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.send("webhook", "POST", "http://hooks.example.com/", {}, b"")


async def test_an_error_of_the_outside_names_no_address(tmp_path: Path) -> None:
    async with outside(tmp_path) as world:
        world.failures = [111]
        with pytest.raises(FabricError) as failed:
            await client_of(world).send("webhook", "POST", "http://hooks.example.com/s3cret", {}, b"")
    assert failed.value.code == "EGRESS_UNREACHABLE"
    assert not any(word in str(failed.value) for word in ("93.184", "hooks", "s3cret"))
