"""Event types, and patterns that name them."""

import msgspec
import pytest

from catalog.errors import FabricError
from catalog.events import EventSpec, check_event, parse_pattern
from catalog.operations import Tier


@pytest.mark.parametrize(
    ("pattern", "matches", "misses"),
    [
        ("a.b", ["a.b"], ["a.b.c", "a", "a.bc"]),
        ("a.*", ["a.b", "a.c"], ["a", "a.b.c", "b.a"]),
        ("a.b.#", ["a.b", "a.b.c", "a.b.c.d"], ["a.bc", "a"]),
        ("*", ["a.b", "a.b.c"], []),
    ],
)
def test_a_pattern_matches_whole_segments(pattern: str, matches: list[str], misses: list[str]) -> None:
    parsed = parse_pattern(pattern)
    assert [each for each in matches if not parsed.matches(each)] == []
    assert [each for each in misses if parsed.matches(each)] == []
    assert parsed.exact is ("*" not in pattern and "#" not in pattern)


@pytest.mark.parametrize(
    "text",
    ["", "a", "#", "a.*.b", "*.a", "a.b*", "a.#.b", "A.b", "a..b", "a.b.", ".a", "a b.c", "a.b\n", "а.b"],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(FabricError) as caught:
        parse_pattern(text)
    assert caught.value.code == "SCHEMA_PATTERN"


class _Seen(msgspec.Struct, forbid_unknown_fields=True):
    """A camera saw something.

    More is said here.
    """

    camera_id: str


def test_a_spec_takes_title_and_schema_from_its_payload() -> None:
    spec = EventSpec.of("cameras.event.motion", _Seen, produces="image/jpeg")
    assert (spec.title, spec.module, spec.produces) == ("A camera saw something", "cameras", "image/jpeg")
    assert spec.payload_schema["required"] == ["camera_id"]
    check_event(spec)


@pytest.mark.parametrize(
    ("event_type", "tier", "code"),
    [
        ("plugin.x.y", Tier.NATIVE, "EVENT_NAMESPACE"),
        ("cameras.x", Tier.PLUGIN, "EVENT_NAMESPACE"),
        ("plugin.x", Tier.PLUGIN, "EVENT_NAMESPACE"),
        ("Cameras.x", Tier.NATIVE, "EVENT_ID"),
        ("cameras.x\n", Tier.NATIVE, "EVENT_ID"),
    ],
)
def test_the_namespace_guard_holds_both_ways(event_type: str, tier: Tier, code: str) -> None:
    with pytest.raises(FabricError) as caught:
        check_event(EventSpec(event_type=event_type, title="X", tier=tier))
    assert caught.value.code == code
