"""Problems: everything that is wrong with a project file, and what is worth a warning, each with its place."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from catalog.errors import FabricError, Invalid
from catalog.jsonvalue import Json
from runtime.forms.toml_places import line_of

SHOWN = 20


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """`place` is the key's path, `line` where that stands in the text, counted from 1."""

    severity: Literal["error", "warning"]
    place: str
    message: str
    line: int | None = None


class Findings:
    """What was found so far. `strict` makes an unknown field an error."""

    def __init__(self, lines: Mapping[str, int], *, strict: bool = False) -> None:
        self._lines = lines
        self._strict = strict
        self._found: list[Problem] = []

    def error(self, place: str, message: str) -> None:
        """The project cannot be deployed like that."""
        self._add("error", place, message)

    def warning(self, place: str, message: str) -> None:
        """It can, but may not be what its author means."""
        self._add("warning", place, message)

    def unknown(self, place: str, message: str) -> None:
        """No such field: it is left out, or an error if strict."""
        self._add("error" if self._strict else "warning", place, message)

    def take(self, place: str, error: FabricError) -> None:
        """What a reader of a part refused, field by field where it says so."""
        for each in error.details.get("fields", ()):
            self.error(each["field"], f"{each['problem']}.")
        if "fields" not in error.details:
            self.error(place, error.message)

    @property
    def all(self) -> list[Problem]:
        """In the order of the text; errors and warnings alike."""
        return sorted(self._found, key=lambda each: (each.line or 0, each.place))

    @property
    def errors(self) -> list[Problem]:
        """Those that forbid a deployment."""
        return [each for each in self.all if each.severity == "error"]

    @property
    def warnings(self) -> list[Problem]:
        """The others."""
        return [each for each in self.all if each.severity == "warning"]

    def check(self) -> None:
        """Raise Invalid INVALID_REQUEST that lists every error, if there is one."""
        errors = self.errors
        if not errors:
            return
        count = len(errors)
        said = "; ".join(shown(each) for each in errors[:SHOWN])
        raise Invalid(
            "INVALID_REQUEST",
            f"The project has {count} problem{'' if count == 1 else 's'}: {said}.",
            hint="Mend what `details.problems` lists; `fabric mortar validate` shows it all.",
            details={"problems": [listed(each) for each in self.all]},
        )

    def _add(self, severity: Literal["error", "warning"], place: str, message: str) -> None:
        line = line_of(self._lines, place)
        self._found.append(Problem(severity=severity, place=place, message=message, line=line))


def shown(problem: Problem) -> str:
    """One line for people, without its full stop."""
    line = f"line {problem.line}: " if problem.line else ""
    return f"{line}`{problem.place}` {problem.message}".rstrip(".?")


def listed(problem: Problem) -> dict[str, Json]:
    """As the API has it."""
    return {
        "severity": problem.severity,
        "place": problem.place,
        "line": problem.line,
        "message": f"`{problem.place}` {problem.message}",
    }
