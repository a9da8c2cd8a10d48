"""Place: the daemon that a controller is, in this process or elsewhere."""

from pathlib import Path

from catalog.daemons import LOCAL_DAEMON, DaemonApi
from catalog.errors import TargetFailed, Unavailable
from catalog.provider import Ports, Target

HINT = "Set `settings.socket` to the daemon's socket, or `settings.address` to its URL with `credentials.api_key`."


def daemon_at(target: Target, ports: Ports) -> DaemonApi:
    """The daemon. Raises Unavailable SERVICES_UNAVAILABLE, TargetFailed DAEMON_SETTINGS."""
    if target.id == LOCAL_DAEMON:
        return _here(ports)
    # Who only lists operations needs no HTTP client.
    from runtime.drivers.daemon.remote import AddressDaemon, SocketDaemon  # noqa: PLC0415

    key = target.credentials.get("api_key")
    socket, address = target.settings.get("socket"), target.settings.get("address")
    if isinstance(address, str) and socket is None:
        return AddressDaemon(address, key, ports.http, target)
    if isinstance(socket, str) and address is None and Path(socket).is_absolute() and "\0" not in socket:
        return SocketDaemon(Path(socket), key)
    raise TargetFailed("DAEMON_SETTINGS", "The controller does not say where its daemon is.", hint=HINT)


def _here(ports: Ports) -> DaemonApi:
    if ports.daemon is None:
        raise Unavailable(
            "SERVICES_UNAVAILABLE",
            "No services daemon runs in this process.",
            hint="Start the server with `fabricksd start`, or name another controller.",
        )
    return ports.daemon
