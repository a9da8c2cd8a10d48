"""AI tools: which operations an assistant may be offered, under which names, and what it is told of them."""

import hashlib
import re

from catalog.jsonvalue import Json
from catalog.operations import STAGED_SCHEMA, Operation

AI_NEVER = frozenset({"fabric.webhook"})
"""Operations an assistant may never call, whatever they declare (the seed's safety contract)."""

NAME_LIMIT = 64
"""Characters of a tool's name: MCP allows 128, and models' hosts take 64 of `[A-Za-z0-9_-]`."""

STAGES = "Only stages the change: nothing happens until a person applies it."

ASKED_SCHEMA: Json = {
    "type": "object",
    "properties": {
        **STAGED_SCHEMA["properties"],
        "state": {"type": "string", "description": "`pending`: it waits for a person."},
        "controller_id": {"type": "string"},
        "target_id": {"type": "string"},
        "summary": {"type": "string"},
        "before": {"description": "What can be read of the target now; null where nothing can."},
        "after": {"description": "What it would be."},
        "expires_at": {"type": "string", "format": "date-time"},
    },
    "required": [*STAGED_SCHEMA["required"], "state", "controller_id", "target_id", "summary", "before", "after"],
    "additionalProperties": False,
}
"""What an assistant is answered by a write: what it has staged."""

_RUN = re.compile("__+")


def may_be_tool(operation: Operation) -> bool:
    """May an assistant be offered this, if its token holds the permission?

    A write that takes an artifact is none: nothing that an assistant sends brings one.
    """
    callable_alone = not operation.driver_missing and not (operation.write and operation.accepts)
    return operation.ai and operation.id not in AI_NEVER and callable_alone


def tool_name(operation_id: str) -> str:
    """The operation's name as a tool. Two operations never share one, whatever else is in the catalog.

    A dot becomes `__`. Ids have no capitals, so these mark what would be ambiguous: every further `_` of a run is a
    `U`, and an `X` stands before the digest that ends a name which would be too long.
    """
    name = _RUN.sub(lambda run: "_" + "U" * (len(run[0]) - 1), operation_id).replace(".", "__")
    if len(name) <= NAME_LIMIT:
        return name
    mark = "X" + hashlib.sha256(operation_id.encode()).hexdigest()[:20]
    return name[: NAME_LIMIT - len(mark)] + mark


def tool_entry(operation: Operation) -> Json:
    """What the catalog says of it, and what the assistant's door serves."""
    words = [f"{operation.title}.", operation.description, STAGES if operation.write else ""]
    return {
        "name": tool_name(operation.id),
        "operation_id": operation.id,
        "title": operation.title,
        "description": " ".join(each for each in words if each),
        "input_schema": operation.input_schema,
        "output_schema": ASKED_SCHEMA if operation.write else operation.output_schema,
        "permission": operation.permission,
        "stages": operation.write,
    }
