"""JSON Schema of a Connection for editors, generated from a catalog: completion and red underlines while typing.

It says what a schema can say. What it cannot (references, order, types of templates) the compiler says.
"""

from catalog.catalog import Catalog
from catalog.jsonvalue import Json
from catalog.operations import Operation
from connections.durations import MAX_SECONDS
from connections.model import API_VERSION, KIND, OPERATORS
from connections.parse import MAX_COOLDOWN, MAX_NAME, MAX_STEPS
from connections.parse_conditions import MAX_CONDITIONS

_TEMPLATE: Json = {"type": "string", "pattern": r"\{\{.+\}\}"}
_DURATION: Json = {
    "type": "string",
    "pattern": "^(0|[1-9][0-9]*)(ms|s|m|h)$",
    "description": f"`250ms`, `30s`, `5m` or `24h`; at most {MAX_SECONDS:.0f} seconds.",
}
_STEP_ID: Json = {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$"}


def editor_schema(catalog: Catalog) -> Json:
    """The schema (2020-12), with every operation's parameters and every event type of `catalog`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Fabric Connection",
        "type": "object",
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": KIND},
            "name": {"type": "string", "minLength": 1, "maxLength": MAX_NAME, "description": "Unique among yours."},
            "description": {"type": "string"},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "enabled": {"type": "boolean", "default": True},
            "source_event": _source_event(catalog),
            "conditions": {"$ref": "#/$defs/conditions"},
            "cooldown_seconds": {"type": "integer", "minimum": 0, "maximum": MAX_COOLDOWN},
            "max_rate": {"type": "string", "pattern": "^[1-9][0-9]*/[smh]$"},
            "timeout": {**_DURATION, "default": "5m"},
            "steps": {"type": "array", "minItems": 1, "maxItems": MAX_STEPS, "items": {"$ref": "#/$defs/step"}},
        },
        "required": ["name", "source_event", "steps"],
        "additionalProperties": False,
        "$defs": {
            "conditions": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_CONDITIONS,
                "items": {"$ref": "#/$defs/condition"},
            },
            "condition": _condition(),
            "step": _step(catalog),
        },
    }


def _source_event(catalog: Catalog) -> Json:
    one = {
        "anyOf": [
            {"enum": sorted(catalog.events)},
            {"type": "string", "pattern": r"^(\*|([a-z0-9][a-z0-9_-]*\.)+[*#])$", "description": "A pattern."},
        ]
    }
    return {"anyOf": [*one["anyOf"], {"type": "array", "minItems": 1, "items": one}]}


def _condition() -> Json:
    group = {"$ref": "#/$defs/conditions"}
    leaf: Json = {
        "type": "object",
        "properties": {
            "field": {"type": "string", "pattern": r"^(trigger|steps)\."},
            "operator": {"enum": list(OPERATORS)},
            "value": {},
        },
        "required": ["field", "operator"],
        "additionalProperties": False,
    }
    groups = [
        {"type": "object", "properties": {key: inner}, "required": [key], "additionalProperties": False}
        for key, inner in (("all", group), ("any", group), ("not", {"$ref": "#/$defs/condition"}))
    ]
    return {"anyOf": [leaf, *groups]}


def _step(catalog: Catalog) -> Json:
    operations = [catalog.operations[each] for each in sorted(catalog.operations)]
    return {
        "type": "object",
        "properties": {
            "id": _STEP_ID,
            "operation_id": {"enum": [each.id for each in operations]},
            "needs": {"type": "array", "items": _STEP_ID},
            "if": {"$ref": "#/$defs/conditions"},
            "join": {"enum": ["all", "any"], "default": "all"},
            "foreach": _foreach(),
            "params": {"type": "object"},
            "retry": _retry(),
            "timeout": {**_DURATION, "default": "30s"},
            "on_missing": {"enum": ["error", "empty", "skip"], "default": "error"},
            "continue_on_error": {"type": "boolean", "default": False},
        },
        "required": ["operation_id"],
        "additionalProperties": False,
        "allOf": [_when(each) for each in operations],
    }


def _when(operation: Operation) -> Json:
    required = operation.input_schema.get("required", [])
    params = {**templated(operation.input_schema), "description": operation.title}
    then: Json = {"properties": {"params": params}}
    if required:
        then["required"] = ["params"]
    return {"if": {"properties": {"operation_id": {"const": operation.id}}, "required": ["operation_id"]}, "then": then}


def templated(schema: Json) -> Json:
    """The schema, with a template allowed wherever a value stands."""
    if not isinstance(schema, dict):
        return schema
    inner = dict(schema)
    if isinstance(properties := schema.get("properties"), dict):
        inner["properties"] = {name: _or_template(each) for name, each in properties.items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            inner[key] = _or_template(schema[key])
    return inner


def _or_template(schema: Json) -> Json:
    if schema in ({}, True):
        return schema
    return {"anyOf": [templated(schema), _TEMPLATE]}


def _foreach() -> Json:
    return {
        "type": "object",
        "properties": {
            "in": _TEMPLATE,
            "as": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,31}$", "default": "item"},
            "max_parallel": {"type": "integer", "minimum": 1, "default": 4},
            "max_items": {"type": "integer", "minimum": 1, "default": 1000},
        },
        "required": ["in"],
        "additionalProperties": False,
    }


def _retry() -> Json:
    return {
        "type": "object",
        "properties": {
            "max_attempts": {"type": "integer", "minimum": 1, "default": 3},
            "delay": {**_DURATION, "default": "1s"},
            "max_delay": {**_DURATION, "default": "30s"},
            "backoff": {"enum": ["exponential", "constant"], "default": "exponential"},
            "on": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"}},
        },
        "additionalProperties": False,
    }
