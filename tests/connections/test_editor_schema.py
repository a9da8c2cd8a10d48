"""The editors' schema: a JSON Schema that takes what compiles and refuses the mistakes an editor can see."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from catalog.jsonvalue import Json
from connections.editor_schema import editor_schema
from connections.source import read
from tests.connections.world import native_catalog

_SCHEMA = editor_schema(native_catalog())
_VALIDATOR = jsonschema.Draft202012Validator(_SCHEMA)
_INVALID = Path(__file__).parents[1] / "golden" / "invalid"
_GOOD = """
apiVersion: fabric/v1
kind: Connection
name: porch
source_event: [cameras.event.person, "cameras.#"]
conditions:
  - {field: trigger.camera_id, operator: in, value: [a]}
  - {any: [{field: trigger.zone, operator: exists}, {not: {field: trigger.zone, operator: eq, value: x}}]}
steps:
  - id: snap
    operation_id: cameras.snapshot
    params: {controller_id: "{{trigger.controller_id}}", camera_id: "{{trigger.camera_id}}"}
    retry: {max_attempts: 3, delay: 500ms, "on": [X]}
  - operation_id: network.client.list
    params: {controller_id: "{{trigger.controller_id}}", limit: "{{trigger.n}}"}
    foreach: {in: "{{trigger.items}}", as: row}
  - operation_id: fabric.log
"""


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(_SCHEMA)


def test_it_takes_a_sound_connection() -> None:
    assert [each.message for each in _VALIDATOR.iter_errors(read(_GOOD).value)] == []


@pytest.mark.parametrize(
    "name",
    ["schema_required", "schema_type", "schema_enum", "schema_limit", "schema_pattern", "schema_unknown_field",
     "event_unknown", "op_unknown", "param", "yaml_number_range"],
)  # fmt: skip
def test_it_refuses_what_an_editor_can_see(name: str) -> None:
    value: Json = yaml.safe_load((_INVALID / f"{name}.yaml").read_text())
    assert not _VALIDATOR.is_valid(value)


def test_it_follows_the_catalog() -> None:
    step = _SCHEMA["$defs"]["step"]
    assert step["properties"]["operation_id"]["enum"] == sorted(native_catalog().operations)
    assert len(step["allOf"]) == len(native_catalog().operations)
