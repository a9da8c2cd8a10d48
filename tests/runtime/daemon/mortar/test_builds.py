"""Services that a deployment builds from their folders, and what becomes of the modules where it fails."""

from pathlib import Path

import pytest

from catalog.errors import FabricError, GuestFailed, Invalid
from tests.runtime.daemon.mortar.projects import SHOP, Projects, everything, wasm

FABRICKFILE = """
fabrick_version = "1.0"
[info]
name = "made"
version = "0.1.0"
[build]
command = "cp source out.wasm"
output = "out.wasm"
[capabilities]
network = { connect = ["*:443"] }
"""


def folder(shop: Projects, content: bytes) -> Path:
    place = shop.folder / "project/made"
    place.mkdir(parents=True, exist_ok=True)
    (place / "Fabrickfile").write_text(FABRICKFILE)
    (place / "source").write_bytes(content)
    return place.parent


BUILT = SHOP[: SHOP.index("[volume.books]")] + '[service.made]\nbuild = "made"\nnetworks = ["core"]\n'


async def test_a_service_is_built_from_its_folder(shop: Projects) -> None:
    base = folder(shop, wasm(1))
    with pytest.raises(Invalid, match="`shop/made:1"):
        await shop.mortar.deploy(BUILT, build=False, base_dir=base)
    with pytest.raises(Invalid, match="nobody says below which folder"):
        await shop.mortar.deploy(BUILT)
    done = await shop.mortar.deploy(BUILT, base_dir=base)
    assert done.outcome.built == ["made"]
    assert shop.house.services.get("made").spec.image == "shop/made:1.0.0"
    assert (await shop.mortar.deploy(BUILT, base_dir=base)).outcome.unchanged == ["made"]
    folder(shop, wasm(2))
    assert (await shop.mortar.deploy(BUILT, base_dir=base)).outcome.updated == ["made"]
    assert (await shop.mortar.deploy(BUILT, build=False)).outcome.unchanged == ["made"]


async def test_a_build_that_fails_changes_nothing(shop: Projects) -> None:
    before = everything(shop)
    base = folder(shop, b"no wasm")
    with pytest.raises(FabricError) as raised:
        await shop.mortar.deploy(BUILT, base_dir=base)
    assert raised.value.code == "BUILD_FAILED"
    assert everything(shop) == before


async def test_a_module_that_was_built_and_does_not_come_up_is_taken_back(shop: Projects) -> None:
    base = folder(shop, wasm(1))
    text = BUILT + 'health_check = { type = "http" }\n'
    await shop.mortar.deploy(BUILT, base_dir=base)
    good = shop.store.get("shop/made:1.0.0").digest
    folder(shop, wasm(2))
    with pytest.raises(GuestFailed, match="`made` still runs what it ran before"):
        await shop.mortar.deploy(text, base_dir=base, timeout=0.2)
    assert shop.store.get("shop/made:1.0.0").digest == good
    service = shop.house.services.get("made")
    await shop.house.services.settled("made", 5)
    assert (service.state, service.degraded, service.spec.health_check) == ("running", False, None)


async def test_a_module_that_was_built_anew_reaches_replicas_and_is_taken_back_with_them(shop: Projects) -> None:
    base = folder(shop, wasm(1))
    await shop.mortar.deploy(BUILT, base_dir=base)
    good, prepared = shop.store.get("shop/made:1.0.0").digest, shop.house.preparer.prepared
    folder(shop, wasm(2))
    shop.house.preparer.failing["shop/made:1.0.0"] = GuestFailed("BUILD_FAILED", "It is no module.")
    with pytest.raises(GuestFailed, match="It is no module"):
        await shop.mortar.deploy(BUILT, base_dir=base, timeout=5)
    assert shop.house.preparer.prepared > prepared
    assert shop.store.get("shop/made:1.0.0").digest == good
    assert list((shop.folder / "storage").glob(".staging-*")) == []


async def test_a_service_at_rest_is_started_with_the_module_that_was_built_anew(shop: Projects) -> None:
    base = folder(shop, wasm(1))
    await shop.mortar.deploy(BUILT, base_dir=base)
    await shop.house.services.stop("made")
    folder(shop, wasm(2))
    assert (await shop.mortar.deploy(BUILT, base_dir=base)).outcome.updated == ["made"]
    assert shop.house.services.get("made").state == "running"


async def test_a_build_that_fails_takes_back_those_before_it(shop: Projects) -> None:
    base = folder(shop, wasm(1))
    await shop.mortar.deploy(BUILT, base_dir=base)
    good = shop.store.get("shop/made:1.0.0").digest
    folder(shop, wasm(2))
    with pytest.raises(FabricError):
        await shop.mortar.deploy(BUILT + '[service.other]\nbuild = "other"\nnetworks = []\n', base_dir=base)
    assert shop.store.get("shop/made:1.0.0").digest == good


async def test_a_module_that_may_go_anywhere_is_refused_where_the_project_says_so(shop: Projects) -> None:
    base = folder(shop, wasm(1))
    with pytest.raises(Invalid, match="may connect to any host"):
        await shop.mortar.deploy(BUILT + "[validate]\ndeny_wildcard_connect = true\n", base_dir=base)
