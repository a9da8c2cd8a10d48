"""Terminal: JSON for programs, tables and colours for people. rich is imported when somebody looks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.jsonvalue import Json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

PIPED_WIDTH = 200
"""Columns where there is no terminal to ask."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where nobody can be asked.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.")]

Column = tuple[str, Callable[[Json], object]]
"""A heading and what stands under it for one row."""

_STYLES = {
    **dict.fromkeys(("succeeded", "applied", "enabled", "ok", "passed", "yes"), "green"),
    **dict.fromkeys(("failed", "dead_letter", "denied", "broken", "error", "bad", "unknown"), "bold red"),
    **dict.fromkeys(("staged", "pending", "queued", "running", "applying", "warning", "drifted", "waits"), "yellow"),
    **dict.fromkeys(("skipped", "cancelled", "rejected", "expired", "superseded", "disabled", "no"), "dim"),
}


def console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr: coloured only on a terminal, and not where NO_COLOR is set."""
    from rich.console import Console  # noqa: PLC0415 - a third of the start-up time of commands that never print tables

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else PIPED_WIDTH, highlight=False)


def say(*parts: Text | str | tuple[str, str]) -> None:
    """One line on stdout, never wrapped, so that it can be searched."""
    from rich.text import Text  # noqa: PLC0415 - see `console`

    console().print(Text.assemble(*parts), soft_wrap=True)


def print_json(value: Json) -> None:
    """One JSON document on stdout, indented, its keys in their own order."""
    import msgspec  # noqa: PLC0415 - keeps `--help` quick

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_line(value: Json) -> None:
    """One JSON value on a line of its own, at once: for what goes on."""
    import msgspec  # noqa: PLC0415 - as above

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def done(sentence: str, value: Json, *, as_json: bool) -> None:
    """What a command came to: the value for programs, a sentence on stderr for people."""
    if as_json:
        print_json(value)
    else:
        note(sentence)


def note(text: str) -> None:
    """A plain line on stderr, for people."""
    sys.stderr.write(text + "\n")


def write(text: str, *, red: bool = False) -> None:
    """One line on stdout as it stands, at once; red only on a terminal, and not where NO_COLOR is set."""
    coloured = red and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    sys.stdout.write(f"\x1b[31m{text}\x1b[0m\n" if coloured else f"{text}\n")
    sys.stdout.flush()


def counted(number: int, word: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def styled(word: object, style: str | None = None) -> Text:
    """A state or severity in its colour; any other text as it stands, and so is what has its style already."""
    from rich.text import Text  # noqa: PLC0415 - see `console`

    if isinstance(word, Text):
        return word
    return Text(visible(word), style=style or _STYLES.get(str(word), ""))


def visible(value: object) -> str:
    """Text from elsewhere as a terminal may safely show it: control characters are spelt out."""
    text = "" if value is None else str(value)
    return "".join(each if each.isprintable() or each in "\n\t" else f"\\x{ord(each):02x}" for each in text)


def show_rows(rows: Iterable[Json], columns: Sequence[Column], *, as_json: bool, empty: str) -> None:
    """A list: an array for programs; for people a table, or the sentence `empty`."""
    found = list(rows)
    if as_json:
        print_json(found)
        return
    if not found:
        note(empty)
        return
    _print_table(table(found, columns))


def _print_table(made: Table) -> None:
    screen = console()
    if screen.is_terminal:
        screen.print(made)
        return
    # rich fills a table's lines with blanks; in a file or a pipe nobody wants them.
    with screen.capture() as captured:
        screen.print(made)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def table(rows: Iterable[Json], columns: Sequence[Column]) -> Table:
    """A rich table without rules; cells that are states have their colour."""
    from rich.table import Table  # noqa: PLC0415 - see `console`

    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading, _ in columns:
        made.add_column(heading, overflow="fold")
    for row in rows:
        made.add_row(*(styled(value(row)) for _, value in columns))
    return made


def show_fields(value: Json) -> None:
    """One thing, a field a line, as YAML would have it."""
    import yaml  # noqa: PLC0415 - keeps `--help` quick

    sys.stdout.write(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100))


def moment(stamp: str | None) -> str:
    """A time of the server's (RFC 3339, UTC) to the millisecond, as people read it; nothing where there is none."""
    if not stamp:
        return ""
    day, _, clock = stamp.rstrip("Z").partition("T")
    seconds, _, fraction = clock.partition(".")
    return f"{day} {seconds}.{fraction[:3]:0<3}Z"


def may_ask() -> bool:
    """Is there a person at a terminal?"""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str, *, yes: bool) -> bool:
    """Has a person agreed: by `--yes`, or by answering? Raises typer.BadParameter where nobody can be asked."""
    if yes:
        return True
    if not may_ask():
        raise typer.BadParameter("Nobody can be asked here; give `--yes`.", param_hint="--yes")
    return typer.confirm(question, err=True)
