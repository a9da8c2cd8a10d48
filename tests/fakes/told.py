"""A bus that remembers what it was told."""

from catalog.jsonvalue import Json
from engine.buses.memory import MemoryBus


class ToldBus(MemoryBus):
    """A MemoryBus with a memory."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, Json]] = []

    def publish(self, topic: str, message: Json) -> None:
        """Note it and pass it on."""
        self.told.append((topic, message))
        super().publish(topic, message)
