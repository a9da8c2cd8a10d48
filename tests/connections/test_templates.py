"""Templates: what the corpus does not say: limits, many references, secrets, and what `on_missing` needs."""

import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from connections.render_careful import MAX_BYTES
from connections.templates import Template, parse

_CONTEXT: Json = {
    "trigger": {"name": "ada", "n": 3, "list": [{"x": 1}, "two"], "0": "zero", "huge": 2**64, "float": -0.0},
    "steps": [{"output": {"items": [{"id": "i0"}]}, "artifact": None, "success": True}, None],
    "run": {"id": "r1"},
    "secrets": {"token": "s3cr3t"},
}


def _code(template: Json, context: Json = _CONTEXT, **known: Json) -> str | None:
    try:
        parse(template, **known).render(context)
    except FabricError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{trigger.list.0.x}}", 1),
        ("{{trigger.0}}", "zero"),
        ("{{steps.0.output.items.0.id}}", "i0"),
        ("{{steps.0.success}}", True),
        ("{{steps.0}}", {"output": {"items": [{"id": "i0"}]}, "artifact": None, "success": True}),
        ("a{{trigger.n}}b{{trigger.list}}c", 'a3b[{"x":1},"two"]c'),
        ("{{trigger.huge}}", 2**64),
        ("{{trigger.huge}}!", "18446744073709551616!"),
        ("{{trigger.float}}!", "-0.0!"),
        ({"{{trigger.n}}": "{{trigger.n}}"}, {"{{trigger.n}}": 3}),
        ({"a": [], "b": {}, "c": [1, {"d": None}]}, {"a": [], "b": {}, "c": [1, {"d": None}]}),
    ],
)
def test_a_template_renders(template: Json, value: Json) -> None:
    rendered = parse(template).render(_CONTEXT)
    assert rendered == value
    assert type(rendered) is type(value)


def test_every_shape_of_mapping_keeps_its_keys_in_order() -> None:
    for count in range(8):
        template = {f"k{number}": "x{{trigger.n}}" for number in range(count)}
        assert list(parse(template).render(_CONTEXT)) == list(template)


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("{{steps.1.output}}", "TEMPLATE_MISSING"),
        ("{{steps.2.output}}", "TEMPLATE_UNKNOWN_STEP"),
        ("{{steps}}", "TEMPLATE_SYNTAX"),
        ("{{steps.-1.output}}", "TEMPLATE_SYNTAX"),
        ("{{steps.Snap.output}}", "TEMPLATE_SYNTAX"),
        ("{{steps.snap.output}}", "TEMPLATE_UNKNOWN_STEP"),
        ("{{secrets.token}}", "TEMPLATE_UNKNOWN_ROOT"),
        ("{{item.x}}", "TEMPLATE_UNKNOWN_ROOT"),
        ("{{event.id}}", "TEMPLATE_MISSING"),
        ("{{trigger." + "a" * 128 + "}}", "TEMPLATE_MISSING"),
        ("{{trigger." + "a" * 129 + "}}", "TEMPLATE_SYNTAX"),
        ("{{trigger" + ".a" * 31 + "}}", "TEMPLATE_MISSING"),
        ("{{trigger" + ".a" * 32 + "}}", "TEMPLATE_TOO_DEEP"),
    ],
)
def test_a_template_fails(template: Json, code: str) -> None:
    assert _code(template) == code


def test_ids_name_steps_by_number() -> None:
    context = {"steps": [None, {"output": 7}]}
    assert parse("{{steps.keep.output}}", ids=(None, "keep")).render(context) == 7
    assert parse("{{steps.1.output}}", ids=(None, "keep")).render(context) == 7
    assert _code("{{steps.other.output}}", ids=(None, "keep")) == "TEMPLATE_UNKNOWN_STEP"
    assert _code("{{steps.2.output}}", ids=(None, "keep")) == "TEMPLATE_UNKNOWN_STEP"
    assert _code("{{steps.keep.output}}", ids=(None, "keep"), step=1) == "TEMPLATE_FORWARD_REF"
    assert _code("{{steps.9.output}}", step=1) == "TEMPLATE_FORWARD_REF"


@pytest.mark.parametrize("width", [1, 2, 3])
def test_the_limit_counts_the_bytes_of_the_compact_json(width: int) -> None:
    letter = {1: "x", 2: "é", 3: "値"}[width]
    room = MAX_BYTES - len('{"a":""}')
    fits = {"trigger": {"x": letter * (room // width)}}
    assert _code({"a": "{{trigger.x}}"}, fits) is None
    over = {"trigger": {"x": letter * (room // width + 1)}}
    assert _code({"a": "{{trigger.x}}"}, over) == "TEMPLATE_TOO_LARGE"
    assert _code({"a": "{{trigger.x}}{{trigger.x}}"}, fits) == "TEMPLATE_TOO_LARGE"
    assert _code({"a": "{{trigger}}"}, fits) == "TEMPLATE_TOO_LARGE"
    assert _code({"a": "{{trigger}}", "b": 1}, {"trigger": [letter] * 400_000}) == "TEMPLATE_TOO_LARGE"
    assert _code(letter * (MAX_BYTES // width)) == "TEMPLATE_TOO_LARGE"


def test_a_control_character_counts_as_the_six_bytes_it_takes() -> None:
    assert _code("{{trigger.x}}", {"trigger": {"x": "\0" * (MAX_BYTES // 6)}}) is None
    assert _code("{{trigger.x}}", {"trigger": {"x": "\0" * (MAX_BYTES // 6 + 1)}}) == "TEMPLATE_TOO_LARGE"


def test_a_payload_of_any_depth_is_passed_on() -> None:
    deep: Json = "x"
    for _ in range(5000):
        deep = [deep]
    rendered = parse("{{trigger}}").render({"trigger": deep})
    for _ in range(5000):
        rendered = rendered[0]
    assert rendered == "x"
    assert _code("v={{trigger}}", {"trigger": deep}) == "TEMPLATE_TOO_DEEP"


def test_what_is_missing_becomes_null_where_the_step_asks_for_it() -> None:
    template = parse({"a": "{{trigger.q}}", "b": "x{{trigger.q.w}}", "c": "{{trigger.n}}"})
    assert template.render_empty(_CONTEXT) == ({"a": None, "b": "xnull", "c": 3}, ("trigger.q", "trigger.q.w"))
    assert parse("{{trigger.n}}").render_empty(_CONTEXT) == (3, ())


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(FabricError) as caught:
        parse(["{{trigger.q}}", "{{trigger.w}}", "{{trigger.q}}"]).render(_CONTEXT)
    assert caught.value.details["missing"] == ["trigger.q", "trigger.w"]


def test_a_template_tells_what_it_refers_to_and_what_is_constant() -> None:
    template = parse({"a": ["x{{trigger.n}}", {"b/c": "{{run.id}}"}]})
    assert [(each.pointer, each.reference.text, each.whole) for each in template.references] == [
        ("/a/0", "trigger.n", False),
        ("/a/1/b~1c", "run.id", True),
    ]
    assert template.roots == {"trigger", "run"}
    assert not template.constant
    assert parse({"a": 1}).constant


def test_rendering_never_hands_out_its_own_containers() -> None:
    template: Template = parse({"a": [1, {"b": []}], "c": "{{trigger.list}}"})
    first = template.render(_CONTEXT)
    first["a"][1]["b"].append("changed")
    first["c"].append("changed")
    assert template.render(_CONTEXT) == {"a": [1, {"b": []}], "c": [{"x": 1}, "two"]}


def test_what_the_careful_way_renders_is_a_copy_too() -> None:
    rendered, missing = parse({"a": "{{trigger.list}}", "b": "{{trigger.q}}"}).render_empty(_CONTEXT)
    assert missing == ("trigger.q",)
    rendered["a"][0]["x"] = "changed"
    assert _CONTEXT["trigger"]["list"][0]["x"] == 1


def test_a_lone_surrogate_is_passed_on_but_is_no_text_in_json() -> None:
    context = {"trigger": {"x": "\ud800", "list": ["\ud800"], "\ud800": 1}}
    assert parse(["{{trigger.x}}", "{{trigger}}"]).render(context) == ["\ud800", context["trigger"]]
    assert parse("v={{trigger.x}}").render(context) == "v=\ud800"
    assert _code("v={{trigger.list}}", context) == "TEMPLATE_MISSING"
