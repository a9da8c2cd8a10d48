"""A daemon is asked alike from within, by its socket and at its address: the same answers and the same refusals."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

import pytest

from api.daemon.inside import Inside
from catalog.daemons import DRIVER, DaemonApi
from catalog.errors import Conflict, FabricError, Forbidden, Invalid, NotFound, TargetFailed, TargetTimeout, Unavailable
from catalog.jsonvalue import Json
from catalog.provider import Target
from runtime.drivers.daemon.remote import AddressDaemon, SocketDaemon
from runtime.egress import Guard, client
from runtime.egress.client import EgressClient
from tests.api.daemon.hosted import Hosted, hosted, short_folder
from tests.runtime.daemon.house import free_port

KEY = "the-key-of-this-daemon-and-no-other"


class Ask(Protocol):
    """One question, awaited where the daemon's face lives."""

    def __call__(self, method: str, path: str, *, query: dict[str, str] | None = None, body: Json = None) -> Json: ...


@pytest.fixture(scope="module")
def kept() -> Iterator[tuple[Hosted, str]]:
    """A daemon that listens on TCP as well and asks everybody for a key."""
    address = f"127.0.0.1:{free_port()}"
    with (
        short_folder() as folder,
        hosted(folder, api__listen=address, api__auth_enabled="true", api__api_key=KEY) as started,
    ):
        started.add_module("hello", "hello:1.0.0")
        yield started, f"http://{address}"


def at_address(url: str, key: str | None = KEY) -> AddressDaemon:
    """The face over the guarded way out, which only goes where the controller says."""
    http = EgressClient(Guard(), controllers=Guard(configured=True))
    target = Target(id="c", organisation_id="o", site_id="s", driver=DRIVER, settings={"address": url})
    return AddressDaemon(url, key, http, target)


@pytest.fixture(params=["inside", "socket", "address"])
def ask(request: pytest.FixtureRequest, kept: tuple[Hosted, str]) -> Ask:
    """Each face in turn."""
    daemon, url = kept
    faces: dict[str, DaemonApi] = {
        "inside": Inside(daemon.hosting.door),
        "socket": SocketDaemon(daemon.socket, KEY, own=True),
        "address": at_address(url),
    }
    face = faces[request.param]

    def asked(method: str, path: str, *, query: dict[str, str] | None = None, body: Json = None) -> Json:
        return daemon.run(face.ask(method, path, query=query, body=body))

    return asked


def refusal(ask: Ask, kind: type[FabricError], method: str, path: str, body: Json = None) -> FabricError:
    with pytest.raises(FabricError) as refused:
        ask(method, path, body=body)
    assert type(refused.value) is kind
    return refused.value


def test_a_service_is_made_shown_and_removed(ask: Ask) -> None:
    made = ask("POST", "services", body={"name": "face", "image": "hello:1.0.0", "labels": {"a b": "ü/?"}})
    try:
        assert made["name"] == "face"
        assert ask("GET", "services", query={"label": "a b=ü/?"})["total"] == 1
        assert ask("GET", "services", query={"label": "a b=ü"})["total"] == 0
        shown = ask("GET", f"services/{made['id']}")
        assert (shown["labels"], shown["networks"]) == ({"a b": "ü/?"}, [])
        revisions = ask("GET", "services/face/revisions")
        assert [each["revision"] for each in revisions["revisions"]] == [1]
        assert revisions["revisions"][0]["spec"] == {
            "name": "face", "image": "hello:1.0.0", "labels": {"a b": "ü/?"}, "replicas": {"min": 1},
        }  # fmt: skip
    finally:
        assert ask("DELETE", "services/face", query={"force": "true"})["id"] == made["id"]


def test_refusals_are_the_same_whichever_way_one_asks(ask: Ask) -> None:
    absent = refusal(ask, NotFound, "GET", "services/none")
    assert (absent.code, absent.message) == ("SERVICE_NOT_FOUND", "Service `none` not found.")
    assert absent.details["available_services"] == []
    wrong = refusal(ask, Invalid, "POST", "services", {"nam": "x"})
    assert wrong.code == "INVALID_REQUEST"
    unknown = refusal(ask, Invalid, "POST", "services/none/scale", {"replica": 1})
    assert (unknown.code, unknown.hint) == ("INVALID_REQUEST", "Did you mean `replicas`?")
    kept = refusal(ask, Conflict, "DELETE", "networks/default")
    assert kept.code == "INVALID_STATE"


def test_a_name_with_a_slash_is_one_segment(ask: Ask) -> None:
    assert refusal(ask, NotFound, "GET", "networks/a%2Fb").code == "NETWORK_NOT_FOUND"


async def test_a_key_that_the_daemon_does_not_know_is_the_controllers_fault(kept: tuple[Hosted, str]) -> None:
    daemon, url = kept
    for face in (
        SocketDaemon(daemon.socket, "another", own=True),
        SocketDaemon(daemon.socket, own=True),
        at_address(url, "another"),
    ):
        with pytest.raises(TargetFailed) as refused:
            await face.ask("GET", "services")
        assert refused.value.code == "DAEMON_KEY"


async def test_the_daemon_of_this_process_is_not_reached_by_a_controller_of_ones_own(kept: tuple[Hosted, str]) -> None:
    daemon, _ = kept
    with pytest.raises(Forbidden) as refused:
        await SocketDaemon(daemon.socket, KEY).ask("GET", "services")
    assert refused.value.code == "DAEMON_OWN"


async def test_nobody_there_and_somebody_else_there_are_told_apart(kept: tuple[Hosted, str]) -> None:
    daemon, _ = kept
    with pytest.raises(TargetFailed) as nobody:
        await SocketDaemon(daemon.folder / "none.sock").ask("GET", "services")
    assert nobody.value.code == "DAEMON_UNREACHABLE"
    with pytest.raises(TargetFailed) as refused:
        await at_address(f"http://127.0.0.1:{free_port()}").ask("GET", "services")
    assert refused.value.code == "EGRESS_UNREACHABLE"

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        await writer.drain()
        writer.close()

    place = daemon.folder / "other.sock"
    other = await asyncio.start_unix_server(greet, place)
    async with other:
        with pytest.raises(TargetFailed) as strange:
            await SocketDaemon(place, own=True).ask("GET", "services")
    assert strange.value.code == "DAEMON_ANSWER"


async def test_whoever_asks_says_how_long_an_answer_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment takes minutes, and the guarded way out does not cut it off."""
    enough = asyncio.Event()

    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await enough.wait()
        body = b'{"status": "success", "data": 7}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body))
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    monkeypatch.setattr(client, "CONTROLLER_LIMITS", client.Limits(total=0.1, sock_read=0.1))
    async with await asyncio.start_server(slow, "127.0.0.1", 0) as server:
        daemon = at_address(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert await daemon.ask("POST", "mortar/deploy", body={}, seconds=10.0) == 7
        with pytest.raises(TargetTimeout):
            await daemon.ask("POST", "mortar/deploy", body={}, seconds=0.1)
        enough.set()
        await asyncio.sleep(0.05)


def test_a_daemon_that_ends_is_not_asked_any_more(kept: tuple[Hosted, str]) -> None:
    daemon, _ = kept
    inside = Inside(daemon.hosting.door)
    daemon.hosting.door.stopping.set()
    try:
        with pytest.raises(Unavailable) as refused:
            daemon.run(inside.ask("GET", "services"))
    finally:
        daemon.hosting.door.stopping.clear()
    assert refused.value.code == "SERVICES_UNAVAILABLE"
