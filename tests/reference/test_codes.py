"""Every error code of the reference, provoked: its status, and the envelope it is answered in."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wasmtime

from catalog.jsonvalue import Json
from tests.api.daemon.hosted import Hosted, hosted, short_folder
from tests.reference.samples import codes, text
from tests.reference.shapes import differences
from tests.reference.world import adapted

BROKEN = """
(module
  (memory (export "memory") 1)
  (func (export "fabric_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "fabric_free") (param i32 i32))
  (func (export "handle") (param i32 i32) (result i64) (i64.const 0))
  (func $fail unreachable)
  (start $fail))
"""
PROJECT = """
mortar_version = "1.0"
[project]
name = "broken"
version = "1.0.0"
[service.it]
build = "./it"
type = "http"
networks = []
[service.it.restart]
policy = "never"
"""
FABRICKFILE = """
fabrick_version = "1.0"
[info]
name = "it"
version = "1.0.0"
type = "http"
[build]
command = "{command}"
output = "it.wasm"
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Hosted]:
    """A daemon that takes two services and no more."""
    with short_folder() as folder, hosted(folder, resources__max_services="2") as made:
        made.add_module("hello", "hello:1.0.0")
        made.data("POST", "/services", {"name": "api", "image": "hello:1.0.0"}, status=201)
        made.data("POST", "/services", {"name": "worker", "image": "hello:1.0.0"}, status=201)
        made.data("POST", "/services/worker/stop", {"force": True})
        made.settled("api")
        yield made


def invalid(daemon: Hosted, _: Path) -> Json:
    return daemon.error("POST", "/services", {"name": 1}, status=400)


def stranger(_: Hosted, folder: Path) -> Json:
    with short_folder() as place, hosted(place, api__auth_enabled="true") as locked:
        return locked.error("GET", "/services", status=401)


def forbidden(daemon: Hosted, _: Path) -> Json:
    return daemon.error("GET", "/services/api/proxy/", status=403)


def no_service(daemon: Hosted, _: Path) -> Json:
    return daemon.error("GET", "/services/nobody", status=404)


def no_network(daemon: Hosted, _: Path) -> Json:
    return daemon.error("GET", "/networks/nowhere", status=404)


def no_volume(daemon: Hosted, _: Path) -> Json:
    return daemon.error("GET", "/volumes/nothing", status=404)


def taken(daemon: Hosted, _: Path) -> Json:
    return daemon.error("POST", "/services", {"name": "api", "image": "hello:1.0.0"}, status=409)


def wrong_state(daemon: Hosted, _: Path) -> Json:
    return daemon.error("POST", "/services/worker/stop", status=409)


def too_many(daemon: Hosted, _: Path) -> Json:
    return daemon.error("POST", "/services", {"name": "third", "image": "hello:1.0.0"}, status=429)


def _deployed(folder: Path, command: str) -> Json:
    (folder / "it").mkdir()
    (folder / "fabricks-mortar.toml").write_text(PROJECT)
    (folder / "it" / "Fabrickfile").write_text(FABRICKFILE.format(command=command))
    (folder / "it" / "it.wasm").write_bytes(bytes(wasmtime.wat2wasm(BROKEN)))
    with short_folder() as place, hosted(place) as made:
        return made.error("POST", "/mortar/deploy", {"mortar_path": str(folder), "timeout": "10s"}, status=500)


def unbuilt(_: Hosted, folder: Path) -> Json:
    return _deployed(folder, "exit 3")


def unrunnable(_: Hosted, folder: Path) -> Json:
    return _deployed(folder, "true")


def bug(daemon: Hosted, _: Path) -> Json:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(daemon.daemon, "stats", lambda: 1 // 0)
        return daemon.error("GET", "/daemon/stats", status=500)


PROVOKE: dict[str, Callable[[Hosted, Path], Json]] = {
    "INVALID_REQUEST": invalid,
    "UNAUTHORIZED": stranger,
    "FORBIDDEN": forbidden,
    "SERVICE_NOT_FOUND": no_service,
    "NETWORK_NOT_FOUND": no_network,
    "VOLUME_NOT_FOUND": no_volume,
    "SERVICE_ALREADY_EXISTS": taken,
    "INVALID_STATE": wrong_state,
    "RESOURCE_LIMIT_EXCEEDED": too_many,
    "BUILD_FAILED": unbuilt,
    "RUNTIME_ERROR": unrunnable,
    "INTERNAL_ERROR": bug,
}
STATUSES = {"UNAUTHORIZED": 401, "FORBIDDEN": 403, "INVALID_REQUEST": 400, "RESOURCE_LIMIT_EXCEEDED": 429} | {
    **dict.fromkeys(("SERVICE_NOT_FOUND", "NETWORK_NOT_FOUND", "VOLUME_NOT_FOUND"), 404),
    **dict.fromkeys(("SERVICE_ALREADY_EXISTS", "INVALID_STATE"), 409),
    **dict.fromkeys(("BUILD_FAILED", "RUNTIME_ERROR", "INTERNAL_ERROR"), 500),
}
"""What the functions above demand of the answer."""


@pytest.mark.reference("code *")
@pytest.mark.parametrize("code", codes())
def test_a_code_is_answered_where_it_belongs(daemon: Hosted, tmp_path: Path, code: str) -> None:
    error = PROVOKE[code](daemon, tmp_path)
    assert error["code"] == code
    assert error["message"].endswith(".")
    assert STATUSES[code] == codes()[code]


@pytest.mark.reference("error *")
def test_an_error_has_the_fields_that_are_printed(daemon: Hosted) -> None:
    sample = json.loads(adapted(text("error.json").replace("'api-service'", "`api-service`"), daemon, {}))
    reply = daemon.call("GET", "/services/api-service")
    assert list(differences(sample, reply.body)) == []
    assert reply.body["error"]["details"]["service_id"] == "api-service"
    assert reply.body["error"]["details"]["available_services"] == ["api", "worker"]
