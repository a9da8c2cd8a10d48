"""Push and pull against a real registry: equal by digest, nothing twice, nothing half, nobody who may not."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from oras.layout import NewLayout  # type: ignore[import-untyped]
from oras.provider import Registry as OrasRegistry  # type: ignore[import-untyped]

from catalog.errors import FabricError, Forbidden, Invalid, NotFound, TargetFailed, Unavailable
from runtime.wasm.modules import registry_session
from runtime.wasm.modules.manifest import Manifest, describe, encode_manifest
from runtime.wasm.modules.media_types import INDEX
from runtime.wasm.modules.module import ModuleInfo
from runtime.wasm.modules.progress import Progress
from runtime.wasm.modules.references import parse_reference
from runtime.wasm.modules.registry import CHUNK
from runtime.wasm.modules.registry import Registry as Client
from runtime.wasm.modules.registry_settings import Credentials, RegistrySettings
from runtime.wasm.modules.staging import Staging
from runtime.wasm.modules.store import ModuleStore
from runtime.wasm.modules.transfer import pull, push
from tests.fakes.registry import PASSWORD, USER, Registry, registry
from tests.fakes.token_service import token_service
from tests.runtime.wasm.modules.making import (
    WASM_BYTES,
    all_files,
    gathered,
    interpreted,
    plain,
    store_in,
    tar_of,
)


class Told(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.blobs: dict[str, list[int]] = {}

    def step(self, text: str) -> None:
        self.steps.append(text)

    def output(self, piece: bytes) -> None:
        raise AssertionError("nothing is built here")

    def moved(self, name: str, done: int, total: int) -> None:
        self.blobs.setdefault(name, []).append(done)
        assert done <= total


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """An open registry for this file."""
    with registry(tmp_path_factory.mktemp("registry")) as made:
        yield made


@pytest.fixture
def other(tmp_path: Path) -> ModuleStore:
    """Another machine's store."""
    return store_in(tmp_path / "other")


NOTHING = RegistrySettings()


async def pushed(store: ModuleStore, to: Registry, name: str, wasm: bytes = WASM_BYTES) -> ModuleInfo:
    """A module of that name in the registry."""
    store.add(gathered(wasm), name)
    return await push(store, name, to=f"{to.host}/team/{name}", settings=NOTHING, insecure=True)


async def test_a_module_comes_back_as_it_went(store: ModuleStore, shared: Registry) -> None:
    large = WASM_BYTES + bytes(range(256)) * (2 * CHUNK // 256)

    def gather(place: Staging) -> Manifest:
        made = interpreted(tar_of(plain("app.py", b"print()")))(place)
        return msgspec.structs.replace(
            made, layers=(place.put(iter((large,)), made.layers[0].media_type), made.layers[1])
        )

    local = store.add(gather, "round:1.0.0")
    sent, fetched = Told(), Told()
    name = f"{shared.host}/team/round:1.0.0"
    await push(store, "round", to=name, settings=NOTHING, insecure=True, progress=sent)
    store.remove("round:1.0.0")
    assert all_files(store.layout.folder / "blobs") == []
    back = await pull(store, name, settings=NOTHING, insecure=True, progress=fetched)
    assert back.digest == local.digest
    assert back.reference == name
    module = store.resolve(name)
    assert module.wasm.read_bytes() == large
    assert module.app is not None and (module.app / "app.py").read_bytes() == b"print()"
    wasm = f"sha256:{module.wasm_digest}"
    assert sent.blobs[wasm] == [CHUNK, 2 * CHUNK, len(large)]
    assert fetched.blobs[wasm][-1] == len(large) and len(fetched.blobs[wasm]) > 2
    assert sent.blobs.keys() == fetched.blobs.keys() and len(sent.blobs) == 3


async def test_what_is_there_is_not_moved_again(store: ModuleStore, other: ModuleStore, shared: Registry) -> None:
    await pushed(store, shared, "again:1")
    told = Told()
    name = f"{shared.host}/team/again:1"
    await push(store, "again:1", to=name, settings=NOTHING, insecure=True, progress=told)
    assert told.blobs == {}
    assert [each.endswith("is there") for each in told.steps] == [True, True, False]
    other.add(gathered(), "mine:1")
    await pull(other, name, settings=NOTHING, insecure=True, progress=told)
    assert told.blobs == {}
    assert other.get(name).digest == other.get("mine:1").digest


async def test_a_module_is_pulled_by_digest(store: ModuleStore, other: ModuleStore, shared: Registry) -> None:
    info = await pushed(store, shared, "fixed:1")
    name = f"{shared.host}/team/fixed@{info.digest}"
    assert (await pull(other, name, settings=NOTHING, insecure=True)).reference == name
    assert other.resolve(f"wasm://{name}").info.digest == info.digest


async def test_oras_reads_the_same_layout_and_registry(
    store: ModuleStore, other: ModuleStore, shared: Registry
) -> None:
    info = store.add(gathered(), "theirs:1")
    layout = NewLayout(str(store.layout.folder))
    assert layout.get_ordered_blobs("theirs:1")[-1] == info.digest
    theirs = OrasRegistry(shared.host, insecure=True)
    layout.push_to_registry(theirs, f"{shared.host}/team/theirs:1", tag="theirs:1")
    theirs.session.close()
    assert (await pull(other, f"{shared.host}/team/theirs:1", settings=NOTHING, insecure=True)).digest == info.digest
    NewLayout(str(other.layout.folder))


async def test_http_is_spoken_to_listed_registries_alone(store: ModuleStore, shared: Registry) -> None:
    await pushed(store, shared, "plain:1")
    name = f"{shared.host}/team/plain:1"
    with pytest.raises(Unavailable) as caught:
        await pull(store, name, settings=RegistrySettings(insecure=("127.0.0.1:1", "127.0.0.1")))
    assert caught.value.code == "REGISTRY_INSECURE"
    assert caught.value.hint is not None and "--insecure" in caught.value.hint
    await pull(store, name, settings=RegistrySettings(insecure=(shared.host,)))


async def test_what_the_registry_has_not_is_not_found(store: ModuleStore, shared: Registry) -> None:
    for name in (f"{shared.host}/team/nothing:1", f"{shared.host}/team/nothing@sha256:{'0' * 64}"):
        with pytest.raises(NotFound) as caught:
            await pull(store, name, settings=NOTHING, insecure=True)
        assert caught.value.code == "MODULE_NOT_FOUND"
    with pytest.raises(NotFound):
        await push(store, "nothing:1", to=f"{shared.host}/team/nothing:1", settings=NOTHING, insecure=True)


async def test_a_module_that_is_removed_meanwhile_is_pushed_all_the_same(
    store: ModuleStore, other: ModuleStore, shared: Registry
) -> None:
    class Removing(Told):
        def moved(self, name: str, done: int, total: int) -> None:
            super().moved(name, done, total)
            if store.find("leaving:1") is not None:
                store.remove("leaving:1")

    made = store.add(gathered(WASM_BYTES + b"\0\x07\x06leaves"), "leaving:1")
    name = f"{shared.host}/team/leaving:1"
    told = await push(store, "leaving:1", to=name, settings=NOTHING, insecure=True, progress=Removing())
    assert told.digest == made.digest
    assert all_files(store.layout.folder / "blobs") == []
    assert (await pull(other, name, settings=NOTHING, insecure=True)).digest == made.digest


async def test_an_index_for_several_platforms_is_refused(store: ModuleStore, shared: Registry) -> None:
    info = await pushed(store, shared, "many:1")
    manifest = msgspec.json.decode(store.layout.blob(info.digest).read_bytes())
    entry = {"mediaType": manifest["mediaType"], "digest": info.digest, "size": 1}
    entry["size"] = store.layout.blob(info.digest).stat().st_size
    index = msgspec.json.encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
    client = Client(shared.host, plain=(shared.host,))
    client.put_manifest(parse_reference(f"{shared.host}/team/many:index"), index, INDEX)
    with pytest.raises(Invalid, match="several platforms") as caught:
        await pull(store, f"{shared.host}/team/many:index", settings=NOTHING, insecure=True)
    assert caught.value.code == "MODULE_MANIFEST"


async def test_images_that_are_no_modules_are_refused_before_a_byte_is_fetched(
    store: ModuleStore, other: ModuleStore, shared: Registry
) -> None:
    info = await pushed(store, shared, "image:1")
    made = store.read("image:1").manifest
    odd = msgspec.structs.replace(made, layers=(msgspec.structs.replace(made.layers[0], media_type="image/png"),))
    client = Client(shared.host, plain=(shared.host,))
    client.put_manifest(parse_reference(f"{shared.host}/team/image:odd"), encode_manifest(odd), info_media(made))
    told = Told()
    with pytest.raises(Invalid, match="no layer of wasm"):
        await pull(other, f"{shared.host}/team/image:odd", settings=NOTHING, insecure=True, progress=told)
    assert told.blobs == {} and other.list() == []
    assert info.problem is None


def info_media(manifest: Manifest) -> str:
    assert manifest.media_type is not None
    return manifest.media_type


async def test_what_was_changed_on_the_way_leaves_nothing(
    store: ModuleStore, other: ModuleStore, shared: Registry
) -> None:
    large = WASM_BYTES + b"changed on the way"
    info = await pushed(store, shared, "torn:1", large)
    wasm = info.layers[0].digest.removeprefix("sha256:")
    (held,) = [each for each in shared.blobs if each.parent.name == wasm]
    content = held.read_bytes()
    for bad in (content[:-1] + b"!", content[:-1], content + b"!"):
        held.write_bytes(bad)
        with pytest.raises(FabricError) as caught:
            await pull(other, f"{shared.host}/team/torn:1", settings=NOTHING, insecure=True)
        assert caught.value.code in ("MODULE_CORRUPT", "REGISTRY_ANSWER", "REGISTRY_UNREACHABLE")
        assert other.list() == []
        assert all_files(other.layout.folder) == ["oci-layout"]
    held.write_bytes(content)
    await pull(other, f"{shared.host}/team/torn:1", settings=NOTHING, insecure=True)


async def test_a_password_opens_a_registry(store: ModuleStore, other: ModuleStore, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir()
    with registry(tmp_path / "locked", password=True) as locked:
        name = f"{locked.host}/team/hello:1"
        store.add(gathered(WASM_BYTES + bytes(CHUNK)), "hello:1")
        for wrong in ({}, {locked.host: Credentials(USER, "wrong")}, {"other.example": Credentials(USER, PASSWORD)}):
            with pytest.raises(Forbidden) as caught:
                await push(store, "hello:1", to=name, settings=RegistrySettings(credentials=wrong), insecure=True)
            assert caught.value.code == "REGISTRY_DENIED"
            assert PASSWORD not in str(caught.value) and "wrong" not in str(caught.value)
        known = RegistrySettings(credentials={locked.host: Credentials(USER, PASSWORD)})
        info = await push(store, "hello:1", to=name, settings=known, insecure=True)
        assert (await pull(other, name, settings=known, insecure=True)).digest == info.digest


async def test_tokens_are_asked_for_what_is_done(store: ModuleStore, other: ModuleStore, tmp_path: Path) -> None:
    with token_service(tmp_path, USER, PASSWORD) as tokens, registry(tmp_path, tokens=tokens) as guarded:
        name = f"{guarded.host}/team/hello:1"
        store.add(gathered(), "hello:1")
        known = RegistrySettings(
            insecure=(guarded.host, tokens.host), credentials={guarded.host: Credentials(USER, PASSWORD)}
        )
        info = await push(store, "hello:1", to=name, settings=known)
        assert any(each == "repository:team/hello:pull,push" for each in tokens.asked)
        tokens.asked.clear()
        assert (await pull(other, name, settings=known)).digest == info.digest
        assert tokens.asked == ["repository:team/hello:pull"]
        for unknown in ({}, {guarded.host: Credentials(USER, "wrong")}):
            with pytest.raises(Forbidden):
                await pull(other, name, settings=RegistrySettings(insecure=known.insecure, credentials=unknown))
        with pytest.raises(Unavailable, match="plain text"):
            await pull(other, name, settings=msgspec.structs.replace(known, insecure=(guarded.host,)))


async def test_mirrors_are_asked_first_and_the_registry_after_them(
    store: ModuleStore, other: ModuleStore, shared: Registry
) -> None:
    info = await pushed(store, shared, "mirrored:1")
    told = Told()
    gone = "127.0.0.1:9"
    settings = RegistrySettings(
        mirrors={"upstream.example": (gone, shared.host), shared.host: (gone,)}, insecure=(gone, shared.host)
    )
    found = await pull(other, "upstream.example/team/mirrored:1", settings=settings, progress=told)
    assert (found.reference, found.digest) == ("upstream.example/team/mirrored:1", info.digest)
    assert any("127.0.0.1:9` cannot be reached" in each for each in told.steps)
    await pull(other, f"{shared.host}/team/mirrored:1", settings=settings, progress=told)


async def test_a_name_without_a_registry_keeps_having_none(
    store: ModuleStore, other: ModuleStore, shared: Registry
) -> None:
    info = store.add(gathered(), "homely:1")
    own = RegistrySettings(default=shared.host, insecure=(shared.host,), aliases={"short": "homely:1"})
    await push(store, "homely:1", settings=own)
    assert (await pull(other, "short", settings=own)).reference == "homely:1"
    assert other.get("homely").digest == info.digest
    named = await pull(other, f"{shared.host}/homely:1", name="renamed:2", settings=own)
    assert (named.reference, named.digest) == ("renamed:2", info.digest)


async def test_a_registry_that_is_not_there_is_told(store: ModuleStore) -> None:
    with pytest.raises(Unavailable, match="Connection refused") as caught:
        await pull(store, "127.0.0.1:9/team/hello:1", settings=NOTHING, insecure=True)
    assert caught.value.code == "REGISTRY_UNREACHABLE"


class Odd(BaseHTTPRequestHandler):
    """A registry that answers strangely, by the repository's name."""

    protocol_version = "HTTP/1.1"
    manifest = b""
    leads_to = ""

    def do_GET(self) -> None:
        if self.path == "/v2/":
            self._answer(200, b"{}")
        elif "/endless/" in self.path:
            self._answer(200, bytes(5 * 1024 * 1024))
        elif "/moved/" in self.path:
            self._answer(307, b"", location=self.leads_to)
        elif "/broken/" in self.path:
            self._answer(500, b"{}")
        elif "/silent/" in self.path:
            self.server.shutdown_event.wait(20)  # type: ignore[attr-defined]  # set by the fixture
        else:
            self._answer(200, self.manifest)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Quiet(ThreadingHTTPServer):
    """Says nothing of those who do not read on."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def odd() -> Iterator[str]:
    """A strange registry's host."""
    server = Quiet(("127.0.0.1", 0), Odd)
    server.shutdown_event = threading.Event()  # type: ignore[attr-defined]  # for its handlers
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown_event.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()
        server.server_close()


async def test_strange_answers_become_failures(store: ModuleStore, odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Odd, "leads_to", "http://127.0.0.1:9/elsewhere")
    monkeypatch.setattr(registry_session, "READ_SECONDS", 0.2)
    monkeypatch.setattr(Odd, "manifest", gzip.compress(b"not a manifest"))
    expected = {
        "endless/x:1": "REGISTRY_ANSWER",
        "broken/x:1": "REGISTRY_ANSWER",
        "moved/x:1": "REGISTRY_INSECURE",
        "silent/x:1": "REGISTRY_TIMEOUT",
        "garbage/x:1": "MODULE_MANIFEST",
    }
    found = {}
    for name in expected:
        with pytest.raises(FabricError) as caught:
            await pull(store, f"{odd}/{name}", settings=NOTHING, insecure=True)
        found[name] = caught.value.code
    assert found == expected
    assert store.list() == []


async def test_a_manifest_that_is_not_the_digest_asked_for_is_refused(
    store: ModuleStore, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(gathered(), "hello:1")
    content = store.layout.blob(store.get("hello:1").digest).read_bytes()
    monkeypatch.setattr(Odd, "manifest", content)
    with pytest.raises(TargetFailed, match="a manifest with the digest"):
        await pull(store, f"{odd}/team/hello@sha256:{'1' * 64}", settings=NOTHING, insecure=True)
    assert describe(content).digest == store.get("hello:1").digest
