"""Canaries in every param and secret; who is not their author must find none, wherever he looks."""

import http.server
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from api.fabric.routes import ENDPOINTS
from api.logs import BLOT, blot
from catalog.jsonvalue import Json
from tests.api.running import PREFIX, Running, running
from tests.api.test_stream import Stream
from tests.engine.house import current

PARAM = "canary-param-"
SECRET = "canary-secret-7f31b0"
IDS = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with all that it was sent, as some do."""

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sent = json.dumps({"path": self.path, "headers": dict(self.headers), "body": body.decode()}).encode()
        self.send_response(500 if "fail" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[str]:
    """A receiver on loopback; its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def steps(url: str, target: str) -> list[Json]:
    """A canary in every param of every kind of step, and in every constant of its conditions."""
    numbers = iter(range(1000))

    def canary() -> str:
        return f"{PARAM}{next(numbers)}"

    webhook = {
        "url": f"{url}/{canary()}?x={canary()}",
        "headers": {"X-Token": canary(), "Authorization": "Bearer {{secrets.token}}"},
        "payload": {"text": canary(), "from": "{{trigger.name}}"},
    }
    channels = {"webhook": {"url": f"{url}/{canary()}"}, "slack": {"webhook_url": f"{url}/{canary()}"}}
    chain: list[Json] = [
        {"id": "out", "operation_id": "fabric.webhook", "params": webhook},
        {"id": "echo", "operation_id": "probe.echo", "params": {"value": "{{steps.out.output.body}}"}},
        {"operation_id": "fabric.webhook", "params": {"url": f"{url}/fail/{canary()}", "payload": canary()}},
        {"operation_id": "fabric.webhook", "params": {"url": f"http://10.0.0.1/{canary()}"}},
        {"operation_id": "fabric.notify", "params": {"channels": channels, "title": canary(), "body": canary()}},
        {"operation_id": "probe.echo", "params": {"value": canary()}},
        {"operation_id": "probe.echo", "params": {"value": "{{trigger.payload.canary-param-999}}"}},
        {
            "operation_id": "probe.echo",
            "on_missing": "empty",
            "params": {"value": "{{trigger.payload.canary-param-998}}"},
        },
        {"id": "picture", "operation_id": "probe.picture", "params": {"value": canary()}},
        {
            "operation_id": "probe.keep",
            "needs": ["picture"],
            "params": {"controller_id": target, "value": canary()},
        },
        {"operation_id": "probe.set", "params": {"controller_id": target, "value": canary()}},
        {
            "operation_id": "probe.echo",
            "if": [{"field": "trigger.name", "operator": "eq", "value": canary()}],
            "params": {"value": canary()},
        },
        {
            "operation_id": "probe.echo",
            "foreach": {"in": "{{trigger.payload.list}}", "as": "item"},
            "params": {"value": {canary(): canary(), "item": "{{item}}"}},
        },
    ]
    return [{**each, "continue_on_error": True} for each in chain]


class Scene(msgspec.Struct):
    """A server on which an author's Connection has run in every way, and who else is there."""

    server: Running
    author: str
    others: dict[str, dict[str, str]]
    connection: str
    runs: list[str]
    change: Json


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Everything that could carry a canary has happened."""
    with receiver() as url, running(tmp_path_factory.mktemp("canary"), webhook_allowed_hosts=("127.0.0.1",)) as server:
        _, author = server.person("author", "org_admin")
        _, viewer = server.person("viewer", "viewer")
        narrow = server.issue(kind="token", scopes=["fabric.view", "audit.view"])
        others = {
            "admin": {"token": server.admin},
            "viewer": {"token": viewer},
            "narrow": {"token": narrow},
            "machine": {"key": server.issue()},
        }
        server.call("PUT", "/secrets/token", {"value": SECRET}, token=author)
        target = server.controller("canary", credentials={"password": SECRET})
        conditions = [
            {"field": "trigger.name", "operator": "ne", "value": f"{PARAM}condition"},
            {"field": f"trigger.payload.{PARAM}field", "operator": "not_exists"},
        ]
        source = {
            "name": "canaries",
            "source_event": "ingest.external",
            "conditions": conditions,
            "steps": steps(url, target),
        }
        made = server.call("POST", "/connections", source, token=author)
        assert made.status == 201, made.content
        event = {"name": "go", "payload": {"list": [1, 2]}}
        server.call("POST", "/ingest", event)
        tried = server.call("POST", "/connections/canaries/test", {"payload": event}, token=author).body
        server.call("POST", f"/runs/{tried['id']}/replay", token=author)
        runs = settled(server, 3)
        change = next(each for each in server.get("/changes", token=author)["items"] if each["state"] == "pending")
        yield Scene(server, author, others, made.body["id"], runs, change)


def settled(server: Running, count: int) -> list[str]:
    for _ in range(200):
        items = server.get("/runs")["items"]
        if len(items) >= count and all(each["state"] not in ("queued", "running") for each in items):
            return [each["id"] for each in items]
        time.sleep(0.05)
    raise AssertionError("the runs do not end")


def everything(scene: Scene, who: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """What this credential gets from every GET route, with every id there is, and from what fails."""
    server = scene.server
    known = {"canaries", "token", "0"}
    for _ in range(2):
        for endpoint in ENDPOINTS:
            if endpoint.method != "GET" or endpoint.path.endswith("/stream"):
                continue
            base = endpoint.path.removeprefix(PREFIX)
            query = "?source_event=ingest.external" if endpoint.name == "suggest_operations" else "?limit=200"
            plain = endpoint.query.__name__ == "NoQuery"
            for name in sorted(known) if "{" in base else ["-"]:
                path = re.sub(r"\{\w+\}", name, base) + ("" if plain else query)
                content = server.call("GET", path, **who).content
                known |= {each.decode() for each in IDS.findall(content)}
                yield f"GET {path}", content
    for path in ("/metrics", "/api/v1/openapi.json", "/"):
        yield path, server.ask("GET", path).content


def mistakes(scene: Scene, who: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """What this credential is answered when it does something, most of it wrongly."""
    server, connection = scene.server, scene.connection
    asked: list[tuple[str, str, Json]] = [
        ("PATCH", f"/connections/{connection}", {"source_event": "device.updated"}),
        ("PATCH", f"/connections/{connection}", {"conditions": [{"field": "nope", "operator": "eq", "value": 1}]}),
        ("PATCH", f"/connections/{connection}", {"timeout": "never", "name": ""}),
        ("POST", f"/connections/{connection}/test", {"payload": {"name": "x", "payload": {}}}),
        *(("POST", f"/runs/{run}/replay", None) for run in scene.runs),
        *(("POST", f"/runs/{run}/cancel", None) for run in scene.runs),
        ("POST", f"/changes/{scene.change['id']}/apply", {"digest": "0" * 64, "force": True}),
        ("POST", "/connections", {"name": "canaries", "source_event": "*", "steps": []}),
    ]
    for method, path, body in asked:
        yield f"{method} {path}", server.call(method, path, body, **who).content


def stream_of(scene: Scene) -> bytes:
    stream = Stream(scene.server, last=0)
    head = scene.server.run(scene.server.server.application.store.feed_head(organisation(scene)))
    found = b""
    while True:
        message = stream.messages(1)[0]
        found += msgspec.json.encode(message)
        if message.id >= head:
            break
    stream.close()
    return found


def organisation(scene: Scene) -> str:
    return str(scene.server.get("/me")["organisation_id"])


def test_the_author_sees_his_params(scene: Scene) -> None:
    """Else the canaries below would prove nothing."""
    seen = b"".join(content for _, content in everything(scene, {"token": scene.author}))
    numbers = set(re.findall(rb"canary-param-(\w+)", seen))
    assert {str(number).encode() for number in range(17)} | {b"condition", b"field", b"998"} <= numbers
    run = scene.server.get(f"/runs/{scene.runs[-1]}", token=scene.author)
    states = {each["operation_id"]: each["state"] for each in run["steps"]}
    assert {"succeeded", "failed", "staged", "skipped"} <= set(states.values()) | {s["state"] for s in run["steps"]}
    assert run["steps"][0]["output"]["status"] == 200


@pytest.mark.promise("P3")
@pytest.mark.parametrize("who", ["admin", "viewer", "narrow", "machine"])
def test_nobody_else_finds_a_canary_anywhere(scene: Scene, who: str) -> None:
    looked = 0
    exempt = () if who in ("viewer", "narrow") else ("/changes", "/changes/")
    for path, content in (*everything(scene, scene.others[who]), *mistakes(scene, scene.others[who])):
        looked += 1
        if exempt and path.startswith(("GET /changes", "GET /events")):
            continue
        assert PARAM.encode() not in content, (path, content)
    assert looked > 100
    assert PARAM.encode() not in stream_of(scene)


@pytest.mark.promise("P3")
def test_who_may_decide_finds_the_changes_params_and_no_others(scene: Scene) -> None:
    """The administrator must see what he applies: the change's own request, and nothing of the other steps."""
    changes = scene.server.get("/changes")["items"]
    values = {each["request"]["value"] for each in changes}
    assert len(values) == 2
    assert all(each.startswith(PARAM) for each in values)
    content = json.dumps(changes) + json.dumps(scene.server.get("/events"))
    assert set(re.findall(PARAM + r"\w+", content)) == values


@pytest.mark.promise("H4")
def test_nobody_finds_a_secret_anywhere(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    for who in ({"token": scene.author}, *scene.others.values()):
        for path, content in (*everything(scene, who), *mistakes(scene, who)):
            assert SECRET.encode() not in content, (path, content)
    assert SECRET.encode() not in stream_of(scene)
    kept = [path for path in scene.server.data.rglob("*") if path.is_file()]
    assert len(kept) > 3
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
    current().failures["boom"] = [RuntimeError(SECRET)]
    logged = capfd.readouterr()
    assert SECRET not in logged.out + logged.err


@pytest.mark.promise("H4")
def test_logs_name_no_secret_and_no_param(tmp_path: Path) -> None:
    """A process of its own, logging all that it can at `debug`."""
    from tests.api.test_shutdown import process

    with receiver() as url, (tmp_path / "log").open("w") as log:
        settings = {
            "FABRIC_LOG_LEVEL": "debug",
            "FABRICKS_DAEMON_LOG_OUTPUT": "stderr",
            "FABRIC_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
        }
        with process(tmp_path / "data", stderr=log, **settings) as (server, address):
            speak(address, (tmp_path / "data" / "admin-token").read_text().strip(), url)
            server.terminate()
            assert server.wait(15) == 0
    text = (tmp_path / "log").read_text()
    assert "listening" in text
    assert PARAM not in text
    assert SECRET not in text
    assert "fabt_" not in text


def speak(address: tuple[str, int], token: str, url: str) -> None:
    """Set a secret, send it somewhere, and do a few things wrongly."""
    import http.client

    connection = http.client.HTTPConnection(*address, timeout=30)

    def ask(method: str, path: str, body: Json) -> int:
        connection.request(method, PREFIX + path, json.dumps(body), {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    chain = [each for each in steps(url, "") if not each["operation_id"].startswith("probe.")]
    source = {"name": "canaries", "source_event": "ingest.external", "steps": chain}
    assert ask("PUT", "/secrets/token", {"value": SECRET}) == 204
    assert ask("POST", "/connections", source) == 201
    assert ask("POST", "/connections/canaries/test", {"payload": {"name": "x", "payload": {}}}) == 200
    assert ask("POST", "/operations/fabric.webhook/invoke", {"params": {"url": f"{url}/{PARAM}invoke"}}) == 200
    assert ask("PUT", "/secrets/UPPER", {"value": SECRET}) == 400
    assert ask("POST", "/keys", {"name": "x", "signing_scheme": "stripe", "signing_secrets": [SECRET, "short"]}) == 400
    connection.close()


@pytest.mark.promise("H4")
@pytest.mark.parametrize(
    "text",
    ["fabt_abcdefghijkl", "key fabk_ABC-def_12345", "whsec_MfKQ9r8GKYqrTwjU", "Authorization: Bearer abc.def-ghi"],
)
def test_what_looks_like_a_credential_is_blotted_out_of_every_log(text: str) -> None:
    entry = blot(None, "info", {"event": text, "nested": {"deep": [text]}, "exception": f"at {text}!"})
    assert BLOT in entry["event"]
    assert text.rsplit(maxsplit=1)[-1] not in str(entry)
