"""/v1/events: the reference's stream and history, taken up again without a gap."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from api.cli.follow import HEARTBEAT, parsed
from catalog.jsonvalue import Json
from tests.api.daemon.hosted import Hosted, hosted, short_folder


@pytest.fixture(scope="module")
def daemon() -> Iterator[Hosted]:
    with short_folder() as folder, hosted(folder, events__buffer_size="50") as started:
        yield started


def publish(daemon: Hosted, type: str, service_id: str | None = None, **data: Json) -> Json:
    """Let something happen."""

    async def happen() -> Json:
        event = daemon.daemon.events.publish(type, service_id=service_id, **data)
        return event.shown() | {"seq": event.seq}

    return daemon.run(happen())


@contextmanager
def stream(daemon: Hosted, query: str = "", **headers: str) -> Iterator[Iterator[tuple[str | None, str | None, Json]]]:
    """What GET /v1/events sends, message by message."""
    connection = daemon.connection()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("GET", f"/v1/events{query}", headers=named)
        answer: http.client.HTTPResponse = connection.getresponse()
        assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream")
        yield (each for each in parsed(answer) if each[2] is not HEARTBEAT)
    finally:
        connection.close()


def test_a_stream_has_ids_types_and_flat_data(daemon: Hosted) -> None:
    with stream(daemon, "?types=service.started,service.failed&since=2020-01-01T00:00:00Z") as messages:
        publish(daemon, "volume.created", name="other")
        made = publish(daemon, "service.started", "api-a1b2c3", instance="api-a1b2c3-0")
        number, kind, data = next(messages)
    assert (number, kind) == (str(made["seq"]), "service.started")
    assert data == {
        "service_id": "api-a1b2c3",
        "instance": "api-a1b2c3-0",
        "id": made["id"],
        "timestamp": made["timestamp"],
    }


def test_a_stream_is_taken_up_after_the_last_message(daemon: Hosted) -> None:
    first = publish(daemon, "health.changed", "s-1", health="healthy")
    second = publish(daemon, "health.changed", "s-1", health="unhealthy")
    with stream(daemon, last_event_id=str(first["seq"])) as messages:
        assert next(messages)[0] == str(second["seq"])
        third = publish(daemon, "health.changed", "s-1", health="healthy")
        assert next(messages)[0] == str(third["seq"])


def test_who_was_away_for_too_long_is_told_and_goes_on(daemon: Hosted) -> None:
    first = publish(daemon, "service.stopped", "s-1")
    made = [publish(daemon, "service.stopped", "s-1") for _ in range(60)]
    with stream(daemon, last_event_id=str(first["seq"])) as messages:
        number, kind, _ = next(messages)
        assert kind == "stream.lagged"
        assert next(messages)[0] == str(made[10]["seq"])
    with stream(daemon, last_event_id=number or "") as messages:
        assert next(messages)[0] == str(made[10]["seq"]), "and is told once"


def test_history_is_newest_first_and_counts_what_the_limit_leaves_out(daemon: Hosted) -> None:
    facts = {"name": "shop", "previous_replicas": 1, "cause": "request"}
    made = [publish(daemon, "service.scaled", "s-9", new_replicas=number, **facts) for number in range(5)]
    found = daemon.get("/events/history?types=service.scaled&service=s-9&limit=2")
    assert found["total"] == 5
    assert found["events"] == [{key: each[key] for key in each if key != "seq"} for each in made[:2:-1]]
    assert found["events"][0].keys() == {"id", "type", "service_id", "data", "timestamp"}
    assert daemon.get("/events/history?service=shop&types=service.scaled")["total"] == 5
    until = made[-1]["timestamp"]
    assert daemon.get(f"/events/history?service=s-9&until={quote(until)}")["total"] == 5, "that second is in it"
    assert daemon.get("/events/history?service=s-9&until=2020-01-01T00:00:00Z") == {"events": [], "total": 0}
    assert daemon.get("/events/history?service=s-9&since=2020-01-01T00:00:00Z&limit=0") == {"events": [], "total": 5}


@pytest.mark.parametrize(
    "query", ["types=service.start", "since=yesterday", "limit=-1", "limit=x", "until=1", "types=service.started,,x"]
)
def test_a_filter_that_cannot_be_is_refused(daemon: Hosted, query: str) -> None:
    refused = daemon.error("GET", f"/events/history?{query}", status=400)
    assert refused["code"] == "INVALID_REQUEST"


def test_an_unknown_type_names_the_nearest(daemon: Hosted) -> None:
    refused = daemon.error("GET", "/events?types=service.start", status=400)
    assert refused["details"]["hint"] == "Did you mean `service.started`?"
    assert len(refused["details"]["types"]) == 9
    assert json.dumps(refused)
