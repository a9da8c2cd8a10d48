"""Outbound: does a module's manifest let it send to this host? `[capabilities] network.connect`, deny by default."""

from runtime.wasm.modules.fabrickfile import NetworkCapability


def permits(capabilities: NetworkCapability | None, host: str, port: int, *, locked: bool = False) -> str | None:
    """None for yes, or why not. With `locked` only what `connect` names holds, not `allow_all_outbound`."""
    if capabilities is not None:
        if capabilities.allow_all_outbound and not locked:
            return None
        if any(_covers(entry, host.lower(), port) for entry in capabilities.connect):
            return None
    return f"its module has no capability to connect to `{host}:{port}`"


def _covers(entry: str, host: str, port: int) -> bool:
    """`host:port`; `*.domain` is every name below it, `*` any host; `*` may stand for the port too."""
    name, _, number = entry.lower().rpartition(":")
    if number not in ("*", str(port)):
        return False
    plain = name.removeprefix("[").removesuffix("]")
    return plain in ("*", host) or (plain.startswith("*.") and host.endswith(plain[1:]))
