"""Secrets: values that are nowhere in a project file. Providers here: `env` and `file`."""

import os
from collections.abc import Mapping
from pathlib import Path

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.forms.plain_file import open_plain

SECRET_MOST = 16 * 1024
"""Bytes of a secret."""

OURS = ("FABRIC_", "FABRICKS_")
"""What the names of the daemon's own settings begin with."""

_KNOWN = ("env", "file")
_ELSEWHERE = ("vault", "kubernetes", "external-secrets")


def check_secret(table: Mapping[str, Json]) -> str | None:
    """What is wrong with a declaration, whether or not the secret is there."""
    provider = table.get("provider")
    if provider in _ELSEWHERE:
        return f"has the provider `{provider}`, which is not supported here: use `env` or `file`."
    if provider not in _KNOWN:
        return "must have a provider: `env` (with `key`) or `file` (with `path`)."
    needed = "key" if provider == "env" else "path"
    if not isinstance(table.get(needed), str) or not table[needed]:
        return f"must have a `{needed}` with its provider `{provider}`."
    if provider == "env" and str(table["key"]).startswith(OURS):
        return f"refers to `{table['key']}`: the daemon's own settings are not given away."
    return None


def read_secret(name: str, table: Mapping[str, Json], base: Path | None) -> str:
    """A secret's value; relative paths are below `base`. Blocks. Raises Invalid INVALID_REQUEST that never quotes it.

    A file is the secret, but for one final line break; with `key` it holds lines `KEY=value`.
    """
    problem = check_secret(table)
    if problem is not None:
        raise _refused(problem)
    key = table.get("key")
    if table["provider"] == "env":
        value = os.environ.get(str(key))
        if value is None:
            raise _refused(f"refers to `{key}`, which is not in the daemon's environment.")
        return value
    text = _read_file(str(table["path"]), base)
    if key is None:
        return text.removesuffix("\n").removesuffix("\r")
    for line in text.splitlines():
        left, equals, right = line.strip().partition("=")
        if equals and left.strip() == key:
            return right.strip()
    raise _refused(f"refers to `{key}`, which is not in `{table['path']}`.")


def _read_file(text: str, base: Path | None) -> str:
    path = Path(text)
    if not path.is_absolute():
        if base is None:
            raise _refused(f"has the relative path `{text}`, and nobody says below which folder.")
        path = (base / path).resolve()
        if not path.is_relative_to(base.resolve()):
            raise _refused(f"has the path `{text}`, which leads out of the project's folder.")
    try:
        with open_plain(path) as file:
            data = file.read(SECRET_MOST + 1)
    except OSError as error:
        raise _refused(f"has the path `{text}`, which cannot be read: {error.strerror}.") from None
    if len(data) > SECRET_MOST:
        raise _refused(f"has the path `{text}`, which holds more than {SECRET_MOST // 1024} KiB.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused(f"has the path `{text}`, which is not UTF-8.") from None


def _refused(problem: str) -> Invalid:
    return Invalid("INVALID_REQUEST", problem)
