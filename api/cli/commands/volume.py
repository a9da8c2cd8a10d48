"""`fabric volume`: directories with a size that services share."""

from enum import StrEnum
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.control import Control
from api.cli.server import segment
from catalog.errors import Conflict

app = typer.Typer(no_args_is_help=True, help="Volumes of services, and their backups.")

COPY_SECONDS = 6 * 3600.0

Name = Annotated[str, typer.Argument(help="The volume's name or id.")]

_COLUMNS: list[terminal.Column] = [
    ("VOLUME", lambda each: each["name"]),
    ("ID", lambda each: each["id"]),
    ("SIZE", lambda each: each["size"]),
    ("USED", lambda each: each["used"]),
    ("MOUNTS", lambda each: each["mount_count"]),
    ("CREATED", lambda each: terminal.moment(each["created_at"])),
]
_COPY_COLUMNS: list[terminal.Column] = [
    ("BACKUP", lambda each: each["name"]),
    ("SIZE", lambda each: each["size"]),
    ("ENCRYPTED", lambda each: "yes" if each["encrypted"] else ""),
    ("CREATED", lambda each: terminal.moment(each["created_at"])),
    ("FILE", lambda each: each["path"]),
]


class Kind(StrEnum):
    """How long its files live."""

    PERSISTENT = "persistent"
    EPHEMERAL = "ephemeral"


class Access(StrEnum):
    """How many services may write to it."""

    ONCE = "read-write-once"
    READ = "read-only-many"
    MANY = "read-write-many"


@app.command("ls")
def list_volumes(json: terminal.AsJson = False) -> None:
    """List volumes and what they hold.

    Example: fabric volume ls
    """
    found = Control.configured().get("volumes")
    terminal.show_rows(found["volumes"], _COLUMNS, as_json=json, empty="There are no volumes.")


@app.command("show")
def show(name: Name, json: terminal.AsJson = False) -> None:
    """Show a volume: who has it mounted, when it is copied, whether it is encrypted.

    Example: fabric volume show orders
    """
    found = Control.configured().get(f"volumes/{segment(name)}")
    terminal.print_json(found) if json else terminal.show_fields(found)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Its name: a-z, 0-9 and `-`.")],
    size: Annotated[str, typer.Option("--size", help="How much it may hold, such as 5Gi.")],
    kind: Annotated[
        Kind, typer.Option("--type", help="`ephemeral`: emptied when no service has it.")
    ] = Kind.PERSISTENT,
    access: Annotated[Access, typer.Option("--access", help="How many services may write to it.")] = Access.ONCE,
    encrypted: Annotated[
        bool, typer.Option("--encrypted", help="Encrypt it while no service has it; the daemon needs a key.")
    ] = False,
    schedule: Annotated[
        str | None, typer.Option("--backup", help="Copy it by this cron expression (UTC), such as '0 3 * * *'.")
    ] = None,
    retention: Annotated[str | None, typer.Option("--retention", help="How long copies are kept, such as 30d.")] = None,
    destination: Annotated[
        str | None, typer.Option("--destination", help="Where copies go, as file:///directory.")
    ] = None,
    json: terminal.AsJson = False,
) -> None:
    """Make a volume.

    Example: fabric volume create orders --size 5Gi --backup '0 3 * * *' --retention 30d
    """
    given = {"schedule": schedule, "retention": retention, "destination": destination}
    backup = {"enabled": schedule is not None} | {key: value for key, value in given.items() if value is not None}
    body = {
        "name": name,
        "size": size,
        "type": kind.value,
        "access_mode": access.value,
        "encrypted": encrypted,
        "backup": backup,
    }
    made = Control.configured().post("volumes", body)
    terminal.done(f"Volume `{made['name']}` ({made['id']}) is made.", made, as_json=json)


@app.command("rm")
def remove(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Also while services have it.")] = False,
    yes: terminal.Yes = False,
    json: terminal.AsJson = False,
) -> None:
    """Remove a volume, its files, and those of its backups that have no destination of their own.

    Example: fabric volume rm orders --yes
    """
    control = Control.configured()
    found = control.get(f"volumes/{segment(name)}")
    if terminal.confirmed(f"Remove volume `{found['name']}` and the {found['used']} in it?", yes=yes):
        gone = control.delete(f"volumes/{segment(found['id'])}", force=force)
        terminal.done(f"Volume `{found['name']}` is removed.", gone, as_json=json)


@app.command("backups")
def backups(name: Name, json: terminal.AsJson = False) -> None:
    """List a volume's backups.

    Example: fabric volume backups orders
    """
    found = Control.configured().get(f"volumes/{segment(name)}/backups")
    terminal.show_rows(found["backups"], _COPY_COLUMNS, as_json=json, empty="There are no backups.")


@app.command("backup")
def backup(name: Name, json: terminal.AsJson = False) -> None:
    """Copy a volume now, also while services use it.

    Example: fabric volume backup orders
    """
    made = Control.configured().post(f"volumes/{segment(name)}/backup", {}, seconds=COPY_SECONDS)["backup"]
    terminal.done(f"`{name}` is copied to `{made['path']}` ({made['size']}).", made, as_json=json)


@app.command("verify")
def verify(
    name: Name,
    copy: Annotated[str | None, typer.Argument(metavar="[BACKUP]", help="Its name; left out, the newest.")] = None,
    json: terminal.AsJson = False,
) -> None:
    """Read a backup again and say whether it is what was written.

    Example: fabric volume verify orders
    """
    path = f"volumes/{segment(name)}/verify"
    found = Control.configured().post(path, {"backup": copy}, seconds=COPY_SECONDS)
    if not found["verified"]:
        raise Conflict("VOLUME_DAMAGED", found["reason"], hint="Make another backup now, and restore another one.")
    terminal.done(f"Backup `{found['backup']}` is what was written.", found, as_json=json)


@app.command("restore")
def restore(
    name: Name,
    copy: Annotated[str | None, typer.Argument(metavar="[BACKUP]", help="Its name; left out, the newest.")] = None,
    yes: terminal.Yes = False,
    json: terminal.AsJson = False,
) -> None:
    """Put a backup in the place of what a volume holds, while no service has it.

    Example: fabric volume restore orders --yes
    """
    control = Control.configured()
    found = control.get(f"volumes/{segment(name)}")
    chosen = f"backup `{copy}`" if copy else "its newest backup"
    if terminal.confirmed(f"Replace the {found['used']} in `{found['name']}` by {chosen}?", yes=yes):
        path = f"volumes/{segment(found['id'])}/restore"
        done = control.post(path, {"backup": copy}, seconds=COPY_SECONDS)
        terminal.done(f"`{found['name']}` holds `{done['backup']}` again.", done, as_json=json)
