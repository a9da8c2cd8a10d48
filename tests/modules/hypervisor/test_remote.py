"""The driver `libvirt` at a libvirtd of another machine: over TCP, TLS and what pretends to be either."""

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Ports, Target
from tests.fakes.certificates import authority_pem, pair, serving
from tests.modules.asking import ask, controller
from tests.modules.hypervisor.changing import apply, plan
from tests.modules.peers import hostile_socket
from tests.modules.peers.hostile_socket import Behaviour, Gate
from tests.modules.peers.libvirtd import PASSWORD, USER, VERSION, Libvirtd

OPERATION = "hypervisor.vm.list"

in_group = pytest.mark.xdist_group("libvirtd")


def _tls(host: Libvirtd, **credentials: str) -> Target:
    settings: dict[str, Json] = {"uri": f"qemu+tls://127.0.0.1:{host.tls}/session", "ca_file": str(host.ca_file)}
    return controller("libvirt", settings, credentials)


@asynccontextmanager
async def _listening(behaviour: Behaviour, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behaviour(reader, writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _refused(target: Target, real: Ports) -> tuple[FabricError, float]:
    began = time.monotonic()
    with pytest.raises(FabricError) as told:
        await ask(OPERATION, target, real)
    return told.value, time.monotonic() - began


@in_group
@pytest.mark.covers("hypervisor.vm.list", driver="libvirt", peer="libvirtd over TCP")
@pytest.mark.covers("hypervisor.vm.stop", driver="libvirt", peer="libvirtd over TCP")
async def test_over_tcp_everything_is_as_it_is_nearby(
    host: Libvirtd, real: Ports, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", VERSION)
    far = controller("libvirt", {"uri": f"qemu+tcp://127.0.0.1:{host.tcp}/session"})
    vm_id = host.add("far")
    listed = await ask(OPERATION, far, real)
    assert vm_id in [each["vm_id"] for each in listed["machines"]]
    change = await plan("hypervisor.vm.stop", far, real, vm_id="far")
    assert (await apply("hypervisor.vm.stop", change, far, real))["state"] == "off"


@in_group
@pytest.mark.covers("hypervisor.vm.list", driver="libvirt", peer="libvirtd over TLS with SASL")
async def test_over_tls_both_sides_show_a_certificate_and_one_logs_in(
    host: Libvirtd, real: Ports, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", VERSION)
    shown = {"client_certificate": pair("ada").decode()}
    listed = await ask(OPERATION, _tls(host, **shown, username=USER, password=PASSWORD), real)
    assert listed["truncated"] is False
    for login in ({"username": USER, "password": "wrong-horse"}, {}):
        error, _ = await _refused(_tls(host, **shown, **login), real)
        assert error.code == "TARGET_AUTH_FAILED"
        assert "wrong-horse" not in f"{error.message} {error.hint}"


@in_group
async def test_over_tls_whoever_shows_none_is_let_in_nowhere(host: Libvirtd, real: Ports) -> None:
    error, _ = await _refused(_tls(host, username=USER, password=PASSWORD), real)
    assert error.code == "TARGET_AUTH_FAILED"
    error, _ = await _refused(_tls(host, client_certificate="none", client_key="none"), real)
    assert error.code == "TARGET_AUTH_FAILED"
    assert "no pair of PEM texts" in error.message


@in_group
async def test_over_tls_an_authority_that_is_not_named_is_not_trusted(host: Libvirtd, real: Ports) -> None:
    stranger = controller("libvirt", {"uri": f"qemu+tls://127.0.0.1:{host.tls}/session"})
    error, _ = await _refused(stranger, real)
    assert error.code == "TARGET_UNREACHABLE"
    assert "certificate is not trusted" in error.message


async def test_an_expired_certificate_and_one_of_another_host_are_refused(
    real: Ports, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.write_bytes(authority_pem())
    for context, said in (
        (serving("127.0.0.1", expired=True), "certificate has expired"),
        (serving("nas.example.org"), "IP address mismatch"),
    ):
        async with _listening(hostile_socket.hangs, context) as port:
            target = controller("libvirt", {"uri": f"qemu+tls://127.0.0.1:{port}/system", "ca_file": str(authority)})
            error, seconds = await _refused(target, real)
        assert (error.code, seconds < 2) == ("TARGET_UNREACHABLE", True)
        assert said in error.message


@pytest.mark.parametrize(
    "behaviour",
    [
        hostile_socket.hangs_up,
        hostile_socket.lies_about_its_length,
        hostile_socket.talks_something_else,
        hostile_socket.never_ends,
    ],
    ids=lambda given: given.__name__,
)
async def test_nonsense_from_afar_is_refused_at_once(real: Ports, behaviour: Behaviour) -> None:
    async with _listening(behaviour) as port:
        target = controller("libvirt", {"uri": f"qemu+tcp://127.0.0.1:{port}/system", "timeout_seconds": 5.0})
        error, seconds = await _refused(target, real)
    assert error.code == "TARGET_UNREACHABLE"
    assert seconds < 4


async def test_one_that_hangs_afar_is_cut_off_each_time(real: Ports) -> None:
    came = 0

    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        came += 1
        await hostile_socket.hangs(reader, writer)

    threads = threading.active_count()
    async with _listening(hangs) as port:
        target = controller("libvirt", {"uri": f"qemu+tcp://127.0.0.1:{port}/system", "timeout_seconds": 0.3})
        for _ in range(6):
            error, _ = await _refused(target, real)
            assert error.code == "TARGET_TIMEOUT"
    # Each call was one of its own: none waited behind a thread that still hung.
    assert came == 6
    assert threading.active_count() <= threads + 2


@in_group
async def test_one_that_stops_answering_afar_is_called_anew(host: Libvirtd, real: Ports) -> None:
    way = Gate(host.socket, host.socket)
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = controller("libvirt", {"uri": f"qemu+tcp://127.0.0.1:{port}/session", "timeout_seconds": 0.5})
    try:
        await ask(OPERATION, target, real)
        way.answers = 0
        error, _ = await _refused(target, real)
        assert (error.code, way.passed) == ("TARGET_TIMEOUT", 1)
        way.answers = None
        await ask(OPERATION, target, real)
        assert way.passed == 2
    finally:
        server.close()
        way.cut()


@pytest.mark.parametrize(
    "uri",
    [
        "qemu+ext:///system?command=/bin/sh",
        "qemu+ssh://ada@host/system?netcat=/bin/sh",
        "qemu+ssh://ada@host/system?command=/bin/sh",
        "qemu:///system?socket=/run/docker.sock",
        "qemu+unix:///system?socket=/run/docker.sock",
        "qemu+libssh2://ada@host/system",
        "qemu+ssh://-oProxyCommand=sh@host/system",
        "qemu+ssh://ada@-oProxyCommand=sh/system",
        "qemu+ssh://host/system",
        "qemu+tls://ada:secret@host/system",
        "qemu+tls://ada@host/system",
        "qemu+tcp://host:99999/system",
        "qemu+tcp:///system",
        "qemu:///embed?root=/tmp",
        "qemu:///embed",
        "esx://host/",
        "vbox:///session",
        "test+tcp://host/default",
        "test:///etc/passwd",
        "test:///default#x",
        "qemu:///system\n",
        "qemu+unix://host/system",
    ],
)
async def test_what_leads_further_than_one_can_hold_it_is_no_place(uri: str, real: Ports) -> None:
    error, _ = await _refused(controller("libvirt", {"uri": uri, "host_key": "ssh-ed25519 " + "A" * 68}), real)
    assert error.code == "CONTROLLER_SETTINGS"
    assert uri.strip() not in error.message
