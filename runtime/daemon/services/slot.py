"""Slot: one replica's place in a service: launched, waited for, stopped. `supervisor` decides what happens when."""

import asyncio
from typing import Literal, Protocol

from catalog.errors import FabricError
from runtime.daemon.logs import ServiceLog
from runtime.daemon.services.parts import Watching
from runtime.daemon.services.prepared import Prepared
from runtime.daemon.services.records import Health, Instance, InstanceState, LastExit
from runtime.wasm.launch import Exit, Launcher, Replica

Leaving = Literal["gone", "stopped", "again"]
"""Why a replica is being stopped: its place goes too, it rests, or it is started anew."""


class Told(Protocol):
    """Who hears of a replica."""

    def ready(self, slot: "Slot", replica: Replica) -> None:
        """It has been launched."""
        ...

    def not_launched(self, slot: "Slot", error: FabricError) -> None:
        """It could not be launched."""
        ...

    def called_off(self, slot: "Slot") -> None:
        """It was to be stopped before it had been launched."""
        ...

    def ended(self, slot: "Slot", replica: Replica, end: Exit) -> None:
        """It has ended, however."""
        ...


class Slot:
    """One place. `generation` tells replicas of what is wanted now from earlier ones; `born` counts starts."""

    def __init__(self, service_id: str, number: int) -> None:
        self.id = f"{service_id}-{number}"
        self.number = number
        self.revision = 0
        self.generation = 0
        self.born = 0
        self.phase: InstanceState = "stopped"
        self.health: Health = "unknown"
        self.replica: Replica | None = None
        self.watching: Watching | None = None
        self.leaving: Leaving = "stopped"
        self.started_at_ns: int | None = None
        self.fit_since: float | None = None
        """Since when it has been ready and healthy, on the monotonic clock; kept while it is unhealthy."""
        self.restarts = 0
        self.attempts = 0
        self.due = 0.0
        self.last_exit: LastExit | None = None
        self.reason: str | None = None
        self._life: asyncio.Task[None] | None = None
        self._stop: asyncio.Task[Exit] | None = None

    @property
    def fit(self) -> bool:
        """Ready to answer and healthy, or done."""
        return self.phase == "completed" or (self.phase == "running" and self.health == "healthy")

    def launch(self, prepared: Prepared, launcher: Launcher, log: ServiceLog, told: Told) -> None:
        """Begin to start a replica here."""
        self.phase, self.health, self.fit_since, self.reason = "starting", "starting", None, None
        self._life = asyncio.create_task(self._live(prepared, launcher, log, told), name=f"replica {self.id}")
        self._life.add_done_callback(lambda life: self._over(life, told))

    def _over(self, life: asyncio.Task[None], told: Told) -> None:
        # A task that is cancelled before its first step does not even begin: who it was for hears of it here.
        if life.cancelled():
            told.called_off(self)
        elif (bug := life.exception()) is not None:
            # The slot keeps its task, so the loop would never tell of it by itself.
            life.get_loop().call_exception_handler(
                {"message": f"the life of {self.id} ended badly", "exception": bug, "task": life}
            )

    async def _live(self, prepared: Prepared, launcher: Launcher, log: ServiceLog, told: Told) -> None:
        def output(stream: str, piece: bytes) -> None:
            log.feed(self.id, stream, piece)

        outgoing = None if prepared.outgoing is None else prepared.outgoing(lambda: self.replica)
        try:
            replica = await launcher.launch(
                prepared.for_instance(self.id), output=output, outgoing=outgoing, timeout=prepared.timeout
            )
        except FabricError as error:
            told.not_launched(self, error)
            return
        self.replica = replica
        told.ready(self, replica)
        end = await replica.ended()
        self.replica = None
        log.ended(self.id)
        if self.watching is not None:
            self.watching.stop()
            self.watching = None
        told.ended(self, replica, end)

    def stop(self, leaving: Leaving, grace: float) -> None:
        """Begin to stop what runs here; a launch is called off."""
        self.phase, self.leaving, self.health = "stopping", leaving, "unknown"
        if self.replica is None and self._life is not None:
            self._life.cancel()
        if self.watching is not None:
            self.watching.stop()
            self.watching = None
        if self.replica is not None and self._stop is None:
            self._stop = asyncio.create_task(self.replica.stop(grace), name=f"stop {self.id}")
            self._stop.add_done_callback(self._stopped)

    def _stopped(self, _: asyncio.Task[Exit]) -> None:
        self._stop = None

    def kill(self) -> None:
        """End what runs here now."""
        if self.replica is not None:
            self.replica.kill()

    def shown(self) -> Instance:
        """As the API shows it."""
        return Instance(
            id=self.id,
            number=self.number,
            revision=self.revision,
            state=self.phase,
            health=self.health,
            started_at_ns=self.started_at_ns,
            restarts=self.restarts,
            last_exit=self.last_exit,
            reason=self.reason,
            pid=None if self.replica is None else self.replica.pid,
        )
