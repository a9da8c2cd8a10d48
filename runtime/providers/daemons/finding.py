"""Finding: from a call's target to the daemon that it is."""

from pathlib import Path
from urllib.parse import quote

from catalog.daemons import DRIVER, LOCAL_DAEMON, DaemonApi
from catalog.errors import TargetFailed, Unavailable, Unsupported
from catalog.provider import Call, Target

HINT = "Set `settings.socket` to the daemon's socket, or `settings.address` to its URL with `credentials.api_key`."


def daemon_of(call: Call) -> DaemonApi:
    """The daemon that the call's target is.

    Raises Unsupported DRIVER_MISSING, Unavailable SERVICES_UNAVAILABLE, TargetFailed DAEMON_SETTINGS.
    """
    target = call.target
    if target is None:
        raise ValueError(f"`{call.operation_id}` was called without its target")
    if target.driver != DRIVER:
        raise Unsupported(
            "DRIVER_MISSING",
            f"Controller driver `{target.driver[:40]}` is no services daemon.",
            hint=f"Name a controller with driver `{DRIVER}`; `{LOCAL_DAEMON}` is the one of this server.",
        )
    if target.id == LOCAL_DAEMON:
        return _here(call)
    return _elsewhere(call, target)


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def _here(call: Call) -> DaemonApi:
    if call.ports.daemon is None:
        raise Unavailable(
            "SERVICES_UNAVAILABLE",
            "No services daemon runs in this process.",
            hint="Start the server with `fabricksd start`, or name another controller.",
        )
    return call.ports.daemon


def _elsewhere(call: Call, target: Target) -> DaemonApi:
    # Who only lists operations needs no HTTP client.
    from runtime.providers.daemons.remote import AddressDaemon, SocketDaemon  # noqa: PLC0415

    key = target.credentials.get("api_key")
    socket, address = target.settings.get("socket"), target.settings.get("address")
    if isinstance(address, str) and socket is None:
        return AddressDaemon(address, key, call.ports.http, target)
    if isinstance(socket, str) and address is None and Path(socket).is_absolute() and "\0" not in socket:
        return SocketDaemon(Path(socket), key)
    raise TargetFailed("DAEMON_SETTINGS", "The controller does not say where its daemon is.", hint=HINT)
