"""What a component holds by handles: the host's own resource types, and how functions on them are given to it.

Values cross as wasmtime's Python layer has them: `option` is None or the value, `result` and `variant` are the payload
where its class tells which case it is, and a `Variant(tag, payload)` where it does not.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol, cast

import msgspec
import wasmtime
from wasmtime.component import Linker, LinkerInstance, ResourceAny, ResourceHost, ResourceType, Variant

Value = object
Function = Callable[..., Value]
HANDLES_MOST = 10_000


class Resource:
    """Something that a component may hold. `kind` tells resource types apart."""

    kind: ClassVar[int] = 0

    def dropped(self) -> None:
        """The component has let go of it."""


class Interface(msgspec.Struct, frozen=True):
    """What the host offers under one name: `wasi:io/poll`, without a version."""

    name: str
    functions: Mapping[str, Function]
    resources: Mapping[str, type[Resource]] = {}


class Offer(Protocol):
    """How a function is given to a component: plainly, or as `fast_component.py` does."""

    def __call__(self, linker: LinkerInstance, name: str, function: Function) -> None: ...


class Handles:
    """The resources of one Store, by the number that wasmtime keeps for the host."""

    def __init__(self) -> None:
        self._held: dict[int, Resource] = {}
        self._next = 1

    def own(self, resource: Resource) -> ResourceHost:
        """Hand it to the component. Raises wasmtime.WasmtimeError when it holds too many."""
        if len(self._held) >= HANDLES_MOST:
            raise wasmtime.WasmtimeError(f"the component holds more than {HANDLES_MOST} resources")
        number, self._next = self._next, self._next % 0x7FFFFFFF + 1
        self._held[number] = resource
        return ResourceHost.own(number, resource.kind)

    def taken(self, store: wasmtime.StoreContext, handle: ResourceAny) -> Resource:
        """What a handle stands for; one that was handed over for good is forgotten here."""
        host = handle.to_host(store)
        return self._held.pop(host.rep) if host.owned else self._held[host.rep]

    def drop(self, number: int) -> None:
        """The component dropped it."""
        self._held.pop(number).dropped()

    def clear(self) -> None:
        """Forget what an instance held that is gone."""
        self._held.clear()

    def __len__(self) -> int:
        return len(self._held)


def define(
    linker: Linker, handles: Handles, imports: Mapping[str, frozenset[str]], offer: Offer, *interfaces: Interface
) -> None:
    """Define those of `interfaces` that a component imports; `imports` has the names within each, with its version."""
    known = {each.name: each for each in interfaces}
    with linker.root() as root:
        for name, wanted in imports.items():
            interface = known.get(name.partition("@")[0])
            if interface is not None:
                with root.add_instance(name) as instance:
                    _fill(instance, interface, wanted, handles, offer)


def _fill(
    instance: LinkerInstance, interface: Interface, wanted: frozenset[str], handles: Handles, offer: Offer
) -> None:
    for name, resource in interface.resources.items():
        if name in wanted:
            instance.add_resource(name, ResourceType.host(resource.kind), lambda _store, number: handles.drop(number))
    for name, function in interface.functions.items():
        if name in wanted:
            offer(instance, name, _crossing(function, handles))


def _crossing(function: Function, handles: Handles) -> Function:
    """The function with resources where the component has handles."""

    def inwards(store: wasmtime.StoreContext, value: Value) -> Value:
        if isinstance(value, ResourceAny):
            return handles.taken(store, value)
        if isinstance(value, list) and value and isinstance(value[0], ResourceAny):
            return [handles.taken(store, each) for each in cast(list[ResourceAny], value)]
        return value

    def outwards(value: Value) -> Value:
        if isinstance(value, Resource):
            return handles.own(value)
        if isinstance(value, Variant) and isinstance(value.payload, Resource):
            return Variant(value.tag, handles.own(value.payload))
        return value

    def crossing(store: wasmtime.StoreContext, *values: Value) -> Value:
        return outwards(function(*(inwards(store, value) for value in values)))

    return crossing
