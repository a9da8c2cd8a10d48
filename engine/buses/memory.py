"""MemoryBus: the bus of a single process."""

from collections.abc import Callable

from catalog.jsonvalue import Json


class MemoryBus:
    """Calls every listener of a topic before `publish` returns, on the caller's thread, in the order they came."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[object, Callable[[Json], None]]] = {}

    def publish(self, topic: str, message: Json) -> None:
        """Tell every subscriber of `topic`; one that leaves meanwhile may still be told."""
        listeners = self._listeners.get(topic)
        if listeners:
            for listener in tuple(listeners.values()):
                listener(message)

    def subscribe(self, topic: str, listener: Callable[[Json], None]) -> Callable[[], None]:
        """Call `listener` for each message, until the returned function is called (again is harmless)."""
        place = object()
        listeners = self._listeners.setdefault(topic, {})
        listeners[place] = listener

        def leave() -> None:
            listeners.pop(place, None)

        return leave
