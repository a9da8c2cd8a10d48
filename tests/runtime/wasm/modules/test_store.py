"""The store: an OCI layout that keeps what it is given, whole or not at all, and finds it under every spelling."""

import json
from pathlib import Path

import msgspec
import pytest

from catalog.errors import Invalid, NotFound, Unavailable
from runtime.clock import rfc3339
from runtime.wasm.launch import Mount
from runtime.wasm.modules.manifest import Manifest
from runtime.wasm.modules.media_types import (
    CNCF_CONFIG,
    CREATED,
    LAYER_TYPE,
    MODULE_VERSION,
    NAME,
    PLAIN_WASM,
    REF_NAME,
    TARGETS,
)
from runtime.wasm.modules.staging import Staging
from runtime.wasm.modules.store import ModuleStore
from tests.runtime.wasm.modules.making import (
    HELLO,
    INTERPRETER,
    WASM_BYTES,
    all_files,
    blobs,
    gathered,
    index,
    interpreted,
    plain,
    tar_of,
)


def test_an_empty_store_lists_nothing_and_writes_nothing(store: ModuleStore, tmp_path: Path) -> None:
    assert store.list() == []
    assert store.find("hello") is None
    assert list(tmp_path.iterdir()) == []


def test_the_layout_is_what_the_specification_says(store: ModuleStore) -> None:
    info = store.add(gathered(), "hello:1.2.3")
    folder = store.layout.folder
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = index(store)
    assert entry["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    annotations = entry["annotations"]
    assert isinstance(annotations, dict)
    assert annotations[REF_NAME] == "hello:1.2.3"
    assert annotations[CREATED] == info.created
    content = (folder / "blobs" / "sha256" / str(entry["digest"]).removeprefix("sha256:")).read_bytes()
    assert len(content) == entry["size"]
    manifest = json.loads(content)
    assert manifest["schemaVersion"] == 2
    assert manifest["artifactType"] == "application/vnd.fabricks.module.v1"
    for each in (manifest["config"], *manifest["layers"]):
        blob = (folder / "blobs" / "sha256" / each["digest"].removeprefix("sha256:")).read_bytes()
        assert len(blob) == each["size"]
    assert all(oct(each.stat().st_mode & 0o777) == "0o444" for each in (folder / "blobs" / "sha256").iterdir())
    assert [each for each in all_files(folder) if not each.startswith("blobs/")] == [
        ".fabric.lock",
        "index.json",
        "oci-layout",
    ]


def test_what_is_told_comes_from_the_fabrickfile(store: ModuleStore) -> None:
    info = store.add(gathered(), "hello:1.2.3")
    assert (info.name, info.version, info.type, info.description) == ("hello", "1.2.3", "http", "Greets.")
    assert info.size == len(WASM_BYTES) + len(HELLO)
    assert [(each.part, each.size) for each in info.layers] == [("wasm", len(WASM_BYTES))]
    assert info.problem is None
    assert store.list() == [info]


@pytest.mark.parametrize(
    "spelling",
    [
        "hello:1.2.3",
        "wasm://hello:1.2.3",
        "hello",
        "wasm://hello",
        "library/hello:1.2.3",
        "registry.fabricks.io/library/hello:1.2.3",
        "short",
    ],
)
def test_every_spelling_finds_it(tmp_path: Path, spelling: str) -> None:
    store = ModuleStore(tmp_path / "s", tmp_path / "u", aliases={"short": "hello:1.2.3"})
    info = store.add(gathered(), "wasm://library/hello:1.2.3")
    assert info.reference == "hello:1.2.3"
    for name in (spelling, info.digest, f"hello@{info.digest}"):
        assert store.get(name) == info
    assert store.find(f"other@{info.digest}") is None


def test_without_a_tag_it_is_latest_or_the_only_one(store: ModuleStore) -> None:
    one = store.add(gathered(), "hello:1")
    assert store.get("hello") == one
    two = store.add(gathered(INTERPRETER), "hello:2")
    assert store.find("hello") is None
    latest = store.add(gathered(config=HELLO.replace("1.2.3", "3.0.0")), "hello")
    assert latest.reference == "hello:latest"
    assert store.get("hello") == latest
    store.remove("hello:latest")
    store.remove("hello:2")
    assert store.get("hello").digest == one.digest
    store.tag("hello:1", "hello:stable")
    assert store.get("hello").digest == one.digest  # two tags of one module
    assert two.digest != one.digest


def test_what_is_not_there_is_answered_with_what_is(store: ModuleStore) -> None:
    for number in range(25):
        store.add(gathered(), f"hello:{number:02}")
    with pytest.raises(NotFound) as caught:
        store.resolve("helo:00")
    assert caught.value.code == "MODULE_NOT_FOUND"
    assert caught.value.hint == "Did you mean `hello:00`?"
    assert caught.value.details["available_modules"] == [f"hello:{number:02}" for number in range(20)]
    store.add(gathered(INTERPRETER), "hello:x")
    with pytest.raises(NotFound, match="no module `hello`") as several:
        store.get("hello")
    assert several.value.hint is not None and "several tags" in several.value.hint


def test_a_name_that_is_given_again_moves_and_what_it_left_is_cleaned_up(store: ModuleStore) -> None:
    first = store.add(gathered(), "hello:1")
    second = store.add(gathered(INTERPRETER), "hello:1")
    assert first.digest != second.digest
    assert [each.digest for each in store.list()] == [second.digest]
    assert first.digest.removeprefix("sha256:") not in blobs(store)
    assert len(blobs(store)) == 3


def test_shared_blobs_are_kept_once_and_go_with_their_last_user(store: ModuleStore) -> None:
    store.add(gathered(), "a:1")
    store.add(gathered(config=HELLO.replace("Greets", "Waves")), "b:1")
    store.tag("a:1", "a:2")
    assert len(blobs(store)) == 5  # one wasm, two configs, two manifests
    assert store.remove("a:1").reference == "a:1"
    assert len(blobs(store)) == 5
    store.remove("a:2")
    assert len(blobs(store)) == 3
    assert store.resolve("b:1").wasm.read_bytes() == WASM_BYTES
    store.remove("b")
    assert blobs(store) == set()
    with pytest.raises(NotFound):
        store.remove("b")


def test_equal_parts_make_an_equal_digest_whenever_they_come(tmp_path: Path) -> None:
    class Clock:
        def __init__(self, now: int) -> None:
            self._now = now

        def now_ns(self) -> int:
            return self._now

        def monotonic(self) -> float:
            return 0.0

    made = [
        ModuleStore(tmp_path / f"s{now}", tmp_path / "u", clock=Clock(now * 10**9)).add(gathered(), "hello:1")
        for now in (1, 2)
    ]
    assert made[0].digest == made[1].digest
    assert [each.created for each in made] == [rfc3339(1 * 10**9), rfc3339(2 * 10**9)]


def test_a_name_by_digest_must_be_the_modules_own(store: ModuleStore) -> None:
    info = store.add(gathered(), "hello:1")
    assert store.add(gathered(), f"hello@{info.digest}").reference == f"hello@{info.digest}"
    other = "sha256:" + "0" * 64
    with pytest.raises(Invalid, match="not the module's digest"):
        store.add(gathered(), f"hello@{other}")
    with pytest.raises(Invalid, match="another digest"):
        store.tag("hello:1", f"hello@{other}")


def test_what_fails_on_its_way_in_leaves_nothing(store: ModuleStore) -> None:
    def torn(place: Staging) -> Manifest:
        gathered()(place)
        raise Invalid("TEST", "Torn.")

    with pytest.raises(Invalid, match="Torn"):
        store.add(torn, "hello:1")
    assert blobs(store) == set()
    assert store.list() == []
    assert all_files(store.layout.folder) == ["oci-layout"]


@pytest.mark.parametrize("what", ["no wasm", "two wasm", "source alone", "missing blob", "wrong size"])
def test_manifests_that_are_no_module_are_refused(store: ModuleStore, what: str) -> None:
    def gather(place: Staging) -> Manifest:
        made = interpreted(tar_of(plain("app.py")))(place)
        layers = {
            "no wasm": made.layers[1:],
            "two wasm": (made.layers[0], made.layers[0]),
            "source alone": (msgspec.structs.replace(made.layers[0], media_type=PLAIN_WASM), made.layers[1]),
            "missing blob": (made.layers[0], msgspec.structs.replace(made.layers[1], digest="sha256:" + "1" * 64)),
            "wrong size": (msgspec.structs.replace(made.layers[0], size=7), made.layers[1]),
        }
        return msgspec.structs.replace(made, layers=layers[what])

    with pytest.raises(Invalid) as caught:
        store.add(gather, "hello:1")
    assert caught.value.code == "MODULE_MANIFEST"
    assert store.list() == []


def test_a_module_is_unpacked_once_by_its_digest(store: ModuleStore) -> None:
    info = store.add(gathered(), "hello:1")
    first = store.resolve("hello:1")
    assert first.info == info
    assert first.wasm.read_bytes() == WASM_BYTES
    assert first.wasm == store.unpacked.folder / info.digest.removeprefix("sha256:") / "module.wasm"
    assert first.wasm_digest == info.layers[0].digest.removeprefix("sha256:")
    assert (first.interpreted, first.app, first.mounts, first.argv) == (False, None, (), ())
    assert oct(first.wasm.stat().st_mode & 0o777) == "0o444"
    inode = first.wasm.stat().st_ino
    assert store.resolve("wasm://hello").wasm.stat().st_ino == inode


def test_source_layers_lie_over_each_other_in_order(store: ModuleStore) -> None:
    below = tar_of(plain("app.py", b"old"), plain("lib/a.py", b"a"))
    above = tar_of(plain("app.py", b"new"), plain(".fabricks.toml", b'entrypoint = "app:handler"\n'))
    store.add(interpreted(below, above), "hello:1")
    module = store.resolve("hello:1")
    assert module.interpreted
    assert module.app is not None
    assert all_files(module.app) == [".fabricks.toml", "app.py", "lib/a.py"]
    assert (module.app / "app.py").read_bytes() == b"new"
    modes = [(module.app / "lib/a.py").stat().st_mode & 0o777, (module.app / "lib").stat().st_mode & 0o777]
    assert modes == [0o444, 0o555]
    assert module.mounts == (Mount(host=module.app, guest="/app"),)
    assert module.wasm.read_bytes() == INTERPRETER


def test_files_layers_are_mounted_where_they_say(store: ModuleStore) -> None:
    def gather(place: Staging) -> Manifest:
        made = interpreted(tar_of(plain("app.py")))(place)
        media = "application/vnd.fabricks.files.v1.tar+gzip"
        said = place.put(iter((tar_of(plain("runtime/main.py"), plain("runtime/lib/x.py")),)), media)
        said = msgspec.structs.replace(said, annotations={TARGETS: '["/runtime", "/runtime/lib"]'})
        unsaid = place.put(iter((tar_of(plain("etc/fares/table.csv"), plain("top.txt")),)), media)
        return msgspec.structs.replace(made, layers=(*made.layers, said, unsaid))

    store.add(gather, "hello:1")
    module = store.resolve("hello")
    files = module.wasm.parent / "files"
    assert [(each.host, each.guest, each.writable) for each in module.mounts] == [
        (module.app, "/app", False),
        (files / "etc", "/etc", False),
        (files / "runtime", "/runtime", False),
    ]
    assert module.argv == ("python", "/runtime/main.py")


def test_a_hostile_layer_leaves_nothing_unpacked(store: ModuleStore) -> None:
    store.add(interpreted(tar_of(plain("good.py")), tar_of(plain("../../evil.py"))), "hello:1")
    with pytest.raises(Invalid) as caught:
        store.resolve("hello:1")
    assert caught.value.code == "MODULE_LAYER"
    assert all_files(store.unpacked.folder) == [".lock"]
    assert list(store.unpacked.folder.parent.rglob("evil.py")) == []


def test_damage_on_the_disk_is_found_and_told(store: ModuleStore) -> None:
    info = store.add(gathered(), "hello:1")
    wasm = store.layout.blob(info.layers[0].digest)
    wasm.chmod(0o644)
    wasm.write_bytes(b"\0asm\1\0\0\1" + WASM_BYTES[8:])
    with pytest.raises(Unavailable) as caught:
        store.resolve("hello:1")
    assert caught.value.code == "MODULE_CORRUPT"
    assert all_files(store.unpacked.folder) == [".lock"]
    manifest = store.layout.blob(info.digest)
    manifest.chmod(0o644)
    manifest.write_bytes(manifest.read_bytes().replace(b"hello", b"hullo") + b" ")
    (told,) = store.list()
    assert told.reference == "hello:1" and told.problem is not None and "damaged" in told.problem
    with pytest.raises(Unavailable):
        store.resolve("hello:1")
    store.remove("hello:1")
    assert store.list() == []


def test_an_index_that_cannot_be_read_is_told(store: ModuleStore) -> None:
    store.add(gathered(), "hello:1")
    for content in ("{", "[]", '{"manifests": [{"digest": "md5:x"}]}'):
        (store.layout.folder / "index.json").write_text(content)
        with pytest.raises(Unavailable) as caught:
            store.list()
        assert caught.value.code == "MODULE_STORE"


def test_artifacts_of_other_tools_are_read(store: ModuleStore) -> None:
    exports = b'{"component": {"exports": ["wasi:http/incoming-handler@0.2.0"], "imports": []}}'

    def gather(place: Staging) -> Manifest:
        return Manifest(
            schema_version=2,
            config=place.put(iter((exports,)), CNCF_CONFIG),
            layers=(place.put(iter((WASM_BYTES,)), PLAIN_WASM),),
            annotations={"org.opencontainers.image.version": "2.1.0"},
        )

    info = store.add(gather, "ghcr.io/team/hello:2")
    assert (info.name, info.version, info.type) == ("hello", "2.1.0", "http")
    assert store.resolve("ghcr.io/team/hello").fabrickfile.exports == ("wasi:http/incoming-handler@0.2.0",)


def test_plain_oci_layers_play_the_part_that_they_are_annotated_with(store: ModuleStore) -> None:
    def gather(place: Staging) -> Manifest:
        made = interpreted(tar_of(plain("app.py")))(place)
        runtime, source = (
            msgspec.structs.replace(each, media_type="application/vnd.oci.image.layer.v1.tar+gzip", annotations=notes)
            for each, notes in zip(made.layers, ({LAYER_TYPE: "runtime"}, {LAYER_TYPE: "source"}), strict=True)
        )
        notes = {NAME: "noted", MODULE_VERSION: "4.5.6"}
        config = place.put(iter((b"not toml [",)), made.config.media_type)
        return msgspec.structs.replace(made, config=config, layers=(runtime, source), annotations=notes)

    info = store.add(gather, "hello:1")
    assert (info.name, info.version, info.interpreted) == ("noted", "4.5.6", True)
    assert store.resolve("hello").interpreted


def test_entries_of_other_tools_survive_ours(store: ModuleStore) -> None:
    info = store.add(gathered(), "hello:1")
    path = store.layout.folder / "index.json"
    document = json.loads(path.read_text())
    document["annotations"] = {"theirs": "kept"}
    unnamed = {**document["manifests"][0], "annotations": {"note": "kept"}, "platform": {"os": "wasi"}}
    document["manifests"].append(unnamed)
    path.write_text(json.dumps(document))
    store.tag("hello:1", "hello:2")
    found = json.loads(path.read_text())
    assert found["annotations"] == {"theirs": "kept"}
    assert unnamed in found["manifests"]
    assert [each.reference for each in store.list()] == ["hello:1", "hello:2", info.digest]
    store.remove("hello:1")
    store.remove("hello:2")
    assert store.resolve(info.digest).wasm.exists()
