"""Registry settings: aliases, mirrors and insecure registries of ~/.fabricks/config.toml, and who logs in where.

    insecure = ["127.0.0.1:5000"]          registries that are spoken to over http

    [aliases]
    fares = "registry.example/team/ferry-fares:1.0.0"

    [mirrors]
    "registry.fabricks.io" = ["mirror.example:5000"]     asked first, in this order

FABRICKS_REGISTRY is the registry of references that name none; FABRICKS_REGISTRY_USER and FABRICKS_REGISTRY_PASSWORD
log in there. Other registries' credentials are in credentials.json beside it, as Docker writes them.
"""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

import msgspec

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.forms.fields import Fields, Problems
from runtime.forms.toml_text import read_toml
from runtime.wasm.modules.references import DEFAULT_REGISTRY, SCHEME, Reference, check_registry, parse_reference
from runtime.wasm.modules.staging import unreadable

CONFIG_FILE, CREDENTIALS_FILE = "config.toml", "credentials.json"
REGISTRY_VARIABLE = "FABRICKS_REGISTRY"
USER_VARIABLE, PASSWORD_VARIABLE = "FABRICKS_REGISTRY_USER", "FABRICKS_REGISTRY_PASSWORD"
_FILE_MOST = 1024 * 1024


class Credentials(msgspec.Struct, frozen=True):
    """A user name and a password, or a token in its place."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, …)"


class RegistrySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of registries before one is asked."""

    default: str = DEFAULT_REGISTRY
    aliases: Mapping[str, str] = {}
    mirrors: Mapping[str, tuple[str, ...]] = {}
    insecure: tuple[str, ...] = ()
    credentials: Mapping[str, Credentials] = {}

    def reference(self, text: str) -> Reference:
        """What a registry is asked for: the alias followed, the default registry filled in. Raises as `named`."""
        found = self.named(text)
        if found.registry != DEFAULT_REGISTRY:
            return found
        return msgspec.structs.replace(found, registry=self.default)

    def named(self, text: str) -> Reference:
        """What a store calls it: the alias followed. Raises Invalid INVALID_REQUEST."""
        bare = text.removeprefix(SCHEME)
        return parse_reference(self.aliases.get(bare, bare))


def read_registry_settings(folder: Path, environment: Mapping[str, str]) -> RegistrySettings:
    """The settings of a user: his files in `folder` (~/.fabricks), his variables. Absent files say nothing.

    Raises Invalid INVALID_REQUEST naming what is wrong in which file, FILE_UNREADABLE.
    """
    default = environment.get(REGISTRY_VARIABLE) or DEFAULT_REGISTRY
    check_registry(default, f"`{REGISTRY_VARIABLE}`")
    credentials = _read_credentials(folder / CREDENTIALS_FILE)
    user, password = environment.get(USER_VARIABLE), environment.get(PASSWORD_VARIABLE)
    if user and password:
        credentials[default] = Credentials(user, password)
    problems = Problems()
    path = folder / CONFIG_FILE
    content = _content(path)
    document = read_toml(content.decode("utf-8", "replace"), name=f"`{path}`") if content else {}
    fields = Fields(document, "", problems, ("aliases", "mirrors", "insecure"))
    settings = RegistrySettings(
        default=default,
        aliases={key: value.removeprefix(SCHEME) for key, value in fields.table("aliases", bool, "a name").items()},
        mirrors=_mirrors(fields),
        insecure=fields.each("insecure", _registry, "a registry such as `127.0.0.1:5000`"),
        credentials=credentials,
    )
    problems.check(f"file `{path}`")
    return settings


def _mirrors(fields: Fields) -> dict[str, tuple[str, ...]]:
    table = fields.raw("mirrors") or {}
    if not isinstance(table, Mapping):
        fields.wrong("mirrors", "a table of registries")
        return {}
    inner = Fields(table, "mirrors", fields.problems, tuple(table))
    return {name: inner.each(name, _registry, "a registry such as `mirror.example:5000`") for name in table}


def _registry(value: Json) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        check_registry(value, "It")
    except Invalid:
        return None
    return value


class _Login(msgspec.Struct, frozen=True):
    auth: str | None = None
    username: str | None = None
    password: str | None = None


class _Logins(msgspec.Struct, frozen=True):
    auths: dict[str, _Login] = {}


def _read_credentials(path: Path) -> dict[str, Credentials]:
    content = _content(path)
    if not content:
        return {}
    try:
        logins = msgspec.json.decode(content, type=_Logins).auths
    except msgspec.MsgspecError:
        # Not what stands in it: a password could be quoted.
        raise Invalid(
            "INVALID_REQUEST", f"`{path}` is not what Docker writes.", hint='Write `{"auths": {"host": {"auth": …}}}`.'
        ) from None
    found = {host: _credentials(login) for host, login in logins.items()}
    return {_host(host): each for host, each in found.items() if each is not None}


def _host(key: str) -> str:
    return key.removeprefix("https://").removeprefix("http://").split("/")[0]


def _credentials(login: _Login) -> Credentials | None:
    if login.username and login.password:
        return Credentials(login.username, login.password)
    try:
        user, colon, password = base64.b64decode(login.auth or "", validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Credentials(user, password) if colon and user else None


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_FILE_MOST)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise unreadable(path, error) from None
