"""Finding: from a call's target to the daemon that it is."""

from urllib.parse import quote

from catalog.daemons import DRIVER, LOCAL_DAEMON, DaemonApi
from catalog.errors import Unsupported
from catalog.provider import Call
from runtime.drivers.daemon.place import daemon_at


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
    return daemon_at(target, call.ports)


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")
