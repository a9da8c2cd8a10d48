"""Settings: every FABRIC_* variable (and the seed's ADAPTER_READ_ONLY), its default and its meaning.

docs/settings.md is generated from these lines.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, get_args, get_type_hints

import msgspec
from msgspec import Meta

from catalog.catalog import nearest
from catalog.errors import Invalid
from catalog.jsonvalue import Json


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the server is told by its environment. Field `data_dir` is FABRIC_DATA_DIR, and so on."""

    data_dir: Annotated[
        Path | None,
        Meta(
            description="Database, keys, artifacts. Unset: /var/lib/fabric where writable, else ~/.local/share/fabric."
        ),
    ] = None
    host: Annotated[str, Meta(description="Address the REST API listens on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port of the REST API; 0 takes a free one and says which.")] = 8642
    database_url: Annotated[
        str, Meta(description="Empty: SQLite in the data directory. `sqlite:///PATH` names another file.")
    ] = ""
    redis_url: Annotated[
        str, Meta(description="Redis or Valkey for the guards and the shared ingest rate, as `redis://HOST:PORT/DB`.")
    ] = ""
    ingest_limit: Annotated[str, Meta(description="Events an organisation may push, as COUNT/SECONDSs.")] = "120/60s"
    mcp_limit: Annotated[
        str, Meta(description="Requests that an assistant's token may send to /mcp, as COUNT/SECONDSs.")
    ] = "120/60s"
    mcp_origins: Annotated[
        tuple[str, ...],
        Meta(
            description="Comma-separated web origins that may speak to /mcp; a request that names another is refused."
        ),
    ] = ()
    artifact_durable_dir: Annotated[
        Path,
        Meta(
            description="Where blobs of staged writes wait for sign-off. Not writable: a folder in the data directory."
        ),
    ] = Path("/data/fabric_artifacts")
    webhook_allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="Comma-separated hosts and IPs that may be reached although private (loopback: exact IPs only)."
        ),
    ] = ()
    webhook_signing_secret: Annotated[
        str, Meta(description="Signs every outbound webhook; a plain secret or `whsec_…`.")
    ] = ""
    plugin_trusted_keys: Annotated[
        tuple[Path, ...],
        Meta(description="Comma-separated PEM files of public keys; where there are some, plugins must be signed."),
    ] = ()
    adapter_read_only: Annotated[
        bool, Meta(description="While true nothing can be applied (ADAPTER_READ_ONLY, without the prefix).")
    ] = True
    pollers: Annotated[bool, Meta(description="Look at controllers and tell of what changes there, as events.")] = True
    change_days: Annotated[float, Meta(description="Days until a pending change expires.", gt=0)] = 7.0
    runs_keep_days: Annotated[float, Meta(description="Days for which ended runs are kept.", gt=0)] = 30.0
    events_keep_days: Annotated[float, Meta(description="Days for which dispatched events are kept.", gt=0)] = 30.0
    smtp_host: Annotated[str, Meta(description="SMTP relay of `fabric.notify`; empty: e-mail is not configured.")] = ""
    smtp_port: Annotated[int, Meta(description="Its port.")] = 587
    smtp_sender: Annotated[str, Meta(description="Sender address of notifications.")] = "fabric@localhost"
    smtp_username: Annotated[str, Meta(description="User name at the relay, if it wants one.")] = ""
    smtp_password: Annotated[str, Meta(description="Password at the relay.")] = ""
    smtp_tls: Annotated[str, Meta(description="`starttls`, `tls` or `none`.", pattern="^(starttls|tls|none)$")] = (
        "starttls"
    )
    max_connections: Annotated[
        int, Meta(description="Open HTTP connections; further ones are closed at once.", ge=1)
    ] = 2000
    shutdown_seconds: Annotated[float, Meta(description="How long a stop waits for what is under way.", ge=0)] = 15.0
    log_level: Annotated[
        str, Meta(description="debug, info, warning or error.", pattern="^(debug|info|warning|error)$")
    ] = "info"
    log_format: Annotated[
        str, Meta(description="`json`, `text`, or `auto`: text on a terminal.", pattern="^(auto|json|text)$")
    ] = "auto"


CLIENT_VARIABLES = {
    "FABRIC_URL": "Server the command line talks to (default http://127.0.0.1:8642).",
    "FABRIC_TOKEN": "Bearer token of the command line; unset: the token file of a server on this machine.",
    "FABRIC_CATALOG": "Catalog file that `fabric validate` compiles against instead of the built-in one.",
    "FABRIC_DEBUG": "1 shows the traceback behind a problem (as `--debug` does).",
}
"""Variables that only the command line reads."""

TOKEN_FILE = "admin-token"  # noqa: S105 - a file's name
"""In the data directory: the first administrator's token, mode 0600."""


def variable(field: str) -> str:
    """The environment variable of a field."""
    return "ADAPTER_READ_ONLY" if field == "adapter_read_only" else f"FABRIC_{field.upper()}"


def read_settings(environment: Mapping[str, str] = os.environ) -> tuple[Settings, list[str]]:
    """Settings from the environment, and a warning for each FABRIC_* variable nobody knows.

    Raises Invalid SETTING_INVALID naming the variable.
    """
    fields = {variable(each): each for each in Settings.__struct_fields__}
    values = {
        field: _typed(name, environment[name], field)
        for name, field in fields.items()
        if environment.get(name, "") != ""
    }
    known = {*fields, *CLIENT_VARIABLES, "FABRIC_FAILPOINT", "FABRIC_CORPORA"}
    warnings = []
    for name in sorted(each for each in environment if each.startswith("FABRIC_") and each not in known):
        near = nearest(name, known)
        warnings.append(f"`{name}` is not a setting." + (f" Did you mean `{near}`?" if near else ""))
    return Settings(**values), warnings


def _typed(name: str, text: str, field: str) -> Json:
    kind = get_type_hints(Settings, include_extras=True)[field]
    plain = get_args(kind)[0]
    try:
        if plain is bool:
            return _boolean(text)
        if plain == tuple[str, ...]:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if plain in (Path, Path | None):
            return Path(text).expanduser()
        return msgspec.convert(text, kind, strict=False)
    except (msgspec.ValidationError, ValueError):
        raise Invalid(
            "SETTING_INVALID", f"`{name}` has a value it cannot take.", hint="See docs/settings.md."
        ) from None


def _boolean(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError(text)


def data_place(settings: Settings) -> Path:
    """Where the data directory is, or would be; nothing is made."""
    if settings.data_dir is not None:
        return settings.data_dir
    system = Path("/var/lib/fabric")
    usable = os.access(system, os.W_OK) if system.exists() else os.access(system.parent, os.W_OK)
    return system if usable else Path("~/.local/share/fabric").expanduser()


def data_dir(settings: Settings) -> Path:
    """The data directory, made (0700) if need be."""
    chosen = data_place(settings)
    chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
    return chosen


def durable_dir(settings: Settings, data: Path) -> tuple[Path, bool]:
    """Where durable artifacts go, and whether that is the configured place (else: a folder in the data directory)."""
    wanted = settings.artifact_durable_dir
    try:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return data / "artifacts", False
    return (wanted, True) if os.access(wanted, os.W_OK) else (data / "artifacts", False)
