"""Shell: to another machine's libvirtd through OpenSSH's client, which trusts one host key and uses one key of ours."""

import asyncio
import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import threading

import msgspec

from catalog.errors import FabricError
from runtime.drivers.failures import auth_failed, refused, unreachable
from runtime.drivers.hypervisor.place import Place
from runtime.drivers.hypervisor.relay import Far
from runtime.drivers.hypervisor.settings import LibvirtCredentials, LibvirtSettings
from runtime.drivers.link import Link

_ALIAS = "the-host"
_COMPLAINT = 4096
_OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "GlobalKnownHostsFile": "/dev/null",
    "HostKeyAlias": _ALIAS,
    "UpdateHostKeys": "no",
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "PreferredAuthentications": "publickey",
    "ClearAllForwardings": "yes",
    "ServerAliveInterval": "10",
    "ServerAliveCountMax": "2",
    "LogLevel": "ERROR",
}


async def dial(link: Link, place: Place, settings: LibvirtSettings, credentials: LibvirtCredentials) -> Far:
    """`ssh`, running what joins libvirt's socket there. Raises FabricError TARGET_*, URL_*, SSRF_*."""
    program = shutil.which("ssh")
    if program is None:
        raise refused(link.target, "there is no OpenSSH client on this machine", "Install the package openssh-client.")
    async with link.reaching("the call to its libvirtd"):
        addresses = await link.ports.http.pin(place.host, place.port)
    papers = Papers(known=f"{_ALIAS} {settings.host_key}\n", key=credentials.private_key.rstrip("\n") + "\n")
    command = _command(program, papers, addresses[0], place, settings.socket, link.seconds)
    try:
        started = await asyncio.to_thread(_start, command)
    except BaseException:
        papers.burn()
        raise
    return await _far(link, started, papers)


class _Started(msgspec.Struct, frozen=True):
    """ssh, and our ends of what it speaks and of what it complains to."""

    process: "subprocess.Popen[bytes]"
    speech: socket.socket
    complaints: socket.socket


def _start(command: list[str]) -> _Started:
    ours, its = socket.socketpair()
    ours_too, its_too = socket.socketpair()
    with its, its_too:
        environment = {"PATH": os.environ.get("PATH", os.defpath)}
        speech, complaints = its.fileno(), its_too.fileno()
        process = subprocess.Popen(command, stdin=speech, stdout=speech, stderr=complaints, env=environment)  # noqa: S603
    return _Started(process, ours, ours_too)


class Papers:
    """What ssh reads from files alone, in files that are on no disk: nothing stays, however this process ends."""

    def __init__(self, **texts: str) -> None:
        self._held = {name: _held(text) for name, text in texts.items()}

    def path(self, name: str) -> str:
        """Where ssh finds it; ssh closes whatever it inherits, so that it has to look among ours."""
        return f"/proc/{os.getpid()}/fd/{self._held[name]}"

    def burn(self) -> None:
        """They are gone."""
        while self._held:
            os.close(self._held.popitem()[1])


def _held(text: str) -> int:
    made = os.memfd_create("ssh")
    os.fchmod(made, 0o600)
    os.write(made, text.encode())
    return made


async def _far(link: Link, started: _Started, papers: Papers) -> Far:
    process = started.process
    reader, writer = await asyncio.open_unix_connection(sock=started.speech)
    complaints, complaining = await asyncio.open_unix_connection(sock=started.complaints)
    complaint = asyncio.create_task(_first(complaints), name="libvirt-ssh")

    def end() -> None:
        process.kill()
        threading.Thread(target=process.wait, name="libvirt-ssh-end", daemon=True).start()
        writer.transport.abort()
        complaining.transport.abort()
        papers.burn()

    async def why() -> FabricError | None:
        return _meaning(link, (await asyncio.shield(complaint)).decode(errors="replace"))

    return Far(reader, writer, end, why)


async def _first(stderr: asyncio.StreamReader) -> bytes:
    """What it complains of, of which only so much is kept; the rest is read, so that it is not held up by it."""
    kept = b""
    with contextlib.suppress(OSError):
        while piece := await stderr.read(_COMPLAINT):
            kept = (kept + piece)[:_COMPLAINT]
    return kept


def _meaning(link: Link, complaint: str) -> FabricError | None:
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    if not lines:
        return None
    if any("Permission denied" in line for line in lines):
        return auth_failed(link.target, "it does not take the key")
    if any("Host key verification failed" in line for line in lines):
        return unreachable(link.target, "its host key is another one", "Set `host_key` to what `ssh-keyscan` prints.")
    if any("invalid format" in line or "error in libcrypto" in line for line in lines):
        return auth_failed(link.target, "`private_key` is no private key without a passphrase")
    return unreachable(link.target, lines[-1][:300].rstrip("."))


def _command(program: str, papers: Papers, address: str, place: Place, unusual: str, seconds: float) -> list[str]:
    options = {
        **_OPTIONS,
        "UserKnownHostsFile": papers.path("known"),
        "IdentityFile": papers.path("key"),
        "ConnectTimeout": str(max(1, round(seconds))),
    }
    # A program of libvirt's own knows where its socket is; for another place there is nc.
    there = f"nc -U {shlex.quote(unusual)}" if unusual else f"virt-ssh-helper qemu://{place.path}"
    said = [f"-o{name}={value}" for name, value in options.items()]
    return [program, "-F", "none", "-T", *said, "-p", str(place.port), "-l", place.user, "--", address, there]
