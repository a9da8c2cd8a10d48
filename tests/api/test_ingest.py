"""The inbound bridge over HTTP."""

import http.client
import json
import random
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import FabricError
from catalog.jsonvalue import Json, parse_strict
from engine.ingest import EVENT_TYPE, sanitised
from runtime.signatures.signing import Signer
from tests.api.running import Reply, Running, running
from tests.api.test_routes import problem
from tests.api.wire import open_socket

PATH = "/api/v1/fabric/ingest"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="module")
def key(server: Running) -> str:
    """An API key that may push events and do nothing else."""
    return server.issue(scopes=["event:write"])


def push(server: Running, key: str, body: bytes, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.ask("POST", PATH, body=body, headers={"X-API-Key": key, **named})


def event_count(server: Running, name: str) -> int:
    return sum(each["payload"].get("name") == name for each in all_events(server))


def all_events(server: Running) -> Iterator[Json]:
    cursor = ""
    while True:
        page = server.get(f"/events?limit=200{cursor}")
        yield from page["items"]
        if page["next"] is None:
            return
        cursor = f"&cursor={page['next']}"


def test_an_event_is_accepted_as_the_seed_says(server: Running, key: str) -> None:
    reply = server.call(
        "POST", "/ingest", {"name": "my_callback", "payload": {"result": "ok", "id": "abc123"}}, key=key
    )
    assert reply.status == 202
    assert reply.body == {
        "accepted": True,
        "event_type": "ingest.external",
        "name": "my_callback",
        "event_id": reply.body["event_id"],
    }
    event = server.get(f"/events/{reply.body['event_id']}")
    assert event["type"] == EVENT_TYPE
    assert event["payload"] == {"name": "my_callback", "payload": {"result": "ok", "id": "abc123"}}


def test_a_person_may_push_too_if_he_holds_the_permission(server: Running) -> None:
    assert server.call("POST", "/ingest", {"name": "by-hand"}).status == 202
    _, token = server.person("viewer-who-pushes", "viewer")
    assert problem(server.call("POST", "/ingest", {"name": "x"}, token=token), 403)["code"] == "PERMISSION_DENIED"


def test_a_key_without_the_permission_pushes_nothing(server: Running) -> None:
    assert problem(server.call("POST", "/ingest", {"name": "x"}, key=server.issue(scopes=["x"])), 403)


def test_a_key_that_only_pushes_reads_nothing(server: Running, key: str) -> None:
    for path in ("/runs", "/connections", "/events", "/changes", "/stream", "/controllers", "/notifications"):
        assert problem(server.call("GET", path, key=key), 403)["code"] == "PERMISSION_DENIED"
    assert server.call("GET", "/catalog", key=key).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense"])
def test_only_json_is_read_whatever_content_type_says(server: Running, key: str, kind: str) -> None:
    assert push(server, key, b'{"name": "x"}', Content_Type=kind).status == 202
    assert problem(push(server, key, b"name=x", Content_Type=kind), 400)["code"] == "JSON_SYNTAX"


REFUSED = {
    b"": "JSON_SYNTAX",
    b'{"name": "x", "payload": NaN}': "JSON_NUMBER",
    b'{"name": "x", "payload": 1e999}': "JSON_NUMBER",
    b'{"name": "x", "payload": -Infinity}': "JSON_NUMBER",
    b'{"name": "x", "payload": 9223372036854775808}': "JSON_NUMBER",
    b'{"name": "x", "name": "y"}': "JSON_DUPLICATE_KEY",
    b'{"name": "x", "payload": {"a": {"b": 1, "b": 2}}}': "JSON_DUPLICATE_KEY",
    b'{"name": "x", "payload": "\\ud800"}': "JSON_ENCODING",
    b'{"name": "\xff"}': "JSON_ENCODING",
    b'{"name": "x", "payload": ' + b"[" * 40 + b"]" * 40 + b"}": "JSON_TOO_DEEP",
    b'{"name": "x", "payload": ' + b"[" * 20000 + b"]" * 20000 + b"}": "JSON_TOO_DEEP",
    b'{"name": "x"} {}': "JSON_SYNTAX",
    b'{"name": "x", "event_type": "device.status.changed"}': "INGEST_BODY",
    b'{"name": "x", "type": "y"}': "INGEST_BODY",
    b'[{"name": "x"}]': "INGEST_BODY",
    b"null": "INGEST_BODY",
    b"{}": "INGEST_NAME",
    b'{"name": ""}': "INGEST_NAME",
    b'{"name": "\xc3\x84\xc3\x96 !"}': "INGEST_NAME",
    b'{"name": 5}': "INGEST_NAME",
    b'{"name": null}': "INGEST_NAME",
    b'{"name": ["x"]}': "INGEST_NAME",
}


@pytest.mark.promise("P4")
@pytest.mark.parametrize(("body", "code"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_is_no_plain_json_event_is_refused(server: Running, key: str, body: bytes, code: str) -> None:
    headers = {"Content-Length": str(len(body))} if not body else {}
    assert problem(push(server, key, body, **headers), 400)["code"] == code


def test_names_are_sanitised_as_the_seed_says(server: Running, key: str) -> None:
    for given_name, kept in (("My Callback!", "mycallback"), ("a" * 100, "a" * 64), ("../X_y-Z", "x_y-z")):
        reply = server.call("POST", "/ingest", {"name": given_name}, key=key)
        assert reply.body["name"] == kept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {"name": st.text(max_size=80) | JSON}, optional={"payload": JSON, "type": JSON, "event_type": JSON}
    ).map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")),
)


@pytest.mark.promise("P4", count=5000)
@settings(max_examples=5000, deadline=None)
@given(BODIES)
def test_whatever_bytes_come_in_either_a_sanitised_name_or_a_refusal_comes_out(body: bytes) -> None:
    try:
        value = parse_strict(body)
        assert json.loads(json.dumps(value, allow_nan=False)) == value
        name = sanitised(value["name"]) if isinstance(value, dict) and "name" in value else None
    except FabricError as error:
        assert error.status == 400
        return
    assert name is None or re.fullmatch(r"[a-z0-9_-]{1,64}", name)


@pytest.mark.promise("P4", count=400)
def test_no_bytes_over_http_make_an_event_of_another_type(server: Running, key: str) -> None:
    taken = []

    @settings(max_examples=400, deadline=None, database=None)
    @given(BODIES)
    def fuzz(body: bytes) -> None:
        reply = push(server, key, body, Content_Length=str(len(body)))
        assert reply.status in (202, 400), reply.content
        if reply.status == 202:
            taken.append(reply.body["event_id"])
            assert re.fullmatch(r"[a-z0-9_-]{1,64}", reply.body["name"])

    fuzz()
    assert taken
    kept = {each["id"]: each["type"] for each in all_events(server)}
    assert {kept[event_id] for event_id in taken} == {EVENT_TYPE}


def test_the_same_key_and_body_answer_the_first_event_again(server: Running, key: str) -> None:
    body = b'{"name": "once", "payload": {"n": 1}}'
    first = push(server, key, body, Idempotency_Key="k-1")
    again = push(server, key, body, Idempotency_Key="k-1")
    assert first.status == again.status == 202
    assert first.body == again.body
    other = push(server, key, b'{"name": "once", "payload": {"n": 2}}', Idempotency_Key="k-1")
    assert problem(other, 409)["code"] == "IDEMPOTENCY_MISMATCH"
    assert event_count(server, "once") == 1
    assert problem(push(server, key, body, Idempotency_Key="k" * 256), 400)["code"] == "IDEMPOTENCY_KEY"


@pytest.mark.promise("E3", count=2000)
def test_a_storm_of_retries_with_lost_replies_makes_each_event_once(server: Running, key: str) -> None:
    events = 500

    def lost_reply(number: int, dice: random.Random) -> None:
        body = b'{"name": "storm", "payload": {"n": %d}}' % number
        with open_socket(server) as connection:
            connection.sendall(
                b"POST %b HTTP/1.1\r\nHost: x\r\nX-API-Key: %b\r\n" % (PATH.encode(), key.encode())
                + b"Idempotency-Key: storm-%d\r\nContent-Length: %d\r\n\r\n" % (number, len(body))
                + body[: len(body) if dice.random() < 0.8 else dice.randrange(len(body))]
            )
            time.sleep(dice.random() * 0.004)

    def insist(number: int) -> str:
        dice = random.Random(number)
        for _ in range(3):
            lost_reply(number, dice)
        reply = push(
            server, key, b'{"name": "storm", "payload": {"n": %d}}' % number, Idempotency_Key=f"storm-{number}"
        )
        assert reply.status == 202, reply.content
        return str(reply.body["event_id"])

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(insist, range(events)))
    kept = [each for each in all_events(server) if each["payload"].get("name") == "storm"]
    assert len(kept) == events
    assert {each["id"] for each in kept} == set(told)
    assert len({each["payload"]["payload"]["n"] for each in kept}) == events


def test_an_event_pushed_once_too_often_is_told_when_to_come_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("rate"), ingest_limit="3/60s") as server:
        replies = [server.call("POST", "/ingest", {"name": "x"}) for _ in range(5)]
        assert [each.status for each in replies] == [202, 202, 202, 429, 429]
        assert problem(replies[-1], 429)["code"] == "INGEST_RATE"
        assert 1 <= int(replies[-1].headers["retry-after"]) <= 60


def signed_with(secret: str, body: bytes, delivery: str, at: float) -> dict[str, str]:
    return Signer(secret, clock=lambda: at).sign(delivery, body)


def signed(body: bytes, delivery: str, at: float) -> dict[str, str]:
    return signed_with(SECRET, body, delivery, at)


def test_a_key_with_a_signing_secret_takes_only_what_is_signed(server: Running) -> None:
    key = server.issue(scopes=["event:write"], signing_secrets=[SECRET])
    body = b'{"name": "signed"}'
    good = signed(body, "d-1", time.time())
    assert push(server, key, body, **good).status == 202
    assert problem(push(server, key, body), 401)["code"] == "SIGNATURE_MISSING"
    assert problem(push(server, key, b'{"name": "other"}', **good), 401)["code"] == "SIGNATURE_MISMATCH"
    old = signed(body, "d-2", time.time() - 600)
    assert problem(push(server, key, body, **old), 401)["code"] == "TIMESTAMP_TOO_OLD"


def test_a_signed_delivery_that_is_sent_again_is_the_same_event_whatever_key_comes_with_it(server: Running) -> None:
    key = server.issue(scopes=["event:write"], signing_secrets=[SECRET])
    body = b'{"name": "replayed"}'
    headers = signed(body, "d-3", time.time())
    first = push(server, key, body, **headers)
    again = push(server, key, body, **headers, Idempotency_Key="another")
    assert first.body == again.body
    assert event_count(server, "replayed") == 1


def test_a_secret_is_rotated_without_losing_a_delivery(server: Running) -> None:
    made = server.call("POST", "/keys", {"name": "rotating", "scopes": ["event:write"], "signing_secrets": [SECRET]})
    key, key_id = made.body["text"], made.body["id"]
    rotated = server.call("POST", f"/keys/{key_id}/signing/rotate")
    assert rotated.status == 200
    fresh = rotated.body["secret"]
    body = b'{"name": "rotated"}'
    for number, secret in enumerate((SECRET, fresh)):
        headers = signed_with(secret, body, f"r-{number}", time.time())
        assert push(server, key, body, **headers).status == 202
    server.call("POST", f"/keys/{key_id}/signing/rotate")
    headers = signed(body, "r-9", time.time())
    assert problem(push(server, key, body, **headers), 401)["code"] == "SIGNATURE_MISMATCH"
    assert SECRET not in server.call("GET", f"/keys/{key_id}").content.decode()
    off = server.call("PUT", f"/keys/{key_id}/signing", {})
    assert off.body["signing_scheme"] is None
    assert push(server, key, body).status == 202


def test_202_is_said_only_after_the_commit(server: Running, key: str) -> None:
    """The event is in the database file, read by another connection, when the answer comes."""
    import apsw

    reply = push(server, key, b'{"name": "durable"}')
    database = apsw.Connection(str(server.data / "fabric.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)
    assert list(database.execute("SELECT count(*) FROM event WHERE id = ?", (reply.body["event_id"],))) == [(1,)]
    database.close()


def test_keep_alive_connections_carry_many_events(server: Running, key: str) -> None:
    connection = http.client.HTTPConnection(*server.address, timeout=20)
    for number in range(50):
        connection.request("POST", PATH, b'{"name": "kept", "payload": %d}' % number, {"X-API-Key": key})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["accepted"]) == (202, True)
    connection.close()


def test_a_stolen_key_gives_itself_no_signing_secret_and_takes_none_away(server: Running) -> None:
    made = server.call("POST", "/keys", {"name": "stolen", "signing_secrets": [SECRET]}).body
    path = f"/keys/{made['id']}/signing"
    for method, to, body in (("POST", f"{path}/rotate", None), ("PUT", path, {})):
        refused = server.call(method, to, body, key=made["text"])
        assert (refused.status, refused.body["code"]) == (403, "PERSON_REQUIRED")
    assert server.get(f"/keys/{made['id']}")["signing_secrets"] == 1


def test_a_persons_token_is_not_signed(server: Running) -> None:
    body = {"name": "signed-token", "kind": "token", "signing_secrets": [SECRET]}
    assert server.call("POST", "/keys", body).body["code"] == "KEY_KIND"
    token = server.call("POST", "/keys", {"name": "plain-token", "kind": "token"}).body
    for method, path in (("PUT", "signing"), ("POST", "signing/rotate")):
        given = {"secrets": [SECRET]} if method == "PUT" else None
        assert server.call(method, f"/keys/{token['id']}/{path}", given).body["code"] == "KEY_KIND"
