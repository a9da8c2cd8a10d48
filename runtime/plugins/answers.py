"""Answers: what a plugin's guest gave back, believed only as far as its manifest goes."""

from collections.abc import Mapping

import msgspec

from catalog.errors import Invalid, TargetFailed, TooLarge
from catalog.foreign_schemas import Validity
from catalog.jsonvalue import Json, parse_strict
from catalog.operations import PLUGIN_PREFIX
from runtime.wasm.messages import decode_answer

ANSWER_MOST = 256 * 1024
"""Bytes of one answer's JSON (the seed's bound)."""
EVENTS_MOST = 16
REASON_MOST = 300


class Raised(msgspec.Struct, frozen=True):
    """An event that the guest wants emitted."""

    type: str
    payload: Json


def read_answer(
    plugin_id: str, operation_id: str, message: bytes, output: Validity, events: Mapping[str, Validity]
) -> tuple[Json, tuple[Raised, ...]]:
    """Output and events of `{"output": …, "events": [{"type": …, "payload": …}]}`.

    Raises TooLarge OUTPUT_TOO_LARGE; TargetFailed GUEST_BAD_ANSWER, PLUGIN_FAILED (with what the guest said),
    PLUGIN_ANSWER, PLUGIN_OUTPUT, PLUGIN_EVENT.
    """
    answer = decode_answer(message)
    if len(answer.body) > ANSWER_MOST:
        raise TooLarge(
            "OUTPUT_TOO_LARGE", f"`{operation_id}` answers more than {ANSWER_MOST} bytes.", hint="Ask for less."
        )
    if answer.status != 200:
        raise TargetFailed(
            "PLUGIN_FAILED",
            f"`{operation_id}` answers {answer.status}.",
            hint="`fabric plugin show` prints the end of its log.",
            output={"status": answer.status, "reason": answer.body[:REASON_MOST].decode(errors="replace")},
        )
    try:
        document = parse_strict(answer.body)
    except Invalid as error:
        raise _bad(operation_id, f"is no JSON: {error.message}") from None
    if not isinstance(document, dict) or "output" not in document or not document.keys() <= {"output", "events"}:
        raise _bad(operation_id, "is not an object of `output` and, where it has some, `events`")
    if not output.affordable(answer.body):
        raise TooLarge("OUTPUT_TOO_LARGE", f"`{operation_id}` answers more values than can be checked.")
    if not output.holds(document["output"]):
        raise TargetFailed("PLUGIN_OUTPUT", f"The output of `{operation_id}` does not fit its schema.")
    return document["output"], _events(plugin_id, operation_id, document.get("events", []), answer.body, events)


def _events(
    plugin_id: str, operation_id: str, written: Json, body: bytes, known: Mapping[str, Validity]
) -> tuple[Raised, ...]:
    if not isinstance(written, list) or len(written) > EVENTS_MOST:
        raise _bad(operation_id, f"has no list of at most {EVENTS_MOST} events")
    found = []
    for each in written:
        if not isinstance(each, dict) or not isinstance(each.get("type"), str) or each.keys() - {"type", "payload"}:
            raise _bad(operation_id, "has an event that is not an object of `type` and `payload`")
        kind = each["type"] if "." in each["type"] else f"{PLUGIN_PREFIX}{plugin_id}.{each['type']}"
        check = known.get(kind)
        if check is None:
            raise TargetFailed(
                "PLUGIN_EVENT", f"`{operation_id}` emits `{kind[:120]}`, which its plugin does not declare."
            )
        payload = each.get("payload")
        if not check.affordable(body) or not check.holds(payload):
            raise TargetFailed("PLUGIN_EVENT", f"A payload of `{kind}` does not fit its schema.")
        found.append(Raised(kind, payload))
    return tuple(found)


def _bad(operation_id: str, why: str) -> TargetFailed:
    return TargetFailed("PLUGIN_ANSWER", f"The answer of `{operation_id}` {why}.")
