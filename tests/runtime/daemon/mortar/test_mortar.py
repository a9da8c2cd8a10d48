"""Mortar: projects deployed, deployed again, undone where they fail, removed, and known after a restart."""

import asyncio
from pathlib import Path

import pytest

from catalog.errors import Conflict, Forbidden, GuestFailed, Invalid, NotFound
from runtime.daemon.networks import read_network
from runtime.daemon.reading import read_service
from runtime.daemon.spec import VolumeSpec
from tests.fakes.daemon_timers import settle
from tests.runtime.daemon.mortar.projects import SHOP, Projects, everything, projects


def networks(shop: Projects) -> list[str]:
    return [each.spec.name for each in shop.house.networks.list()]


async def test_a_project_is_deployed_in_the_order_of_its_dependencies(shop: Projects) -> None:
    done = await shop.mortar.deploy(SHOP)
    assert done.deployment.id.startswith("deploy-")
    assert len(done.deployment.id) == len("deploy-v1w2x3")
    assert done.outcome.created == ["ledger", "cart", "gate"]
    assert done.outcome.networks_created == ["edge", "core"]
    assert done.outcome.volumes_created == ["books"]
    assert shop.names == ["cart", "gate", "ledger"]
    assert [each.launch.service.partition("-")[0] for each in shop.house.launcher.made] == ["ledger", "cart", "gate"]
    assert {each.spec.project for each in shop.house.services.list()} == {"shop"}
    assert all(each.state == "running" for each in shop.house.services.list())


async def test_a_service_waits_until_what_it_depends_on_is_healthy(shop: Projects) -> None:
    text = SHOP.replace('volumes = { books = "/data" }', 'health_check = { type = "http" }')
    with pytest.raises(GuestFailed, match="`ledger` is"):
        await shop.mortar.deploy(text, timeout=0.2)
    launched = {each.launch.service.partition("-")[0] for each in shop.house.launcher.made}
    assert launched == {"ledger"}


async def test_a_project_that_is_deployed_again_is_left_alone(shop: Projects) -> None:
    first = await shop.mortar.deploy(SHOP)
    made = len(shop.house.launcher.made)
    shop.house.clock.pass_by(60)
    again = await shop.mortar.deploy(SHOP)
    assert again.outcome.unchanged == ["ledger", "cart", "gate"]
    assert not again.outcome.changed
    assert again.deployment.id == first.deployment.id
    assert again.deployment.updated_at_ns == first.deployment.updated_at_ns
    assert len(shop.house.launcher.made) == made


async def test_a_service_that_starts_already_is_waited_for(shop: Projects) -> None:
    # As after a daemon that was killed in the middle of a deployment.
    text = SHOP.replace('volumes = { books = "/data" }', 'health_check = { type = "http" }')
    first = asyncio.create_task(shop.mortar.deploy(text, timeout=5))
    while not shop.house.watcher.of:
        await asyncio.sleep(0.01)
    next(iter(shop.house.watcher.of.values())).told("healthy")
    await first
    await shop.house.services.stop("ledger")
    await shop.house.services.start("ledger")
    assert shop.house.services.get("ledger").state == "starting"
    with pytest.raises(GuestFailed, match="`ledger` is starting"):
        await shop.mortar.deploy(text, timeout=0.2)
    shop.house.watcher.of[shop.house.services.get("ledger").instances[0].id].told("healthy")
    assert (await shop.mortar.deploy(text, timeout=5)).outcome.unchanged == ["ledger", "cart", "gate"]


async def test_what_changed_is_changed_and_nothing_else(shop: Projects) -> None:
    first = await shop.mortar.deploy(SHOP)
    ids = {each.name: each.id for each in shop.house.services.list()}
    shop.house.clock.pass_by(60)
    text = SHOP.replace('networks = ["core"]\ndepends_on', 'networks = ["core"]\nenvironment = { A = "1" }\ndepends_on')
    text = text.replace("internal = true", "internal = true\naudit_all = true")
    done = await shop.mortar.deploy(text)
    assert done.outcome.updated == ["cart"]
    assert done.outcome.unchanged == ["ledger", "gate"]
    assert done.outcome.networks_updated == ["core"]
    assert {each.name: each.id for each in shop.house.services.list()} == ids
    assert shop.house.services.get("cart").spec.environment == {"A": "1"}
    assert done.deployment.id != first.deployment.id
    assert done.deployment.deployed_at_ns == first.deployment.deployed_at_ns
    assert done.deployment.updated_at_ns > first.deployment.updated_at_ns


async def test_a_module_of_the_same_name_that_is_another_is_a_change(shop: Projects) -> None:
    await shop.mortar.deploy(SHOP)
    shop.module("cart:1", mark=7)
    before = len(shop.house.launcher.made)
    done = await shop.mortar.deploy(SHOP)
    assert done.outcome.updated == ["cart"]
    assert [each.launch.service.partition("-")[0] for each in shop.house.launcher.made[before:]] == ["cart"]
    assert (await shop.mortar.deploy(SHOP)).outcome.updated == []


async def test_files_that_have_changed_are_a_change(shop: Projects) -> None:
    (shop.folder / "tables/deep").mkdir(parents=True)
    (shop.folder / "tables/deep/one.txt").write_text("1")
    text = SHOP.replace('image = "cart:1"', 'image = "cart:1"\nfiles = { "./tables" = "/etc/tables" }')
    await shop.mortar.deploy(text, base_dir=shop.folder)
    assert (await shop.mortar.deploy(text, base_dir=shop.folder)).outcome.updated == []
    (shop.folder / "tables/deep/one.txt").write_text("2")
    assert (await shop.mortar.deploy(text, base_dir=shop.folder)).outcome.updated == ["cart"]
    (shop.folder / "tables/deep/one.txt").rename(shop.folder / "tables/deep/two.txt")
    assert (await shop.mortar.deploy(text, base_dir=shop.folder)).outcome.updated == ["cart"]
    with pytest.raises(Invalid, match="cannot be read"):
        await shop.mortar.deploy(text.replace("./tables", "./nowhere"), base_dir=shop.folder)


async def test_what_is_no_longer_in_the_file_is_removed_but_for_volumes(shop: Projects) -> None:
    await shop.mortar.deploy(SHOP)
    small = (
        SHOP[: SHOP.index("[volume.books]")]
        .replace('egress = ["core"]', "")
        .replace('[network.core]\ninternal = true\ningress = ["edge"]\n', "")
        + '[service.gate]\nimage = "gate:1"\ntype = "http"\nnetworks = ["edge"]\n'
    )
    done = await shop.mortar.deploy(small)
    assert done.outcome.removed == ["cart", "ledger"]
    assert done.outcome.networks_removed == ["core"]
    assert shop.names == ["gate"]
    assert networks(shop) == ["default", "edge"]
    assert shop.volumes.find("books") is not None


async def test_force_recreate_makes_all_services_anew_and_keeps_volumes(shop: Projects) -> None:
    await shop.mortar.deploy(SHOP)
    ids = {each.id for each in shop.house.services.list()}
    done = await shop.mortar.deploy(SHOP, force_recreate=True)
    assert done.outcome.created == ["ledger", "cart", "gate"]
    assert ids.isdisjoint(each.id for each in shop.house.services.list())
    assert done.outcome.volumes_created == []


async def test_a_service_that_was_stopped_is_started(shop: Projects) -> None:
    await shop.mortar.deploy(SHOP)
    await shop.house.services.stop("cart")
    done = await shop.mortar.deploy(SHOP)
    assert done.outcome.updated == ["cart"]
    assert shop.house.services.get("cart").state == "running"


async def test_a_port_may_go_from_one_service_to_another(shop: Projects) -> None:
    await shop.mortar.deploy(SHOP)
    renamed = SHOP.replace("[service.gate]", "[service.door]")
    done = await shop.mortar.deploy(renamed)
    assert done.outcome.created == ["door"]
    assert done.outcome.removed == ["gate"]
    moved = renamed.replace('ports = ["18080"]\n', "").replace('image = "cart:1"', 'image = "cart:1"\nports = [18080]')
    assert (await shop.mortar.deploy(moved)).outcome.updated == ["door", "cart"]


async def test_a_first_deployment_that_fails_leaves_nothing(shop: Projects) -> None:
    before = everything(shop)
    shop.house.preparer.failing["gate:1"] = GuestFailed("BUILD_FAILED", "It is no module.")
    with pytest.raises(GuestFailed) as raised:
        await shop.mortar.deploy(SHOP, timeout=5)
    assert raised.value.code == "RUNTIME_ERROR"
    assert raised.value.details["service"] == "gate"
    assert "It is no module" in raised.value.message
    await settle()
    assert everything(shop) == before
    with pytest.raises(NotFound):
        shop.mortar.status("shop")


async def test_a_later_deployment_that_fails_puts_everything_back(shop: Projects) -> None:
    await shop.mortar.deploy(SHOP)
    before = everything(shop)
    shop.module("broken:1")
    shop.house.preparer.failing["broken:1"] = GuestFailed("BUILD_FAILED", "It is no module.")
    changed = (
        SHOP.replace("internal = true", "internal = false")
        .replace("[service.gate]", "[service.door]")
        .replace("[policy.quiet", "[policy.loud")
        .replace("[[policy.quiet", "[[policy.loud")
        .replace('image = "cart:1"', 'image = "cart:1"\nlabels = { a = "b" }')
        .replace('image = "ledger:1"', 'image = "ledger:1"\nargs = ["x"]')
        + '[volume.more]\nsize = "1Mi"\n[network.more]\n[service.broken]\nimage = "broken:1"\nnetworks = ["more"]\n'
    )
    with pytest.raises(GuestFailed):
        await shop.mortar.deploy(changed, timeout=5)
    await settle()
    assert everything(shop) == before
    assert shop.mortar.status("shop").total == 3


async def test_a_new_revision_that_cannot_be_run_is_undone_while_the_old_one_runs(shop: Projects) -> None:
    await shop.mortar.deploy(SHOP)
    before = everything(shop)
    shop.module("broken:1")
    shop.house.preparer.failing["broken:1"] = GuestFailed("BUILD_FAILED", "It is no module.")
    with pytest.raises(GuestFailed, match="It is no module"):
        await shop.mortar.deploy(SHOP.replace('image = "cart:1"', 'image = "broken:1"'), timeout=5)
    await settle()
    assert everything(shop) == before
    assert shop.mortar.status("shop").state == "running"


async def test_a_service_that_a_policy_forbids_undoes_the_deployment(shop: Projects) -> None:
    before = everything(shop)
    text = SHOP + '[[policy.strict.deny]]\nfrom = ["cart"]\nto = ["ledger"]\nreason = "carts keep no books"\n'
    with pytest.raises(Forbidden) as raised:
        await shop.mortar.deploy(text)
    assert raised.value.details["reason"] == "carts keep no books"
    await settle()
    assert everything(shop) == before


async def test_nothing_is_begun_while_a_module_is_missing(shop: Projects) -> None:
    before = everything(shop)
    text = SHOP.replace('"gate:1"', '"gaet:9"').replace('"cart:1"', '"nobody:9"')
    with pytest.raises(Invalid) as raised:
        await shop.mortar.deploy(text)
    assert len(raised.value.details["problems"]) == 2
    assert everything(shop) == before


async def test_what_belongs_to_somebody_else_is_not_touched(shop: Projects) -> None:
    house = shop.house
    await house.services.create(read_service({"name": "cart", "image": "cart:1"}))
    with pytest.raises(Conflict) as raised:
        await shop.mortar.deploy(SHOP)
    assert raised.value.code == "SERVICE_ALREADY_EXISTS"
    await house.services.delete("cart")
    await house.networks.create(read_network({"name": "edge"}))
    with pytest.raises(Conflict, match="a network `edge` already"):
        await shop.mortar.deploy(SHOP)
    await house.networks.delete("edge")
    await shop.volumes.create(VolumeSpec(name="books", size=1 << 20))
    with pytest.raises(Conflict, match="a volume `books` already"):
        await shop.mortar.deploy(SHOP)
    await shop.volumes.delete("books")
    await shop.mortar.deploy(SHOP)
    with pytest.raises(Conflict, match="with other properties"):
        await shop.mortar.deploy(SHOP.replace('size = "1Mi"', 'size = "2Mi"'))


async def test_a_project_is_removed_those_that_depend_first(shop: Projects) -> None:
    await shop.mortar.deploy(SHOP)
    gone = await shop.mortar.undeploy("shop")
    assert gone.services == ("gate", "cart", "ledger")
    assert gone.networks == ("edge", "core")
    assert gone.volumes == ()
    assert shop.names == []
    assert networks(shop) == ["default"]
    assert shop.volumes.find("books") is not None
    assert shop.house.policies.in_force() == ()
    with pytest.raises(NotFound) as raised:
        await shop.mortar.undeploy("shop")
    assert raised.value.code == "PROJECT_NOT_FOUND"


async def test_volumes_outlive_a_project_and_are_its_own_again(shop: Projects) -> None:
    await shop.mortar.deploy(SHOP)
    await shop.mortar.undeploy("shop")
    again = await shop.mortar.deploy(SHOP)
    assert again.outcome.volumes_created == []
    gone = await shop.mortar.undeploy("shop", remove_volumes=True)
    assert gone.volumes == ("books",)
    assert shop.volumes.list() == []


async def test_a_network_with_a_stranger_in_it_stays(shop: Projects) -> None:
    await shop.mortar.deploy(SHOP)
    await shop.house.services.create(read_service({"name": "guest", "image": "cart:1", "networks": ["core"]}))
    gone = await shop.mortar.undeploy("shop")
    assert gone.networks == ("edge",)
    assert gone.networks_kept == ("core",)


async def test_status_counts_services_and_says_how_the_project_is(shop: Projects) -> None:
    done = await shop.mortar.deploy(SHOP)
    status = shop.mortar.status("shop")
    assert (status.state, status.health, status.total, status.running, status.failed) == ("running", "healthy", 3, 3, 0)
    assert status.deployment == done.deployment
    shop.house.clock.pass_by(100)
    await shop.house.services.stop("cart")
    status = shop.mortar.status("shop")
    assert (status.state, status.running) == ("degraded", 2)
    assert status.updated_at_ns == shop.house.clock.wall_ns
    for name in ("gate", "ledger"):
        await shop.house.services.stop(name)
    assert shop.mortar.status("shop").state == "stopped"
    await shop.house.services.delete("gate")
    assert [each.project for each in shop.mortar.list()] == ["shop"]


async def test_a_project_is_known_after_a_restart_and_so_are_its_policies(tmp_path: Path) -> None:
    async with projects(tmp_path) as before:
        for name in ("gate:1", "cart:1", "ledger:1"):
            before.module(name)
        deployment = (await before.mortar.deploy(SHOP)).deployment
    async with projects(tmp_path) as after:
        assert after.mortar.status("shop").deployment == deployment
        assert [each.name for each in after.house.policies.in_force()] == ["quiet"]
        await settle()
        assert (await after.mortar.deploy(SHOP)).outcome.unchanged == ["ledger", "cart", "gate"]


async def test_no_secret_is_kept_with_the_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "t0p-s3cret")
    text = SHOP + '[secret.token]\nprovider = "env"\nkey = "SHOP_TOKEN"\n'
    text = text.replace('image = "cart:1"', 'image = "cart:1"\nenvironment = { TOKEN = "${secret.token}" }')
    async with projects(tmp_path) as made:
        for name in ("gate:1", "cart:1", "ledger:1"):
            made.module(name)
        await made.mortar.deploy(text)
        spec = made.house.services.get("cart").spec
        assert (spec.environment, spec.secrets) == ({"TOKEN": "t0p-s3cret"}, ("TOKEN",))
        assert all(b"t0p-s3cret" not in each for each in made.house.state.load("deployment"))
        assert all("t0p-s3cret" not in str(each.data) for each in made.house.told)
        # Another value of the secret is a change.
        monkeypatch.setenv("SHOP_TOKEN", "other")
        assert (await made.mortar.deploy(text)).outcome.updated == ["cart"]


async def test_validation_answers_problems_and_changes_nothing(shop: Projects) -> None:
    before = everything(shop)
    found = await shop.mortar.validate(SHOP.replace('networks = ["edge"]', 'networks = ["egde"]'))
    assert [(each.severity, each.place) for each in found] == [("error", "service.gate.networks")]
    assert everything(shop) == before
