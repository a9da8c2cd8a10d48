"""Progress: what a build, a push or a pull tells while it works."""

from typing import Protocol


class Progress(Protocol):
    """Takes what happens; called from the loop and from threads, so that it must not block."""

    def step(self, text: str) -> None:
        """A new step: one short line."""
        ...

    def output(self, piece: bytes) -> None:
        """A piece of what a build's command prints, not cut into lines."""
        ...

    def moved(self, name: str, done: int, total: int) -> None:
        """So many bytes of a blob have been moved."""
        ...


class Silent:
    """Tells nobody."""

    def step(self, text: str) -> None:
        """See Progress."""

    def output(self, piece: bytes) -> None:
        """See Progress."""

    def moved(self, name: str, done: int, total: int) -> None:
        """See Progress."""


SILENT = Silent()
