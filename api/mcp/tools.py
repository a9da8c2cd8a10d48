"""Tools as the protocol has them: how an operation is described, and what calling one comes to."""

from collections.abc import Mapping
from itertools import islice

from api.fabric import shown
from api.mcp.rpc import facts_of, invalid_params
from catalog.ai_tools import NAME_LIMIT, tool_entry
from catalog.errors import FabricError
from catalog.jsonvalue import Json, compact
from catalog.operations import Operation
from engine.changes import PendingChange
from engine.redaction import hide_values
from engine.trials import Came

PAGE = 50
"""Tools a page of `tools/list`."""

REFUSAL: Json = {
    "type": "object",
    "title": "Refusal",
    "description": "Why the call failed: what comes with `isError`.",
    "properties": {
        "code": {"type": "string", "description": "Stable; docs/errors.md explains it."},
        "message": {"type": "string"},
        "hint": {"type": ["string", "null"], "description": "What to do now."},
    },
    "required": ["code", "message", "hint"],
}


def page_of(tools: Mapping[str, Operation], cursor: Json) -> Json:
    """A page of tools, after the name that `cursor` is. Raises ProtocolError INVALID_PARAMS."""
    if cursor is not None and not (isinstance(cursor, str) and 0 < len(cursor) <= NAME_LIMIT):
        raise invalid_params("MCP_CURSOR", "The cursor is not one of ours.", hint="Send `nextCursor` as it came.")
    later = ((name, operation) for name, operation in tools.items() if cursor is None or name > cursor)
    found = list(islice(later, PAGE + 1))
    page: dict[str, Json] = {"tools": [described(operation) for _, operation in found[:PAGE]]}
    if len(found) > PAGE:
        page["nextCursor"] = found[PAGE - 1][0]
    return page


def described(operation: Operation) -> Json:
    """An operation as a tool. Its output may be a refusal too: some clients hold errors to the schema as well."""
    entry = tool_entry(operation)
    output = entry["output_schema"]
    if not _is_object(output):
        output = {"type": "object", "properties": {"output": output}, "required": ["output"]}
    return {
        "name": entry["name"],
        "title": entry["title"],
        "description": f"{entry['description']} (operation `{operation.id}`)",
        "inputSchema": entry["input_schema"] or {"type": "object"},
        "outputSchema": {"type": "object", "anyOf": [output, REFUSAL]},
        "annotations": {
            "title": entry["title"],
            "readOnlyHint": not operation.write,
            "destructiveHint": False,
            "idempotentHint": not operation.write,
            "openWorldHint": False,
        },
    }


def _is_object(schema: Json) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "object"


def answered(operation: Operation, came: Came) -> Json:
    """The result of a call: what a read gives, or what a write has staged."""
    if isinstance(came, PendingChange):
        return _result(_asked_for(came))
    output = came.output
    if came.artifact is not None:
        output = hide_values(output, [came.artifact.token])
    return _result(output if _is_object(operation.output_schema) else {"output": output})


def refused(error: FabricError) -> Json:
    """The result of a call that failed."""
    return {**_result(facts_of(error)), "isError": True}


def _result(content: Json) -> Json:
    text = compact(content).decode()
    return {"content": [{"type": "text", "text": text}], "structuredContent": content, "isError": False}


def _asked_for(change: PendingChange) -> Json:
    planned = change.change
    return {
        "staged": True,
        "change_id": change.id,
        "feature": change.operation_id,
        "state": change.state.value,
        "controller_id": change.controller_id,
        "target_id": planned.target_id,
        "summary": planned.summary,
        "before": planned.before,
        "after": planned.after,
        "expires_at": shown.stamp(change.expires_at).isoformat().replace("+00:00", "Z"),
    }
