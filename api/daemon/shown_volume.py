"""A volume as the services API prints it."""

from api.daemon.times import stamp
from catalog.jsonvalue import Json
from runtime.daemon.volumes import Copy, Volume, Volumes
from runtime.forms.scalars import print_bytes, print_duration

AT_REST = (
    "An encrypted archive (AES-256-GCM) while no service has it mounted; backups always. While mounted, plain files."
)


def listed(volumes: Volumes, volume: Volume) -> Json:
    """One of a list."""
    return {
        "id": volume.id,
        "name": volume.spec.name,
        "size": print_bytes(volume.spec.size),
        "used": print_bytes(volumes.used(volume)),
        "mount_count": len(volumes.mounted_by(volume)),
        "created_at": stamp(volume.created_at_ns),
    }


def shown(volumes: Volumes, volume: Volume) -> Json:
    """All about one."""
    spec = volume.spec
    return {
        "id": volume.id,
        "name": spec.name,
        "size": print_bytes(spec.size),
        "used": print_bytes(volumes.used(volume)),
        "encrypted": spec.encrypted,
        "encryption": _encryption(volume),
        "type": spec.type,
        "access_mode": spec.access_mode,
        **({"project": spec.project} if spec.project else {}),
        "mounted_by": [
            {"service_id": each.service_id, "mount_point": each.target, "read_only": not each.writable}
            for each in volumes.mounted_by(volume)
        ],
        "backups": {
            "enabled": spec.backup.enabled,
            "last_backup": stamp(volume.last_backup_ns),
            "next_backup": stamp(volumes.next_backup_ns(volume)),
            "schedule": spec.backup.schedule,
            "retention": print_duration(spec.backup.retention),
            "destination": spec.backup.destination,
            "count": len(volume.copies),
        },
        "created_at": stamp(volume.created_at_ns),
    }


def shown_copy(copy: Copy) -> Json:
    """A backup."""
    return {
        "name": copy.name,
        "path": copy.path,
        "size": print_bytes(copy.bytes),
        "sha256": copy.sha256,
        "encrypted": copy.encrypted,
        "created_at": stamp(copy.created_at_ns),
    }


def _encryption(volume: Volume) -> Json:
    """`at_rest`: is it encrypted at this moment? `scope`: what is, and what is not."""
    if not volume.spec.encrypted:
        return {"at_rest": False, "scope": "none"}
    if volume.spec.type == "ephemeral":
        return {"at_rest": False, "scope": "Backups. While mounted, plain files; nothing is left of them afterwards."}
    return {"at_rest": volume.sealed, "scope": AT_REST}
