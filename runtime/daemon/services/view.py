"""View: what can be seen of a service. Its supervisor is one; nothing here changes anything."""

from collections.abc import Callable

from catalog.errors import FabricError
from runtime.daemon.services.admission import Limits
from runtime.daemon.services.condition import counts_of, health_of, state_of, trouble_of
from runtime.daemon.services.prepared import Prepared
from runtime.daemon.services.records import Counts, Health, Instance, Revision, ServiceRecord, ServiceState
from runtime.daemon.services.restarts import default_policy
from runtime.daemon.services.slot import Slot
from runtime.daemon.services.totals import Totals
from runtime.daemon.spec import RestartPolicy, ServiceSpec
from runtime.forms.workload import HealthCheck, ModuleType
from runtime.wasm.launch import Abi


class View:
    """A service as the API sees it: always up to date, no copy."""

    def __init__(self, record: ServiceRecord, limits: Callable[[], Limits], now: float) -> None:
        self.record = record
        self._limits = limits
        self.slots: list[Slot] = []
        self.totals = Totals(now)
        self.prepared: Prepared | None = None
        self.waiting_for: str | None = None
        """What must be there before the first replica is started."""
        self.halted: FabricError | None = None
        """Why nothing runs until somebody starts the service."""
        self.stuck: FabricError | None = None
        """Why the newest revision does not come about, while an earlier one runs."""
        self.closed_ports: dict[int, str] = {}
        """Host ports that cannot be listened on, and why."""

    @property
    def id(self) -> str:
        """`<name>-<6>`, or `svc-<8 hex>`."""
        return self.record.id

    @property
    def name(self) -> str:
        """Its own, alone."""
        return self.record.spec.name

    @property
    def spec(self) -> ServiceSpec:
        """As wanted now."""
        return self.record.spec

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """The last ten, the one that holds last."""
        return self.record.revisions

    @property
    def revision(self) -> int:
        """The number of the one that holds."""
        return self.record.revision.number

    @property
    def created_at_ns(self) -> int:
        """When it was created."""
        return self.record.created_at_ns

    @property
    def updated_at_ns(self) -> int:
        """When its specification, its replicas or what is wanted of it last changed."""
        return self.record.updated_at_ns

    @property
    def resting(self) -> bool:
        """Should no replica run now?"""
        return self.halted is not None or self.record.desired != "running"

    @property
    def settled(self) -> bool:
        """Is all as wanted, or will it not be without somebody's help? Its supervisor knows."""
        raise NotImplementedError

    @property
    def state(self) -> ServiceState:
        """In one word."""
        return state_of(
            self.slots,
            desired=self.record.desired,
            resting=self.resting,
            broken=self.halted is not None and self.record.desired == "running",
            waiting=self.waiting_for is not None,
        )

    @property
    def counts(self) -> Counts:
        """Replicas: desired, running, healthy."""
        return counts_of(self.slots, self.record.replicas)

    @property
    def health(self) -> Health:
        """Of all its replicas together."""
        return health_of(self.slots)

    @property
    def instances(self) -> tuple[Instance, ...]:
        """Its replicas, by number."""
        return tuple(slot.shown() for slot in self.slots)

    @property
    def degraded(self) -> bool:
        """Does it run with less than was asked for: replicas, health, its newest revision, its ports?"""
        if self.state != "running":
            return False
        counts, phases = self.counts, {slot.phase for slot in self.slots}
        troubled = self.stuck is not None or bool(self.closed_ports) or "backoff" in phases or "failed" in phases
        return troubled or counts.healthy < counts.desired

    @property
    def reason(self) -> str | None:
        """Why it is pending, degraded or failed."""
        if self.resting:
            return None if self.halted is None or self.record.desired != "running" else self.halted.message
        if self.waiting_for is not None:
            return self.waiting_for
        if self.stuck is not None:
            return f"revision {self.revision} cannot be run: {self.stuck.message}"
        return next(iter(self.closed_ports.values()), None) or trouble_of(self.slots)

    @property
    def type(self) -> ModuleType | None:
        """What it is; None until its module is known."""
        return self.spec.type if self.prepared is None else self.prepared.kind

    @property
    def abi(self) -> Abi | None:
        """How its guests are spoken to; None until its module is compiled."""
        return None if self.prepared is None else self.prepared.launch.abi

    @property
    def memory_limit(self) -> int:
        """Bytes one replica may use."""
        if self.prepared is not None:
            return self.prepared.launch.memory
        return self.spec.resources.memory or self._limits().default_memory_limit

    @property
    def cpu_limit(self) -> float:
        """Cores one replica may use."""
        if self.prepared is not None:
            return self.prepared.cpu
        return self.spec.resources.cpu or self._limits().default_cpu_limit

    @property
    def health_check(self) -> HealthCheck | None:
        """Its own, or its module's."""
        return self.spec.health_check if self.prepared is None else self.prepared.health_check

    @property
    def restart_policy(self) -> RestartPolicy:
        """Its own, or what holds for its type."""
        if self.spec.restart_policy is not None:
            return self.spec.restart_policy
        return default_policy(self.type or "http")
