"""Watch: one replica's health, and what turns it.

A replica begins as `starting`: it is asked often, and what fails is forgiven until it has had as long as a healthy one
has to turn unhealthy. From then on one success makes it healthy, `retries` failures in a row unhealthy.

A worker answers one request after the other. A probe that runs out of time behind other requests says nothing about the
guest, and is waited for until it has been answered: those requests have a time limit of their own.
"""

from collections.abc import Callable

import msgspec

from runtime.clock import Clock
from runtime.daemon.health.history import Probe
from runtime.daemon.health.probes import Question, Result
from runtime.daemon.services.records import Health
from runtime.daemon.timers import Alarm, Timers
from runtime.wasm.launch import Replica

FIRST_PAUSE = 0.05
"""Seconds between the first two questions to a replica that starts; then twice as long each time."""


class Rhythm(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between questions, seconds for an answer, failures in a row."""

    interval: float
    timeout: float
    retries: int


class Watch:
    """Asks until it is stopped.

    `ask` begins a question, `told` hears of changes (now, before), `kept` gets every probe. `queued`: questions stand
    in the worker's queue.
    """

    def __init__(
        self,
        instance: str,
        replica: Replica,
        rhythm: Callable[[], Rhythm],
        ask: Callable[[Result], Question],
        told: Callable[[Health, Health], None],
        kept: Callable[[Probe], None],
        clock: Clock,
        timers: Timers,
        *,
        queued: bool,
    ) -> None:
        self.instance = instance
        self.health: Health = "starting"
        self.last_check_ns: int | None = None
        self.failures = 0
        self._replica = replica
        self._rhythm = rhythm
        self._ask = ask
        self._told = told
        self._kept = kept
        self._clock = clock
        self._timers = timers
        self._queued = queued
        self._began = clock.monotonic()
        self._asked_at = 0.0
        self._pause = FIRST_PAUSE
        self._question: Question | None = None
        self._behind = False
        self._lost = 0
        """Questions that were given up and that the worker still has."""
        self._alarm: Alarm | None = timers.at(self._began, self._begin)
        self._stopped = False
        self._listeners: list[Callable[[], None]] = []

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        self._set_alarm(None, self._begin)
        if self._question is not None:
            self._question.cancel()
            self._question = None
        self._tell_listeners()

    def now(self, then: Callable[[], None]) -> None:
        """Ask at once, if nothing is being asked; `then` is called when an answer is there or the watch has ended."""
        if self._stopped:
            then()
            return
        self._listeners.append(then)
        if self._question is None:
            self._begin()

    def _begin(self) -> None:
        rhythm = self._rhythm()
        self._asked_at = self._clock.monotonic()
        self._behind = self._queued and self._replica.pending > self._lost
        self._set_alarm(self._asked_at + rhythm.timeout, self._overdue)
        # A question may be answered before it is in our hands.
        answers: list[str | None] = []
        asking = True

        def result(wrong: str | None) -> None:
            if asking:
                answers.append(wrong)
            else:
                self._answered(wrong)

        self._question = self._ask(result)
        asking = False
        if answers:
            self._answered(answers[0])

    def _overdue(self) -> None:
        timeout = self._rhythm().timeout
        if self._behind:
            self._behind = self._replica.pending > self._lost + 1
            self._set_alarm(self._clock.monotonic() + timeout, self._overdue)
            return
        if self._question is not None:
            self._question.cancel()
            self._lost = self._replica.pending
        self._answered(f"it did not answer within {timeout:g} seconds")

    def _answered(self, wrong: str | None) -> None:
        if self._stopped:
            return
        self._question = None
        now, rhythm = self._clock.monotonic(), self._rhythm()
        self.last_check_ns = self._clock.now_ns()
        self._kept(
            Probe(
                time_ns=self.last_check_ns,
                instance=self.instance,
                status="healthy" if wrong is None else "unhealthy",
                response_time=now - self._asked_at,
                detail=wrong,
            )
        )
        if wrong is None:
            self.failures = self._lost = 0
        else:
            self.failures += 1
        pause = rhythm.interval
        if self.health == "starting" and wrong is not None:
            pause, self._pause = min(self._pause, rhythm.interval), self._pause * 2
        self._set_alarm(max(now, self._asked_at + pause), self._begin)
        self._turn(wrong, now, rhythm)
        self._tell_listeners()

    def _turn(self, wrong: str | None, now: float, rhythm: Rhythm) -> None:
        health = self.health
        if wrong is None:
            health = "healthy"
        elif health == "starting":
            if now - self._began >= rhythm.interval * rhythm.retries:
                health = "unhealthy"
        elif self.failures >= rhythm.retries:
            health = "unhealthy"
        if health != self.health:
            previous, self.health = self.health, health
            self._told(health, previous)

    def _set_alarm(self, when: float | None, ring: Callable[[], None]) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if when is None else self._timers.at(when, ring)

    def _tell_listeners(self) -> None:
        listeners, self._listeners = self._listeners, []
        for then in listeners:
            then()
