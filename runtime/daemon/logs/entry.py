"""LogEntry: one line. Block: lines that arrived together, not yet taken apart, because most are never read."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from runtime.clock import rfc3339

Stream = Literal["stdout", "stderr"]

BLOCK_OVERHEAD = 200
"""Bytes that a block costs besides its text: about what CPython takes for it."""


class LogEntry(msgspec.Struct, frozen=True, gc=False):
    """One line, without its end. `instance` is empty for the daemon's own words.

    `lost` is how many lines this reader has missed just before; then `message` says only that.
    """

    time_ns: int
    stream: str
    message: str
    instance: str
    lost: int = 0

    def shown(self) -> dict[str, str]:
        """As the API prints it, with the instance beside the reference's fields."""
        return {
            "timestamp": rfc3339(self.time_ns, fraction=9),
            "stream": self.stream,
            "message": self.message,
            "instance": self.instance,
        }


class Block:
    """Whole lines of one stream of one instance, each with its `\\n`; all bear the time at which they arrived."""

    __slots__ = ("count", "instance", "stream", "text", "time_ns")

    def __init__(self, time_ns: int, stream: str, instance: str, text: bytes) -> None:
        self.time_ns = time_ns
        self.stream = stream
        self.instance = instance
        self.text = text
        self.count = text.count(b"\n")

    @property
    def cost(self) -> int:
        """Bytes of memory, about."""
        return len(self.text) + BLOCK_OVERHEAD

    def entries(self, skip: int = 0) -> Iterator[LogEntry]:
        """The lines as entries, without the first `skip`. What is not UTF-8 becomes U+FFFD."""
        for line in self.text.decode("utf-8", "replace").split("\n")[skip:-1]:
            yield LogEntry(self.time_ns, self.stream, line.removesuffix("\r"), self.instance)


class Picked(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines a reader wants; None wants all."""

    since_ns: int | None = None
    until_ns: int | None = None
    stream: str | None = None
    instance: str | None = None

    def takes(self, block: Block) -> bool:
        """Are this block's lines among them?"""
        return (
            (self.stream is None or block.stream == self.stream)
            and (self.instance is None or block.instance == self.instance)
            and (self.since_ns is None or block.time_ns > self.since_ns)
            and (self.until_ns is None or block.time_ns <= self.until_ns)
        )
