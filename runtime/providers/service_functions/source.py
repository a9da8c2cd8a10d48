"""Source: where the functions of services come from, and the way to their warm instances."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from runtime.wasm.launch import Done
from runtime.wasm.modules.function_section import Function

Forward = Callable[[bytes, Done], None]


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What one service exports, from when it first runs until it is deleted."""

    service_id: str
    service: str
    functions: tuple[Function, ...]


class Source(Protocol):
    """The services daemon, as far as functions need it. `runtime.daemon.functions.Functions` is one."""

    def offers(self) -> tuple[Offer, ...]:
        """What services that have run export; another object after every change and every deletion."""
        ...

    def knows(self, service_id: str) -> bool:
        """Is there such a service, whether it runs or not?"""
        ...

    def way(self, service_id: str) -> Forward:
        """The way to that service, as `traffic.Router.forward` goes it; good for as long as the service is there."""
        ...

    def note(self, service_id: str, sentence: str) -> None:
        """Tell something in the service's log."""
        ...
