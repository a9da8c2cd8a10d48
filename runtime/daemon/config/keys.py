"""Keys: the settings as data: where each stands, what it accepts, how it is read and printed."""

import ipaddress
import math
import shlex
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.daemon.config.settings import DaemonConfig
from runtime.forms.scalars import DURATION_FORMS, SIZE_FORMS, parse_bytes, parse_duration, print_bytes, print_duration

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One setting. `annotation` is what its field is annotated with, bounds included."""

    section: str
    name: str
    annotation: Json
    description: str
    kind: str
    """bool, int, float, str, path, choice, list, duration or size"""
    choices: tuple[str, ...]
    hot: bool
    secret: bool

    @property
    def dotted(self) -> str:
        """`section.name`."""
        return f"{self.section}.{self.name}"

    @property
    def form(self) -> str:
        """What is accepted, for messages."""
        return {
            "bool": "true or false",
            "int": "a whole number",
            "float": "a number",
            "str": "a text",
            "path": "a path",
            "choice": "one of " + ", ".join(f"`{each}`" for each in self.choices),
            "list": "a list of texts",
            "duration": f"a duration, such as {DURATION_FORMS}",
            "size": f"a size, such as {SIZE_FORMS}",
        }[self.kind] + _bounds(self)

    def read(self, value: Json, environment: Mapping[str, str]) -> Json:
        """The value, as TOML has it or as text, in the form that the field holds. Raises ValueError."""
        try:
            if self.kind == "path":
                return _expanded(_text(value), environment)
            checked: Json = msgspec.convert(_PLAIN[self.kind](value), self.annotation)
        except (Invalid, msgspec.ValidationError, ValueError, TypeError):
            raise ValueError(self.form) from None
        if self.dotted == "networking.dns_server":
            ipaddress.ip_address(checked)
        return checked

    def printed(self, value: Json) -> str:
        """The value for people; a secret is never shown."""
        if self.secret:
            return "(none)" if value is None else "(set)"
        if value is None:
            return "(none)"
        if isinstance(value, bool):
            return "true" if value else "false"
        if self.kind == "duration":
            text = print_duration(value)
            return text if parse_duration(text) == value else f"{value}s"
        if self.kind == "size":
            return print_bytes(value, exact=True)
        if self.kind == "float":
            return f"{value:g}"
        return " ".join(value) if self.kind == "list" else str(value)


@cache
def all_keys() -> tuple[Key, ...]:
    """Every setting, in the order of the sample file."""
    return tuple(
        _key(section, name, annotation)
        for section, kind in get_type_hints(DaemonConfig).items()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        for name, annotation in get_type_hints(kind, include_extras=True).items()
    )


def sections() -> tuple[str, ...]:
    """The sections, in the order of the sample file."""
    return tuple(dict.fromkeys(each.section for each in all_keys()))


def _key(section: str, name: str, annotation: Json) -> Key:
    plain, meta = get_args(annotation)[:2]
    extra = meta.extra or {}
    kind, choices = _kind(plain)
    return Key(
        section=section,
        name=name,
        annotation=Annotated[_given(plain), meta],
        description=meta.description or "",
        kind=extra.get("kind", kind),
        choices=choices,
        hot=extra.get("hot", False),
        secret=extra.get("secret", False),
    )


def _given(plain: Json) -> Json:
    """What the value is where there is one: bounds are for a text, and not for a text or nothing."""
    if NoneType not in get_args(plain):
        return plain
    (single,) = [each for each in get_args(plain) if each is not NoneType]
    return single


def _kind(plain: Json) -> tuple[str, tuple[str, ...]]:
    origin: Json = get_origin(plain)
    if origin is Literal:
        return "choice", get_args(plain)
    if origin is tuple:
        return "list", ()
    (single,) = [each for each in (get_args(plain) or (plain,)) if each is not NoneType]
    return {bool: "bool", int: "int", float: "float", str: "str", Path: "path"}[single], ()


def _bounds(key: Key) -> str:
    meta: Meta = get_args(key.annotation)[1]
    if meta.pattern is not None:
        return " such as `127.0.0.1:9191`" if key.name == "listen" else " that is an IP address"
    show = key.printed if key.kind in ("duration", "size") else str
    words = [
        word + f" `{show(bound)}`"
        for word, bound in (("at least", meta.ge), ("more than", meta.gt), ("at most", meta.le))
        if bound is not None
    ]
    return ", " + " and ".join(words) if words else ""


def _boolean(value: Json) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in (*_TRUE, *_FALSE):
        return value.lower() in _TRUE
    raise ValueError


def _whole(value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError
    return int(value)


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _text(value: Json) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError
    return value


def _list(value: Json) -> list[str]:
    return shlex.split(value) if isinstance(value, str) else [_text(each) for each in value]


def _expanded(text: str, environment: Mapping[str, str]) -> Path:
    """`~` is the home of whoever the environment belongs to. Relative paths begin where the daemon was started."""
    home = environment.get("HOME")
    if home and (text == "~" or text.startswith("~/")):
        text = home + text[1:]
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError(text) from None


_PLAIN: dict[str, Callable[[Json], Json]] = {
    "bool": _boolean,
    "int": _whole,
    "float": _number,
    "str": _text,
    "choice": _text,
    "list": _list,
    "duration": parse_duration,
    "size": parse_bytes,
}
