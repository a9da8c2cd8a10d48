"""Functions of services as operations: a real guest, the daemon, the engine and the catalog."""

import http.client
import json
import socket
import time
from collections.abc import Iterator

import pytest
import yaml

from catalog.jsonvalue import Json
from engine.audit import audit_row, system_actor
from engine.tenancy import CredentialKind, Grant, Organisation, Site, User
from tests.api.daemon.guests import SERVICES
from tests.api.daemon.hosted import SocketConnection, short_folder
from tests.api.functions import Floor, floor

QUOTE = "service.pricing.quote"
ROPE = {"item": "rope", "quantity": 10}
COUNT = 'output = { type = "object", required = ["count"], properties = { count = { type = "integer" } } }\n'
HOSTILE = "".join(
    f"[function.{name}]\n{COUNT if name in ('lie', 'babble', 'stretch') else ''}"
    for name in ("echo", "trap", "spin", "lie", "babble", "mumble", "flood", "stretch", "nest", "refuse", "absent")
)
PRICED = """
name: price-an-order
source_event: ingest.external
conditions: [{field: trigger.name, operator: eq, value: order-asked}]
steps:
  - id: price
    operation_id: service.pricing.quote
    params: {item: "{{trigger.payload.item}}", quantity: "{{trigger.payload.quantity}}"}
  - id: parcel
    operation_id: service.pricing.delivery
    params: {weight_grams: "{{trigger.payload.weight}}", express: true}
  - id: told
    operation_id: fabric.log
    params: {message: "{{steps.price.output.total_cents}} + {{steps.parcel.output.cents}} cents"}
"""
SLACK = 0.5
"""Seconds that a busy machine may add to the three that the catalog may be old."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Floor]:
    """A server whose services `pricing` and `hostile` run."""
    with floor() as started:
        started.start("hostile", started.store_hostile(HOSTILE))
        started.pricing()
        yield started


def test_a_connection_calls_functions_of_a_warm_service(shop: Floor) -> None:
    server = shop.server
    made = server.call("POST", "/connections", yaml.safe_load(PRICED))
    assert made.status == 201, made.content
    payload = {"item": "rope", "quantity": 10, "weight": 1200}
    assert server.call("POST", "/ingest", {"name": "order-asked", "payload": payload}).status == 202
    runs = shop.until(lambda: [each for each in server.get("/runs")["items"] if each["ended_at"]])
    run = server.get(f"/runs/{runs[0]['id']}")
    assert run["state"] == "succeeded", run
    price, parcel, told = run["steps"]
    assert price["output"] == {"item": "rope", "quantity": 10, "discount_percent": 5, "total_cents": 11875}
    assert parcel["output"] == {"cents": 1220, "days": 1}
    assert told["params"] == {"message": "11875 + 1220 cents"}
    assert (price["state"], price["change_ids"]) == ("succeeded", [])


def test_the_catalog_says_what_a_function_takes_and_gives(shop: Floor) -> None:
    entry = shop.functions()[QUOTE]
    assert (entry["tier"], entry["write"], entry["permission"]) == ("native", False, "services.call")
    assert entry["title"] == "What so many of an item cost, with the discount for many"
    assert entry["input_schema"]["required"] == ["item", "quantity"]
    assert entry["output_schema"]["properties"].keys() == {"item", "quantity", "discount_percent", "total_cents"}


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"operation_id": QUOTE, "params": {"item": 7, "quantity": 1}}, "PARAM_TYPE"),
        ({"operation_id": QUOTE, "params": {"item": "rope"}}, "PARAM_REQUIRED"),
        ({"operation_id": "service.pricing.quota", "params": {}}, "OP_UNKNOWN"),
        ({"operation_id": "fabric.log", "params": {"message": "{{steps.0.output.price}}"}}, "TEMPLATE_UNKNOWN_FIELD"),
    ],
)
def test_the_compiler_checks_functions_as_it_checks_our_own(shop: Floor, step: Json, code: str) -> None:
    steps = [{"operation_id": QUOTE, "params": ROPE}, step]
    found = shop.server.call(
        "POST", "/connections/validate", {"name": "x", "source_event": "probe.thing.happened", "steps": steps}
    )
    assert code in [each["code"] for each in found.body["diagnostics"] if each["severity"] == "error"]


@pytest.mark.parametrize(
    ("function", "code", "status"),
    [
        ("trap", "GUEST_TRAPPED", 502),
        ("lie", "FUNCTION_OUTPUT", 502),
        ("babble", "FUNCTION_OUTPUT", 502),
        ("mumble", "FUNCTION_OUTPUT", 502),
        ("stretch", "FUNCTION_OUTPUT", 502),
        ("nest", "FUNCTION_OUTPUT", 502),
        ("flood", "OUTPUT_TOO_LARGE", 413),
        ("refuse", "FUNCTION_FAILED", 502),
        ("absent", "FUNCTION_FAILED", 502),
    ],
)
def test_a_guest_that_answers_badly_fails_its_step_with_a_code(
    shop: Floor, function: str, code: str, status: int
) -> None:
    refused = shop.invoke(f"service.hostile.{function}")
    assert (refused.status, refused.body["code"]) == (status, code)
    run = shop.fire([{"operation_id": f"service.hostile.{function}"}, {"operation_id": "service.hostile.echo"}])
    assert run["state"] == "failed"
    assert (run["steps"][0]["state"], run["steps"][0]["error"]["code"]) == ("failed", code)
    assert run["steps"][1]["state"] == "skipped"
    assert shop.invoke("service.hostile.echo", {"still": "here"}).body["output"] == {"still": "here"}


def test_what_a_guest_says_when_it_refuses_is_the_failed_steps_output(shop: Floor) -> None:
    steps: list[Json] = [
        {"id": "asked", "operation_id": "service.hostile.refuse", "continue_on_error": True},
        {"operation_id": "service.hostile.echo", "params": {"why": "{{steps.asked.output.reason}}"}},
    ]
    run = shop.fire(steps)
    assert run["steps"][0]["output"] == {"status": 422, "reason": "not today"}
    assert run["steps"][1]["output"] == {"why": "not today"}


def test_a_function_that_never_ends_costs_its_step_its_time_and_no_more(shop: Floor) -> None:
    began = time.monotonic()
    run = shop.fire([{"operation_id": "service.hostile.spin", "timeout": "200ms"}])
    assert run["steps"][0]["error"]["code"] == "STEP_TIMEOUT"
    assert time.monotonic() - began < 1.5
    waited = shop.invoke("service.hostile.spin")
    assert (waited.status, waited.body["code"]) == (504, "GUEST_TIMEOUT")
    assert shop.invoke("service.hostile.echo", {"a": [1]}).body["output"] == {"a": [1]}


def test_parameters_that_come_from_an_event_are_checked_before_the_guest_is_asked(shop: Floor) -> None:
    step = {"operation_id": QUOTE, "params": {"item": "{{trigger.payload.item}}", "quantity": 3}}
    made = {"name": "checked", "source_event": "ingest.external", "steps": [step]}
    assert shop.server.call("POST", "/connections", made).status == 201
    asked = shop.server.call("POST", "/connections/checked/test", {"payload": {"name": "n", "payload": {"item": 7}}})
    run = shop.server.get(f"/runs/{asked.body['id']}")
    assert run["steps"][0]["error"]["code"] == "PARAM_SCHEMA"


def test_who_lacks_the_permission_calls_nothing(shop: Floor) -> None:
    _, viewer = shop.server.person("looks-only", "viewer")
    _, operator = shop.server.person("operates", "operator")
    assert shop.invoke(QUOTE, ROPE, token=viewer).body["code"] == "PERMISSION_DENIED"
    assert shop.invoke(QUOTE, ROPE, token=operator).status == 200


@pytest.mark.promise("P2")
def test_another_organisation_neither_sees_nor_calls_them(shop: Floor) -> None:
    token = other_administrator(shop)
    assert shop.functions(token=token) == {}
    assert {QUOTE, "service.hostile.echo"} <= shop.functions().keys()
    refused = shop.invoke(QUOTE, ROPE, token=token)
    assert (refused.status, refused.body["code"]) == (404, "OP_UNKNOWN")
    made = {
        "name": "theirs",
        "source_event": "probe.thing.happened",
        "steps": [{"operation_id": QUOTE, "params": ROPE}],
    }
    found = shop.server.call("POST", "/connections", made, token=token)
    assert found.status == 422
    assert [each["code"] for each in found.body["diagnostics"]] == ["OP_UNKNOWN"]
    mine, theirs = shop.server.get("/catalog"), shop.server.get("/catalog", token=token)
    assert mine["counts"]["operations"] - theirs["counts"]["operations"] == len(shop.functions())
    assert not [each for each in theirs["ai_tools"] if each["operation_id"].startswith("service.")]


def test_functions_come_within_three_seconds_and_leave_within_three(shop: Floor) -> None:
    shop.functions()  # as fresh as it gets: from now on it may be three seconds old
    service_id = shop.start("late", shop.store(SERVICES / "pricing"))
    began = time.monotonic()
    shop.until(lambda: "service.late.quote" in shop.functions())
    assert time.monotonic() - began <= 3 + SLACK
    shop.daemon("DELETE", f"services/{service_id}")
    began = time.monotonic()
    shop.until(lambda: "service.late.quote" not in shop.functions())
    assert time.monotonic() - began <= 3 + SLACK


def test_a_stopped_services_functions_stay_and_say_that_it_does_not_run(shop: Floor) -> None:
    shop.pricing("rests")
    shop.daemon("POST", "services/rests/stop", {})
    shop.refresh()
    refused = shop.invoke("service.rests.quote", ROPE)
    assert (refused.status, refused.body["code"]) == (503, "SERVICE_NOT_RUNNING")
    run = shop.fire([{"operation_id": "service.rests.quote", "params": ROPE}])
    assert run["steps"][0]["error"]["code"] == "SERVICE_NOT_RUNNING"
    shop.daemon("POST", "services/rests/start", {})
    assert shop.invoke("service.rests.quote", ROPE).body["output"]["total_cents"] == 11875


def test_a_service_that_runs_another_module_exports_what_that_one_does(shop: Floor) -> None:
    shop.start("moves", shop.store_hostile("[function.echo]\n", "before"))
    shop.refresh()
    assert "service.moves.echo" in shop.functions()
    after = shop.store_hostile("[function.refuse]\n", "after")
    shop.daemon("PATCH", "services/moves", {"image": f"wasm://{after}"})

    def moved() -> bool:
        shop.refresh()
        return "service.moves.refuse" in shop.functions()

    shop.until(moved)
    assert "service.moves.echo" not in shop.functions()


def test_of_two_functions_with_one_id_the_second_is_refused_and_the_log_says_so(shop: Floor) -> None:
    shop.start("clashes", shop.store_hostile("[function.echo]\n[function.Echo]\n", "clashing"))
    shop.refresh()
    assert [each for each in shop.functions() if each.startswith("service.clashes.")] == ["service.clashes.echo"]
    said = [each["message"] for each in shop.logs("clashes")]
    assert any("`Echo`" in each and "FUNCTION_CLASH" in each for each in said), said


def test_nobody_outside_asks_for_a_function(shop: Floor) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    reference = shop.store_hostile(HOSTILE)
    shop.start("open", reference, networks=["default"], ports=[{"host": port, "container": 8080}])
    direct, proxied = http.client.HTTPConnection("127.0.0.1", port), SocketConnection(shop.socket)
    for path in ("/.fabric/functions/echo", "/%2efabric/functions/echo", "//.fabric/x?a=1", "/a/../.fabric/x"):
        for ask, prefix in ((direct, ""), (proxied, "/v1/services/open/proxy")):
            ask.request("POST", prefix + path, b"{}")
            answer = ask.getresponse()
            assert (answer.status, json.loads(answer.read())["error"]["code"]) == (404, "NOT_FOUND"), (prefix, path)
    proxied.request("GET", "/v1/services/open/proxy/.fabrics/?x=.fabric")
    assert proxied.getresponse().read() == b"/.fabrics/"
    proxied.close()
    direct.close()


def test_another_guest_is_somebody_outside(shop: Floor) -> None:
    shop.start("caller", shop.store(SERVICES / "caller"), networks=["default"])
    shop.start("asked", shop.store_hostile(HOSTILE), networks=["default"])
    proxied = SocketConnection(shop.socket)
    for path, body in (("/.fabric/functions/echo", "NOT_FOUND"), ("/plain", "/plain")):
        proxied.request("GET", f"/v1/services/caller/proxy/call?url=http://asked{path}")
        assert json.loads(proxied.getresponse().read())["body"] == body
    proxied.close()


def test_what_was_exported_is_known_again_before_its_service_runs() -> None:
    with short_folder() as folder:
        with floor(folder) as first:
            first.pricing()
            first.pricing("rests")
            first.daemon("POST", "services/rests/stop", {})
            gone = first.pricing("goes")
            first.daemon("DELETE", f"services/{gone}")
            first.refresh()
            assert len(first.functions()) == 4
        with floor(folder) as again:
            again.refresh()
            known = {"service.pricing.quote", "service.pricing.delivery"}
            assert again.functions().keys() == known | {"service.rests.quote", "service.rests.delivery"}
            assert again.invoke("service.rests.quote", ROPE).body["code"] == "SERVICE_NOT_RUNNING"
            assert again.invoke(QUOTE, ROPE).body["output"]["total_cents"] == 11875


def other_administrator(shop: Floor) -> str:
    """A token of an administrator of another organisation."""
    application = shop.server.server.application

    async def furnish() -> str:
        store, clock = application.store, application.clock
        other = Organisation(id=clock.new_id(), name="other", created_at=clock.now())
        system = system_actor(other.id)
        user = User(id=clock.new_id(), organisation_id=other.id, name="them", grants=(Grant("org_admin"),), revision=0)
        site = Site(id=clock.new_id(), organisation_id=other.id, name="default", created_at=clock.now())
        for row in (other, user, site):
            await store.put_tenant(row, audit_row(system, "made", row.id, clock))
        _, text = await application.credentials.issue(system, user.id, CredentialKind.TOKEN, "test")
        return text

    return shop.server.run(furnish())
