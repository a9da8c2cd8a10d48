"""Networks: those that there are, kept in the daemon's state."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import msgspec

from catalog.catalog import nearest
from catalog.errors import Conflict, FabricError, NotFound
from runtime.clock import Clock
from runtime.daemon.events import EventBus
from runtime.daemon.ids import new_id
from runtime.daemon.spec import NetworkSpec
from runtime.state import StateStore

KIND = "network"
DEFAULT_NETWORK = NetworkSpec(
    name="default",
    description="Reachable from outside, and may reach any host there.",
    ingress=("0.0.0.0/0", "::/0"),
    egress=("external:*",),
)
_SHOWN = 20


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """A network that exists. `created_at_ns` is nanoseconds since 1970."""

    id: str
    spec: NetworkSpec
    created_at_ns: int


class Networks:
    """Knows every network by id and name. `default` is there from the first start and cannot be removed."""

    def __init__(self, state: StateStore, events: EventBus, clock: Clock) -> None:
        self._state = state
        self._events = events
        self._clock = clock
        self._by_id: dict[str, Network] = {}
        self._by_name: dict[str, Network] = {}
        self._change = asyncio.Lock()
        """One network is replaced or deleted at a time: what is told and what is kept stay the same."""
        self._watchers: list[Callable[[], None]] = []

    async def load(self) -> None:
        """Take up what the state holds, and make `default` where it is missing."""
        for document in self._state.load(KIND):
            self._hold(msgspec.json.decode(document, type=Network))
        if DEFAULT_NETWORK.name not in self._by_name:
            await self.create(DEFAULT_NETWORK)

    def watch(self, changed: Callable[[], None]) -> None:
        """Have `changed` called after every change, for verdicts that are remembered elsewhere."""
        self._watchers.append(changed)

    async def create(self, spec: NetworkSpec) -> Network:
        """Make a network, and say so as `network.created`. Raises Conflict INVALID_STATE where its name is taken."""
        if spec.name in self._by_name or spec.name in self._by_id:
            raise Conflict(
                "INVALID_STATE",
                f"There is a network `{spec.name}` already.",
                hint="Choose another name, or delete that network first.",
                details={"network": spec.name},
            )
        network = Network(id=self._free_id(), spec=spec, created_at_ns=self._clock.now_ns())
        # Held before it is written, so that nobody takes the name meanwhile.
        self._hold(network)
        try:
            await self._state.put(KIND, network.id, msgspec.json.encode(network))
        except FabricError:
            self._drop(network)
            raise
        self._events.publish("network.created", id=network.id, name=spec.name)
        return network

    async def replace(self, id_or_name: str, spec: NetworkSpec) -> Network:
        """Give a network other rules; id and name stay. Raises NotFound NETWORK_NOT_FOUND."""
        async with self._change:
            old = self.get(id_or_name)
            if spec.name != old.spec.name:
                raise ValueError("a network keeps its name")
            network = Network(id=old.id, spec=spec, created_at_ns=old.created_at_ns)
            await self._state.put(KIND, network.id, msgspec.json.encode(network))
            self._hold(network)
            return network

    async def delete(self, id_or_name: str, *, used_by: Sequence[str] = ()) -> Network:
        """Remove a network that no service is in.

        Raises NotFound NETWORK_NOT_FOUND; Conflict INVALID_STATE for `default` and while `used_by` names services.
        """
        async with self._change:
            network = self.get(id_or_name)
            name = network.spec.name
            if name == DEFAULT_NETWORK.name:
                raise Conflict("INVALID_STATE", "The network `default` cannot be deleted.", details={"network": name})
            if used_by:
                shown = ", ".join(f"`{each}`" for each in used_by[:_SHOWN])
                raise Conflict(
                    "INVALID_STATE",
                    f"Services are in network `{name}`: {shown}.",
                    hint="Delete them, or take them out of it.",
                    details={"network": name, "services": list(used_by[:_SHOWN])},
                )
            await self._state.delete(KIND, network.id)
            self._drop(network)
            return network

    def get(self, id_or_name: str) -> Network:
        """The network of this id or name; an id goes first. Raises NotFound NETWORK_NOT_FOUND."""
        found = self.find(id_or_name)
        if found is None:
            known = sorted(self._by_name)
            meant = nearest(id_or_name, known)
            raise NotFound(
                "NETWORK_NOT_FOUND",
                f"Network `{id_or_name}` not found.",
                hint=f"Did you mean `{meant}`?" if meant else None,
                details={"network_id": id_or_name, "available_networks": known[:_SHOWN]},
            )
        return found

    def find(self, id_or_name: str) -> Network | None:
        """The network of this id or name, None where there is none."""
        return self._by_id.get(id_or_name) or self._by_name.get(id_or_name)

    def list(self) -> list[Network]:
        """All of them, the oldest first."""
        return [*self._by_id.values()]

    def specs(self, names: Iterable[str]) -> tuple[NetworkSpec, ...]:
        """The rules of those networks that exist; the others permit nothing."""
        found = (self.find(each) for each in names)
        return tuple({each.id: each.spec for each in found if each is not None}.values())

    def _free_id(self) -> str:
        while True:
            found = new_id("network")
            if found not in self._by_id and found not in self._by_name:
                return found

    def _hold(self, network: Network) -> None:
        self._by_id[network.id] = self._by_name[network.spec.name] = network
        self._tell()

    def _drop(self, network: Network) -> None:
        self._by_id.pop(network.id, None)
        self._by_name.pop(network.spec.name, None)
        self._tell()

    def _tell(self) -> None:
        for changed in self._watchers:
            changed()
