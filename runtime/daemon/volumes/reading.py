"""Reading: a VolumeSpec from the API's JSON or from TOML."""

from collections.abc import Iterable, Mapping
from typing import Literal
from urllib.parse import unquote, urlsplit

from croniter import CroniterError, croniter

from catalog.jsonvalue import Json
from runtime.daemon.spec import Backup, VolumeSpec
from runtime.forms.fields import Fields, Problems

_FIELDS = tuple(VolumeSpec.__struct_fields__)
_BACKUP = tuple(Backup.__struct_fields__)
_SCHEDULE = "a cron expression of five fields that comes about, such as `0 3 * * *`"
_DESTINATION = "a directory as `file:///absolute/path`"
_MODES: dict[str, Literal["read-write-once", "read-only-many", "read-write-many"]] = {
    "read-write-once": "read-write-once",
    "read-only-many": "read-only-many",
    "read-write-many": "read-write-many",
}


def read_volume(document: Mapping[str, Json], *, where: str = "", besides: Iterable[str] = ()) -> VolumeSpec:
    """A volume as wanted; `where` is the place of `document` in what its author wrote.

    `besides` are fields that the caller reads himself. Raises Invalid INVALID_REQUEST, which names every wrong field.
    """
    problems = Problems()
    fields = Fields(document, where, problems, (*_FIELDS, *besides))
    fields.need("name", "a name such as `postgres-data`")
    fields.need("size", "a size such as `50Gi`")
    spec = VolumeSpec(
        name=fields.name("name") or "",
        size=fields.size("size") or 0,
        type="ephemeral" if fields.choice("type", ("persistent", "ephemeral")) == "ephemeral" else "persistent",
        access_mode=_MODES[fields.choice("access_mode", tuple(_MODES)) or "read-write-once"],
        storage_class=fields.text("storage_class"),
        encrypted=fields.flag("encrypted"),
        backup=_backup(fields),
        project=fields.name("project"),
    )
    problems.check(f"volume `{spec.name}`" if spec.name else "volume")
    return spec


def as_schedule(value: Json) -> str | None:
    """A cron expression of five fields (or `@daily` and the like) that has a next time, or None."""
    if not isinstance(value, str) or len(value) > 200 or not (value.startswith("@") or len(value.split()) == 5):
        return None
    try:
        croniter(value, 0.0).get_next(float)
    except (CroniterError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return value


def as_destination(value: Json) -> str | None:
    """`file:///absolute/path` without `..`, or None."""
    if not isinstance(value, str) or not value.isprintable():
        return None
    parts = urlsplit(value)
    path = unquote(parts.path)
    plain = parts.scheme == "file" and parts.netloc in ("", "localhost") and not parts.query and not parts.fragment
    good = path.startswith("/") and path.isprintable() and ".." not in path.split("/") and len(path) <= 1024
    return value if plain and good else None


def destination_path(destination: str) -> str:
    """The directory that a destination names."""
    return unquote(urlsplit(destination).path)


def _backup(fields: Fields) -> Backup:
    value = fields.raw("backup")
    if value is None:
        return Backup()
    inner = Fields(value, fields.place("backup"), fields.problems, _BACKUP)
    default = Backup()
    return Backup(
        enabled=inner.flag("enabled"),
        schedule=inner.take("schedule", as_schedule, _SCHEDULE) or default.schedule,
        retention=inner.duration("retention") or default.retention,
        destination=inner.take("destination", as_destination, _DESTINATION),
    )
