"""Where the keys of a TOML text stand, for messages about what they hold."""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping

from runtime.forms.toml_text import join_inline_tables

_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"((?:\\.|[^"\\\n])*)"|'([^'\n]*)'""")
_TEXT = re.compile(
    r'''"""(?:\\.|(?!""").)*"{3,5}|\'\'\'(?:(?!\'\'\').)*'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*\'''', re.DOTALL
)
_BARE = re.compile(r"[^,\]}\n#]*")


def key_lines(text: str) -> Mapping[str, int]:
    """Lines, counted from 1, of every key, table and list item of a text that `read_toml` reads.

    Keys are joined by dots, items of lists have their number: `policy.card.deny[0].from[1]`.
    """
    return _Places(text.removeprefix("\ufeff").replace("\r\n", "\n")).lines


def line_of(lines: Mapping[str, int], place: str) -> int | None:
    """The line of the key at `place`, else of the nearest table round it; None where nothing of it stands there."""
    while place:
        if place in lines:
            return lines[place]
        place = place[: max(place.rfind("."), place.rfind("["), 0)]
    return None


class _Places:
    """Walks through a text that is known to be TOML."""

    def __init__(self, text: str) -> None:
        self._text = join_inline_tables(text)
        self._starts = [0, *(each.end() for each in re.finditer("\n", text))]
        self._at = 0
        self._counts: dict[str, int] = {}
        self.lines: dict[str, int] = {}
        self._walk()

    def _walk(self) -> None:
        table = ""
        while self._skip():
            if self._text.startswith("[[", self._at):
                table = self._header(2)
            elif self._text[self._at] == "[":
                table = self._header(1)
            else:
                self._pair(table)

    def _skip(self) -> bool:
        """Past blanks, comments and line breaks; is there more?"""
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at < len(self._text)

    def _header(self, brackets: int) -> str:
        begun = self._at
        self._at += brackets
        *parents, last = self._keys()
        self._skip()
        self._at += brackets
        path = ""
        for key in parents:
            path = _below(path, key)
            if path in self._counts:
                path = f"{path}[{self._counts[path] - 1}]"
            self._note(path, begun)
        path = _below(path, last)
        if brackets == 2:
            count = self._counts[path] = self._counts.get(path, 0) + 1
            self._note(path, begun)
            path = f"{path}[{count - 1}]"
        self._note(path, begun)
        return path

    def _pair(self, table: str) -> None:
        begun = self._at
        path = table
        for key in self._keys():
            path = _below(path, key)
            self._note(path, begun)
        self._skip()
        self._at += 1  # the equals sign
        self._value(path)

    def _keys(self) -> list[str]:
        found: list[str] = []
        while True:
            self._skip()
            match = _KEY.match(self._text, self._at)
            if match is None:
                return [*found, ""]
            found.append(next((each for each in match.groups() if each is not None), match.group()))
            self._at = match.end()
            self._skip()
            if not self._text.startswith(".", self._at):
                return found
            self._at += 1

    def _value(self, path: str) -> None:
        self._skip()
        opened = self._text[self._at : self._at + 1]
        if opened == "{":
            self._inside("}", lambda count: self._pair(path))
        elif opened == "[":
            self._inside("]", lambda count: self._item(f"{path}[{count}]"))
        else:
            found = _TEXT.match(self._text, self._at) or _BARE.match(self._text, self._at)
            self._at = found.end() if found else self._at + 1

    def _inside(self, end: str, each: Callable[[int], None]) -> None:
        self._at += 1
        count = 0
        while self._skip() and self._text[self._at] != end:
            if self._text[self._at] == ",":
                self._at += 1
                continue
            each(count)
            count += 1
        self._at += 1

    def _item(self, path: str) -> None:
        self._note(path, self._at)
        self._value(path)

    def _note(self, path: str, at: int) -> None:
        self.lines.setdefault(path, bisect_right(self._starts, at))


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
