"""Revisions: changes that roll through replicas, changes that leave them alone, the way back, and recovery."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from catalog.errors import Forbidden, GuestFailed, Invalid, NotFound, TooMany
from runtime.daemon.policies.rules import Deny, Policy
from tests.fakes.daemon_timers import settle
from tests.runtime.daemon.services.house import House, house


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


async def test_a_change_reaches_one_replica_after_the_other_and_one_always_answers(daemon: House) -> None:
    service = await daemon.made(replicas=3, environment={"LEVEL": "info"})
    fewest = 3
    most = 0

    def watch(_: object) -> None:
        nonlocal fewest, most
        fewest, most = min(fewest, len(service.route.seats)), max(most, len(daemon.launcher.alive))

    daemon.services.watchers.append(watch)
    await daemon.services.patch("api", {"environment": {"LEVEL": "debug"}})
    await daemon.services.settled("api", 5)
    assert [each.launch.environment["LEVEL"] for each in daemon.launcher.alive] == ["debug"] * 3
    assert {each.revision for each in service.instances} == {2}
    assert (fewest, most) == (3, 4)
    assert len(daemon.launcher.made) == 6


async def test_a_revision_that_does_not_start_leaves_the_earlier_one_at_work_until_it_is_taken_back(
    daemon: House,
) -> None:
    service = await daemon.made(replicas=2, restart={"max_attempts": 1, "backoff": "1s"})
    daemon.launcher.failing = [GuestFailed("RUNTIME_ERROR", "It traps at once.")] * 2
    await daemon.services.patch("api", {"environment": {"BAD": "1"}})
    await settle()
    await daemon.timers.pass_by(600)
    assert service.state == "running"
    assert service.degraded
    assert "It traps at once." in str(service.reason)
    assert len(service.route.seats) == 2
    assert [each.launch.environment for each in daemon.launcher.alive] == [{}, {}]
    await daemon.services.rollback("api")
    await daemon.services.settled("api", 5)
    assert not service.degraded
    assert service.revision == 3
    assert service.spec.environment == {}
    assert len(service.route.seats) == 2


async def test_a_revision_that_cannot_be_prepared_is_said_and_the_earlier_one_runs_on(daemon: House) -> None:
    service = await daemon.made()
    daemon.preparer.failing["wasm://api:2"] = GuestFailed("BUILD_FAILED", "It is no WebAssembly.")
    await daemon.services.patch("api", {"image": "wasm://api:2"})
    await settle()
    assert (service.state, service.degraded) == ("running", True)
    assert service.reason == "revision 2 cannot be run: It is no WebAssembly."
    assert len(daemon.launcher.made) == 1
    await daemon.services.rollback("api", 1)
    await daemon.services.settled("api", 5)
    assert not service.degraded


async def test_what_is_settled_in_the_daemon_changes_without_a_restart(daemon: House) -> None:
    service = await daemon.made()
    await daemon.services.patch(
        "api", {"labels": {"a": "b"}, "networks": ["default"], "ports": ["8080"], "restart": {"policy": "never"}}
    )
    await settle()
    assert service.revision == 2
    assert service.restart_policy.policy == "never"
    assert len(daemon.launcher.made) == 1
    assert service.settled


async def test_the_last_ten_revisions_are_kept(daemon: House) -> None:
    service = await daemon.made()
    for number in range(12):
        await daemon.services.patch("api", {"labels": {"n": str(number)}})
    assert [each.number for each in service.revisions] == list(range(4, 14))
    await daemon.services.patch("api", {"labels": {"n": "11"}})
    assert service.revision == 13  # nothing was changed
    await daemon.services.rollback("api", 5)
    assert service.spec.labels == {"n": "3"}
    with pytest.raises(NotFound) as raised:
        await daemon.services.rollback("api", 3)
    assert raised.value.code == "REVISION_NOT_FOUND"


async def test_new_bounds_move_the_count(daemon: House) -> None:
    service = await daemon.made(replicas={"min": 2, "max": 10})
    await daemon.services.scale("api", 9)
    await daemon.services.patch("api", {"replicas": {"min": 3, "max": 5}})
    assert service.counts.desired == 5
    assert daemon.last("service.scaled")["cause"] == "update"
    await daemon.services.patch("api", {"replicas": {"min": 1, "max": None}})
    assert service.counts.desired == 1
    daemon.limits.max_replicas_per_service = 4
    with pytest.raises(TooMany):
        await daemon.services.patch("api", {"replicas": 5})
    with pytest.raises(Invalid, match="renamed"):
        await daemon.services.patch("api", {"name": "other"})


async def test_a_policy_forbids_a_service_and_its_change(daemon: House) -> None:
    deny = Deny(from_=("api",), to=("vault",), reason="it must not")
    daemon.policies.put_project("p", [Policy(name="keep", deny=(deny,))])
    await daemon.made("vault")
    with pytest.raises(Forbidden):
        await daemon.made(depends_on=["vault"])
    await daemon.made()
    with pytest.raises(Forbidden):
        await daemon.services.patch("api", {"depends_on": ["vault"]})
    assert daemon.services.get("api").revision == 1
    assert daemon.last("policy.violated")["policy"] == "keep"


async def test_restart_replaces_all_and_answers_how_many(daemon: House) -> None:
    service = await daemon.made(replicas=2)
    assert await daemon.services.restart("api", timeout=5) == 2
    assert [each.alive for each in daemon.launcher.made] == [False, False, True, True]
    assert service.state == "running"
    assert await daemon.services.restart("api", force=True) == 2
    assert len(daemon.launcher.made) == 6
    assert len(daemon.launcher.alive) == 2
    assert daemon.preparer.prepared == 3


async def test_a_restart_looks_for_its_module_anew_and_leaves_all_as_it_is_if_it_is_gone(daemon: House) -> None:
    service = await daemon.made(replicas=2)
    daemon.preparer.failing["wasm://api:1"] = NotFound("MODULE_NOT_FOUND", "There is no such module.")
    with pytest.raises(NotFound):
        await daemon.services.restart("api")
    assert (service.state, service.degraded, len(daemon.launcher.made)) == ("running", True, 2)
    daemon.preparer.failing.clear()
    assert await daemon.services.restart("api") == 2
    assert not service.degraded


async def test_restart_reads_module_and_files_again_and_keeps_what_runs_if_it_cannot(daemon: House) -> None:
    service = await daemon.made(replicas=2)
    before = daemon.preparer.prepared
    await daemon.services.restart("api", timeout=5)
    assert daemon.preparer.prepared == before + 1
    assert len(daemon.launcher.made) == 4, "nobody was started with what is outdated"
    daemon.preparer.failing["wasm://api:1"] = NotFound("MODULE_NOT_FOUND", "It is gone.")
    with pytest.raises(NotFound, match="It is gone"):
        await daemon.services.restart("api", timeout=5)
    assert (service.state, len(daemon.launcher.alive), service.degraded) == ("running", 2, True)
    del daemon.preparer.failing["wasm://api:1"]
    assert await daemon.services.restart("api", timeout=5) == 2
    assert not service.degraded


async def test_without_room_for_one_more_a_change_takes_one_at_a_time(daemon: House) -> None:
    daemon.limits.max_replicas_per_service = 2
    await daemon.made(replicas=2)
    most = 0

    def watch(_: object) -> None:
        nonlocal most
        most = max(most, len(daemon.launcher.alive))

    daemon.services.watchers.append(watch)
    await daemon.services.patch("api", {"environment": {"A": "1"}})
    await daemon.services.settled("api", 5)
    assert most == 2
    assert [each.launch.environment for each in daemon.launcher.alive] == [{"A": "1"}] * 2


async def test_the_daemon_takes_up_what_should_run_in_order_and_leaves_the_rest(tmp_path: Path) -> None:
    async with house(tmp_path) as daemon:
        await daemon.made("web", depends_on=["api"])
        await daemon.made("api", depends_on=["store"])
        await daemon.made("store")
        await daemon.made("off")
        await daemon.services.stop("off")
        await daemon.services.scale("web", 2)
        ids = {each.name: each.id for each in daemon.services.list()}
    async with house(tmp_path) as daemon:
        await daemon.services.recover()
        await settle(60)
        assert {each.name: each.id for each in daemon.services.list()} == ids
        started = [each.launch.instance for each in daemon.launcher.made]
        assert started == [f"{ids[name]}-{at}" for name, at in (("store", 0), ("api", 0), ("web", 0), ("web", 1))]
        assert daemon.services.get("off").state == "stopped"
        stopped: list[str] = []
        daemon.events.listen(
            lambda event: stopped.append(event.data["name"]) if event.type == "service.stopped" else None
        )
        assert await daemon.services.close(5.0) == 3
        assert stopped == ["web", "web", "api", "store"]


async def test_a_deletion_that_a_kill_interrupted_is_carried_out_at_the_next_start(tmp_path: Path) -> None:
    async with house(tmp_path) as daemon:
        service = await daemon.made()
        record = msgspec.structs.replace(service.record, desired="deleted")
        await daemon.state.put("service", record.id, msgspec.json.encode(record))
    async with house(tmp_path) as daemon:
        await daemon.services.recover()
        left = daemon.services.get("api")
        await left.until(lambda: left.forgotten)
        assert daemon.services.list() == []
        assert daemon.state.load("service") == []
        assert daemon.launcher.made == []
