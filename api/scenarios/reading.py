"""Reading a scenario file: the Connections' strict YAML, then strict keys with "did you mean"."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from api.scenarios import model
from api.scenarios.model import Scenario
from catalog.catalog import nearest
from catalog.diagnostics import Diagnostic, pointer
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from connections.findings import Findings
from connections.source import read

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*?)`(?: - at `(?P<path>.*)`)?\Z", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>.*?)`(?: - at `(?P<path>.*)`)?\Z", re.DOTALL)
_OTHER = re.compile(r"(?P<problem>.*?)(?: - at `(?P<path>.*)`)?\Z", re.DOTALL)
ANY_KEY = "\0"
_PART = re.compile(r"\.([^.\[]+)|\[(\d+)\]|\[\.\.\.\]")


_EMPTY = Diagnostic(code="YAML_EMPTY", message="The file holds no scenario.", hint="Begin with `scenario:`, its name.")


class ScenarioInvalid(Invalid):
    """A scenario file that cannot be played; `diagnostics` holds what is wrong with it."""

    def __init__(self, file: Path, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("SCENARIO_INVALID", f"`{file}` is not a scenario.", hint="Mend what is listed.")
        self.file = file
        self.diagnostics = diagnostics


def read_scenario(file: Path, content: bytes) -> Scenario:
    """The scenario in `content`. Raises ScenarioInvalid."""
    document = read(content)
    if any(each.code == "YAML_EMPTY" for each in document.findings.items):
        raise ScenarioInvalid(file, (_EMPTY,))
    if document.findings.failed or not document.readable:
        raise ScenarioInvalid(file, document.located())
    scenario = _converted(document.value, document.findings)
    if scenario is not None:
        _check_stages(scenario, document.findings)
    if scenario is None or document.findings.failed:
        raise ScenarioInvalid(file, document.located())
    return scenario


def _converted(value: Json, findings: Findings) -> Scenario | None:
    """The value as a Scenario; unknown keys are noted and passed over, so that all of them are found in one go."""
    while True:
        try:
            return msgspec.convert(value, Scenario)
        except msgspec.ValidationError as error:
            text = str(error)
        unknown = _UNKNOWN.match(text)
        if unknown is None:
            _note(text, findings)
            return None
        field = unknown["field"]
        near = nearest(field, KEYS)
        hint = f"Did you mean `{near}`?" if near else "Remove it."
        holders = list(_holders(value, _path(unknown["path"]), field, ()))
        for place, holder in holders:
            findings.error(_pointer(*place, field), "SCHEMA_UNKNOWN_FIELD", f"`{field[:80]}` is not a key here.", hint)
            del holder[field]
        if not holders:
            findings.error("", "SCHEMA_UNKNOWN_FIELD", f"`{field[:80]}` is not a key.", hint)
            return None


def _note(text: str, findings: Findings) -> None:
    missing = _MISSING.match(text)
    if missing is not None:
        message = f"`{missing['field']}` is missing here."
        findings.error(_pointer(*_path(missing["path"])), "SCHEMA_REQUIRED", message, f"Add `{missing['field']}:`.")
        return
    other = _OTHER.match(text)
    problem, path = (other["problem"], other["path"]) if other else (text, None)
    findings.error(_pointer(*_path(path)), "SCHEMA_TYPE", f"{problem}.", "Compare with docs/scenarios.md.")


def _check_stages(scenario: Scenario, findings: Findings) -> None:
    names = [each.name for each in scenario.controllers]
    for number, stage in enumerate(scenario.stages):
        place = f"/then/{number - 1}" if number else ""
        if stage.deeds != 1:
            wanted = "`event` or `ingest`" if not number else "`event`, `ingest`, `apply` or `reject`"
            findings.error(place, "SCHEMA_REQUIRED", f"Exactly one of {wanted} stands here.", "Write one of them.")
        named = {each.controller for each in stage.expect.changes or ()} | {
            each.controller for each in stage.expect.files
        }
        for name in sorted(each for each in named if each is not None and each not in names):
            near = nearest(name, names)
            hint = f"Did you mean `{near}`?" if near else "Add it to `controllers`."
            findings.error(f"{place}/expect", "SCHEMA_ENUM", f"There is no controller `{name}`.", hint)


def _path(text: str | None) -> list[str | int]:
    """`$.then[0].expect` as segments; ANY_KEY for `[...]`, where msgspec does not say which key of a mapping."""
    return [
        found[1] if found[1] is not None else int(found[2]) if found[2] is not None else ANY_KEY
        for found in _PART.finditer((text or "$")[1:])
    ]


def _pointer(*path: str | int) -> str:
    known = path[: path.index(ANY_KEY)] if ANY_KEY in path else path
    return pointer(*known)


def _holders(
    value: Json, path: list[str | int], field: str, before: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], dict[str, Json]]]:
    """The mappings at `path` that hold `field`, each with where it stands."""
    if not path:
        if isinstance(value, dict) and field in value:
            yield before, value
        return
    first, *rest = path
    inner: Iterable[tuple[str | int, Json]] = ()
    if isinstance(value, dict):
        inner = [(key, each) for key, each in value.items() if first in (ANY_KEY, key)]
    elif isinstance(value, list):
        inner = [(number, each) for number, each in enumerate(value) if first == number]
    for key, each in inner:
        yield from _holders(each, rest, field, (*before, key))


KEYS = frozenset(
    field
    for kind in vars(model).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    for field in kind.__struct_fields__
)
