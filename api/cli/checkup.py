"""Checkup: what must be right on this machine, each thing a small function that says what it found."""

import errno
import http.client
import importlib.util
import os
import socket
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import msgspec

from api.settings import TOKEN_FILE, Settings, data_place, read_settings
from catalog.errors import FabricError

DISTRIBUTION = "fabricksd"
PACKAGES = ("catalog", "connections", "engine", "runtime", "api")
OLDEST_PYTHON = (3, 11)
OK, WARNING, BAD = "ok", "warning", "bad"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found: `state` is `ok`, `warning` or `bad` (must be fixed)."""

    check: str
    state: str
    found: str
    hint: str | None = None


def examine(environment: Mapping[str, str] = os.environ) -> list[Finding]:
    """Every check, in the order in which they matter."""
    findings = [python_version(tuple(sys.version_info[:3])), *package_owners(), sqlite()]
    try:
        settings, warnings = read_settings(environment)
    except FabricError as error:
        return [*findings, Finding(check="settings", state=BAD, found=error.message, hint=error.hint)]
    findings += [
        Finding(check="settings", state=WARNING, found=each, hint="See docs/settings.md.") for each in warnings
    ]
    if not warnings:
        findings.append(Finding(check="settings", state=OK, found="Every FABRIC_* variable is known."))
    place = data_place(settings)
    return [*findings, *modes(place), port(settings.host, settings.port), *redis(settings)]


def python_version(version: tuple[int, ...]) -> Finding:
    """Is this Python new enough?"""
    text = ".".join(map(str, version))
    if version >= OLDEST_PYTHON:
        return Finding(check="python", state=OK, found=text)
    return Finding(check="python", state=BAD, found=text, hint="Use Python 3.11 or later.")


def package_owners(
    owners: Callable[[], Mapping[str, list[str]]] = packages_distributions,
    location: Callable[[str], Path | None] | None = None,
) -> Iterator[Finding]:
    """Does any other distribution own one of our five package names, or another folder stand before ours?"""
    find = location or _location
    owned = owners()
    ours = find("api")
    bad = False
    for package in PACKAGES:
        others = sorted({each for each in owned.get(package, ()) if each.lower().replace("_", "-") != DISTRIBUTION})
        if others:
            bad = True
            yield Finding(
                check="packages",
                state=BAD,
                found=f"`{package}` also belongs to {', '.join(f'`{each}`' for each in others)}.",
                hint=f"Uninstall it, or install `{DISTRIBUTION}` into an environment of its own.",
            )
        elif (there := find(package)) != ours:
            bad = True
            yield Finding(
                check="packages",
                state=BAD,
                found=f"`{package}` is imported from `{there}`, not from `{ours}`.",
                hint="Remove the other folder from PYTHONPATH.",
            )
    if not bad:
        yield Finding(check="packages", state=OK, found=f"All five belong to `{DISTRIBUTION}`.")


def _location(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent.parent if spec is not None and spec.origin else None


def sqlite() -> Finding:
    """Is the SQLite that we use free of the WAL-reset race?"""
    import apsw  # noqa: PLC0415 - only the doctor looks

    from engine.stores.sqlite.opening import check_version  # noqa: PLC0415 - as above

    version = apsw.sqlite_lib_version()
    try:
        check_version(version)
    except FabricError as error:
        return Finding(check="sqlite", state=BAD, found=error.message, hint=error.hint)
    return Finding(check="sqlite", state=OK, found=version)


def modes(place: Path) -> Iterator[Finding]:
    """Is the data directory ours alone, and what lies in it that is secret?"""
    if not place.exists():
        yield Finding(check="data directory", state=OK, found=f"`{place}` is made at the first start.")
        return
    yield _private(place, "data directory", 0o700)
    for name in (TOKEN_FILE, "seal.key", *sorted(each.name for each in place.glob("*.sqlite*"))):
        file = place / name
        if file.exists():
            yield _private(file, name, 0o600)


def _private(path: Path, name: str, wanted: int) -> Finding:
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        hint = f"chmod {wanted:o} {path}"
        return Finding(check=name, state=BAD, found=f"`{path}` has mode {mode:04o}: others can reach it.", hint=hint)
    if found.st_uid not in (os.getuid(), 0):
        hint = "Run as its owner, or set FABRIC_DATA_DIR."
        return Finding(check=name, state=WARNING, found=f"`{path}` belongs to user {found.st_uid}.", hint=hint)
    return Finding(check=name, state=OK, found=f"`{path}` has mode {mode:04o}.")


def port(host: str, number: int) -> Finding:
    """Can the server listen where it is told to, or does one of ours already?"""
    place = f"{host}:{number}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and _is_ours(host, number):
            return Finding(check="port", state=OK, found=f"A Fabric server answers at {place}.")
        hint = "Choose another with FABRIC_PORT, or stop what holds it."
        return Finding(check="port", state=BAD, found=f"{place} cannot be used: {error.strerror or error}.", hint=hint)
    return Finding(check="port", state=OK, found=f"{place} is free.")


def _is_ours(host: str, number: int) -> bool:
    connection = http.client.HTTPConnection(host, number, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def redis(settings: Settings) -> Iterable[Finding]:
    """Does the Redis that is configured answer?"""
    if not settings.redis_url:
        return [Finding(check="redis", state=OK, found="Not configured; the store guards alone.")]
    from redis import Redis  # noqa: PLC0415 - only where one is configured
    from redis.exceptions import RedisError  # noqa: PLC0415 - as above

    try:
        client = Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2)
        try:
            client.ping()
        finally:
            client.close()
    except (RedisError, ValueError) as error:
        found = f"Redis does not answer ({type(error).__name__})."
        return [Finding(check="redis", state=WARNING, found=found, hint="Mend FABRIC_REDIS_URL, or unset it.")]
    return [Finding(check="redis", state=OK, found="Redis answers.")]
