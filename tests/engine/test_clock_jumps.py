"""Cooldowns, the ingest window and paced firings while somebody sets the wall clock an hour forward and back."""

import asyncio
import random
import time
from collections import Counter, deque
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import structlog

from catalog.errors import TooMany
from engine.ingest import EVENT_TYPE
from engine.runs import Run, RunState
from tests.engine.house import House
from tests.engine.timed import timed_house
from tests.fakes.moved_clock import MovedClock
from tests.fakes.still_clock import StillClock

HOUR = 3600.0
MOMENTS = 5_000
LIMIT, WINDOW = 5, 60.0
REST = 30.0


class Story:
    """A house through jumps and restarts, and what must be true of it by the time that really passes."""

    def __init__(self, data: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.clock = StillClock()
        self.data = data
        self.stack = AsyncExitStack()
        self.seen: Counter[str] = Counter()
        self.time = 0.0
        self.accepted: list[float] = []
        self.rest_until = 0.0
        self.rest_began: float | None = None
        self.since_rest: list[str] = []
        self.deeds: deque[tuple[str, float]] = deque(maxlen=500)

    async def open(self) -> None:
        """Start the house."""
        opened = timed_house(self.data, self.clock, ingest_limit=f"{LIMIT}/{int(WINDOW)}s")
        self.home: House = await self.stack.enter_async_context(opened)

    async def connect(self) -> None:
        """One Connection that rests."""
        steps = [{"operation_id": "fabric.log", "params": {"message": "x"}}]
        source = {"name": "rests", "source_event": EVENT_TYPE, "cooldown_seconds": int(REST), "steps": steps}
        await self.home.connect(source)

    def pass_by(self) -> None:
        """Some time passes, in steps that meet the ends of rests and windows exactly."""
        seconds = self.dice.choice((0.0, 0.5, 1.0, 5.0, 10.0, 29.5, 30.0, 60.0, self.dice.randrange(160) / 8))
        self.clock.pass_by(seconds)
        self.time += seconds

    def jump(self) -> None:
        """Somebody sets the wall clock."""
        self.clock.set_wall(self.dice.choice((HOUR, -HOUR, self.dice.randrange(-28_800, 28_800) / 8)))
        self.note("jump")

    async def restart(self) -> None:
        """The process ends and another begins, at times on a machine that was booted anew."""
        await self.stack.aclose()
        if self.dice.random() < 0.5:
            self.clock.reboot(float(self.dice.randrange(1_000_000)))
        await self.open()
        self.note("restart")

    @property
    def rest_blurred(self) -> bool:
        """Since the rest began there were a restart, which leaves only the wall clock, and a jump of that."""
        return {"restart", "jump"} <= set(self.since_rest)

    def window_blurred(self) -> bool:
        """A restart after a jump: until the first event after the jump, or else the restart, is a window old."""
        restarted: float | None = None
        first = float("inf")
        for deed, moment in reversed(self.deeds):
            if deed == "jump" and restarted is not None and self.time - min(first, restarted) < WINDOW:
                return True
            if deed == "restart" and restarted is None:
                restarted = moment
            elif deed == "accepted":
                first = moment
        return False

    def note(self, deed: str) -> None:
        """Remember a jump or a restart."""
        self.seen[deed] += 1
        self.since_rest.append(deed)
        self.deeds.append((deed, self.time))

    async def push(self) -> None:
        """One event: was it rightly admitted, and did it rightly fire?"""
        recent = [moment for moment in self.accepted[-200:] if self.time - moment < WINDOW]
        blurred = self.window_blurred()
        try:
            event = (
                await self.home.app.ingest.accept(
                    self.home.admin.organisation_id, {"name": "order", "payload": {}}, b""
                )
            ).event
        except TooMany:
            assert blurred or len(recent) >= LIMIT
            self.seen["refused, blurred" if blurred else "refused"] += 1
            return
        assert blurred or len(recent) < LIMIT
        assert len(recent) < 2 * LIMIT
        self.seen["admitted, blurred" if blurred else "admitted"] += 1
        self.accepted.append(self.time)
        self.deeds.append(("accepted", self.time))
        self.check_rest(await self.run_of(event.id))

    async def run_of(self, event_id: str) -> Run:
        """The event's run, when it is over."""
        while True:
            (run,) = (await self.home.app.store.list_runs(self.home.admin.organisation_id, 1, None)).items or (None,)
            if run is not None and run.event.id == event_id and run.state.over:
                return run
            await asyncio.sleep(0)

    def check_rest(self, run: Run) -> None:
        """It fires when the rest is over, and not before."""
        began = self.rest_began
        rests = began is not None and self.time - began < REST
        blurred = began is not None and self.rest_blurred
        fired = run.state is RunState.SUCCEEDED
        assert fired or (run.state, run.reason) == (RunState.SKIPPED, "cooldown")
        assert blurred or fired != rests
        assert fired or not blurred or 0 < self.rest_until - self.clock.wall <= REST
        self.seen[f"{'fired' if fired else 'skipped'}{', blurred' if blurred else ''}"] += 1
        if fired:
            self.rest_began, self.rest_until, self.since_rest = self.time, self.clock.wall + REST, []


@pytest.mark.promise("E8", "E9", count=MOMENTS)
async def test_rests_and_windows_keep_their_length_over_jumps_and_over_restarts(tmp_path: Path) -> None:
    story = Story(tmp_path, 20261121)
    await story.open()
    await story.connect()
    with structlog.testing.capture_logs():
        for _ in range(MOMENTS):
            story.pass_by()
            if story.dice.random() < 0.2:
                story.jump()
            if story.dice.random() < 0.02:
                await story.restart()
            await story.push()
    await story.stack.aclose()
    assert story.seen["jump"] > MOMENTS / 6
    assert story.seen["restart"] > MOMENTS / 75
    for seen in ("fired", "skipped", "admitted", "refused"):
        assert story.seen[seen] > 2 * story.seen[f"{seen}, blurred"], story.seen
        assert story.seen[seen] > MOMENTS / 30, story.seen


@pytest.mark.promise("E8")
@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_paced_firings_start_in_time_whatever_the_wall_clock_says(tmp_path: Path, jump: float) -> None:
    clock = MovedClock()
    async with timed_house(tmp_path, clock) as home:
        steps = [{"operation_id": "probe.echo", "params": {"value": "{{trigger.n}}"}}]
        await home.connect(
            {"name": "paced", "source_event": "probe.thing.happened", "max_rate": "10/s", "steps": steps}
        )
        began = time.monotonic()
        for number in range(10):
            await home.happen({"n": number})
            if number == 4:
                while len((await home.app.store.list_runs(home.admin.organisation_id, 10, None)).items) < 5:
                    await asyncio.sleep(0.001)
                clock.set_wall(jump)
        runs = await home.settled(10)
        assert 0.85 <= time.monotonic() - began <= 8.0
        assert all(run.state is RunState.SUCCEEDED for run in runs)
