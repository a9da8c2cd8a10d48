"""Scenario files are read strictly: every unknown key in one go, with its place and what was meant."""

from pathlib import Path

import pytest

from api.scenarios.reading import ScenarioInvalid, read_scenario
from catalog.diagnostics import Diagnostic

FILE = Path("scenario.yaml")
GOOD = """\
scenario: A story
event: {type: device.updated, payload: {}}
"""


def problems(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(ScenarioInvalid) as caught:
        read_scenario(FILE, text.encode())
    return caught.value.diagnostics


def test_a_sound_scenario_has_one_stage_for_its_event_and_one_for_each_then() -> None:
    scenario = read_scenario(FILE, (GOOD + "then:\n  - {apply: all}\n  - {reject: [0]}\n").encode())
    assert [each.deeds for each in scenario.stages] == [1, 1, 1]


def test_every_unknown_key_is_told_at_once_with_its_place_and_what_was_meant() -> None:
    found = problems(GOOD + "reciever: {}\nexpect:\n  runs:\n    - steps: {keep: {stat: staged}}\n  chnges: []\n")
    assert [(each.code, each.pointer, each.hint) for each in found] == [
        ("SCHEMA_UNKNOWN_FIELD", "/reciever", "Did you mean `receiver`?"),
        ("SCHEMA_UNKNOWN_FIELD", "/expect/runs/0/steps/keep/stat", "Did you mean `state`?"),
        ("SCHEMA_UNKNOWN_FIELD", "/expect/chnges", "Did you mean `changes`?"),
    ]
    assert [each.span.line for each in found if each.span] == [3, 6, 7]


def test_a_missing_name_is_told() -> None:
    assert [(each.code, each.pointer) for each in problems("event: {type: a.b}\n")] == [("SCHEMA_REQUIRED", "")]


def test_a_value_of_the_wrong_kind_is_told_at_its_place() -> None:
    found = problems("scenario: 3\nevent: {type: a.b}\n")
    assert [(each.code, each.pointer, each.span and each.span.line) for each in found] == [
        ("SCHEMA_TYPE", "/scenario", 1)
    ]


@pytest.mark.parametrize(
    ("tail", "place"),
    [
        ("", ""),
        ("event: {type: a.b}\ningest: {name: x}\n", ""),
        ("event: {type: a.b}\nthen: [{expect: {}}]\n", "/then/0"),
        ("event: {type: a.b}\nthen: [{apply: all, reject: all}]\n", "/then/0"),
    ],
)
def test_exactly_one_thing_happens_in_a_stage(tail: str, place: str) -> None:
    assert [(each.code, each.pointer) for each in problems(f"scenario: x\n{tail}")] == [("SCHEMA_REQUIRED", place)]


def test_a_controller_that_does_not_exist_is_told() -> None:
    text = GOOD + "controllers: [{id: 5b0c2d0e-8f3a-4b1e-9c55-2f1d7a3e9b10, name: nas}]\n"
    found = problems(text + "expect: {files: [{controller: nsa, path: x}]}\n")
    assert [(each.code, each.hint) for each in found] == [("SCHEMA_ENUM", "Did you mean `nas`?")]


def test_yaml_is_as_strict_as_a_connection_s() -> None:
    assert [each.code for each in problems("scenario: a\nscenario: b\n")] == ["YAML_DUPLICATE_KEY"]
    assert {each.code for each in problems("scenario: &a x\nevent: *a\n")} == {"YAML_ALIAS_FORBIDDEN"}
