"""Granting: what of a service's environment, volumes and files its module's manifest lets through. Pure.

Capabilities are denied by default; `no_capabilities` of a service switches this check off, and nothing else.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from catalog.errors import Forbidden, GuestFailed
from runtime.daemon.spec import ServiceSpec
from runtime.wasm.launch import Abi
from runtime.wasm.modules.fabrickfile import Capabilities

HTTP_REQUEST = "fabric::http_request"


def environment_of(spec: ServiceSpec, defaults: dict[str, str], granted: Capabilities) -> dict[str, str]:
    """The variables that a guest gets: the module's defaults under the service's own."""
    wanted = {**defaults, **spec.environment}
    if spec.no_capabilities:
        return wanted
    return {name: value for name, value in wanted.items() if _named(granted.env, name)}


def withheld(spec: ServiceSpec, delivered: dict[str, str]) -> str | None:
    """A sentence about variables that the service has and its guest does not get."""
    missing = sorted(spec.environment.keys() - delivered.keys())
    if not missing:
        return None
    shown = ", ".join(f"`{name}`" for name in missing[:20])
    return f"the module's manifest has no capability `env` for {shown}: the guest does not get them"


def check_paths(spec: ServiceSpec, granted: Capabilities) -> frozenset[str]:
    """Which volumes' targets a guest may write to. Raises Forbidden FORBIDDEN for a place it may not even read."""
    files = granted.filesystem
    reads, writes = (*files.read, *files.write, *files.read_write), (*files.write, *files.read_write)
    if spec.no_capabilities:
        reads = writes = ("/",)
    for target in (*(use.target for use in spec.volumes), *spec.files.values()):
        if not _covers(reads, target):
            raise Forbidden(
                "FORBIDDEN",
                f"The module of service `{spec.name}` has no capability for `{target}`.",
                hint="Grant it under [capabilities] filesystem of the module's Fabrickfile, or set `no_capabilities`.",
                details={"policy": None, "rule": "capability", "reason": "filesystem", "from": spec.name, "to": target},
            )
    return frozenset(use.target for use in spec.volumes if not use.read_only and _covers(writes, use.target))


def may_request(spec: ServiceSpec, granted: Capabilities, abi: Abi, imports: Iterable[str]) -> bool:
    """May the guest ask for anything over HTTP? Raises GuestFailed RUNTIME_ERROR where its module cannot do without."""
    network = granted.network
    may = spec.no_capabilities or bool(network.connect) or network.allow_all_outbound
    if not may and abi is not Abi.COMPONENT and HTTP_REQUEST in imports:
        raise GuestFailed(
            "RUNTIME_ERROR",
            f"The module of service `{spec.name}` imports `fabric.http_request`, but its manifest lets it connect "
            "to nobody.",
            hint="Name hosts under [capabilities] network.connect of its Fabrickfile, or set `no_capabilities`.",
        )
    return may


def _named(entries: Iterable[str], name: str) -> bool:
    return any(entry == name or (entry.endswith("*") and name.startswith(entry[:-1])) for entry in entries)


def _covers(entries: Iterable[str], path: str) -> bool:
    """Is the path one of these, below one of them, or of a pattern?"""
    path = path.rstrip("/")
    for entry in entries:
        place = entry.removesuffix("/**").removesuffix("/*").rstrip("/")
        if path == place or path.startswith(f"{place}/") or fnmatchcase(path, entry):
            return True
    return False
