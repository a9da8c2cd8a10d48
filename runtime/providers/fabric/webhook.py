"""`fabric.webhook`: the outbound half of the bridge."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.errors import Invalid, TargetFailed
from catalog.headers import check_headers
from catalog.jsonvalue import Json, compact, parse_strict
from catalog.operations import OperationSet
from catalog.provider import Answer, Call

operations = OperationSet("fabric")

HeaderValue = Annotated[str, Meta(extra_json_schema={"x-fabric-secret": True})]


class Delivery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to send, and where."""

    url: Annotated[
        str,
        Meta(
            description="A public http(s) URL; its host is never templated.",
            min_length=1,
            extra_json_schema={"format": "uri", "x-fabric-secret": True},
        ),
    ]
    method: Literal["POST", "PUT", "PATCH", "GET"] = "POST"
    payload: Annotated[
        Json | UnsetType, Meta(description="The JSON body; the trigger's payload where it is left out.")
    ] = UNSET
    headers: Annotated[
        dict[str, HeaderValue],
        Meta(description="Headers to add.", extra_json_schema={"x-fabric-headers": True}),
    ] = msgspec.field(default_factory=dict)


class Answered(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the receiver answered."""

    status: Annotated[int, Meta(description="The HTTP status.")]
    ok: Annotated[bool, Meta(description="Is it 200 to 299?")]
    body: Annotated[Json, Meta(description="The value, where the answer is JSON, else its text.")]
    truncated: Annotated[bool, Meta(description="The answer was longer than the 16 KiB that are kept.")]


@operations.read("webhook", permission=None, ai=False, title="Send a webhook")
async def webhook(delivery: Delivery, call: Call) -> Answered:
    """Send JSON to an external URL and take its answer.

    Signed where a signing secret is set. Redirects are not followed. An answer other than 2xx fails the step with
    `WEBHOOK_STATUS` and keeps the output, so that a later step can look at it.
    """
    check_headers(delivery.headers)
    body = b""
    if delivery.payload is not UNSET:
        body = compact(delivery.payload)
    elif delivery.method != "GET":
        body = compact(call.trigger)
    headers = dict(delivery.headers)
    if body and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    answer = await call.ports.http.send(
        "webhook", delivery.method, delivery.url, headers, body, delivery_id=call.delivery_id
    )
    answered = read_answer(answer)
    if not answered.ok:
        raise TargetFailed(
            "WEBHOOK_STATUS",
            f"The webhook's receiver answers {answer.status}.",
            hint="`output.status` and `output.body` say what it told.",
            output=msgspec.to_builtins(answered),
        )
    return answered


def read_answer(answer: Answer) -> Answered:
    """An answer as a step's output."""
    return Answered(
        status=answer.status,
        ok=200 <= answer.status < 300,
        body=_read_body(answer),
        truncated=answer.truncated,
    )


def _read_body(answer: Answer) -> Json:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (kind == "application/json" or kind.endswith("+json")) and answer.body and not answer.truncated:
        try:
            return parse_strict(answer.body)
        except Invalid:
            return _text(answer.body)
    return _text(answer.body)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
