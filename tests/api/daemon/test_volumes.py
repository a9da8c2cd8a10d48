"""/v1/volumes: the reference's answers, and backups."""

import re

import pytest

from api.daemon.times import moment
from runtime.daemon.spec import VolumeUse
from tests.api.daemon.hosted import Hosted

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
REQUEST = {
    "name": "postgres-data",
    "size": "50Gi",
    "backup": {"enabled": True, "schedule": "0 3 * * *", "retention": "30d"},
}


def test_a_volume_from_its_making_to_its_end(daemon: Hosted) -> None:
    made = daemon.data("POST", "/volumes", REQUEST, status=201)
    assert made.keys() == {"id", "name", "size", "created_at"}
    assert re.fullmatch("volume-[a-z0-9]{6}", made["id"])
    assert (made["name"], made["size"]) == ("postgres-data", "50Gi")
    assert STAMP.fullmatch(made["created_at"])

    (listed,) = [each for each in daemon.get("/volumes")["volumes"] if each["id"] == made["id"]]
    assert listed == made | {"used": "0B", "mount_count": 0}

    mount = daemon.run(
        daemon.daemon.volumes.acquire("postgres-s4t5u6", [VolumeUse(source="postgres-data", target="/var/lib/data")])
    )
    assert mount[0].guest == "/var/lib/data"
    shown = daemon.get("/volumes/postgres-data")
    assert shown["mounted_by"] == [
        {"service_id": "postgres-s4t5u6", "mount_point": "/var/lib/data", "read_only": False}
    ]
    assert (shown["encrypted"], shown["encryption"]) == (False, {"at_rest": False, "scope": "none"})
    backups = shown["backups"]
    assert (backups["enabled"], backups["last_backup"], backups["retention"]) == (True, None, "30d")
    assert backups["next_backup"].endswith("T03:00:00Z")

    refused = daemon.error("DELETE", f"/volumes/{made['id']}", status=409)
    assert (refused["code"], refused["details"]["mounted_by"]) == ("INVALID_STATE", ["postgres-s4t5u6"])
    gone = daemon.data("DELETE", f"/volumes/{made['id']}?force=true")
    assert gone.keys() == {"id", "deleted_at"}
    assert daemon.error("GET", "/volumes/postgres-data", status=404)["code"] == "VOLUME_NOT_FOUND"


def test_a_backup_is_made_listed_and_brought_back(daemon: Hosted) -> None:
    made = daemon.data("POST", "/volumes", {"name": "copied", "size": "1Mi"}, status=201)
    first = daemon.data("POST", "/volumes/copied/backup", {}, status=201)["backup"]
    second = daemon.data("POST", "/volumes/copied/backup", {}, status=201)["backup"]
    assert first.keys() == {"name", "path", "size", "sha256", "encrypted", "created_at"}
    assert daemon.get(f"/volumes/{made['id']}/backups") == {"id": made["id"], "backups": [first, second]}
    assert daemon.get("/volumes/copied")["backups"]["count"] == 2
    done = daemon.data("POST", "/volumes/copied/restore", {"backup": first["name"]})
    assert (done["id"], done["backup"]) == (made["id"], first["name"])
    assert moment(done["restored_at"], "restored_at")
    refused = daemon.error("POST", "/volumes/copied/restore", {"backup": "none"}, status=404)
    assert (refused["code"], refused["details"]["available_backups"]) == (
        "BACKUP_NOT_FOUND",
        [second["name"], first["name"]],
    )
    daemon.data("DELETE", "/volumes/copied")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"size": "1Gi"}, "name"),
        ({"name": "x"}, "size"),
        ({"name": "../x", "size": "1Gi"}, "name"),
        ({"name": "x", "size": -1}, "size"),
        ({"name": "x", "size": "1Gi", "backup": {"schedule": "often"}}, "backup.schedule"),
    ],
)
def test_a_wrong_request_names_its_fields(daemon: Hosted, body: dict[str, object], field: str) -> None:
    refused = daemon.error("POST", "/volumes", body, status=400)
    assert refused["code"] == "INVALID_REQUEST"
    assert field in [each["field"] for each in refused["details"]["fields"]]


def test_encryption_without_a_key_is_refused(daemon: Hosted) -> None:
    refused = daemon.error("POST", "/volumes", {"name": "secret", "size": "1Gi", "encrypted": True}, status=400)
    assert (refused["code"], "key" in refused["message"]) == ("INVALID_REQUEST", True)
