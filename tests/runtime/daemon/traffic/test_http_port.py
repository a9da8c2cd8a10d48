"""A service at a port of the machine: what comes through, what does not, and in what order."""

import asyncio

import pytest

from runtime.daemon.services.supervisor import Supervisor
from tests.runtime.daemon.house import House, exchange, fetch, free_port

GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
async def hello(daemon: House) -> Supervisor:
    return await daemon.service("hello", ports=[free_port()])


@pytest.fixture
def port(hello: Supervisor) -> int:
    return hello.spec.ports[0].host


async def test_a_request_reaches_the_guest_and_its_answer_the_client(hello: Supervisor, port: int) -> None:
    reply = await fetch(port, "/request?a=b", method="POST", headers={"X-Own": "v"}, body=b"12345")
    assert reply.status == 200
    assert (reply.json["method"], reply.json["path"], reply.json["query"]) == ("POST", "/request", "a=b")
    assert reply.json["body_bytes"] == 5
    seen = reply.json["headers"]
    assert seen["x-own"] == "v"
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["content-length"] == "5"
    assert reply.headers["content-type"] == "application/json"
    assert "date" in reply.headers
    assert hello.route.meter.sums().requests == 1
    assert hello.route.meter.sums().by_class[2] == 1


async def test_what_only_the_daemon_may_say_is_not_taken_from_clients(port: int) -> None:
    headers = {
        "X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4", "X-Fabric-Hops": "0", "Proxy-Authorization": "x",
        "Connection": "x-gone", "X-Gone": "1", "TE": "trailers",
    }  # fmt: skip
    seen = (await fetch(port, "/request", headers=headers)).json["headers"]
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen.keys().isdisjoint({"forwarded", "x-fabric-hops", "proxy-authorization", "connection", "x-gone", "te"})


async def test_bodies_come_through_whole_with_a_length_or_in_chunks(port: int) -> None:
    body = bytes(range(256)) * 4096
    assert (await fetch(port, "/echo", method="POST", body=body)).body == body
    chunked = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await exchange(port, chunked, b"5\r\nhello\r\n", b"6\r\n world\r\n0\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nhello world")


async def test_requests_sent_ahead_are_answered_in_order_on_one_connection(port: int) -> None:
    requests = [b"GET /request?n=%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(50)]
    last = b"GET /request?n=50 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = await exchange(port, b"".join(requests) + last)
    found = [int(each.split(b'"', 1)[0]) for each in answer.split(b'"query": "n=')[1:]]
    assert found == list(range(51))


async def test_head_has_a_length_and_no_body(port: int) -> None:
    answer = await exchange(port, b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b""
    assert b"content-length: 19" in head


async def test_a_client_that_asks_first_is_told_to_go_on(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"ok")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
    assert await reader.readexactly(2) == b"ok"
    writer.close()


async def test_a_client_that_has_ended_his_side_is_answered_still(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET + b"\r\n")
    writer.write_eof()
    assert (await reader.read(-1)).endswith(b'{"hello": "world"}\n')
    writer.close()


REFUSED = [
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (GET + b"Host: y\r\n\r\n", 400),
    (b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/0.9\r\nHost: x\r\n\r\n", 400),
    (b"hello\r\n\r\n", 400),
    (GET + b"A : 1\r\n\r\n", 400),
    (GET + b"A\x00B: 1\r\n\r\n", 400),
    (GET + b"A: 1\x012\r\n\r\n", 400),
    (GET + b"A: 1\r\n folded\r\n\r\n", 400),
    (GET + b"A: 1\nB: 2\r\n\r\n", 400),
    (GET + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
    (GET + b"Content-Length: +1\r\n\r\nx", 400),
    (GET + b"Content-Length: 1, 1\r\n\r\nx", 400),
    (GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    (GET + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", 400),
    (GET + b"Expect: 200-ok\r\n\r\n", 417),
    (GET + b"Content-Length: 10000001\r\n\r\n", 413),
    (GET + b"".join(b"A%d: 1\r\n" % each for each in range(63)) + b"\r\n", 431),
    (GET + b"A: " + b"a" * 9000 + b"\r\n\r\n", 431),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
]


async def test_what_two_readers_could_take_differently_is_refused(port: int) -> None:
    for request, status in REFUSED:
        answer = await exchange(port, request)
        assert answer.startswith(b"HTTP/1.1 %d " % status), (request, answer)
        assert b'"status":"error"' in answer
        assert b"connection: close" in answer
    assert (await fetch(port)).status == 200


async def test_a_chunked_body_is_bounded_as_it_comes(daemon: House, port: int) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    answer = await exchange(port, head, *[chunk] * 10)
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_guest_that_traps_is_a_bad_gateway_and_the_next_request_is_answered(
    hello: Supervisor, port: int
) -> None:
    reply = await fetch(port, "/crash")
    assert reply.status == 502
    assert reply.json["error"]["code"] == "GUEST_TRAPPED"
    assert (await fetch(port)).status == 200
    assert hello.totals.now([slot.replica for slot in hello.slots if slot.replica]).traps == 1
    assert hello.route.meter.sums().by_class[5] == 1


async def test_a_port_closes_with_its_service_and_opens_with_it(daemon: House, hello: Supervisor, port: int) -> None:
    await daemon.daemon.services.stop("hello")
    await daemon.daemon.ports.idle()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)
    await daemon.daemon.services.start("hello")
    await daemon.settled("hello")
    await daemon.daemon.ports.idle()
    assert (await fetch(port)).status == 200


async def test_what_is_under_way_is_answered_before_a_service_stops(daemon: House, port: int) -> None:
    slow = asyncio.create_task(fetch(port, "/sleep?ms=300"))
    await asyncio.sleep(0.1)
    await daemon.daemon.services.stop("hello", timeout=5)
    assert (await slow).status == 200


async def test_a_port_that_another_process_has_is_said_and_tried_again(daemon: House) -> None:
    taken = free_port()
    other = await asyncio.start_server(lambda *_: None, "127.0.0.1", taken)
    service = await daemon.service("hello", ports=[taken])
    await daemon.daemon.ports.idle()
    assert service.state == "running"
    assert service.degraded
    assert service.reason == f"Port {taken} of 127.0.0.1 cannot be listened on: another process listens there."
    assert service.reason in daemon.log("hello")
    other.close()
    await other.wait_closed()
    daemon.daemon.ports.retry(service)
    await daemon.daemon.ports.idle()
    assert not service.degraded
    assert (await fetch(taken)).status == 200


async def test_a_service_that_the_outside_may_not_reach_answers_forbidden(daemon: House) -> None:
    service = await daemon.service("inner", ports=[free_port()], networks=[])
    port = service.spec.ports[0].host
    reply = await fetch(port)
    assert (reply.status, reply.json["error"]["code"]) == (403, "FORBIDDEN")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET + b"\r\n")
    assert (await reader.readuntil(b"}}}")).startswith(b"HTTP/1.1 403 ")
    await daemon.daemon.services.patch("inner", {"networks": ["default"]})
    writer.write(GET + b"\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    writer.close()
