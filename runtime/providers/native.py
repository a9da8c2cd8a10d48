"""NativeProvider: the operations and events of one of our own modules, as the registry wants them."""

from collections.abc import Iterable

from catalog.events import EventSpec
from catalog.operations import Operation, OperationSet, Read, WriteEntry


class NativeProvider:
    """Implements `catalog.provider.Provider` over what a module declared when it was imported."""

    def __init__(self, *sets: OperationSet, events: Iterable[EventSpec] = ()) -> None:
        self._operations = tuple(operation for each in sets for operation in each)
        self._code = {operation.id: each.code(operation.id) for each in sets for operation in each}
        self._events = tuple(events)

    def operations(self) -> Iterable[Operation]:
        """What the module can do."""
        return self._operations

    def events(self) -> Iterable[EventSpec]:
        """What the module emits."""
        return self._events

    def code(self, operation_id: str) -> Read | WriteEntry | None:
        """The code behind an operation; None: its driver comes later."""
        return self._code.get(operation_id)
