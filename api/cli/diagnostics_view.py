"""Diagnostics as people and programs read them: place, code, source line, caret under the word, hint."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

from api.cli.terminal import visible
from catalog.diagnostics import Diagnostic, Severity
from catalog.jsonvalue import Json

if TYPE_CHECKING:
    from rich.text import Text

MAX_LINE = 200
"""Characters of a source line that are shown; the window moves to where the word is."""


def as_json(file: str, diagnostics: Iterable[Diagnostic]) -> list[Json]:
    """Flat objects: `{file, code, severity, line, column, pointer, message, hint}`, null where there is none."""
    return [
        {
            "file": file,
            "code": each.code,
            "severity": each.severity.value,
            "line": each.span.line if each.span else None,
            "column": each.span.column if each.span else None,
            "pointer": each.pointer,
            "message": each.message,
            "hint": each.hint,
        }
        for each in diagnostics
    ]


def as_text(file: str, diagnostic: Diagnostic, lines: list[str]) -> Text:
    """One diagnostic: `file:line:column: severity CODE: message`, the line it stands in, a caret, the hint."""
    from rich.text import Text  # noqa: PLC0415 - only when there is something to show

    style = "bold red" if diagnostic.severity is Severity.ERROR else "bold yellow"
    place = f"{file}:{diagnostic.span.line}:{diagnostic.span.column}" if diagnostic.span else file
    text = Text.assemble(
        (f"{place}: ", "bold"),
        (f"{diagnostic.severity.value} {diagnostic.code}", style),
        f": {visible(diagnostic.message)}\n",
    )
    if diagnostic.span is not None and 0 < diagnostic.span.line <= len(lines):
        source = lines[diagnostic.span.line - 1]
        text.append_text(_pointed(source, diagnostic.span.line, diagnostic.span.column, diagnostic.span.width, style))
    elif diagnostic.pointer:
        text.append(f"      at {visible(diagnostic.pointer)}\n", "dim")
    if diagnostic.hint:
        text.append("      = ", "dim").append(f"{visible(diagnostic.hint)}\n")
    return text


def _pointed(source: str, line: int, column: int, width: int, style: str) -> Text:
    from rich.text import Text  # noqa: PLC0415 - as above

    start = max(0, column - 1 - MAX_LINE // 2) if len(source) > MAX_LINE else 0
    shown = source[start : start + MAX_LINE]
    before = shown[: column - 1 - start]
    word = shown[len(before) : len(before) + max(width, 1)]
    marks = "^" * max(_columns(word), 1)
    gutter = f"{line:>5} | "
    return Text.assemble(
        (gutter, "dim"),
        f"{_plain(shown)}\n",
        (" " * 6 + "| ", "dim"),
        " " * _columns(before),
        (marks, style),
        "\n",
    )


def _plain(text: str) -> str:
    """Tabs as one blank and control characters as one mark, so that the caret stays under its word."""
    return "".join(
        each if each.isprintable() else " " if each == "\t" else "\N{REPLACEMENT CHARACTER}" for each in text
    )


def _columns(text: str) -> int:
    """Columns that a terminal gives to `text`: two to a wide character, none to a combining one."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )
