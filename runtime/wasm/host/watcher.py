"""Watcher: what a channel tells the replica that it belongs to."""

from collections.abc import Callable

import msgspec


class Watcher(msgspec.Struct, frozen=True, kw_only=True):
    """`overdue(request)`: the head's time is up. `trapped()`: the guest is being replaced. `idle()`: nothing is under
    way any longer. `broken(why)`: the worker says what none of ours would. `lost()`: it says nothing any longer."""

    overdue: Callable[[int], None]
    trapped: Callable[[], None]
    idle: Callable[[], None]
    broken: Callable[[str], None]
    lost: Callable[[], None]
