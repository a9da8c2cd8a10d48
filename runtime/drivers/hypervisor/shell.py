"""Shell: to another machine's libvirtd through OpenSSH's client, which trusts one host key and uses one key of ours."""

import asyncio
import os
import shlex
import shutil
import tempfile
from pathlib import Path

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
    folder = Path(await asyncio.to_thread(_written, settings, credentials))
    try:
        command = _command(program, folder, addresses[0], place, settings.socket, link.seconds)
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)},
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return _far(link, process, folder)


def _far(link: Link, process: asyncio.subprocess.Process, folder: Path) -> Far:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise ValueError("ssh was started without pipes")
    complaint = asyncio.create_task(_first(process.stderr), name="libvirt-ssh")

    def end() -> None:
        if process.returncode is None:
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)

    async def why() -> FabricError | None:
        return _meaning(link, (await asyncio.shield(complaint)).decode(errors="replace"))

    return Far(process.stdout, process.stdin, end, why)


async def _first(stderr: asyncio.StreamReader) -> bytes:
    """What it complains of, of which only so much is kept; the rest is read, so that it is not held up by it."""
    kept = b""
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


def _written(settings: LibvirtSettings, credentials: LibvirtCredentials) -> str:
    """ssh reads keys from files alone: a folder that only we may enter, gone when the connection is."""
    folder = tempfile.mkdtemp(prefix="fabric-ssh-")
    for name, text in (
        ("known", f"{_ALIAS} {settings.host_key}\n"),
        ("key", credentials.private_key.rstrip("\n") + "\n"),
    ):
        descriptor = os.open(Path(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    return folder


def _command(program: str, folder: Path, address: str, place: Place, socket: str, seconds: float) -> list[str]:
    options = {
        **_OPTIONS,
        "UserKnownHostsFile": str(folder / "known"),
        "IdentityFile": str(folder / "key"),
        "ConnectTimeout": str(max(1, round(seconds))),
    }
    # A helper of libvirt's own knows where its socket is; for another place there is nc.
    there = f"nc -U {shlex.quote(socket)}" if socket else f"virt-ssh-helper qemu://{place.path}"
    said = [f"-o{name}={value}" for name, value in options.items()]
    return [program, "-F", "none", "-T", *said, "-p", str(place.port), "-l", place.user, "--", address, there]
