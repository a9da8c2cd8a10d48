"""templating.yaml: what each template renders to, or how it fails."""

import copy
import math
from collections.abc import Iterator

import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from connections.templates import parse
from tests.corpora.cases import check_fields, each, load

_NAME = "templating.yaml"


def _unfolded(value: Json) -> Json:
    """The value with `$repeat` and `$nest` written out."""
    if isinstance(value, list):
        return [_unfolded(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$repeat"}:
        check_fields(value["$repeat"], required=("text", "times"))
        return value["$repeat"]["text"] * value["$repeat"]["times"]
    if value.keys() == {"$nest"}:
        check_fields(value["$nest"], required=("key", "leaf", "times"))
        nested = _unfolded(value["$nest"]["leaf"])
        for _ in range(value["$nest"]["times"]):
            nested = {value["$nest"]["key"]: nested}
        return nested
    return {key: _unfolded(each) for key, each in value.items()}


def _same(left: Json, right: Json) -> bool:
    """Equal in value and type, zeros by their sign too."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return bool(left == right)


def _containers(value: Json) -> Iterator[int]:
    if isinstance(value, dict | list):
        yield id(value)
        for each in value.values() if isinstance(value, dict) else value:
            yield from _containers(each)


@pytest.mark.promise("T1")
@pytest.mark.promise("T2")
@pytest.mark.parametrize(("section", "case"), each(_NAME, "cases"))
def test_the_template_renders_as_the_corpus_says(section: str, case: Json) -> None:
    check_fields(
        case, required=("id", "template", "expect", "error"), optional=("tag", "why", "context", "step_index", "ids")
    )
    template = _unfolded(case["template"])
    context = _unfolded(case["context"] if "context" in case else load(_NAME)["default_context"])
    before = copy.deepcopy(context)
    outcome: Json = None
    code: str | None = None
    try:
        outcome = parse(template, step=case.get("step_index"), ids=case.get("ids", ())).render(context)
    except FabricError as error:
        code = error.code
    assert code == case["error"]
    assert _same(outcome, _unfolded(case["expect"]))
    assert _same(context, before)
    assert not set(_containers(outcome)) & set(_containers((context, template)))
