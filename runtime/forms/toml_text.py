"""TOML as people write it: inline tables over several lines, read by the standard library's TOML 1.0 parser.

Line breaks, comments and a last comma inside an inline table become spaces (TOML 1.1 allows them). Every other
character keeps its place, so that lines and columns in messages are those of the text as it was written.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time

from catalog.errors import Invalid
from catalog.jsonvalue import INT64, Json

_TOKEN = re.compile(
    r'''
      (?P<text>"""(?:\\.|(?!""").)*"{3,5} | \'\'\'(?:(?!\'\'\').)*'{3,5} | "(?:\\[^\n]|[^"\\\n])*" | '[^'\n]*')
    | (?P<comment>\#[^\n]*)
    | (?P<space>[ \t]+)
    | (?P<other>[^"'\#\s{}\[\],]+ | .)
    ''',
    re.VERBOSE | re.DOTALL,
)
KEY_MOST = 128
"""Dots of one key: the parser takes the square of their number to read it."""
_KEY_ENDS = frozenset("{}[],\n")
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_toml(text: str, *, name: str = "The text") -> dict[str, Json]:
    """The document as plain values: dates and times as ISO 8601 text, numbers finite, integers of 64 bits.

    `name` stands in messages for where the text came from. Raises Invalid INVALID_REQUEST with `line` and `column`
    (counted from 1) in its details.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        return _plain_table(tomllib.loads(join_inline_tables(text)))
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(text, str(error), name) from None
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError as error:
        # An integer of thousands of digits, which Python refuses to read.
        raise Invalid("INVALID_REQUEST", f"{name} is not TOML: {error}.", hint="Mend the value.") from None


def join_inline_tables(text: str) -> str:
    """The same text, as long as before, in which every inline table stands on one line.

    Raises Invalid INVALID_REQUEST for a key of more than `KEY_MOST` dots.
    """
    pieces: list[str] = []
    opened: list[str] = []
    dots = 0
    last = before = ""  # what was written last, and before it, apart from spaces
    at = 0  # where `last` stands in `pieces`
    for token in _TOKEN.finditer(text):
        piece, inside = token.group(), bool(opened) and opened[-1] == "{"
        if token.lastgroup == "comment" and inside:
            piece = " " * len(piece)
        elif piece == "\n":
            piece = " " if inside else piece
        elif token.lastgroup in {"text", "other"}:
            dots = 0 if piece in _KEY_ENDS else dots + piece.count(".") * (token.lastgroup == "other")
            if dots > KEY_MOST:
                raise _too_deep("The text")
            if piece == "}" and last == "," and before != "{" and inside:
                pieces[at] = " "
            if piece in {"{", "["}:
                opened.append(piece)
            elif piece in {"}", "]"} and opened:
                opened.pop()
            before, last, at = last, piece, len(pieces)
        pieces.append(piece)
    # A brace that is never closed: the parser's own message then names the line where it stands.
    return text if "{" in opened else "".join(pieces)


def _too_deep(name: str) -> Invalid:
    return Invalid("INVALID_REQUEST", f"{name} is nested too deeply.", hint="Write fewer levels.")


def _not_toml(text: str, message: str, name: str) -> Invalid:
    found = _PLACE.search(message)
    reason = message[: found.start()] if found else message
    if found and found.group(1):
        line, column = int(found.group(1)), int(found.group(2))
        # Where lines were joined the parser counts fewer of them; the offset is the same in both texts.
        offset = _offset(join_inline_tables(text), line, column)
        line = text.count("\n", 0, offset) + 1
        column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    else:
        line, column = text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1
    return Invalid(
        "INVALID_REQUEST",
        f"{name} is not TOML at line {line}, column {column}: {reason[:1].lower()}{reason[1:]}.",
        hint="Mend that line.",
        details={"line": line, "column": column},
    )


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    return start + column - 1


def _plain_table(table: Mapping[str, object]) -> dict[str, Json]:
    return {key: _plain(value) for key, value in table.items()}


def _plain(value: object) -> Json:
    if isinstance(value, dict):
        return _plain_table(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float) and not abs(value) <= 1.7976931348623157e308:
        raise ValueError(f"`{value}` is no finite number")
    if isinstance(value, int) and value not in INT64:
        raise ValueError("an integer lies outside 64 bits")
    return value
