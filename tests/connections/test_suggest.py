"""Suggestions: what goes with an event, why, and whether the author may."""

import pytest

import connections
from catalog.authority import Author
from catalog.errors import FabricError
from connections.suggest import Suggestion
from tests.connections.world import AUTHOR, native_catalog


def _found(source_event: str, author: Author | None = None) -> dict[str, Suggestion]:
    return {each.operation_id: each for each in connections.suggest(source_event, native_catalog(), author=author)}


def test_what_accepts_the_events_artifact_comes_first() -> None:
    found = _found("cameras.event.motion")
    assert next(iter(found)) == "storage.store_blob"
    assert found["storage.store_blob"].match == ("artifact",)


def test_what_the_payload_can_fill_is_filled() -> None:
    found = _found("cameras.event.motion")["cameras.snapshot"]
    assert found.match == ("schema",)
    assert found.params == {"controller_id": "{{trigger.controller_id}}", "camera_id": "{{trigger.camera_id}}"}


def test_what_lacks_a_parameter_or_an_artifact_is_not_suggested() -> None:
    assert "hypervisor.vm.stop" not in _found("cameras.event.motion")
    assert "storage.store_blob" not in _found("device.status.changed")


def test_sinks_go_with_every_event_and_with_no_event_there_is_nothing() -> None:
    sinks = {"fabric.log", "fabric.notify", "fabric.webhook"}
    for spec in native_catalog().events:
        assert sinks <= _found(spec).keys()
    with pytest.raises(FabricError) as caught:
        _found("cameras.event.motoin")
    assert (caught.value.code, caught.value.hint) == ("EVENT_UNKNOWN", "Did you mean `cameras.event.motion`?")


def test_a_pattern_stands_for_all_it_matches() -> None:
    assert _found("cameras.event.*")["storage.store_blob"].match == ("artifact",)
    with pytest.raises(FabricError) as caught:
        _found("cameras.ev*")
    assert caught.value.code == "SCHEMA_PATTERN"


def test_each_says_whether_the_author_may() -> None:
    found = _found("cameras.event.motion", AUTHOR)
    assert found["cameras.snapshot"].allowed is True
    assert found["fabric.webhook"].allowed is True
    nobody = Author(identity="x", organisation_id="org-1", permissions=frozenset())
    assert _found("cameras.event.motion", nobody)["cameras.snapshot"].allowed is False
    assert _found("cameras.event.motion")["cameras.snapshot"].allowed is None
