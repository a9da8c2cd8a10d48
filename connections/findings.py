"""Findings: the diagnostics of one Connection while they are gathered."""

from collections.abc import Iterable

from catalog.diagnostics import Diagnostic, Severity, Span


class Findings:
    """Collects problems in the order they are found, each (code, pointer) once."""

    def __init__(self, items: Iterable[Diagnostic] = ()) -> None:
        self.items: list[Diagnostic] = []
        self._seen: set[tuple[str, str]] = set()
        for each in items:
            self._add(each)

    def error(self, pointer: str, code: str, message: str, hint: str | None = None, span: Span | None = None) -> None:
        """Something that keeps the Connection from being stored."""
        self._add(Diagnostic(code=code, pointer=pointer, message=message, hint=hint, span=span))

    def warn(self, pointer: str, code: str, message: str, hint: str | None = None) -> None:
        """Something the author should look at."""
        self._add(Diagnostic(code=code, pointer=pointer, message=message, hint=hint, severity=Severity.WARNING))

    @property
    def failed(self) -> bool:
        """Is there at least one error?"""
        return any(each.severity is Severity.ERROR for each in self.items)

    def _add(self, diagnostic: Diagnostic) -> None:
        key = (diagnostic.code, diagnostic.pointer)
        if key not in self._seen:
            self._seen.add(key)
            self.items.append(diagnostic)
