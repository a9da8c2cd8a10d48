"""Lines: puts pieces of output together to whole lines, each at most LINE_MOST bytes long."""

from collections.abc import Iterator

LINE_MOST = 64 * 1024
"""Bytes of one line; what is over is cut, and the line says so."""


class Lines:
    """The end of one stream's output that is not yet a whole line."""

    __slots__ = ("_begun", "_cut", "truncated")

    def __init__(self) -> None:
        self._begun = bytearray()
        self._cut = 0
        self.truncated = 0
        """Lines that were cut."""

    def put(self, piece: bytes) -> Iterator[bytes]:
        """What `piece` completes: texts of whole lines with their `\\n`, each text hardly over LINE_MOST bytes."""
        at = 0
        if self._begun:
            at = piece.find(b"\n") + 1
            self._begin(piece[: at - 1] if at else piece)
            if not at:
                return
            yield self._ended()
        end = piece.rfind(b"\n") + 1
        if end > at:
            yield from self._whole(piece, at, end)
        if max(at, end) < len(piece):
            self._begin(piece[max(at, end) :])

    def flush(self) -> Iterator[bytes]:
        """The line that was begun, if one was: nothing more will come."""
        if self._begun:
            yield self._ended()

    def _whole(self, piece: bytes, at: int, end: int) -> Iterator[bytes]:
        if end - at <= LINE_MOST:
            yield piece[at:end]
            return
        while at < end:
            stop = piece.rfind(b"\n", at, at + LINE_MOST) + 1
            if stop:
                yield piece[at:stop]
            else:
                stop = piece.find(b"\n", at) + 1
                self._begin(piece[at : stop - 1])
                yield self._ended()
            at = stop

    def _begin(self, part: bytes) -> None:
        room = LINE_MOST - 1 - len(self._begun)
        self._begun += part[:room]
        self._cut += max(0, len(part) - room)

    def _ended(self) -> bytes:
        line, cut = bytes(self._begun), self._cut
        self._begun, self._cut = bytearray(), 0
        if not cut:
            return line + b"\n"
        self.truncated += 1
        whole = _whole_characters(line)
        return whole + f"… [{cut + len(line) - len(whole)} bytes cut]\n".encode()


def _whole_characters(line: bytes) -> bytes:
    """Without the first bytes of a character whose others were cut off."""
    for back in range(1, min(4, len(line)) + 1):
        byte = line[-back]
        if byte & 0xC0 == 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return line if back >= length else line[:-back]
        if byte < 0x80:
            break
    return line
