"""T1 and T2: templates look things up and do nothing else, once, in linear time; what is missing is never filled in."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from connections import references
from connections.templates import parse

_EXAMPLES = 20_000
_QUICK = settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class _Touched(Exception):
    """An attribute of a payload was read."""


class Spy(dict[str, Json]):
    """A payload that counts look-ups and lets nobody read an attribute."""

    counts = 0

    def __getattribute__(self, name: str) -> Json:
        raise _Touched(name)

    def __getitem__(self, key: str) -> Json:
        Spy.counts += 1
        return dict.__getitem__(self, key)


class Sealed:
    """A value that is no JSON and lets nobody read an attribute."""

    def __getattribute__(self, name: str) -> Json:
        raise _Touched(name)


_TEXTS = ["{{trigger.secret}}", "{{steps.0.output}}", "{{", "}}", "{{trigger.", "{0.__class__}", "%(x)s", "é", "", "\0"]
_hostile = st.sampled_from(_TEXTS)
_FIELDS = ["a", "b", "__class__", "items"]
_payloads = st.tuples(_hostile, _hostile, st.integers(0, 15)).map(
    lambda drawn: {name: drawn[place % 2] for place, name in enumerate(_FIELDS) if drawn[2] >> place & 1}
)
_PIECES = ["{{trigger.a}}", "{{ trigger.b }}", "{{trigger.__class__}}", "{{trigger.items}}", " ", "x", "}}"]
_piece = st.sampled_from(_PIECES)
_pieces = st.tuples(_piece, _piece, _piece).map(list)


@pytest.mark.promise("T1", count=_EXAMPLES)
@_QUICK
@given(_pieces, _payloads)
def test_as_many_look_ups_as_the_author_wrote_and_no_attribute(pieces: list[str], payload: dict[str, str]) -> None:
    template = parse({"p": "".join(pieces)})
    context = {"trigger": Spy(payload), "steps": [{"output": "never", "artifact": None, "success": True}]}
    words = [each.strip("{} ").removeprefix("trigger.") for each in pieces if each.startswith("{{")]
    Spy.counts = 0
    if all(each in payload for each in words):
        expected = "".join(payload[each.strip("{} ")[8:]] if each.startswith("{{") else each for each in pieces)
        assert template.render(context) == {"p": expected}
        assert Spy.counts == len(words)
    else:
        with pytest.raises(FabricError) as caught:
            template.render(context)
        assert caught.value.code == "TEMPLATE_MISSING"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.promise("T1", count=2000)
@settings(max_examples=2000, deadline=None)
@given(_json)
def test_a_whole_reference_gives_an_equal_copy(payload: Json) -> None:
    context = {"trigger": payload}
    rendered = parse("{{trigger}}").render(context)
    assert repr(rendered) == repr(payload)
    if isinstance(payload, dict | list):
        assert rendered is not payload


@pytest.mark.promise("T1", count=2000)
@settings(max_examples=2000, deadline=None)
@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_braces_is_itself(text: str) -> None:
    assert parse(text).render({}) == text


@pytest.mark.promise("T2", count=2000)
@settings(max_examples=2000, deadline=None)
@given(_json, st.sampled_from(["{{trigger.q.w}}", "x {{trigger.q.w}}", ["{{run.id}}", {"k": "{{trigger.q.w}}"}]]))
def test_what_is_missing_fails_whole_and_names_no_value(payload: Json, template: Json) -> None:
    with pytest.raises(FabricError) as caught:
        parse(template).render({"trigger": {"z": payload}, "run": {"id": "r"}})
    assert caught.value.code == "TEMPLATE_MISSING"
    assert caught.value.message == "`trigger.q.w` is not there."
    assert caught.value.details == {"missing": ["trigger.q.w"]}


def test_what_is_no_json_is_passed_on_untouched_and_never_looked_into() -> None:
    sealed = Sealed()
    assert parse("{{trigger.x}}").render({"trigger": {"x": sealed}}) is sealed
    with pytest.raises(FabricError) as caught:
        parse("{{trigger.x.y}}").render({"trigger": {"x": sealed}})
    assert caught.value.code == "TEMPLATE_MISSING"
    for text in ("v={{trigger.x}}", "v={{trigger}}"):
        with pytest.raises(FabricError) as caught:
            parse(text).render({"trigger": {"x": sealed}})
        assert caught.value.code == "TEMPLATE_MISSING"


def _operations(work: Callable[[], object]) -> int:
    """How many characters the scanner asks about: the one thing it does a character at a time."""
    counted = 0
    word = references._is_word

    def counting(character: str) -> bool:
        nonlocal counted
        counted += 1
        return word(character)

    references._is_word = counting
    try:
        work()
    finally:
        references._is_word = word
    return counted


@pytest.mark.promise("T1")
def test_twice_the_text_is_twice_the_work() -> None:
    def scan(times: int) -> int:
        def work() -> None:
            try:
                parse("é{{ trigger.名前 }}" * times)
            except FabricError as error:
                assert error.code == "TEMPLATE_TOO_MANY"

        return _operations(work)

    assert scan(100) == 200
    assert scan(200) == 400


@pytest.mark.promise("T1")
@pytest.mark.parametrize("flood", ["}", "{", "{{ ", "{{a", "{{" + " ", "{{a}", "{ {", "\\{{", "{{a." * 2])
def test_a_flood_of_braces_is_scanned_in_a_moment(flood: str) -> None:
    seen: list[int] = []
    read = references.reference

    def counting(text: str, scope: references.Scope) -> references.Reference:
        seen.append(len(text))
        return read(text, scope)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(references, "reference", counting)
        try:
            parse(flood * 100_000)
        except FabricError as error:
            assert error.code in ("TEMPLATE_SYNTAX", "TEMPLATE_UNKNOWN_ROOT")
    # At the first malformed reference it stops: what lies behind is not looked at again and again.
    assert len(seen) <= 1
