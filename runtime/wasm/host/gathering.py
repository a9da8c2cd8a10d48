"""Gathering: the beginning of a frame whose rest has not come."""


class Gathering:
    """Pieces are joined once, when the frame is whole, however many they are. `need` 0: nothing is kept."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._got = 0
        self.need = 0

    def keep(self, data: bytes, at: int, until: int) -> None:
        """Keep `data` from `at`; what it needs ends at `until`, beyond its end."""
        self._pieces.append(data[at:])
        self._got = len(data) - at
        self.need = until - at

    def add(self, data: bytes) -> bytes | None:
        """The next piece. All of it, once it is enough."""
        self._pieces.append(data)
        self._got += len(data)
        if self._got < self.need:
            return None
        whole = b"".join(self._pieces)
        self.clear()
        return whole

    def clear(self) -> None:
        """Keep nothing."""
        self._pieces.clear()
        self.need = 0
