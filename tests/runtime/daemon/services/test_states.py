"""A service's life: states, restarts, what may be asked when, and what is told of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from catalog.errors import Conflict, FabricError, GuestFailed, Invalid, NotFound, TooMany
from catalog.jsonvalue import Json
from runtime.daemon.services.supervisor import Supervisor
from runtime.wasm.launch import Exit
from tests.fakes.daemon_timers import settle
from tests.runtime.daemon.services.house import House, house

CRASH = Exit(code=134, trap="unreachable")


def _state(service: Supervisor) -> str:
    return service.state


def _phase(service: Supervisor) -> str:
    return service.instances[0].state


HEALTH: dict[str, Json] = {"type": "http", "path": "/health"}


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


async def test_a_service_is_created_started_and_runs(daemon: House) -> None:
    daemon.launcher.hold.clear()
    service = await daemon.made(replicas=2)
    assert _state(service) == "starting"
    assert service.id.startswith("api-")
    assert len(service.id) == len("api-a1b2c3")
    daemon.launcher.hold.set()
    await settle()
    assert _state(service) == "running"
    assert not service.degraded
    assert service.health == "healthy"
    assert (service.counts.desired, service.counts.running, service.counts.healthy) == (2, 2, 2)
    assert [each.id for each in service.instances] == [f"{service.id}-0", f"{service.id}-1"]
    assert daemon.types() == ["service.created", "service.started", "service.started"]
    assert daemon.last("service.started") == {"name": "api", "instance": f"{service.id}-1"}


async def test_a_crash_is_told_and_the_replica_comes_back_after_its_pause(daemon: House) -> None:
    service = await daemon.made(replicas=2, restart={"backoff": "10s"})
    daemon.launcher.made[0].end(CRASH)
    await settle()
    instance = service.instances[0]
    assert (service.state, service.degraded) == ("running", True)
    assert (instance.state, instance.restarts) == ("backoff", 0)
    assert instance.last_exit is not None
    assert (instance.last_exit.code, instance.last_exit.trap) == (134, "unreachable")
    assert service.reason == f"`{service.id}-0` is in state backoff: unreachable"
    stopped = daemon.last("service.stopped")
    assert (stopped["reason"], stopped["exit"]) == ("unreachable", {"code": 134, "trap": "unreachable"})
    await daemon.timers.pass_by(8.9)
    assert _phase(service) == "backoff"
    await daemon.timers.pass_by(2.2)
    assert _phase(service) == "running"
    assert service.instances[0].restarts == 1
    assert not service.degraded


async def test_restarts_in_a_row_are_counted_until_the_service_has_failed(daemon: House) -> None:
    service = await daemon.made(restart={"policy": "on-failure", "max_attempts": 3, "backoff": "1s"})
    for _ in range(4):
        daemon.launcher.alive[0].end(CRASH)
        await daemon.timers.pass_by(9)
    assert _state(service) == "failed"
    assert len(daemon.launcher.made) == 4
    failed = daemon.last("service.failed")
    assert failed == {
        "name": "api", "instance": f"{service.id}-0", "reason": "unreachable", "restarts": 3,
        "exit": {"code": 134, "trap": "unreachable"},
    }  # fmt: skip
    assert daemon.types().count("service.failed") == 1
    assert daemon.types().count("service.stopped") == 4
    await daemon.services.start("api")
    await settle()
    assert _state(service) == "running"
    assert service.instances[0].restarts == 0


async def test_a_replica_that_has_proved_itself_starts_counting_anew(daemon: House) -> None:
    service = await daemon.made(restart={"max_attempts": 1, "backoff": "1s"})
    for _ in range(5):
        await daemon.timers.pass_by(10)
        daemon.launcher.alive[0].end(CRASH)
        await daemon.timers.pass_by(1.2)
        assert _state(service) == "running"
    daemon.launcher.alive[0].end(CRASH)
    await settle()
    assert _state(service) == "failed"


async def test_a_module_that_cannot_be_instantiated_is_tried_again_by_the_same_rules(daemon: House) -> None:
    error = GuestFailed("RUNTIME_ERROR", "The module imports `env::nothing`.")
    daemon.launcher.failing = [error, error]
    service = await daemon.made(restart={"max_attempts": 1, "backoff": "1s"})
    assert _state(service) == "starting"
    assert "env::nothing" in str(service.reason)
    await daemon.timers.pass_by(2)
    assert _state(service) == "failed"
    assert "env::nothing" in daemon.last("service.failed")["reason"]
    assert any("env::nothing" in entry.message for entry in daemon.logs.of(service.id).entries())


async def test_a_module_that_cannot_be_built_fails_the_service_and_a_patch_mends_it(daemon: House) -> None:
    daemon.preparer.failing["wasm://api:1"] = GuestFailed("BUILD_FAILED", "It is no WebAssembly.")
    service = await daemon.made()
    assert (service.state, service.reason) == ("failed", "It is no WebAssembly.")
    assert daemon.last("service.failed")["reason"] == "It is no WebAssembly."
    await daemon.services.patch("api", {"image": "wasm://api:2"})
    await settle()
    assert _state(service) == "running"


async def test_a_command_that_ends_well_is_completed_and_stays_so_over_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path) as daemon:
        service = await daemon.made("job", type="command")
        dependent = await daemon.made("after", depends_on=["job"])
        assert dependent.state == "running"  # a job that runs is there; one that has ended well, too
        daemon.launcher.made[0].end(Exit(code=0))
        await daemon.services.settled("job", 5)
        await service.until(lambda: service.record.completed)
        assert (service.state, service.instances[0].state) == ("stopped", "completed")
        assert "service.failed" not in daemon.types()
    async with house(tmp_path) as again:
        await again.services.recover()
        await settle()
        assert [each.launch.service.partition("-")[0] for each in again.launcher.made] == ["after"]
        await again.services.start("job")
        await settle()
        assert again.services.get("job").state == "running"


async def test_a_command_that_fails_is_restarted(daemon: House) -> None:
    service = await daemon.made(type="command")
    daemon.launcher.made[0].end(Exit(code=3))
    await daemon.timers.pass_by(2)
    assert len(daemon.launcher.made) == 2
    assert _state(service) == "running"


async def test_stop_waits_for_what_is_under_way_and_force_does_not(daemon: House) -> None:
    service = await daemon.made()
    await daemon.services.stop("api", timeout=7)
    assert daemon.launcher.made[0].stops == [7]
    assert (service.state, service.instances[0].state) == ("stopped", "stopped")
    assert daemon.preparer.held == set()
    await daemon.services.start("api")
    await settle()
    stubborn = daemon.launcher.made[1]
    stubborn.stubborn = True
    await daemon.services.stop("api", timeout=60, force=True)
    assert not stubborn.alive


async def test_force_ends_a_stop_that_is_under_way(daemon: House) -> None:
    service = await daemon.made()
    daemon.launcher.made[0].stubborn = True
    slow = asyncio.create_task(daemon.services.stop("api", timeout=600))
    await service.until(lambda: service.state == "stopping")
    await daemon.services.delete("api", force=True)
    await slow
    assert daemon.services.find("api") is None


async def test_what_a_state_does_not_allow_is_refused_with_what_it_does(daemon: House) -> None:
    await daemon.made()
    with pytest.raises(Conflict) as raised:
        await daemon.services.start("api")
    assert raised.value.code == "INVALID_STATE"
    assert raised.value.details["current"] == "running"
    assert raised.value.details["allowed"] == ["failed", "stopped"]
    await daemon.services.stop("api")
    for wrong in (daemon.services.stop, daemon.services.restart):
        with pytest.raises(Conflict, match="is stopped"):
            await wrong("api")


async def test_a_service_waits_for_those_it_depends_on_until_they_are_healthy(daemon: House) -> None:
    service = await daemon.made("web", depends_on=["store"])
    assert (service.state, service.reason) == ("pending", "it waits for service `store`, which does not exist")
    await daemon.made("store", health_check=HEALTH)
    assert service.reason == "it waits for service `store`, which is starting"
    store = daemon.services.get("store")
    daemon.watcher.of[store.instances[0].id].told("healthy")
    await settle()
    assert _state(service) == "running"


async def test_services_that_would_wait_for_each_other_are_refused(daemon: House) -> None:
    await daemon.made("a", depends_on=["b"])
    with pytest.raises(Invalid, match="wait for each other"):
        await daemon.made("b", depends_on=["a"])


async def test_an_unhealthy_replica_is_restarted_after_its_pause(daemon: House) -> None:
    service = await daemon.made(health_check=HEALTH, replicas=2, restart={"backoff": "4s"})
    assert (service.state, service.health) == ("starting", "starting")
    for instance in service.instances:
        daemon.watcher.of[instance.id].told("healthy")
    await settle()
    assert (service.state, service.health) == ("running", "healthy")
    watching = daemon.watcher.of[f"{service.id}-0"]
    watching.told("unhealthy")
    await settle()
    assert watching.stopped
    assert [each.state for each in service.instances] == ["backoff", "running"]
    assert service.reason == f"`{service.id}-0` is in state backoff: its health check fails"
    assert daemon.last("service.stopped")["reason"] == "its health check fails"
    await daemon.timers.pass_by(5)
    assert len(daemon.launcher.alive) == 2
    assert service.instances[0].restarts == 1


async def test_with_policy_never_an_unhealthy_replica_stays_and_gets_no_requests(daemon: House) -> None:
    service = await daemon.made(health_check=HEALTH, restart="never")
    watching = daemon.watcher.of[f"{service.id}-0"]
    watching.told("healthy")
    await settle()
    assert len(service.route.seats) == 1
    watching.told("unhealthy")
    await settle()
    assert (service.state, service.health, service.degraded) == ("running", "unhealthy", True)
    assert service.route.seats == []
    watching.told("healthy")
    await settle()
    assert len(service.route.seats) == 1


async def test_scale_starts_more_and_stops_the_newest(daemon: House) -> None:
    service = await daemon.made()
    assert await daemon.services.scale("api", 3) == (1, 3)
    await settle()
    assert service.counts.healthy == 3
    assert daemon.last("service.scaled") == {
        "name": "api", "previous_replicas": 1, "new_replicas": 3, "cause": "request",
    }  # fmt: skip
    assert await daemon.services.scale("api", 1) == (3, 1)
    await settle()
    assert [each.id for each in service.instances] == [f"{service.id}-0"]
    assert daemon.launcher.alive == [daemon.launcher.made[0]]
    assert daemon.launcher.made[2].stops == [10.0]
    for wrong in (0, -1):
        with pytest.raises(Invalid):
            await daemon.services.scale("api", wrong)
    with pytest.raises(TooMany):
        await daemon.services.scale("api", 21)


async def test_scale_keeps_to_the_bounds_of_the_service(daemon: House) -> None:
    await daemon.made(replicas={"min": 2, "max": 4})
    for wrong in (1, 5):
        with pytest.raises(Invalid, match="from 2 to 4"):
            await daemon.services.scale("api", wrong)


async def test_names_and_ids_are_interchangeable_and_near_misses_are_helped(daemon: House) -> None:
    service = await daemon.made("payments")
    assert daemon.services.get(service.id) is daemon.services.get("payments") is service
    with pytest.raises(NotFound) as raised:
        daemon.services.get("paymnets")
    assert raised.value.code == "SERVICE_NOT_FOUND"
    assert raised.value.hint == "Did you mean `payments`?"
    assert raised.value.details == {"service_id": "paymnets", "available_services": ["payments"]}
    for taken in ("payments", service.id):
        with pytest.raises(Conflict) as conflict:
            await daemon.made(taken)
        assert conflict.value.code == "SERVICE_ALREADY_EXISTS"


async def test_admission_adds_up_only_what_is_asked_for_explicitly(daemon: House) -> None:
    daemon.limits.max_memory_total, daemon.limits.max_cpu_total = 100 << 20, 1.0
    await daemon.made("plain")
    await daemon.made("first", resources={"memory": "40Mi", "cpu": 0.3}, replicas=2)
    for wrong in ({"memory": "21Mi"}, {"cpu": 0.5}):
        with pytest.raises(TooMany) as raised:
            await daemon.made("second", resources=wrong)
        assert raised.value.code == "RESOURCE_LIMIT_EXCEEDED"
    with pytest.raises(TooMany):
        await daemon.services.scale("first", 3)
    await daemon.services.stop("first")
    await daemon.made("second", resources={"memory": "100Mi"})
    with pytest.raises(TooMany):
        await daemon.services.start("first")
    daemon.limits.max_services = 3
    with pytest.raises(TooMany):
        await daemon.made("third")


async def test_two_services_cannot_have_the_same_port_at_once(daemon: House) -> None:
    await daemon.made("a", ports=["8080:80"])
    with pytest.raises(Conflict) as raised:
        await daemon.made("b", ports=["8080:81"])
    assert raised.value.code == "PORT_TAKEN"
    await daemon.services.stop("a")
    await daemon.made("b", ports=["8080:81"])
    with pytest.raises(Conflict):
        await daemon.services.start("a")


async def test_lists_are_filtered(daemon: House) -> None:
    await daemon.made("a", labels={"tier": "web"}, networks=["one"])
    await daemon.made("b", labels={"tier": "data", "keep": ""}, networks=["one", "two"])
    await daemon.services.stop("a")

    def names(**filters: Json) -> list[str]:
        return [each.name for each in daemon.services.list(**filters)]

    assert names() == ["a", "b"]
    assert names(state="stopped") == ["a"]
    assert names(network="one") == ["a", "b"]
    assert names(network="two") == ["b"]
    assert names(labels=["tier=web"]) == ["a"]
    assert names(labels=["tier", "keep"]) == ["b"]
    with pytest.raises(Invalid, match="is not a state"):
        names(state="runing")


async def test_run_module_is_named_after_it_and_internal(daemon: House) -> None:
    service = await daemon.services.run_module("rust-http:0.1.0", args=["-v"], env_vars=[("A", "1"), ("A", "2")])
    assert service.id.startswith("svc-")
    assert len(service.id) == len("svc-a1b2c3d4")
    assert (service.name, service.spec.networks, service.spec.args) == ("rust-http", (), ("-v",))
    assert service.spec.environment == {"A": "2"}


async def test_a_full_volume_stops_its_writer_until_somebody_starts_it(daemon: House) -> None:
    service = await daemon.made()
    daemon.services.volume_full(service.id, "data")
    await settle()
    assert (service.state, service.reason) == ("failed", "Volume `data` is full.")
    assert daemon.launcher.alive == []
    await daemon.timers.pass_by(3600)
    assert daemon.launcher.alive == []
    await daemon.services.start("api")
    await settle()
    assert _state(service) == "running"


async def test_a_service_whose_volume_is_not_there_waits_for_it(daemon: House) -> None:
    missing: FabricError = NotFound("VOLUME_NOT_FOUND", "Volume `data` not found.")
    daemon.preparer.failing["wasm://api:1"] = missing
    service = await daemon.made(volumes=["data:/data"])
    assert (service.state, service.reason) == ("pending", "Volume `data` not found.")
    daemon.events.publish("volume.created", id="volume-x1y2z3", name="other")
    await settle()
    assert daemon.preparer.prepared == 1
    daemon.preparer.failing.clear()
    daemon.events.publish("volume.created", id="volume-a1b2c3", name="data")
    await settle()
    assert _state(service) == "running"


async def test_nothing_is_left_of_a_deleted_service(daemon: House, tmp_path: Path) -> None:
    service = await daemon.made(restart={"backoff": "60s"}, replicas=2)
    daemon.launcher.made[0].end(CRASH)
    await settle()
    await daemon.services.delete(service.id)
    assert daemon.services.list() == []
    assert daemon.preparer.forgotten == [service.id]
    assert daemon.router.find(service.id) is None
    assert daemon.timers.waiting == 0
    assert daemon.state.load("service") == []
    await daemon.made("api")


async def test_idle_services_have_no_timer_and_no_work(daemon: House) -> None:
    for number in range(100):
        await daemon.made(f"s{number}")
    looks = 0

    def count(_: object) -> None:
        nonlocal looks
        looks += 1

    daemon.services.watchers.append(count)
    assert daemon.timers.waiting == 0
    await daemon.timers.pass_by(3600)
    assert looks == 0
