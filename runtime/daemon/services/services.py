"""Services: what is asked of the daemon about services; the registry of all of them."""

from collections.abc import Iterable, Mapping, Sequence

from catalog.jsonvalue import Json
from runtime.daemon.services.records import Stats
from runtime.daemon.services.service import Service
from runtime.daemon.spec import ServiceSpec


class Services:
    """All services. Every `id_or_name` is an id or a name, an id goes first; NotFound SERVICE_NOT_FOUND otherwise."""

    async def recover(self) -> None:
        """Take up what the state store holds and start what should run, in the order of dependencies."""
        raise NotImplementedError

    async def create(self, spec: ServiceSpec) -> Service:
        """Keep a new service and begin to start it; answers before it runs.

        Raises Conflict SERVICE_ALREADY_EXISTS, PORT_TAKEN; TooMany RESOURCE_LIMIT_EXCEEDED; NotFound MODULE_NOT_FOUND;
        Forbidden FORBIDDEN (policy or capabilities); Invalid INVALID_REQUEST.
        """
        raise NotImplementedError

    async def run_module(
        self,
        reference: str,
        *,
        args: Sequence[str] = (),
        env_vars: Sequence[tuple[str, str]] = (),
        no_capabilities: bool = False,
        networks: Sequence[str] = (),
    ) -> Service:
        """Create a service `svc-<8 hex>` from a stored module, named after it. Raises as `create`."""
        raise NotImplementedError

    def get(self, id_or_name: str) -> Service:
        """The service of this id or name."""
        raise NotImplementedError

    def find(self, id_or_name: str) -> Service | None:
        """The service of this id or name, None where there is none."""
        raise NotImplementedError

    def list(
        self, *, state: str | None = None, network: str | None = None, labels: Iterable[str] = ()
    ) -> list[Service]:
        """Those that fit, the oldest first. A label is `key=value` or `key`. Raises Invalid for an unknown state."""
        raise NotImplementedError

    async def patch(self, id_or_name: str, patch: Mapping[str, Json]) -> Service:
        """Lay a merge patch (RFC 7396) over the specification; a change rolls through the replicas one by one."""
        raise NotImplementedError

    async def replace(self, id_or_name: str, spec: ServiceSpec) -> Service:
        """Give a service another specification of the same name; otherwise as `patch`."""
        raise NotImplementedError

    async def rollback(self, id_or_name: str, revision: int | None = None) -> Service:
        """Return to an earlier revision (the one before, if none is named), as a new one."""
        raise NotImplementedError

    async def start(self, id_or_name: str) -> Service:
        """Start a stopped or failed service; answers before it runs. Raises Conflict INVALID_STATE."""
        raise NotImplementedError

    async def stop(self, id_or_name: str, *, grace: float = 10.0, force: bool = False) -> Service:
        """Stop it and wait until it has; what is under way may end within `grace` seconds."""
        raise NotImplementedError

    async def restart(self, id_or_name: str, *, grace: float = 10.0, force: bool = False) -> int:
        """Replace its replicas one by one (with `force`, all at once); answers how many were when they are."""
        raise NotImplementedError

    async def scale(self, id_or_name: str, replicas: int, *, cause: str = "request") -> tuple[int, int]:
        """Set how many replicas there should be; answers how many before and now. It does not wait for them."""
        raise NotImplementedError

    async def delete(self, id_or_name: str, *, grace: float = 10.0, force: bool = False) -> Service:
        """Stop it, forget it and all that was its own; volumes stay."""
        raise NotImplementedError

    async def settled(self, id_or_name: str, wait: float) -> Service:
        """Wait at most `wait` seconds until all its replicas run and are healthy, or it has failed or stopped."""
        raise NotImplementedError

    def stats(self, id_or_name: str) -> Stats:
        """What it uses now."""
        raise NotImplementedError

    async def close(self, grace: float, *, force: bool = False) -> int:
        """Stop all in reverse order of dependencies, keeping what each should be; answers how many ran."""
        raise NotImplementedError
