"""Scalars as canonical YAML: plain where nothing can misread it, else in double quotes, several lines as a block."""

import json
import re

from catalog.jsonvalue import Json
from connections.scalars import resolve

_PLAIN = re.compile(r"[\w/](?:[\w/.()+=@$~;*' -]*[\w/.()+=@$~;*'-])?\Z")
_UNPRINTABLE = "\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff"
_ESCAPED = re.compile(f"[{_UNPRINTABLE}]")
_BLOCK_LINE = re.compile(f"(?:[^\\s\x00-\x1f{_UNPRINTABLE}][^\x00-\x1f{_UNPRINTABLE}]*)?\\Z")
MAX_SIMPLE_KEY = 500


def scalar(value: Json) -> str:
    """One line of YAML that reads as `value`, anywhere."""
    if isinstance(value, str):
        return _text(value)
    return json.dumps(value)


def _text(text: str) -> str:
    if len(text) <= MAX_SIMPLE_KEY and _PLAIN.match(text) and isinstance(resolve(text), str):
        return text
    quoted: str = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def block(text: str, pad: str) -> list[str] | None:
    """The lines of a literal block, the first of them its header; None where the text is better quoted."""
    body = text.removesuffix("\n")
    lines = body.split("\n")
    if len(lines) < 2 or not lines[0] or not lines[-1] or not all(_BLOCK_LINE.match(each) for each in lines):
        return None
    header = "|" if body != text else "|-"
    return [header, *(f"{pad}{each}" if each else "" for each in lines)]
