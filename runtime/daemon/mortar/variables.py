"""Variables: `${variable.NAME}`, `${secret.NAME}` and `${env.NAME}` in the texts of a project file.

`${variable.NAME:-text}` and `${env.NAME:-text}` have a default, which may be empty and may hold colons. A text that is
one variable and nothing else becomes the variable's value with its type; within a longer text, whole numbers stand
without `.0` and booleans as `true` and `false`. `$${` is a `${` that means itself.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from catalog.catalog import nearest
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.daemon.mortar.problems import Findings
from runtime.daemon.mortar.secrets import OURS, read_secret
from runtime.forms.fields import as_text

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_FORM = re.compile(r"(variable|secret|env)\.([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?\Z", re.DOTALL)
_TYPES: Mapping[str, tuple[type, ...]] = {"string": (str,), "number": (int, float), "boolean": (bool,)}
UNKNOWN_SECRET = "********"  # noqa: S105 - what stands for one that was not looked up


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A document without references, and the places whose values hold a secret."""

    document: dict[str, Json]
    secret_places: frozenset[str]


class Values:
    """What references mean. With `look_up` false secrets and the environment are not asked: only their names count."""

    def __init__(
        self,
        document: Mapping[str, Json],
        given: Mapping[str, Json],
        findings: Findings,
        *,
        base: Path | None,
        look_up: bool = True,
    ) -> None:
        self._findings = findings
        self._base = base
        self._look_up = look_up
        self._secrets = _tables(document, "secret")
        self._known: dict[str, str] = {}
        self._variables: dict[str, Json] = {}
        self._undefined: set[str] = set()
        self._secret_places: set[str] = set()
        self._read_variables(_tables(document, "variable"), given)

    def resolve(self, document: Mapping[str, Json]) -> Resolved:
        """Put values in the place of references, everywhere but in `[variable]` and `[secret]`."""
        found = {
            key: value if key in ("variable", "secret") else self._value(value, key) for key, value in document.items()
        }
        return Resolved(document=found, secret_places=frozenset(self._secret_places))

    def _read_variables(self, tables: Mapping[str, Mapping[str, Json]], given: Mapping[str, Json]) -> None:
        for name in given:
            if name not in tables:
                meant = nearest(name, tables)
                self._findings.error(
                    f"variable.{name}", "is not declared" + (f": did you mean `{meant}`?" if meant else ".")
                )
        for name, table in tables.items():
            place, kind = f"variable.{name}", str(table.get("type"))
            if kind not in _TYPES:
                self._findings.error(f"{place}.type", "must be one of `string`, `number`, `boolean`.")
                continue
            allowed = table.get("allowed_values")
            if allowed is not None and not isinstance(allowed, list):
                self._findings.error(f"{place}.allowed_values", "must be a list.")
                allowed = None
            value = given.get(name, table.get("default"))
            if value is None:
                self._undefined.add(name)
                continue
            if name in given and isinstance(value, str):
                value = _typed(value, kind)
            self._variables[name] = value
            if not _is(value, kind):
                self._findings.error(f"{place}.default", f"must be a {kind}.")
            elif allowed is not None and value not in allowed:
                listed = ", ".join(f"`{as_text(each)}`" for each in allowed)
                self._findings.error(place, f"is `{as_text(value)}`, but must be one of {listed}.")

    def _value(self, value: Json, place: str) -> Json:
        if isinstance(value, str):
            return self._text(value, place)
        if isinstance(value, Mapping):
            return {key: self._value(each, f"{place}.{key}") for key, each in value.items()}
        if isinstance(value, list):
            return [self._value(each, f"{place}[{at}]") for at, each in enumerate(value)]
        return value

    def _text(self, text: str, place: str) -> Json:
        if "${" not in text:
            return text
        whole = _REFERENCE.fullmatch(text)
        if whole is not None and whole.group(1) is not None:
            return self._reference(whole, place)
        return _REFERENCE.sub(lambda found: as_text(self._reference(found, place)) or "", text)

    def _reference(self, found: re.Match[str], place: str) -> Json:
        if found.group(1) is None:
            return "${"
        form = _FORM.match(found.group(1))
        if form is None or not found.group().endswith("}"):
            self._findings.error(
                place,
                f"holds `{found.group()[:64]}`: write `${{variable.NAME}}`, `${{secret.NAME}}` or `${{env.NAME}}`, "
                "with a name of letters, digits and `_`, or `$${` for the text itself.",
            )
            return ""
        kind, name, default = form.group(1), form.group(2), form.group(4) if form.group(3) else None
        if kind == "variable":
            return self._variable(name, default, place)
        if kind == "env":
            return self._environment(name, default, place)
        return self._secret(name, default, place)

    def _variable(self, name: str, default: str | None, place: str) -> Json:
        if name in self._variables:
            return self._variables[name]
        if default is None:
            meant = nearest(name, self._variables)
            known = "has no value" if name in self._undefined else "is not declared"
            hint = f": did you mean `{meant}`?" if meant and name not in self._undefined else "."
            self._findings.error(place, f"refers to the variable `{name}`, which {known}{hint}")
        return default or ""

    def _environment(self, name: str, default: str | None, place: str) -> str:
        if name.startswith(OURS):
            self._findings.error(place, f"refers to `{name}`: the daemon's own settings are not given away.")
            return ""
        if not self._look_up:
            return default or ""
        value = os.environ.get(name, default)
        if value is None:
            self._findings.error(place, f"refers to `{name}`, which is not in the daemon's environment.")
        return value or ""

    def _secret(self, name: str, default: str | None, place: str) -> str:
        if default is not None:
            self._findings.error(place, f"gives the secret `{name}` a default: it would be no secret.")
            return ""
        parts = place.split(".")
        if not (parts[0] == "service" and len(parts) > 3 and parts[2] == "environment"):
            self._findings.error(
                place, f"refers to the secret `{name}`: secrets stand in a service's `environment` alone."
            )
            return ""
        self._secret_places.add(place)
        if name not in self._secrets:
            meant = nearest(name, self._secrets)
            said = f": did you mean `{meant}`?" if meant else "."
            self._findings.error(place, f"refers to the secret `{name}`, which is not declared{said}")
            return ""
        if not self._look_up:
            return UNKNOWN_SECRET
        if name not in self._known:
            try:
                self._known[name] = read_secret(name, self._secrets[name], self._base)
            except Invalid as error:
                self._findings.error(f"secret.{name}", error.message)
                self._known[name] = ""
        return self._known[name]


def _tables(document: Mapping[str, Json], section: str) -> dict[str, Mapping[str, Json]]:
    found = document.get(section)
    if not isinstance(found, Mapping):
        return {}
    return {name: table for name, table in found.items() if isinstance(table, Mapping)}


def _is(value: Json, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _typed(value: str, kind: str) -> Json:
    """A value from a command line, as its variable's type has it."""
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind == "number":
        try:
            return int(value) if value.lstrip("-").isdigit() else float(value)
        except ValueError:
            return value
    return value
