"""Events over the API: streamed with numbers, taken up again without a gap, kept for whoever asks later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.hardening import Limits
from tests.api.daemon.hosted import Hosted, hosted


@pytest.fixture
def quick(folder: Path) -> Iterator[Hosted]:
    """A daemon whose streams are never quiet for long."""
    with hosted(folder, limits=Limits(heartbeat_seconds=0.1)) as made:
        yield made


def network(daemon: Hosted, name: str) -> str:
    return str(daemon.data("POST", "/networks", {"name": name}, status=201)["id"])


@pytest.mark.reference(
    "endpoint GET /v1/events", "says Overview: Event streaming *", "says Event Bus: Streams to subscribers"
)
def test_a_stream_says_what_happens_from_now_on(quick: Hosted) -> None:
    network(quick, "before")
    with quick.stream("/events") as stream:
        assert stream.answer.getheader("content-type") == "text/event-stream"
        assert stream.message() == {"retry": "2000"}
        made = network(quick, "after")
        found = stream.message()
        while "" in found:
            found = stream.message()
    assert found["event"] == "network.created"
    assert int(found["id"]) > 0
    assert made in found["data"]
    assert "before" not in found["data"]


def test_a_quiet_stream_is_kept_alive(quick: Hosted) -> None:
    with quick.stream("/events") as stream:
        stream.message()
        assert [stream.message() for _ in range(3)] == [{"": "ping"}] * 3


@pytest.mark.reference("query GET /v1/events?types")
def test_a_broken_stream_is_taken_up_without_a_gap(quick: Hosted) -> None:
    with quick.stream("/events?types=network.created") as stream:
        stream.message()
        network(quick, "one")
        found = stream.message()
        while "id" not in found:
            found = stream.message()
        seen = found["id"]
    names = [network(quick, f"missed-{number}") for number in range(5)]
    with quick.stream("/events?types=network.created", Last_Event_ID=seen) as stream:
        assert [stream.event()[1]["id"] for _ in names]
        network(quick, "live")
        assert stream.event()[1]["name"] == "live"


@pytest.mark.reference("query GET /v1/events?since")
def test_since_replays_what_is_kept(quick: Hosted) -> None:
    network(quick, "kept")
    with quick.stream("/events?since=2020-01-01T00:00:00Z") as stream:
        assert stream.event()[1]["name"] == "default"
        assert stream.event()[1]["name"] == "kept"


@pytest.mark.parametrize("path", ["/events", "/events/history"])
def test_a_type_that_there_is_not_is_refused(quick: Hosted, path: str) -> None:
    error = quick.error("GET", f"{path}?types=service.startd,service.failed", status=400)
    assert error["code"] == "INVALID_REQUEST"
    assert error["details"]["hint"] == "Did you mean `service.started`?"


def test_an_id_that_is_none_of_ours_is_refused(quick: Hosted) -> None:
    assert quick.call("GET", "/events", Last_Event_ID="x").status == 400


@pytest.mark.reference("setting events.buffer_size")
def test_a_reader_who_lost_events_is_told_so(folder: Path) -> None:
    with hosted(folder, events__buffer_size="3") as daemon:
        for number in range(6):
            network(daemon, f"n{number}")
        with daemon.stream("/events", Last_Event_ID="1") as stream:
            kind, data = stream.event()
            assert kind == "stream.lagged"
            assert data["reason"]
            assert [stream.event()[1]["name"] for _ in range(3)] == ["n3", "n4", "n5"]


@pytest.mark.reference(
    "query GET /v1/events/history?*", "says Event Bus: Event history", "heading Socket API Reference"
)
def test_history_is_newest_first_and_counts_all(quick: Hosted) -> None:
    for number in range(4):
        network(quick, f"n{number}")
    found = quick.get("/events/history?types=network.created&limit=2")
    assert found["total"] == 5
    assert [each["data"]["name"] for each in found["events"]] == ["n3", "n2"]
    assert quick.get("/events/history?until=2020-01-01T00:00:00Z") == {"events": [], "total": 0}
    assert quick.get("/events/history?service=nobody")["total"] == 0


def test_open_streams_end_with_the_daemon(folder: Path) -> None:
    with hosted(folder) as daemon:
        stream = daemon.stream("/events")
        assert stream.message() == {"retry": "2000"}
    with stream:
        assert "INTERNAL" not in stream.rest()


def test_a_revoked_key_ends_its_streams(folder: Path) -> None:
    with hosted(folder, limits=Limits(heartbeat_seconds=0.1), api__auth_enabled="true") as daemon:
        key, text = daemon.daemon.keys.generate("stream")
        with daemon.stream("/events", X_Fabricks_API_Key=text) as stream:
            stream.message()
            assert stream.message() == {"": "ping"}
            daemon.daemon.keys.revoke(key.id)
            assert set(stream.rest().split("\n")) <= {": ping", ""}


def test_so_many_streams_and_no_more(folder: Path) -> None:
    with hosted(folder, limits=Limits(streams=1)) as daemon, daemon.stream("/events") as first:
        first.message()
        reply = daemon.call("GET", "/events")
        assert (reply.status, reply.body["error"]["code"]) == (429, "STREAM_LIMIT")
        assert reply.headers["retry-after"] == "5"


@pytest.mark.reference("query GET /v1/events?service")
def test_a_stream_is_of_one_service_where_it_is_asked_for(folder: Path) -> None:
    with hosted(folder) as daemon:
        daemon.add_module("hello", "hello:1.0.0")
        with daemon.stream("/events?service=two") as stream:
            stream.message()
            for name in ("one", "two"):
                daemon.data("POST", "/services", {"name": name, "image": "hello:1.0.0"}, status=201)
                daemon.settled(name)
            kind, data = stream.event()
        assert (kind, data["name"]) == ("service.created", "two")
