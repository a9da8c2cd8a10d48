"""/v1/modules: what is uploaded comes back as it was, streamed both ways; what a service runs stays."""

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.jsonvalue import Json
from runtime.wasm.modules.archive import export_layout
from runtime.wasm.modules.store import ModuleStore
from tests.api.daemon.hosted import Hosted, hosted, short_folder
from tests.fakes.registry import PASSWORD, USER, registry
from tests.runtime.wasm.modules.making import WASM_BYTES, all_files, gathered, interpreted, plain, store_in, tar_of


@pytest.fixture(scope="module")
def daemon() -> Iterator[Hosted]:
    """A daemon of this file's own, whose user has a home of his own."""
    with pytest.MonkeyPatch.context() as patch, short_folder() as folder, hosted(folder) as started:
        patch.setenv("HOME", str(folder))
        yield started


@pytest.fixture
def local(tmp_path: Path) -> ModuleStore:
    """The caller's own store."""
    return store_in(tmp_path)


def upload(daemon: Hosted, query: str, content: bytes, status: int = 201) -> Json:
    """POST a module; the data, or the error."""
    reply = daemon.ask(
        "POST", f"/v1/modules?{query}", body=content, headers={"Content-Type": "application/octet-stream"}
    )
    assert reply.status == status, reply.content
    return reply.body["data" if status < 400 else "error"]


def tarred(store: ModuleStore, name: str, into: Path) -> bytes:
    """A module as the tar of an OCI layout."""
    stored = store.read(name)
    export_layout(store.layout.blob, stored.entry, stored.manifest, stored.name, into)
    return into.read_bytes()


def test_a_wasm_file_is_stored_listed_shown_and_removed(daemon: Hosted) -> None:
    made = upload(daemon, "reference=first:1&type=http", WASM_BYTES)
    assert made["reference"] == "first:1" and made["type"] == "http" and made["problem"] is None
    rows = daemon.get("/modules")
    assert rows["total"] == len(rows["modules"])
    assert [each for each in rows["modules"] if each["reference"] == "first:1"] == [made]
    shown = daemon.get("/modules/wasm:%2F%2Ffirst%3A1")
    assert shown["wasm"] == {
        "component": False,
        "imports": ["env::tell"],
        "exports": ["memory", "level", "handle"],
    }
    assert [(each["part"], each["size"]) for each in shown["layers"]] == [("wasm", len(WASM_BYTES))]
    assert shown["used_by"] == []
    gone = daemon.data("DELETE", "/modules/first")
    assert (gone["reference"], gone["digest"]) == ("first:1", made["digest"]) and gone["deleted_at"]
    assert daemon.error("GET", "/modules/first", status=404)["code"] == "MODULE_NOT_FOUND"


def test_what_comes_in_as_a_tar_goes_out_as_the_same_module(daemon: Hosted, local: ModuleStore, tmp_path: Path) -> None:
    large = WASM_BYTES + hashlib.sha256(b"noise").digest() * 150_000
    info = local.add(gathered(large), "team/large:1")
    made = upload(daemon, "reference=team/large:1", tarred(local, "team/large:1", tmp_path / "x.tar"))
    assert made["digest"] == info.digest
    reply = daemon.ask("GET", "/v1/modules/team/large:1?archive=true")
    assert reply.headers["content-type"] == "application/x-tar"
    (tmp_path / "back.tar").write_bytes(reply.content)
    other = store_in(tmp_path / "other")
    assert other.add(tmp_path / "back.tar", "back:1").digest == info.digest
    assert other.resolve("back").wasm.read_bytes() == large
    assert [each for each in all_files(daemon.daemon.modules.layout.folder) if "staging" in each] == []


def test_a_further_name_is_the_same_module(daemon: Hosted) -> None:
    made = upload(daemon, "reference=named:1", WASM_BYTES)
    again = daemon.data("POST", "/modules/tag", {"reference": "named", "name": "named:stable"}, status=201)
    assert (again["reference"], again["digest"]) == ("named:stable", made["digest"])
    daemon.data("DELETE", "/modules/named:1")
    assert daemon.get("/modules/named")["reference"] == "named:stable"


def test_a_file_on_the_daemons_machine_is_taken_by_its_path(daemon: Hosted, tmp_path: Path) -> None:
    (tmp_path / "x.wasm").write_bytes(WASM_BYTES)
    made = daemon.data("POST", f"/modules?reference=bypath:1&path={tmp_path / 'x.wasm'}&type=tcp", status=201)
    assert made["type"] == "tcp"
    assert daemon.error("POST", "/modules?reference=x:1&path=x.wasm", status=400)["code"] == "INVALID_REQUEST"
    assert daemon.error("POST", "/modules?reference=x:1&path=/none", status=400)["code"] == "FILE_UNREADABLE"


@pytest.mark.parametrize(
    ("query", "content", "code"),
    [
        ("", WASM_BYTES, "INVALID_REQUEST"),
        ("reference=Bad", WASM_BYTES, "INVALID_REQUEST"),
        ("reference=x:1&type=udp", WASM_BYTES, "INVALID_REQUEST"),
        ("reference=x:1&refrence=y", WASM_BYTES, "INVALID_REQUEST"),
        ("reference=x:1", b"garbage", "MODULE_ARCHIVE"),
        ("reference=x:1", tar_of(plain("../../evil")), "MODULE_ARCHIVE"),
    ],
)
def test_what_is_no_module_or_has_no_good_name_is_refused(
    daemon: Hosted, query: str, content: bytes, code: str
) -> None:
    before = daemon.get("/modules")
    assert upload(daemon, query, content, status=400)["code"] == code
    assert daemon.get("/modules") == before


def test_an_upload_needs_a_body_of_a_stated_and_bearable_size(daemon: Hosted) -> None:
    connection = daemon.connection()
    connection.putrequest("POST", "/v1/modules?reference=x:1")
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()
    reply = daemon.ask("POST", "/v1/modules?reference=x:1", headers={"Content-Length": str(2**33)})
    assert reply.status == 413
    assert reply.body["error"]["code"] == "BODY_TOO_LARGE"


def test_an_upload_that_breaks_off_leaves_nothing(daemon: Hosted) -> None:
    connection = daemon.connection()
    connection.putrequest("POST", "/v1/modules?reference=torn:1")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    connection.send(WASM_BYTES)
    connection.close()
    assert daemon.error("GET", "/modules/torn:1", status=404)
    folder = daemon.daemon.modules.layout.folder
    for _ in range(500):
        if not [each for each in all_files(folder) if "staging" in each]:
            return
        threading.Event().wait(0.01)
    raise AssertionError(all_files(folder))


def test_other_requests_are_answered_while_a_large_upload_comes_in(daemon: Hosted) -> None:
    connection = daemon.connection()
    connection.putrequest("POST", "/v1/modules?reference=slow:1")
    connection.putheader("Content-Length", str(len(WASM_BYTES)))
    connection.endheaders()
    connection.send(WASM_BYTES[:20])
    assert daemon.get("/daemon/info")["version"]
    connection.send(WASM_BYTES[20:])
    assert connection.getresponse().status == 201
    connection.close()


def test_a_module_that_would_lead_out_of_its_folder_never_runs(
    daemon: Hosted, local: ModuleStore, tmp_path: Path
) -> None:
    local.add(interpreted(tar_of(plain("../evil.py"))), "evil:1")
    upload(daemon, "reference=evil:1", tarred(local, "evil:1", tmp_path / "x.tar"))
    made = daemon.data("POST", "/services/run-module", {"reference": "evil:1"}, status=201)
    try:
        assert "../evil.py` has `..` in its name" in daemon.settled(made["id"], "failed")["reason"]
    finally:
        daemon.remove(made["id"])


def test_what_a_service_runs_is_not_removed_unless_forced(daemon: Hosted) -> None:
    daemon.add_module("hello", "used:1.0.0")
    service = daemon.data(
        "POST", "/services", {"name": "user", "image": "wasm://used:1.0.0", "networks": []}, status=201
    )
    try:
        assert daemon.get("/modules/used")["used_by"] == ["user"]
        error = daemon.error("DELETE", "/modules/used", status=409)
        assert (error["code"], error["details"]["services"]) == ("MODULE_IN_USE", ["user"])
        daemon.data("DELETE", "/modules/used?force=true")
    finally:
        daemon.data("DELETE", f"/services/{service['id']}?force=true")


def told(daemon: Hosted, path: str, body: Json) -> list[Json]:
    """The lines of a transfer that tells of its progress."""
    headers = {"Accept": "application/x-ndjson", "Content-Type": "application/json"}
    reply = daemon.ask("POST", f"/v1{path}", body=json.dumps(body).encode(), headers=headers)
    assert reply.status == 200, reply.content
    return [json.loads(line) for line in reply.content.splitlines()]


def test_modules_go_to_a_registry_and_back_with_their_progress(daemon: Hosted, tmp_path: Path) -> None:
    made = upload(daemon, "reference=travel:1", WASM_BYTES)
    with registry(tmp_path, password=True) as locked:
        name = f"{locked.host}/team/travel:1"
        login = {"insecure": True, "username": USER, "password": PASSWORD}
        lines = told(daemon, "/modules/push", {"reference": "travel", "to": name, **login})
        assert lines[-1]["data"]["digest"] == made["digest"]
        assert {"blob": f"sha256:{hashlib.sha256(WASM_BYTES).hexdigest()}"}.items() <= lines[0].items() or len(
            lines
        ) > 2
        daemon.data("DELETE", "/modules/travel")
        back = daemon.data("POST", "/modules/pull", {"reference": name, **login})
        assert (back["reference"], back["digest"]) == (name, made["digest"])
        daemon.data("DELETE", f"/modules/{name}")
        denied = {"reference": name, "insecure": True}
        error = daemon.error("POST", "/modules/pull", denied, status=403)
        assert error["code"] == "REGISTRY_DENIED"
        last = told(daemon, "/modules/pull", denied)[-1]["error"]
        assert (last["code"], last["status"]) == ("REGISTRY_DENIED", 403)
        assert last["details"]["hint"]
        assert daemon.error("GET", f"/modules/{name}", status=404)


def test_an_archive_is_a_layout_of_one_module(daemon: Hosted) -> None:
    upload(daemon, "reference=laid:1", WASM_BYTES)
    reply = daemon.ask("GET", "/v1/modules/laid?archive=true")
    with tarfile.open(fileobj=io.BytesIO(reply.content)) as tar:
        names = tar.getnames()
    assert names[:2] == ["oci-layout", "index.json"]
    assert len(names) == 5 and all(each.startswith("blobs/sha256/") for each in names[2:])
    assert daemon.error("GET", "/modules/nothing?archive=true", status=404)["code"] == "MODULE_NOT_FOUND"
