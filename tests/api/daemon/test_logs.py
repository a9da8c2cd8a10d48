"""Logs of services over the API: as they are, as they come, and only those that are asked for."""

import json
import re
from collections.abc import Iterator

import pytest

from catalog.jsonvalue import Json
from tests.api.daemon.hosted import Hosted

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


@pytest.fixture
def talker(daemon: Hosted) -> Iterator[str]:
    """A running service that prints what it is told to."""
    made = daemon.data(
        "POST", "/services", {"name": "talker", "image": "hello:1.0.0", "networks": ["default"]}, status=201
    )
    daemon.settled("talker")
    yield made["id"]
    if daemon.call("GET", "/services/talker").status == 200:
        daemon.remove("talker")


def say(daemon: Hosted, text: str) -> None:
    assert daemon.ask("GET", f"/v1/services/talker/proxy/log?text={text}").status == 200


def wait_for(daemon: Hosted, text: str) -> list[Json]:
    """All entries, once one has that text."""
    for _ in range(500):
        entries: list[Json] = daemon.get("/services/talker/logs")["entries"]
        if any(text in each["message"] for each in entries):
            return entries
    raise AssertionError(entries)


@pytest.mark.reference("says GET /v1/services/{id}/logs: RFC3339 *", "says Overview: Log aggregation *")
def test_what_a_guest_prints_is_kept_with_time_stream_and_replica(daemon: Hosted, talker: str) -> None:
    say(daemon, "one")
    said = [each for each in wait_for(daemon, "one") if "one" in each["message"]]
    assert {each["stream"] for each in said} == {"stdout", "stderr"}
    assert all(STAMP.fullmatch(each["timestamp"]) and each["instance"] == f"{talker}-0" for each in said)


@pytest.mark.reference("query GET /v1/services/{id}/logs?tail", "says GET /v1/services/{id}/logs: Future: *")
def test_lines_are_picked_by_tail_stream_time_and_replica(daemon: Hosted, talker: str) -> None:
    for text in ("one", "two", "three"):
        say(daemon, text)
    entries = wait_for(daemon, "three")
    path = "/services/talker/logs"
    assert daemon.get(f"{path}?tail=0")["count"] == len(entries)
    assert daemon.get(f"{path}?tail=2")["entries"] == entries[-2:]
    assert {each["stream"] for each in daemon.get(f"{path}?stream=stderr")["entries"]} == {"stderr"}
    middle = entries[len(entries) // 2]["timestamp"]
    later, earlier = daemon.get(f"{path}?since={middle}"), daemon.get(f"{path}?until={middle}")
    assert later["count"] + earlier["count"] == len(entries)
    assert 0 < later["count"] < len(entries)
    assert daemon.get(f"{path}?instance={talker}-7")["count"] == 0
    assert daemon.error("GET", f"{path}?tail=-1", status=400)["details"]["field"] == "tail"
    assert daemon.error("GET", f"{path}?stream=stdin", status=400)["details"]["field"] == "stream"


@pytest.mark.reference("says GET /v1/services/{id}/logs: Future: *")
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_following_begins_with_what_there_is_and_goes_on(daemon: Hosted, talker: str, accept: str) -> None:
    say(daemon, "before")
    wait_for(daemon, "before")
    with daemon.stream("/services/talker/logs?follow=true&stream=stdout&tail=1", Accept=accept) as stream:
        sse = accept == "text/event-stream"
        assert stream.answer.getheader("content-type") == (accept if sse else "application/x-ndjson")

        def next_entry() -> Json:
            return stream.event()[1] if sse else json.loads(stream.line())

        first = next_entry()
        say(daemon, "after")
        second = next_entry()
    assert "before" in first["message"]
    assert "after" in second["message"]
    assert first.keys() == second.keys() == {"timestamp", "stream", "message", "instance"}


def test_following_ends_with_the_service(daemon: Hosted, talker: str) -> None:
    with daemon.stream("/services/talker/logs?follow=true") as stream:
        daemon.remove("talker")
        assert "INTERNAL" not in stream.rest()


@pytest.mark.reference("says GET /v1/services/{id}/logs: If service *")
def test_a_service_that_has_said_nothing_has_no_entries(daemon: Hosted) -> None:
    made = daemon.data("POST", "/services", {"name": "quiet", "image": "hello:1.0.0"}, status=201)
    try:
        daemon.settled("quiet")
        assert daemon.get("/services/quiet/logs") == {"id": made["id"], "entries": [], "count": 0}
        assert daemon.error("GET", "/services/nobody/logs", status=404)["code"] == "SERVICE_NOT_FOUND"
    finally:
        daemon.remove("quiet")
