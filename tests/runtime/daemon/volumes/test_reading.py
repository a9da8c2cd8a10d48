"""Reading volumes: the API's form and mortar's, every wrong field at once."""

import pytest

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.daemon.spec import Backup
from runtime.daemon.volumes import read_volume
from runtime.daemon.volumes.reading import as_destination, as_schedule, destination_path


def test_the_references_request_is_read() -> None:
    found = read_volume(
        {
            "name": "postgres-data",
            "size": "50Gi",
            "encrypted": True,
            "backup": {"enabled": True, "schedule": "0 3 * * *", "retention": "30d"},
        }
    )
    assert (found.name, found.size, found.encrypted) == ("postgres-data", 50 * 1024**3, True)
    assert found.backup == Backup(enabled=True, schedule="0 3 * * *", retention=30 * 86400.0)
    assert (found.type, found.access_mode) == ("persistent", "read-write-once")


def test_every_wrong_field_is_named_at_once() -> None:
    document: Json = {
        "name": "../x",
        "size": "many",
        "type": "other",
        "access_mode": "rw",
        "encrypted": "yes",
        "sise": 1,
        "backup": {"schedule": "never", "retention": 0, "destination": "s3://x", "when": 1},
    }
    with pytest.raises(Invalid) as refused:
        read_volume(document)
    assert refused.value.code == "INVALID_REQUEST"
    assert {each["field"] for each in refused.value.details["fields"]} == {
        "name", "size", "type", "access_mode", "encrypted", "sise",
        "backup.schedule", "backup.retention", "backup.destination", "backup.when",
    }  # fmt: skip
    with pytest.raises(Invalid, match="size"):
        read_volume({"name": "x"})


@pytest.mark.parametrize("text", ["0 3 * * *", "*/5 * * * *", "15 2 * * 1-5", "@daily", "0 0 29 2 *"])
def test_schedules_that_come_about_are_taken(text: str) -> None:
    assert as_schedule(text) == text


@pytest.mark.parametrize(
    "value", ["", "* * * * * *", "0 0 31 2 *", "60 * * * *", "a b c d e", "@never", 3, None, "* " * 300, "* * * *"]
)
def test_schedules_that_never_come_are_not(value: Json) -> None:
    assert as_schedule(value) is None


def test_destinations_are_absolute_directories() -> None:
    for good in ("file:///srv/backup", "file://localhost/srv/backup", "file:///a%20b"):
        assert as_destination(good) == good
    assert destination_path("file:///a%20b") == "/a b"
    for bad in ("/srv", "file://host/srv", "file:///a/../b", "file:///a/%2e%2e/b", "file:", "s3://x", "file:///a?b", 3):
        assert as_destination(bad) is None
