"""Watching: which pictures are looked at, and which of them are told of."""

import time
from collections.abc import Callable
from typing import Literal, Protocol

from runtime.drivers.cameras.eye import motion, people
from runtime.drivers.cameras.eye.job import Attention, Told
from runtime.drivers.cameras.eye.zones import Zones

Kind = Literal["motion", "person"]

Tell = Callable[[Told, bytes], None]


class View(Protocol):
    """One picture, wherever it came from."""

    width: int
    height: int

    def gray(self, width: int) -> object:
        """Its brightness."""
        ...

    def jpeg(self) -> bytes:
        """The picture itself."""
        ...


class Watch:
    """Looks at pictures in their order. `monotonic` is in seconds."""

    def __init__(self, attention: Attention, tell: Tell, monotonic: Callable[[], float] = time.monotonic) -> None:
        zones = Zones(attention.zones)
        self._attention = attention
        self._tell = tell
        self._monotonic = monotonic
        self._motion = motion.Motion(attention.sensitivity, zones)
        self._people = people.People(attention.sensitivity, zones) if attention.person else None
        self._pause = 1 / attention.frames_per_second
        self._due = float("-inf")
        self._told: dict[str, float] = {}
        self._first = True
        self._seen_at = 0.0

    def wants(self) -> bool:
        """Is it time for the next picture? Asked of a stream, which has more than are looked at."""
        now = self._monotonic()
        if now < self._due:
            return False
        behind = now - self._due > self._pause
        self._due = (now if behind else self._due) + self._pause
        return True

    def look(self, view: View) -> None:
        """Look at one picture, and tell of what it shows."""
        self._seen_at = time.time()
        moved = self._motion.moved(view.gray(motion.WIDTH))
        if moved is not None and self._attention.motion and self._may("motion"):
            self._say("motion", moved, view)
        # Whoever comes, moves; whoever is there already shows in the first picture.
        if self._people is not None and (moved is not None or self._first) and self._may("person"):
            found = self._people.found(view.gray(people.WIDTH))
            if found is not None:
                self._say("person", found, view)
        self._first = False

    def _may(self, kind: Kind) -> bool:
        return self._monotonic() - self._told.get(kind, float("-inf")) >= self._attention.min_interval_seconds

    def _say(self, kind: Kind, found: tuple[float, str | None], view: View) -> None:
        self._told[kind] = self._monotonic()
        confidence, zone = found
        told = Told(kind=kind, at=self._seen_at, confidence=confidence, zone=zone, width=view.width, height=view.height)
        self._tell(told, view.jpeg())
