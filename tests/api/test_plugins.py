"""Plugins over REST: added, granted, enabled, called by all who may, disabled; and hostile ones."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.jsonvalue import Json
from runtime.plugins.signatures import sign
from runtime.wasm.modules.building import build
from tests.api.daemon.hosted import configured, short_folder
from tests.api.mcp.speaking import call, token_of
from tests.api.running import Running, running
from tests.runtime.plugins.shop import TOY, saying
from tests.runtime.wasm.modules.making import folder_of

METER = Path(__file__).parents[2] / "samples/plugins/acme-meter"
SENT = "AM2|7f3a|TEMP:21.4C|HUM:40|BAT:LOW"
READING = {"serial": "7f3a", "celsius": 21.4, "humidity": 40, "battery_low": True}
PARSE = "plugin.acme-meter.parse"


@contextmanager
def whole(folder: Path, **settings: Json) -> Iterator[Running]:
    """A server with both halves."""
    config, _ = configured(folder / "services")
    with running(folder / "data", services=config, **settings) as server:
        yield server


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with short_folder() as folder, whole(folder) as made:
        yield made


def put_module(server: Running, folder: Path, reference: str) -> str:
    """Build a module into the server's own store; its digest."""
    hosting = server.server.services
    assert hosting is not None
    return server.run(build(folder, hosting.daemon.modules, tag=reference, run_build=False)).digest


def send(server: Running, method: str, path: str, body: Json = None, *, status: int = 200) -> Json:
    reply = server.call(method, f"/plugins{path}", body)
    assert reply.status == status, reply.content
    return reply.body


@contextmanager
def meter(server: Running) -> Iterator[None]:
    """The sample, enabled."""
    put_module(server, METER, "acme-meter:1.0.0")
    send(server, "POST", "", {"reference": "acme-meter:1.0.0"}, status=201)
    send(server, "POST", "/acme-meter/enable")
    try:
        yield
    finally:
        send(server, "POST", "/acme-meter/disable")
        send(server, "DELETE", "/acme-meter", status=204)


def known(server: Running) -> set[str]:
    found = server.get("/catalog")
    return {each["id"] for each in found["operations"]} | {each["event_type"] for each in found["events"]}


def until(condition: object, seconds: float = 10.0) -> Json:
    """What `condition` gives, once it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()  # type: ignore[operator]  # a function of the test's
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come")


def test_a_plugin_comes_is_called_and_goes(server: Running) -> None:
    before = server.get("/catalog")["counts"]
    with meter(server):
        assert {PARSE, "plugin.acme-meter.reading"} <= known(server)
        assert server.get("/catalog")["counts"]["plugin"] == {
            "operations": before["plugin"]["operations"] + 1,
            "events": 1,
        }
        done = server.call("POST", f"/operations/{PARSE}/invoke", {"params": {"payload": SENT}})
        assert (done.status, done.body["output"]) == (200, READING)
        wrong = server.call("POST", f"/operations/{PARSE}/invoke", {"params": {"payload": "hello"}})
        assert (wrong.status, wrong.body["code"]) == (502, "PLUGIN_FAILED")
        wrong = server.call("POST", f"/operations/{PARSE}/invoke", {"params": {"payload": 1}})
        assert (wrong.status, wrong.body["code"]) == (400, "PARAM_SCHEMA")
        shown = send(server, "GET", "/acme-meter")
        assert (shown["enabled"], shown["operations"], shown["permissions"]) == (
            True,
            [PARSE],
            ["plugin.acme-meter.read"],
        )
        refused = server.call("DELETE", "/plugins/acme-meter")
        assert (refused.status, refused.body["code"]) == (409, "PLUGIN_ENABLED")
    assert not {PARSE, "plugin.acme-meter.reading"} & known(server)
    gone = server.call("POST", f"/operations/{PARSE}/invoke", {"params": {"payload": SENT}})
    assert (gone.status, gone.body["code"]) == (404, "OP_UNKNOWN")
    actions = [each["action"] for each in server.get("/audit?limit=10")["items"]]
    assert actions[:4] == ["plugin.removed", "plugin.disabled", "plugin.enabled", "plugin.added"]


def test_connections_use_its_operation_and_its_event_and_are_told_when_it_goes(server: Running) -> None:
    with meter(server):
        for name in ("parse-and-tell", "battery-low"):
            content = (METER / f"{name}.yaml").read_bytes()
            made = server.ask(
                "POST",
                "/api/v1/fabric/connections",
                body=content,
                headers={"Authorization": f"Bearer {server.admin}", "Content-Type": "application/yaml"},
            )
            assert made.status == 201, made.body
        wrong = {
            "name": "w",
            "source_event": "ingest.external",
            "steps": [{"operation_id": PARSE, "params": {"payload": 1}}],
        }
        refused = server.call("POST", "/connections", wrong)
        assert refused.status == 422, "the compiler knows its schemas"
        key = server.issue(kind="key", scopes=["event:write"])
        sent = server.call("POST", "/ingest", {"name": "acme-meter", "payload": {"message": SENT}}, key=key)
        assert sent.status == 202, sent.content
        (told,) = until(lambda: server.get("/notifications")["items"])
        assert (told["title"], told["body"]) == ("Battery of 7f3a is low", "It measures 21.4 °C.")
        gone = send(server, "POST", "/acme-meter/disable")
        found = {each["name"]: each["codes"] for each in gone["broken"]}
        assert set(found) == {"meter-messages", "meter-battery-low"}
        assert (found["meter-messages"], found["meter-battery-low"]) == (["OP_UNKNOWN"], ["EVENT_UNKNOWN"])
        shown = server.get("/connections/meter-messages")
        assert [each["code"] for each in shown["broken"]] == ["OP_UNKNOWN"]
        send(server, "POST", "/acme-meter/enable")
        until(lambda: not server.get("/connections/meter-messages").get("broken"))
        for name in ("meter-messages", "meter-battery-low"):
            assert server.call("DELETE", f"/connections/{name}").status == 204


def test_an_assistant_reads_with_it_under_its_own_scopes(server: Running) -> None:
    with meter(server):
        token = token_of(server, name="reader", scopes=["plugin.acme-meter.read"])
        given = call(server, token, "plugin__acme-meter__parse", {"payload": SENT})
        assert given["structuredContent"] == READING


def test_only_an_administrator_of_the_whole_organisation_changes_plugins(server: Running) -> None:
    with meter(server):
        _, token = server.person("operator-of-plugins", "operator")
        for method, path, body in (
            ("POST", "/plugins", {"reference": "acme-meter:1.0.0"}),
            ("PUT", "/plugins/acme-meter/grant", {"hosts": []}),
            ("POST", "/plugins/acme-meter/enable", None),
            ("POST", "/plugins/acme-meter/disable", None),
            ("DELETE", "/plugins/acme-meter", None),
        ):
            reply = server.call(method, path, body, token=token)
            assert (reply.status, reply.body["code"]) == (403, "ADMIN_REQUIRED"), path
        listed = server.call("GET", "/plugins", token=token)
        assert [each["id"] for each in listed.body["items"]] == ["acme-meter"]
        denied = server.call("POST", f"/operations/{PARSE}/invoke", {"params": {"payload": SENT}}, token=token)
        assert (denied.status, denied.body["code"]) == (403, "PERMISSION_DENIED")


def test_only_hosts_that_it_asks_for_can_be_granted(server: Running, tmp_path: Path) -> None:
    asking = TOY + '[capabilities]\nnetwork = { connect = ["api.example.com:443"] }\n'
    put_module(server, folder_of(tmp_path, asking, saying({"n": 1}), "out/toy.wasm"), "toy:asks")
    made = send(server, "POST", "", {"reference": "toy:asks"}, status=201)
    assert (made["asks_for"], made["hosts"]) == (["api.example.com:443"], [])
    refused = send(server, "PUT", "/toy/grant", {"hosts": ["evil.example.com:443"]}, status=400)
    assert refused["code"] == "PLUGIN_HOST_UNASKED"
    assert send(server, "PUT", "/toy/grant", {"hosts": ["api.example.com:443"]})["hosts"] == ["api.example.com:443"]
    assert send(server, "PUT", "/toy/grant", {"hosts": []})["hosts"] == []
    send(server, "DELETE", "/toy", status=204)


def test_plugins_are_there_again_after_a_restart_and_wait_for_the_services_half() -> None:
    with short_folder() as folder:
        with whole(folder) as server:
            put_module(server, METER, "acme-meter:1.0.0")
            send(server, "POST", "", {"reference": "acme-meter:1.0.0"}, status=201)
            send(server, "POST", "/acme-meter/enable")
        with running(folder / "data") as alone:
            assert PARSE in known(alone)
            reply = alone.call("POST", f"/operations/{PARSE}/invoke", {"params": {"payload": SENT}})
            assert (reply.status, reply.body["code"]) == (503, "PLUGINS_UNAVAILABLE")
        with whole(folder) as server:
            reply = server.call("POST", f"/operations/{PARSE}/invoke", {"params": {"payload": SENT}})
            assert reply.body["output"] == READING


def test_where_keys_are_trusted_a_plugin_must_be_signed_by_one() -> None:
    trusted, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    with short_folder() as folder:
        (folder / "key.pem").write_bytes(
            trusted.public_key().public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)
        )
        with whole(folder, plugin_trusted_keys=(folder / "key.pem",)) as server:
            digest = put_module(server, METER, "acme-meter:1.0.0")

            def add(signature: Json, status: int) -> Json:
                body = {"reference": "acme-meter:1.0.0", **({"signature": signature} if signature else {})}
                return send(server, "POST", "", body, status=status)

            assert add(None, 403)["code"] == "PLUGIN_SIGNATURE_MISSING"
            good = signed(trusted, digest)
            for bad in (
                signed(other, digest),
                signed(trusted, "sha256:" + "0" * 64),
                {**good, "signature": good["payload"]},
                {**good, "payload": signed(trusted, "sha256:" + "0" * 64)["payload"]},
                {**good, "signature": "no base64!"},
            ):
                assert add(bad, 403)["code"] == "PLUGIN_SIGNATURE"
            assert add(good, 201)["signed"] is True
            assert send(server, "POST", "/acme-meter/enable")["enabled"] is True
        (folder / "key.pem").write_bytes(
            other.public_key().public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)
        )
        with whole(folder, plugin_trusted_keys=(folder / "key.pem",)) as server:
            assert PARSE not in known(server), "a key that is trusted no more vouches for nothing"
            assert send(server, "GET", "/acme-meter")["problem"]["code"] == "PLUGIN_SIGNATURE"
            assert "problem" not in send(server, "POST", "/acme-meter/disable")["plugin"]
            assert "problem" not in send(server, "GET", "/acme-meter")


def signed(key: Ed25519PrivateKey, digest: str) -> dict[str, str]:
    pem = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    made = sign(pem, "acme-meter", digest)
    return {"payload": made.payload, "signature": made.signature}
