"""Modules on a terminal: the list, one of them, and what goes on while one is built or moved."""

import sys
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from api.cli import terminal
from catalog.jsonvalue import Json
from runtime.forms.scalars import print_bytes

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_DIGITS = 19
"""`sha256:` and twelve digits: enough to tell blobs apart."""

LIST_COLUMNS: list[terminal.Column] = [
    ("MODULE", lambda each: each["reference"]),
    ("TYPE", lambda each: each["type"]),
    ("VERSION", lambda each: each["version"]),
    ("SIZE", lambda each: print_bytes(each["size"])),
    ("CREATED", lambda each: terminal.moment(each["created_at"])),
    ("DIGEST", lambda each: each["digest"][:_DIGITS]),
    ("PROBLEM", lambda each: terminal.styled(each["problem"] or "", "bold red")),
]
_LAYER_COLUMNS: list[terminal.Column] = [
    ("LAYER", lambda each: each["part"] or "unknown"),
    ("SIZE", lambda each: print_bytes(each["size"])),
    ("DIGEST", lambda each: each["digest"][:_DIGITS]),
    ("MEDIA TYPE", lambda each: each["media_type"]),
]


def show_module(module: Json) -> None:
    """One module with its layers."""
    terminal.say("module ", (module["reference"], "bold"), "  ", module["digest"])
    wasm = module["wasm"] or {}
    capabilities = {key: kept for key, value in module["capabilities"].items() if (kept := _said(value))}
    fields = {
        "description": module["description"],
        "type": module["type"] + (f" ({module['abi']})" if module["abi"] else ""),
        "version": module["version"],
        "created": terminal.moment(module["created_at"]),
        "size": print_bytes(module["size"]),
        "interpreted": module["interpreted"],
        "component": wasm.get("component"),
        "exports": [*wasm.get("exports", ()), *module["exports"]],
        "imports": [*sorted({each.partition("::")[0] for each in wasm.get("imports", ())}), *module["imports"]],
        "capabilities": capabilities,
        "used by": module.get("used_by"),
        "problem": module["problem"],
    }
    terminal.show_fields({key: value for key, value in fields.items() if value})
    terminal.show_rows(module["layers"], _LAYER_COLUMNS, as_json=False, empty="It has no layers.")


def _said(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: kept for key, each in value.items() if (kept := _said(each))}
    return list(value) if isinstance(value, list | tuple) else value


class Shown(AbstractContextManager["Shown"]):
    """Progress on stderr: bars on a terminal, a line a step elsewhere; nothing with `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self._quiet:
            from rich import progress  # noqa: PLC0415 - see terminal.console

            columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), progress.DownloadColumn())
            self._bars = progress.Progress(*columns, console=terminal.console(stderr=True), transient=True)
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def step(self, text: str) -> None:
        """See Progress."""
        if self._quiet:
            return
        if self._bars is not None:
            self._bars.console.print(terminal.styled(text, "dim"), soft_wrap=True)
        else:
            terminal.note(terminal.visible(text))

    def output(self, piece: bytes) -> None:
        """See Progress. What a build prints is the user's own; with `quiet` it is in the error alone."""
        if not self._quiet:
            sys.stderr.buffer.write(piece)
            sys.stderr.buffer.flush()

    def moved(self, name: str, done: int, total: int) -> None:
        """See Progress."""
        if self._bars is None:
            return
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name[:_DIGITS], total=total)
        self._bars.update(self._tasks[name], completed=done)
