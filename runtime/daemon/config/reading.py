"""Reading: options before FABRICKS_* before the file before the places of this user."""

import re
from collections.abc import Mapping
from pathlib import Path

from catalog.catalog import nearest
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.daemon.config import environment as variables
from runtime.daemon.config.keys import Key, all_keys, sections
from runtime.daemon.config.places import config_file, unnamed
from runtime.daemon.config.problems import Problems
from runtime.daemon.config.settings import DaemonConfig
from runtime.forms.toml_text import read_toml

CONFIG_MOST = 1024 * 1024

Values = dict[str, Json]
"""Settings that somebody has given, by `section.key`."""


def read_config(
    path: Path | None, environment: Mapping[str, str], overrides: Mapping[str, str] | None = None
) -> tuple[DaemonConfig, list[str]]:
    """The configuration, and warnings of keys that nobody knows.

    `path` None takes /etc/fabricksd/config.toml, else ~/.fabricks/daemon.toml, else no file. `overrides` are options,
    as `section.key` to text. Raises Invalid CONFIG_INVALID that names every wrong value with its key, its place and
    what is accepted there; CONFIG_INVALID too for a file that is not there or is not TOML.
    """
    problems, values = Problems(), Values()
    keys = {each.dotted: each for each in all_keys()}
    chosen = path or config_file(environment)
    if chosen is not None:
        _read_file(chosen, environment, values, problems)
    for key, text, name in variables.given(environment, problems):
        _take(key, text, name, environment, values, problems)
    for dotted, text in (overrides or {}).items():
        _take(keys[dotted], text, "option", environment, values, problems)
    secret = variables.volume_key(environment, problems)
    problems.check()
    named = {dotted: value for dotted, value in values.items() if keys[dotted].kind == "path"}
    config = _built(values | unnamed(named, environment), secret)
    if config.api.listen and not config.api.auth_enabled:
        open_door = f"`listen` lets whoever reaches `{config.api.listen}` run services; set `auth_enabled = true`."
        problems.warnings.append(open_door)
    return config, problems.warnings


def defaults(home: Path, user: int) -> DaemonConfig:
    """The configuration of a user (by number) who has given nothing."""
    return _built(dict(unnamed({}, {"HOME": str(home)}, user)), None)


def _built(values: Values, volume_key: bytes | None) -> DaemonConfig:
    parts: dict[str, dict[str, Json]] = {each: {} for each in sections()}
    for dotted, value in values.items():
        section, _, name = dotted.partition(".")
        parts[section][name] = value
    made = {section: DaemonConfig.__annotations__[section](**fields) for section, fields in parts.items()}
    return DaemonConfig(**made, volume_key=volume_key)


def _take(
    key: Key, value: Json, place: str, environment: Mapping[str, str], values: Values, problems: Problems
) -> None:
    try:
        values[key.dotted] = key.read(value, environment)
    except ValueError:
        problems.wrong(key.dotted, place, key.form)


def _read_file(path: Path, environment: Mapping[str, str], values: Values, problems: Problems) -> None:
    text = _text(path)
    try:
        document = read_toml(text, name=f"`{path}`")
    except Invalid as error:
        raise Invalid("CONFIG_INVALID", error.message, hint=error.hint, details=error.details) from None
    for section, table in document.items():
        line = _line(text, section, None)
        if section not in sections():
            _warn_of(problems, f"[{section}]", f"[{nearest(section, sections())}]", f"{path}:{line}")
        elif not isinstance(table, Mapping):
            problems.wrong(section, f"{path}:{line}", f"a section `[{section}]`")
        else:
            _read_section(path, text, section, table, environment, values, problems)
    if values.get("api.api_key") is not None and path.stat().st_mode & 0o077:
        problems.warnings.append(f"`{path}` holds `api_key` and can be read by others; `chmod 600` it.")


def _read_section(
    path: Path,
    text: str,
    section: str,
    table: Mapping[str, Json],
    environment: Mapping[str, str],
    values: Values,
    problems: Problems,
) -> None:
    keys = {each.name: each for each in all_keys() if each.section == section}
    for name, value in table.items():
        place = f"{path}:{_line(text, section, name)}"
        if name in keys:
            _take(keys[name], value, place, environment, values, problems)
        else:
            elsewhere = next((each for each in all_keys() if each.name == name), None)
            near = f"[{elsewhere.section}] {name}" if elsewhere else nearest(name, keys)
            _warn_of(problems, f"{section}.{name}", near, place)


def _warn_of(problems: Problems, what: str, near: str | None, place: str) -> None:
    hint = f" Did you mean `{near}`?" if near and near != "[None]" else ""
    problems.warnings.append(f"`{what}` ({place}) is not a setting.{hint}")


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > CONFIG_MOST:
            raise Invalid("CONFIG_INVALID", f"`{path}` is no configuration: it is over {CONFIG_MOST} bytes.")
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise Invalid("CONFIG_INVALID", f"`{path}` is not UTF-8.", hint="Save it as UTF-8.") from None
    except OSError as error:
        raise Invalid(
            "CONFIG_INVALID", f"`{path}` cannot be read: {error.strerror}.", hint="Name another file."
        ) from None


_HEADER = re.compile(r"\s*\[\s*\"?([^\]\"]+?)\"?\s*\]")
_ASSIGNMENT = re.compile(r"\s*\"?([\w.-]+)\"?\s*=")


def _line(text: str, section: str, name: str | None) -> int:
    """The line on which a key stands, or its section; 1 where it is written in a way that this does not see."""
    current = ""
    for number, line in enumerate(text.splitlines(), 1):
        header, key = _HEADER.match(line), _ASSIGNMENT.match(line)
        if header:
            current = header[1]
        found = name is None and current == section if header else key is not None and key[1] == name
        if found and current == section:
            return number
        if key is not None and not current and key[1] in (section, f"{section}.{name}"):
            return number
    return 1
