"""Scaler: looks at services that may have more or fewer replicas than they have, once an interval."""

import asyncio

import msgspec
import structlog

from catalog.errors import FabricError
from runtime.clock import Clock
from runtime.daemon.scaling.deciding import Decision, Measured, Memory, Rules, decide
from runtime.daemon.services.services import Services
from runtime.daemon.services.supervisor import Supervisor
from runtime.daemon.timers import Alarm, Timers
from runtime.daemon.traffic.router import PIPELINE

_log = structlog.get_logger()


class ScalingDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """The `[scaling]` of the daemon's settings; seconds and percent."""

    evaluation_interval: float = 30.0
    scale_up_cooldown: float = 60.0
    scale_down_cooldown: float = 300.0
    default_cpu_threshold: float = 70.0
    cpu_stabilization_window: float = 120.0


class Look(msgspec.Struct, frozen=True):
    """Sums at one time, from which the next ones' averages are taken."""

    at: float
    cpu_ns: int
    seconds: float


class Scaler:
    """`start` begins, `stop` ends. `defaults` may be exchanged at any time."""

    def __init__(self, services: Services, clock: Clock, timers: Timers, defaults: ScalingDefaults) -> None:
        self.defaults = defaults
        self._services = services
        self._clock = clock
        self._timers = timers
        self._looks: dict[str, Look] = {}
        self._memories: dict[str, Memory] = {}
        self._alarm: Alarm | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Look once an interval from now on."""
        self._alarm = self._timers.at(self._clock.monotonic() + self.defaults.evaluation_interval, self._evaluate)

    async def stop(self) -> None:
        """Look no more."""
        if self._alarm is not None:
            self._alarm.cancel()
        await self.idle()

    async def idle(self) -> None:
        """Wait until what was decided is done."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _evaluate(self) -> None:
        self.start()
        scalable = {each.id: each for each in self._services.list() if _may_scale(each)}
        self._looks = {id: look for id, look in self._looks.items() if id in scalable}
        self._memories = {id: memory for id, memory in self._memories.items() if id in scalable}
        for service in scalable.values():
            measured = self._measure(service)
            if measured is None:
                continue
            memory = self._memories.setdefault(service.id, Memory(measured.at))
            decision = decide(measured, service.record.replicas, self._rules(service), memory)
            if decision is not None:
                memory.scaled_at = measured.at
                task = asyncio.create_task(self._scale(service.id, decision))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _measure(self, service: Supervisor) -> Measured | None:
        """Averages since the last look; None for the first, and while nothing runs."""
        replicas = [slot.replica for slot in service.slots if slot.replica is not None and slot.phase == "running"]
        total = service.totals.now(replicas)
        now = Look(self._clock.monotonic(), total.cpu_ns, service.route.under_way())
        before = self._looks.get(service.id)
        self._looks[service.id] = now
        if before is None or not replicas or now.at <= before.at:
            return None
        passed = now.at - before.at
        cores = (now.cpu_ns - before.cpu_ns) / 1e9 / passed
        return Measured(
            at=now.at,
            running=len(replicas),
            cpu_percent=100 * cores / (service.cpu_limit * len(replicas)),
            in_flight=(now.seconds - before.seconds) / passed,
        )

    def _rules(self, service: Supervisor) -> Rules:
        wanted, defaults = service.spec.replicas, self.defaults
        up, down = wanted.scale_up_cooldown, wanted.scale_down_cooldown
        return Rules(
            least=wanted.min,
            most=min(wanted.max or wanted.min, self._services.replicas_most),
            cpu_threshold=wanted.cpu_threshold or defaults.default_cpu_threshold,
            in_flight_threshold=wanted.in_flight_threshold or float(PIPELINE),
            up_cooldown=defaults.scale_up_cooldown if up is None else up,
            down_cooldown=defaults.scale_down_cooldown if down is None else down,
            window=defaults.cpu_stabilization_window,
        )

    async def _scale(self, service_id: str, decision: Decision) -> None:
        try:
            await self._services.scale(service_id, decision.replicas, cause=decision.cause)
        except FabricError as error:
            # Its state, or what the daemon may spend, has changed meanwhile: the next look will see.
            _log.info("autoscale_refused", service=service_id, code=error.code, why=error.message)


def _may_scale(service: Supervisor) -> bool:
    wanted = service.spec.replicas
    return wanted.max is not None and wanted.max > wanted.min and service.state == "running"
