"""Reading: a VolumeSpec from the API's JSON or from TOML."""

from collections.abc import Iterable, Mapping
from typing import Literal, cast

from croniter import croniter

from catalog.jsonvalue import Json
from runtime.daemon.fields import Fields, Problems
from runtime.daemon.spec import Backup, VolumeSpec

Kind = Literal["persistent", "ephemeral"]
AccessMode = Literal["read-write-once", "read-only-many", "read-write-many"]
_KINDS = ("persistent", "ephemeral")
_MODES = ("read-write-once", "read-only-many", "read-write-many")
_BACKUP = tuple(Backup.__struct_fields__)
_CRON = "a schedule of five fields such as `0 3 * * *`"


def read_volume(document: Mapping[str, Json], *, where: str = "", besides: Iterable[str] = ()) -> VolumeSpec:
    """A volume as wanted; `where` is the place of `document` in what its author wrote.

    `besides` are fields that the caller reads himself. Raises Invalid INVALID_REQUEST, which names every wrong field.
    """
    problems = Problems()
    fields = Fields(document, where, problems, (*VolumeSpec.__struct_fields__, *besides))
    fields.need("name", "a name such as `data`")
    fields.need("size", "a size such as `512Mi`")
    spec = VolumeSpec(
        name=fields.name("name") or "",
        size=fields.size("size") or 0,
        type=cast(Kind, fields.choice("type", _KINDS) or "persistent"),
        access_mode=cast(AccessMode, fields.choice("access_mode", _MODES) or "read-write-once"),
        storage_class=fields.text("storage_class"),
        encrypted=fields.flag("encrypted"),
        backup=_backup(fields),
        project=fields.name("project"),
    )
    problems.check(f"volume `{spec.name}`" if spec.name else "volume")
    return spec


def _backup(fields: Fields) -> Backup:
    if not fields.has("backup"):
        return Backup()
    inner = Fields(fields.raw("backup"), fields.place("backup"), fields.problems, _BACKUP)
    default = Backup()
    return Backup(
        enabled=inner.flag("enabled"),
        schedule=inner.take("schedule", _schedule, _CRON) or default.schedule,
        retention=inner.duration("retention") or default.retention,
        destination=inner.text("destination"),
    )


def _schedule(value: Json) -> str | None:
    good = isinstance(value, str) and len(value.split()) == 5 and croniter.is_valid(value)
    return value if good else None
