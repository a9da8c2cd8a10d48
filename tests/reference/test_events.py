"""Events as the reference prints them: the nine types, each provoked, and the fields of the stream's samples."""

from collections.abc import Iterator

import pytest

from catalog.jsonvalue import Json
from tests.api.daemon.hosted import Hosted, hosted, short_folder
from tests.reference.items import EVENT_TYPES
from tests.reference.samples import printed_events
from tests.reference.shapes import differences

POLICY = """
[policy.pci]
[[policy.pci.deny]]
from = ["payment"]
to = ["*"]
reason = "PCI data must not be logged"
"""


@pytest.fixture(scope="module")
def happened() -> Iterator[dict[str, Json]]:
    """One message of each type, from the stream of a daemon to which all of it happens."""
    with short_folder() as folder:
        (folder / "policies").mkdir()
        (folder / "policies" / "pci.toml").write_text(POLICY)
        with hosted(folder) as daemon, daemon.stream("/events") as stream:
            stream.message()
            provoke(daemon)
            found: dict[str, Json] = {}
            while len(found) < len(EVENT_TYPES):
                kind, data = stream.event()
                found.setdefault(kind, data)
            yield found


def provoke(daemon: Hosted) -> None:
    daemon.add_module("hello", "hello:1.0.0")
    daemon.data("POST", "/networks", {"name": "made"}, status=201)
    daemon.data("POST", "/volumes", {"name": "made", "size": "1Mi"}, status=201)
    check = {"type": "http", "path": "/health", "interval": "100ms"}
    body = {"name": "api", "image": "hello:1.0.0", "health_check": check}
    daemon.data("POST", "/services", body, status=201)
    daemon.settled("api")
    daemon.data("POST", "/services/api/scale", {"replicas": 2})
    daemon.settled("api")
    daemon.data("POST", "/services/api/stop", {})
    daemon.error("POST", "/services", {"name": "payment", "image": "hello:1.0.0", "depends_on": ["api"]}, status=403)
    failing = {"resources": {"memory": "64Ki"}, "restart_policy": {"policy": "never"}}
    daemon.data("POST", "/services", {"name": "broken", "image": "hello:1.0.0", **failing}, status=201)
    daemon.settled("broken", "failed")


@pytest.mark.reference("event *")
@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_an_event_of_each_type_comes_when_it_happens(happened: dict[str, Json], kind: str) -> None:
    assert kind in happened
    assert {"event_id", "timestamp"} <= happened[kind].keys()
    assert kind.startswith(("network", "volume", "policy")) or "service_id" in happened[kind]


@pytest.mark.reference("event service.started *", "event health.changed *", "event service.scaled *")
@pytest.mark.parametrize(("kind", "sample"), printed_events(), ids=lambda each: each if isinstance(each, str) else "")
def test_a_message_has_the_fields_that_are_printed(happened: dict[str, Json], kind: str, sample: Json) -> None:
    assert list(differences(sample, happened[kind])) == []
