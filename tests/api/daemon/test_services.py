"""Services over the API: from their creation to their end, with real guests."""

import threading
from collections.abc import Iterator

import pytest

from catalog.jsonvalue import Json
from tests.api.daemon.hosted import Hosted

SPEC: Json = {
    "name": "api",
    "image": "hello:1.0.0",
    "networks": ["default"],
    "environment": {"GREETING": "hello"},
    "labels": {"tier": "web"},
    "replicas": {"min": 2, "max": 4},
    "health_check": {"type": "http", "path": "/health", "interval": "1s"},
}


@pytest.fixture
def api(daemon: Hosted) -> Iterator[str]:
    """A running service `api` with two replicas; its id."""
    made = daemon.data("POST", "/services", SPEC, status=201)
    daemon.settled("api")
    yield made["id"]
    daemon.remove(made["id"])


def test_a_new_service_is_told_by_id_and_begins_to_start(daemon: Hosted) -> None:
    made = daemon.data("POST", "/services", {"name": "once-more", "image": "wasm://hello:1.0.0"}, status=201)
    try:
        assert made["id"].startswith("once-more-")
        assert made["state"] in ("pending", "starting", "running")
        assert daemon.settled("once-more")["replicas"]["running"] == 1
    finally:
        daemon.remove("once-more")
    assert daemon.error("GET", "/services/once-more", status=404)["code"] == "SERVICE_NOT_FOUND"


@pytest.mark.reference("says GET /v1/services/{id}/logs: The :id parameter *")
def test_an_id_and_a_name_lead_to_the_same_service(daemon: Hosted, api: str) -> None:
    by_name, by_id = daemon.get("/services/api"), daemon.get(f"/services/{api}")
    assert by_name["id"] == by_id["id"] == api
    assert by_id["environment"] == {"GREETING": "hello"}
    assert by_id["replicas"]["desired"] == 2
    assert [each["health"] for each in by_id["replicas"]["instances"]] == ["healthy", "healthy"]


@pytest.mark.reference("query GET /v1/services?*", "says Service Manager: Tracks service state")
def test_services_are_listed_by_state_network_and_label(daemon: Hosted, api: str) -> None:
    for query in ("", "?state=running", "?network=default", "?label=tier%3Dweb", "?label=tier&state=running"):
        found = daemon.get(f"/services{query}")
        assert (found["total"], [each["id"] for each in found["services"]]) == (1, [api]), query
    for query in ("?state=failed", "?network=dmz", "?label=tier%3Ddata", "?label=tier&label=other"):
        assert daemon.get(f"/services{query}") == {"services": [], "total": 0}
    assert daemon.error("GET", "/services?state=runing", status=400)["code"] == "INVALID_REQUEST"


def test_a_name_is_taken_once(daemon: Hosted, api: str) -> None:
    error = daemon.error("POST", "/services", SPEC, status=409)
    assert error["code"] == "SERVICE_ALREADY_EXISTS"


def test_who_asks_for_a_service_that_is_not_there_is_told_which_are(daemon: Hosted, api: str) -> None:
    error = daemon.error("GET", "/services/apy", status=404)
    assert error["code"] == "SERVICE_NOT_FOUND"
    assert error["details"]["service_id"] == "apy"
    assert error["details"]["available_services"] == ["api"]
    assert error["details"]["hint"] == "Did you mean `api`?"


def test_every_wrong_field_of_a_service_is_named(daemon: Hosted) -> None:
    error = daemon.error("POST", "/services", {"name": "No!", "imag": "x", "replicas": {"min": -1}}, status=400)
    assert error["code"] == "INVALID_REQUEST"
    assert {"name", "imag", "image", "replicas.min"} <= {each["field"] for each in error["details"]["fields"]}


def test_a_module_that_is_not_stored_is_named(daemon: Hosted) -> None:
    error = daemon.error("POST", "/services/run-module", {"reference": "helo:1.0.0"}, status=404)
    assert error["code"] == "MODULE_NOT_FOUND"
    assert "hello:1.0.0" in error["details"]["available_modules"]


@pytest.mark.reference("request PATCH /v1/services/{id} *")
def test_a_patch_merges_and_reaches_the_guests(daemon: Hosted, api: str) -> None:
    done = daemon.data("PATCH", "/services/api", {"environment": {"MORE": "x"}, "replicas": {"min": 3, "max": 5}})
    assert (done["id"], done["revision"]) == (api, 2)
    found = daemon.settled("api")
    assert found["environment"] == {"GREETING": "hello", "MORE": "x"}
    assert found["replicas"]["desired"] == 3
    assert daemon.ask("GET", "/v1/services/api/proxy/env").body["MORE"] == "x"
    daemon.data("PATCH", "/services/api", {"environment": {"MORE": None}})
    assert daemon.settled("api")["environment"] == {"GREETING": "hello"}
    back = daemon.data("POST", "/services/api/rollback", {"revision": 2})
    assert back["revision"] == 4
    assert daemon.settled("api")["environment"] == {"GREETING": "hello", "MORE": "x"}


@pytest.mark.reference(
    "says Service Manager: Starts/stops WASM instances",
    "says Service Manager: Manages replicas",
    "request POST /v1/services/{id}/restart *",
    "request POST /v1/services/{id}/scale *",
)
def test_a_service_is_stopped_started_restarted_and_scaled(daemon: Hosted, api: str) -> None:
    assert daemon.data("POST", "/services/api/stop", {"timeout": "5s"})["state"] == "stopped"
    assert daemon.error("POST", "/services/api/stop", status=409)["code"] == "INVALID_STATE"
    assert daemon.error("POST", "/services/api/restart", {}, status=409)["details"]["current"] == "stopped"
    assert daemon.call("GET", "/services/api/proxy/").status == 503
    daemon.data("POST", "/services/api/start")
    before = daemon.settled("api")
    done = daemon.data("POST", "/services/api/restart", {"timeout": "5s", "force": False})
    assert done["instances_restarted"] == 2
    after = daemon.settled("api")
    assert before["revision"] == after["revision"]
    scaled = daemon.data("POST", "/services/api/scale", {"replicas": 4})
    assert (scaled["previous_replicas"], scaled["new_replicas"]) == (2, 4)
    assert daemon.settled("api")["replicas"]["running"] == 4
    assert daemon.error("POST", "/services/api/scale", {"replicas": 5}, status=400)["code"] == "INVALID_REQUEST"
    assert daemon.error("POST", "/services/api/scale", {"replicas": "5"}, status=400)["details"]["field"] == "replicas"


@pytest.mark.reference(
    "request POST /v1/services/run-module *",
    "says POST /v1/services/run-module: creates a service, and starts it",
    "says POST /v1/services/run-module: If omitted or empty, *",
)
def test_a_module_is_run_with_arguments_and_environment(daemon: Hosted) -> None:
    made = daemon.data(
        "POST",
        "/services/run-module",
        {"reference": "hello:1.0.0", "args": [], "env_vars": [["A", "1"]], "no_capabilities": False, "networks": []},
        status=201,
    )
    try:
        assert made["id"].startswith("svc-")
        assert made["name"] == "hello"
        assert daemon.settled(made["id"])["environment"] == {"A": "1"}
        # Without a network it is internal: nobody outside may ask it.
        assert daemon.error("GET", "/services/hello/proxy/", status=403)["code"] == "FORBIDDEN"
    finally:
        daemon.remove(made["id"])


@pytest.mark.reference("says API Server: Request routing")
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_proxy_hands_on_what_it_is_given(daemon: Hosted, api: str, method: str) -> None:
    headers = {"X-Own": "a", "X-Fabricks-API-Key": "secret", "Connection": "keep-alive"}
    reply = daemon.ask(method, "/v1/services/api/proxy/request?a=b%20c&d", body=b"body", headers=headers)
    assert reply.status == 200
    told = reply.body
    assert told["method"] == method
    assert (told["path"], told["query"], told["body_bytes"]) == ("/request", "a=b%20c&d", 4)
    assert told["headers"]["x-own"] == "a"
    assert "x-fabricks-api-key" not in told["headers"]
    assert "connection" not in told["headers"]


def test_the_proxy_gives_back_what_it_is_answered(daemon: Hosted, api: str) -> None:
    reply = daemon.ask(
        "POST", f"/v1/services/{api}/proxy/echo", body=b"\x00\xff" * 1000, headers={"Content-Type": "image/x"}
    )
    assert (reply.status, reply.content, reply.headers["content-type"]) == (200, b"\x00\xff" * 1000, "image/x")
    assert daemon.ask("GET", "/v1/services/api/proxy/nowhere").status == 404
    head = daemon.ask("HEAD", "/v1/services/api/proxy/")
    assert (head.status, head.content) == (200, b"")
    assert daemon.ask("GET", "/v1/services/api/proxy").status == 200


def test_a_guest_that_traps_is_a_502_and_the_service_goes_on(daemon: Hosted, api: str) -> None:
    error = daemon.error("GET", "/services/api/proxy/crash", status=502)
    assert error["code"] == "GUEST_TRAPPED"
    assert daemon.ask("GET", "/v1/services/api/proxy/health").status == 200


def test_stats_say_what_a_service_uses(daemon: Hosted, api: str) -> None:
    daemon.ask("GET", "/v1/services/api/proxy/bytes?n=10000")
    found = daemon.get("/services/api/stats")
    assert found["stats"]["requests"]["total"] == 1
    assert found["stats"]["requests"]["by_class"] == {"2xx": 1}
    assert found["stats"]["network"]["tx_bytes"] > 10000
    assert found["stats"]["memory"]["usage"] > 0
    assert found["replicas"] == {"desired": 2, "running": 2, "healthy": 2}


@pytest.mark.reference("query GET /v1/services/{id}/stats?stream")
def test_stats_are_streamed_once_a_second(daemon: Hosted, api: str) -> None:
    with daemon.stream("/services/api/stats?stream=true") as stream:
        assert stream.answer.getheader("content-type") == "text/event-stream"
        kind, first = stream.event()
        _, second = stream.event()
    assert kind == "stats"
    assert first["id"] == second["id"] == api
    assert first.keys() == daemon.get("/services/api/stats").keys()


@pytest.mark.reference("query GET /v1/health/{id}/history?*", "says Health Monitor: Tracks service health history")
def test_health_is_told_asked_and_remembered(daemon: Hosted, api: str) -> None:
    found = daemon.get("/health/api")
    assert (found["id"], found["health"]) == (api, "healthy")
    assert [each["consecutive_failures"] for each in found["instances"]] == [0, 0]
    assert daemon.data("POST", "/health/api/check")["health"] == "healthy"
    history = daemon.get("/health/api/history?limit=1")["history"]
    assert len(history) == 1
    assert history[0]["status"] == "healthy"
    assert daemon.get("/health/api/history?until=2020-01-01T00:00:00Z")["history"] == []
    assert daemon.get("/health")["services"] == {"healthy": 1}
    assert daemon.error("GET", "/health/nobody", status=404)["code"] == "SERVICE_NOT_FOUND"


@pytest.mark.reference("query DELETE /v1/services/{id}?*")
def test_a_deletion_waits_for_what_is_under_way_unless_it_is_forced(daemon: Hosted) -> None:
    for query, patient in (("?timeout=20s", True), ("?force=true", False)):
        daemon.data("POST", "/services", {**SPEC, "name": "busy", "replicas": {"min": 1}}, status=201)
        daemon.settled("busy")
        answers: list[int] = []
        caller = threading.Thread(
            target=lambda: answers.append(daemon.ask("GET", "/v1/services/busy/proxy/sleep?ms=700").status)  # noqa: B023
        )
        caller.start()
        while not daemon.get("/services/busy/stats")["stats"]["requests"]["in_flight"]:
            pass
        daemon.data("DELETE", f"/services/busy{query}")
        caller.join()
        assert answers == ([200] if patient else [502])
