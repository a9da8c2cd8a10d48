"""Dialling: to a libvirtd that listens on TCP, with TLS or in the open."""

import asyncio
import contextlib
import os
import socket
import ssl

from catalog.errors import FabricError
from runtime.drivers.failures import auth_failed, refused
from runtime.drivers.hypervisor.place import Place
from runtime.drivers.hypervisor.relay import Far
from runtime.drivers.hypervisor.settings import LibvirtCredentials, LibvirtSettings
from runtime.drivers.link import Link
from runtime.egress.trust import trusting_only

_WELCOME = b"\x01"
_SILENCE = {
    # A host that is gone is noticed within half a minute, whatever libvirt waits for.
    socket.TCP_KEEPIDLE: 10,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 25_000,
}


async def dial(link: Link, place: Place, settings: LibvirtSettings, credentials: LibvirtCredentials) -> Far:
    """The connection, to an address that was checked. Raises FabricError TARGET_*, URL_*, SSRF_*."""
    context = None
    if place.transport == "tls":
        context = await asyncio.to_thread(_context, link, settings.ca_file, credentials)
    async with link.reaching("the call to its libvirtd"):
        reader, writer = await _connected(link, place, context)
        if context is not None:
            await _welcomed(link, reader, writer)
    return Far(reader, writer, writer.transport.abort, _nothing)


async def _connected(
    link: Link, place: Place, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    addresses = await link.ports.http.pin(place.host, place.port)
    name = place.host if context is not None else None
    for address in addresses[:-1]:
        with contextlib.suppress(ConnectionError):
            return _kept(*await asyncio.open_connection(address, place.port, ssl=context, server_hostname=name))
    return _kept(*await asyncio.open_connection(addresses[-1], place.port, ssl=context, server_hostname=name))


def _kept(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    spoken = writer.get_extra_info("socket")
    spoken.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _SILENCE.items():
        spoken.setsockopt(socket.IPPROTO_TCP, option, value)
    return reader, writer


async def _welcomed(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """libvirtd sends one byte once it has looked at our certificate."""
    told = b""
    with contextlib.suppress(OSError):
        told = await reader.read(1)
    if told == _WELCOME:
        return
    writer.transport.abort()
    if told:
        raise refused(link.target, "it is no libvirtd", "Is it libvirtd's TLS port?")
    raise auth_failed(link.target, "it does not take our certificate")


def _context(link: Link, ca_file: str, credentials: LibvirtCredentials) -> ssl.SSLContext:
    try:
        context = trusting_only(ca_file) if ca_file else ssl.create_default_context()
    except FabricError as error:
        raise refused(
            link.target, error.message.rstrip("."), "Give the PEM file of its certificate's authority."
        ) from None
    if credentials.client_certificate:
        _present(link, context, credentials)
    return context


def _present(link: Link, context: ssl.SSLContext, credentials: LibvirtCredentials) -> None:
    """The ssl module reads certificates from files alone; this one is in memory, and only for a moment."""
    held = os.memfd_create("certificate")
    try:
        os.write(held, f"{credentials.client_certificate}\n{credentials.client_key}\n".encode())
        context.load_cert_chain(f"/proc/self/fd/{held}")
    except (ssl.SSLError, ValueError):
        raise auth_failed(link.target, "`client_certificate` and `client_key` are no pair of PEM texts") from None
    finally:
        os.close(held)


async def _nothing() -> None:
    return None
