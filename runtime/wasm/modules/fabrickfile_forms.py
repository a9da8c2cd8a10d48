"""Forms: what single values of a Fabrickfile must look like. Each function answers the value, or None."""

import re
from collections.abc import Callable

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from catalog.urls import Refused, parse_url
from runtime.forms.guest_paths import good_guest_path
from runtime.wasm.modules.references import SCHEME, parse_reference

_NUMBER = r"(?:0|[1-9][0-9]*)"
_MARKS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_BEFORE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_BEFORE}(?:\.{_BEFORE})*)?(?:\+{_MARKS})?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?|\*")
_ADDRESS = re.compile(r"((?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]|\*):(\*|[0-9]{1,5})")
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,255}")
_PATH_MOST = 1024


def is_semver(text: str) -> bool:
    """Is it a semantic version (2.0.0): three numbers, perhaps a pre-release, perhaps build metadata?"""
    return len(text) <= 128 and _SEMVER.fullmatch(text) is not None


def is_interface(text: str) -> bool:
    """Could it be an interface's name, such as `ferry:fares/quote`?"""
    return _INTERFACE.fullmatch(text) is not None


def semver(value: Json) -> str | None:
    """A semantic version."""
    return value if isinstance(value, str) and is_semver(value) else None


def variable(value: Json) -> str | None:
    """A variable's name; it may end in `*`."""
    return value if isinstance(value, str) and _VARIABLE.fullmatch(value) else None


def inside(value: Json) -> str | None:
    """A path or glob below a folder, as it was written; None where it could lead out of it."""
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > _PATH_MOST or "\\" in value:
        return None
    return None if value.startswith(("/", "~")) or ".." in value.split("/") else value


def guest_path(value: Json) -> str | None:
    """An absolute guest path or glob without `..`."""
    return value if isinstance(value, str) and (value == "/" or good_guest_path(value)) else None


def reference(value: Json) -> str | None:
    """A module's reference, without its scheme."""
    return value.removeprefix(SCHEME) if isinstance(value, str) and _reads(parse_reference, value) else None


def url(value: Json) -> str | None:
    """An http or https URL."""
    return value if isinstance(value, str) and _reads(parse_url, value) else None


def port(value: Json) -> int | None:
    """A port from 1 to 65535."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535 else None


def address(value: Json) -> str | None:
    """`host:port`; the host may begin with `*.`, the port may be `*`."""
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    return value if match is not None and (match[2] == "*" or 1 <= int(match[2]) <= 65535) else None


def _reads(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except (Invalid, Refused):
        return False
    return True
