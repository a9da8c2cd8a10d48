"""The three sinks, up to their ports."""

import json

import pytest

from catalog.errors import FabricError, Invalid, TargetFailed
from catalog.jsonvalue import Json
from catalog.operations import Read
from catalog.provider import Answer
from catalog.schemas import converter
from runtime.providers.fabric import FABRIC
from tests.fakes.ports import FakePorts


async def run(name: str, params: Json, ports: FakePorts, trigger: Json = None) -> Json:
    code = FABRIC.code(f"fabric.{name}")
    assert isinstance(code, Read)
    return await code.handler(converter(code.params)(params), ports.call(f"fabric.{name}", trigger=trigger))


def answering(status: int, body: bytes, kind: str = "application/json", *, truncated: bool = False) -> FakePorts:
    ports = FakePorts()
    ports.http.answer = Answer(status=status, headers={"content-type": kind}, body=body, truncated=truncated)
    return ports


async def test_a_log_line_goes_to_the_port_and_nothing_else_happens() -> None:
    ports = FakePorts()
    assert (await run("log", {"message": "hello"}, ports)).logged is True
    assert (await run("log", {}, ports)).logged is True
    assert [message for message, _ in ports.log.lines] == ["hello", None]


async def test_a_webhook_sends_the_triggers_payload_where_none_is_given() -> None:
    ports = answering(200, b"")
    await run("webhook", {"url": "https://a.example/"}, ports, trigger={"device_id": "cam-7"})
    await run("webhook", {"url": "https://a.example/", "payload": None, "method": "PUT"}, ports, trigger={"a": 1})
    first, second = ports.http.sent
    assert (first.purpose, first.method, first.body) == ("webhook", "POST", b'{"device_id":"cam-7"}')
    assert first.headers == {"Content-Type": "application/json"}
    assert first.delivery_id == "run-1.0"
    assert (second.method, second.body) == ("PUT", b"null")


async def test_a_get_without_payload_has_no_body() -> None:
    ports = answering(200, b"")
    await run("webhook", {"url": "https://a.example/", "method": "GET"}, ports, trigger={"a": 1})
    assert (ports.http.sent[0].body, ports.http.sent[0].headers) == (b"", {})


async def test_the_authors_headers_are_added_and_his_content_type_stands() -> None:
    ports = answering(200, b"")
    headers = {"Authorization": "Bearer x", "content-type": "application/cloudevents+json"}
    await run("webhook", {"url": "https://a.example/", "headers": headers, "payload": 1}, ports)
    assert ports.http.sent[0].headers == headers


@pytest.mark.parametrize("name", ["Host", "x-fabric-signature", "webhook-id", "Content-Length", "bad name"])
async def test_a_header_that_is_ours_to_set_is_refused_before_anything_is_sent(name: str) -> None:
    ports = answering(200, b"")
    with pytest.raises(Invalid) as refused:
        await run("webhook", {"url": "https://a.example/", "headers": {name: "x"}}, ports)
    assert refused.value.code == "PARAM_HEADER"
    assert ports.http.sent == []


@pytest.mark.parametrize(
    ("kind", "body", "truncated", "expected"),
    [
        ("application/json", b'{"id":1}', False, {"id": 1}),
        ("application/problem+json; charset=utf-8", b"[1]", False, [1]),
        ("text/plain", b'{"id":1}', False, '{"id":1}'),
        ("application/json", b'{"a":1,"a":2}', False, '{"a":1,"a":2}'),
        ("application/json", b"{", False, "{"),
        ("application/json", b'{"id":1}', True, '{"id":1}'),
        ("application/octet-stream", b"\xff\x00a", False, "\ufffd\x00a"),
        ("", b"", False, ""),
    ],
)
async def test_an_answer_is_a_value_only_where_it_is_whole_strict_json(
    kind: str, body: bytes, truncated: bool, expected: Json
) -> None:
    given = await run("webhook", {"url": "https://a.example/"}, answering(201, body, kind, truncated=truncated))
    assert (given.status, given.ok, given.body, given.truncated) == (201, True, expected, truncated)


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_an_answer_other_than_2xx_fails_the_step_and_keeps_what_it_said(status: int) -> None:
    with pytest.raises(TargetFailed) as failed:
        await run("webhook", {"url": "https://a.example/"}, answering(status, b'{"why":"no"}'))
    assert failed.value.code == "WEBHOOK_STATUS"
    assert failed.value.output == {"status": status, "ok": False, "body": {"why": "no"}, "truncated": False}


ALL = {
    "in_app": True,
    "email": {"to": ["ann@example.com", "bob@example.com"]},
    "slack": {"webhook_url": "https://slack.example/hook"},
    "webhook": {"url": "https://a.example/hook"},
}


async def test_every_channel_is_told_and_has_its_outcome() -> None:
    ports = FakePorts()
    given = await run("notify", {"channels": ALL, "title": "Door <open>", "body": "a & b"}, ports)
    assert given.ok
    assert given.channels.in_app.id == "n-run-1.0"
    assert ports.inbox.kept == {"run-1.0": ("org-1", "Door <open>", "a & b", "porch")}
    assert ports.mail.sent == [(["ann@example.com", "bob@example.com"], "Door <open>", "a & b", "run-1.0")]
    told = {each.url: json.loads(each.body) for each in ports.http.sent}
    assert told["https://slack.example/hook"] == {"text": "*Door &lt;open&gt;*\na &amp; b"}
    assert told["https://a.example/hook"]["title"] == "Door <open>"
    assert {each.delivery_id for each in ports.http.sent} == {"", "run-1.0.webhook"}
    assert {each.purpose for each in ports.http.sent} == {"notify"}


async def test_title_and_body_are_cut_and_the_output_says_so() -> None:
    ports = FakePorts()
    given = await run("notify", {"channels": {"in_app": True}, "title": "t" * 201, "body": "b" * 4001}, ports)
    assert (given.title_truncated, given.body_truncated) == (True, True)
    _, title, body, _ = ports.inbox.kept["run-1.0"]
    assert (len(title), len(body)) == (200, 4000)
    given = await run("notify", {"channels": {"in_app": True}, "title": "t" * 200, "body": "b" * 4000}, ports)
    assert (given.title_truncated, given.body_truncated) == (False, False)


async def test_one_channel_that_fails_does_not_keep_the_others_from_being_told() -> None:
    ports = answering(500, b"")
    ports.mail.error = TargetFailed("MAIL_UNREACHABLE", "The mail relay cannot be reached.")
    given = await run("notify", {"channels": ALL, "title": "x"}, ports)
    assert not given.ok
    assert given.channels.in_app.ok
    assert given.channels.email.code == "MAIL_UNREACHABLE"
    assert given.channels.slack.code == given.channels.webhook.code == "WEBHOOK_STATUS"


async def test_the_step_fails_where_no_channel_took_it_and_keeps_every_outcome() -> None:
    ports = FakePorts()
    ports.mail.error = TargetFailed("MAIL_UNREACHABLE", "The mail relay cannot be reached.")
    with pytest.raises(TargetFailed) as failed:
        await run("notify", {"channels": {"email": {"to": ["ann@example.com"]}}}, ports)
    assert failed.value.code == "NOTIFY_FAILED"
    assert failed.value.output["channels"]["email"]["code"] == "MAIL_UNREACHABLE"
    assert "slack" not in failed.value.output["channels"]


@pytest.mark.parametrize(
    ("channels", "code"),
    [
        ({}, "NOTIFY_NO_CHANNEL"),
        ({"in_app": False}, "NOTIFY_NO_CHANNEL"),
        ({"email": {"to": []}}, "PARAM_RANGE"),
        ({"email": {"to": ["nobody"]}}, "PARAM_RANGE"),
        ({"sms": {}}, "PARAM_UNKNOWN_FIELD"),
        ({"slack": {}}, "PARAM_REQUIRED"),
    ],
)
async def test_channels_that_say_nothing_or_nonsense_are_refused(channels: Json, code: str) -> None:
    with pytest.raises(FabricError) as refused:
        await run("notify", {"channels": channels}, FakePorts())
    assert refused.value.code == code
