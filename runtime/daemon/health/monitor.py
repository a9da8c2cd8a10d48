"""Monitor: looks after the health of every replica whose service has a health check. Others cost nothing."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

import msgspec

from runtime.clock import Clock
from runtime.daemon.events import EventBus
from runtime.daemon.health.history import History, Probe
from runtime.daemon.health.probes import HttpQuestion, Question, Result, TaskQuestion, connects, runs
from runtime.daemon.health.watch import Rhythm, Watch
from runtime.daemon.services.records import Health
from runtime.daemon.timers import Timers
from runtime.forms.workload import HealthCheck
from runtime.wasm.launch import Abi, Launch, Launcher, Replica

RETRIES = 3


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """What holds where a service says nothing: the `[monitoring]` of the daemon's settings. Seconds."""

    interval: float = 5.0
    timeout: float = 3.0
    retries: int = RETRIES


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one replica's health besides the word."""

    last_check_ns: int | None
    consecutive_failures: int


class Monitor:
    """Implements services.parts.Watcher. `defaults` may be exchanged at any time: the next question goes by it.

    `name_of` and `template_of` find a service's name and what its replicas are launched with, by its id.
    """

    def __init__(
        self,
        events: EventBus,
        launcher: Launcher,
        clock: Clock,
        timers: Timers,
        defaults: Defaults,
        *,
        name_of: Callable[[str], str | None],
        template_of: Callable[[str], Launch | None],
    ) -> None:
        self.defaults = defaults
        self._events = events
        self._launcher = launcher
        self._clock = clock
        self._timers = timers
        self._name_of = name_of
        self._template_of = template_of
        self._histories: dict[str, History] = {}
        self._watches: dict[str, dict[str, Watch]] = {}

    def watch(
        self, service_id: str, instance: str, replica: Replica, check: HealthCheck, told: Callable[[Health], None]
    ) -> "Watched":
        """See Watcher."""
        watch = Watch(
            instance,
            replica,
            partial(self._rhythm, check),
            partial(self._ask, service_id, instance, replica, check),
            partial(self._changed, service_id, instance, told),
            self._histories.setdefault(service_id, History()).add,
            self._clock,
            self._timers,
            queued=check.type == "http",
        )
        self._watches.setdefault(service_id, {})[instance] = watch
        return Watched(self, service_id, watch)

    def forget(self, service_id: str) -> None:
        """See Watcher."""
        for watch in self._watches.pop(service_id, {}).values():
            watch.stop()
        self._histories.pop(service_id, None)

    def facts(self, service_id: str, instance: str) -> Facts:
        """Of one replica; nothing is known of one that is not watched."""
        watch = self._watches.get(service_id, {}).get(instance)
        if watch is None:
            return Facts(last_check_ns=None, consecutive_failures=0)
        return Facts(last_check_ns=watch.last_check_ns, consecutive_failures=watch.failures)

    def history(
        self, service_id: str, *, since_ns: int | None = None, until_ns: int | None = None, limit: int = 100
    ) -> list[Probe]:
        """The last probes of a service, newest first."""
        history = self._histories.get(service_id)
        return [] if history is None else history.read(since_ns, until_ns, limit)

    def known(self) -> list[str]:
        """Services that were asked."""
        return list(self._histories)

    def kept(self, service_id: str) -> list[Probe]:
        """All probes of a service that are still there, oldest first."""
        history = self._histories.get(service_id)
        return [] if history is None else history.all()

    def take_up(self, service_id: str, probes: Iterable[Probe]) -> None:
        """Put what an earlier start of the daemon has kept in front; it counts in no metric of this one."""
        self._histories.setdefault(service_id, History()).put_back(probes)

    @property
    def checks(self) -> dict[tuple[str, str], int]:
        """How many probes of a service, by its name, were a `success` and a `failure` since the daemon began."""
        found: dict[tuple[str, str], int] = {}
        for service_id, history in self._histories.items():
            name = self._name_of(service_id) or service_id
            found[name, "success"], found[name, "failure"] = history.good, history.bad
        return found

    async def check(self, service_id: str) -> None:
        """Ask every watched replica of a service now, and wait for what they say."""
        waiting: list[asyncio.Future[None]] = []
        for watch in tuple(self._watches.get(service_id, {}).values()):
            answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            watch.now(partial(_resolve, answered))
            waiting.append(answered)
        if waiting:
            await asyncio.wait(waiting)

    def left(self, service_id: str, watch: Watch) -> None:
        """A watch has ended."""
        watch.stop()
        watches = self._watches.get(service_id, {})
        if watches.get(watch.instance) is watch:
            del watches[watch.instance]

    def _changed(
        self, service_id: str, instance: str, told: Callable[[Health], None], health: Health, previous: Health
    ) -> None:
        name = self._name_of(service_id)
        self._events.publish(
            "health.changed", service_id=service_id, name=name, instance=instance, health=health, previous=previous
        )
        told(health)

    def _rhythm(self, check: HealthCheck) -> Rhythm:
        defaults = self.defaults
        return Rhythm(
            interval=check.interval or defaults.interval,
            timeout=check.timeout or defaults.timeout,
            retries=check.retries or defaults.retries,
        )

    def _ask(self, service_id: str, instance: str, replica: Replica, check: HealthCheck, result: Result) -> Question:
        template = self._template_of(service_id)
        if check.type == "http":
            return HttpQuestion(self._name_of(service_id) or service_id, replica, check, result)
        if check.type == "exec" and template is not None:
            seconds = self._rhythm(check).timeout
            return TaskQuestion(
                lambda: runs(self._launcher, template, f"{instance}-check", check.command, seconds), result
            )
        if template is not None and template.abi is Abi.TCP:
            return TaskQuestion(lambda: connects(replica), result)
        return TaskQuestion(_lives, result)


class Watched:
    """Implements services.parts.Watching."""

    def __init__(self, monitor: Monitor, service_id: str, watch: Watch) -> None:
        self._monitor = monitor
        self._service_id = service_id
        self._watch = watch

    def stop(self) -> None:
        """See Watching."""
        self._monitor.left(self._service_id, self._watch)


async def _lives() -> str | None:
    """The daemon itself listens for a service that speaks HTTP: a worker that has not ended takes connections."""
    return None


def _resolve(answered: asyncio.Future[None]) -> None:
    if not answered.done():
        answered.set_result(None)
