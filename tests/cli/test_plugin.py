"""`fabric plugin`: a skeleton that builds and answers, and every command against a real server."""

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from api.cli.plugin_skeleton import SKELETON, write_skeleton
from catalog.errors import FabricError
from catalog.plugins import Signature
from runtime.plugins.signatures import check_signature
from runtime.wasm.modules.building import build
from tests.api.daemon.hosted import configured, short_folder
from tests.api.running import running
from tests.cli.commanding import Fabric, Said
from tests.runtime.plugins.shop import shop

ROOT = Path(__file__).parents[2]


async def test_new_writes_a_plugin_that_builds_and_answers(
    tmp_path: Path, fabric: Fabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    place = tmp_path / "made"
    done = fabric("plugin", "new", "acme-greeter", "--folder", place)
    assert done.code == 0, done.err
    assert {each.name for each in place.iterdir()} == {"Fabrickfile", "acme-greeter.c", "fabric.h", "plugin.h"}
    async with shop(tmp_path / "shop") as house:
        made = await build(place, house.store, tag="acme-greeter:0.1.0")
        manifest = await house.host.read(made.digest)
        await house.host.prepare(manifest)
        house.enable_manifest(manifest)
        name = 'Zoë "Z" \\ 😀'
        given = await house.call("plugin.acme-greeter.greet", {"name": name})
        assert given == {"greeting": f"Hello, {name}"}
        assert [each.payload for each in house.events] == [{"name": name}]


def test_new_writes_over_nothing_and_takes_only_ids(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    for name, code in (("acme", "FILE_EXISTS"), ("Acme", "PLUGIN_ID"), ("a.b", "PLUGIN_ID"), ("../a", "PLUGIN_ID")):
        with pytest.raises(FabricError) as caught:
            write_skeleton(name, tmp_path)
        assert caught.value.code == code
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]
    assert (SKELETON / "fabric.h").read_bytes() == (ROOT / "samples/services/sdk/c/fabric.h").read_bytes()


def test_a_plugins_life_at_the_command_line(fabric: Fabric, monkeypatch: pytest.MonkeyPatch) -> None:
    with short_folder() as folder:
        config, _ = configured(folder / "services")
        with running(folder / "data", services=config) as server:
            hosting = server.server.services
            assert hosting is not None
            server.run(build(ROOT / "samples/plugins/acme-meter", hosting.daemon.modules, run_build=False))
            monkeypatch.setenv("FABRIC_URL", server.server.url)
            monkeypatch.setenv("FABRIC_TOKEN", server.admin)

            def typed(*words: str) -> Said:
                done = fabric("plugin", *words)
                assert done.code == 0, done.err
                return done

            assert typed("add", "acme-meter:1.0.0", "--json").json["enabled"] is False
            assert "acme-meter" in typed("ls").out
            assert "enabled" in typed("enable", "acme-meter").err
            assert "nothing" in typed("grant", "acme-meter").err
            assert typed("show", "acme-meter", "--json").json["operations"] == ["plugin.acme-meter.parse"]
            assert typed("disable", "acme-meter", "--json").json["broken"] == []
            assert "removed" in typed("rm", "acme-meter", "--yes").err
            missing = fabric("plugin", "show", "acme-meter")
            assert missing.code != 0
            assert "PLUGIN_NOT_FOUND" in missing.err


def test_catalog_watch_tells_of_a_plugin_within_three_seconds() -> None:
    with short_folder() as folder:
        config, _ = configured(folder / "services")
        with running(folder / "data", services=config) as server:
            hosting = server.server.services
            assert hosting is not None
            server.run(build(ROOT / "samples/plugins/acme-meter", hosting.daemon.modules, run_build=False))
            assert server.call("POST", "/plugins", {"reference": "acme-meter:1.0.0"}).status == 201
            known = {**os.environ, "FABRIC_URL": server.server.url, "FABRIC_TOKEN": server.admin}
            command = [str(Path(sys.executable).with_name("fabric")), "catalog", "watch", "--json"]
            with subprocess.Popen(
                command, env=known, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as watch:
                try:
                    assert watch.stdout is not None
                    assert watch.stderr is not None
                    assert "watching" in watch.stderr.readline()
                    for verb, move in (("enable", "added"), ("disable", "removed")):
                        assert server.call("POST", f"/plugins/acme-meter/{verb}").status == 200
                        began = time.monotonic()
                        told = [json.loads(watch.stdout.readline()) for _ in range(2)]
                        assert time.monotonic() - began <= 3.0
                        names = ["plugin.acme-meter.parse", "plugin.acme-meter.reading"]
                        assert told == [{"move": move, "name": each} for each in names]
                finally:
                    watch.terminate()


def test_what_is_signed_is_named_by_its_digest_its_name_or_its_folder(fabric: Fabric, tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    key = tmp_path / "key.pem"
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    storage = ("--storage", tmp_path / "layout")
    folder = ROOT / "samples/plugins/acme-meter"
    assert fabric("module", "build", folder, "--no-build", *storage).code == 0
    (row,) = fabric("module", "ls", "--json", *storage).json
    for word, name in ((row["digest"], ""), ("acme-meter:1.0.0", "acme-meter:1.0.0"), (folder, "acme-meter:1.0.0")):
        made = tmp_path / "signature"
        said = fabric("plugin", "sign", word, "--key", key, "-o", made, *storage)
        assert said.code == 0, said.err
        signature = msgspec.json.decode(made.read_bytes(), type=Signature)
        check_signature([private.public_key()], row["digest"], signature)
        assert json.loads(base64.b64decode(signature.payload))["critical"]["identity"]["docker-reference"] == name
        made.unlink()
    for nothing in ("acme-meter:9", "sha256:beef"):
        said = fabric("plugin", "sign", nothing, "--key", key, "-o", tmp_path / "none", *storage)
        assert (said.code != 0, "MODULE_NOT_FOUND" in said.err) == (True, True), said.err
    assert not (tmp_path / "none").exists()
