"""Interrupts hit the request that they name, whenever they come."""

import select
from typing import cast

import pytest
import wasmtime

from catalog.errors import TargetTimeout
from runtime.wasm.guest.serving import serve
from runtime.wasm.guest.situation import Situation
from runtime.wasm.guest.turns import Turns
from runtime.wasm.wire import Interrupt
from tests.runtime.wasm.lab import Lab, ask, begin
from tests.runtime.wasm.modules_in_wat import REACTOR


class CountingEngine:
    epochs = 0

    def increment_epoch(self) -> None:
        self.epochs += 1


def test_only_the_current_request_is_interrupted_and_only_once() -> None:
    engine = CountingEngine()
    turns = Turns(cast(wasmtime.Engine, engine))
    turns.interrupt(1)
    turns.begin(1)
    turns.interrupt(2)
    assert (engine.epochs, turns.interrupted) == (0, False)
    assert not select.select([turns], [], [], 0)[0]
    turns.interrupt(1)
    turns.interrupt(1)
    assert (engine.epochs, turns.interrupted) == (1, True)
    assert select.select([turns], [], [], 0)[0], "who waits for the host wakes up"
    assert turns.end()
    turns.interrupt(1)
    turns.begin(2)
    assert not turns.end()
    assert engine.epochs == 1
    assert not select.select([turns], [], [], 0)[0]


class LateGuest:
    """Is interrupted when it has its answer, before its turn has ended."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.rearmed = 0

    def start(self, *_: object) -> None:
        pass

    def answer(self, request: bytes) -> bytes:
        if request == b"late":
            self._turns.interrupt(7)
        return request

    def memory(self) -> int:
        return 65536

    def rearm(self) -> None:
        self.rearmed += 1

    def close(self) -> None:
        pass


class EndOfScript(Exception):
    pass


class ScriptedRequests:
    def __init__(self, *frames: tuple[int, bytes]) -> None:
        self._frames = list(frames)
        self.answers: list[tuple[int, int, bytes]] = []

    def next(self) -> tuple[int, bytes]:
        if not self._frames:
            raise EndOfScript
        return self._frames.pop(0)

    def answer(self, number: int, pages: int, payload: bytes) -> None:
        self.answers.append((number, pages, payload))


class Scene:
    """What `serve` takes of a Situation."""

    def __init__(self, turns: Turns, requests: ScriptedRequests) -> None:
        self.turns, self.requests = turns, requests
        self.launch = self.engine = self.code = self.io = self.ready = None

    def say(self, _: object) -> None:
        pass


def test_an_interrupt_that_comes_too_late_does_not_hit_the_next_request() -> None:
    turns = Turns(cast(wasmtime.Engine, CountingEngine()))
    guest, requests = LateGuest(turns), ScriptedRequests((6, b"in time"), (7, b"late"), (8, b"next"))
    with pytest.raises(EndOfScript):
        serve(cast(Situation, Scene(turns, requests)), lambda: guest)
    assert requests.answers == [(6, 1, b"in time"), (7, 1, b"late"), (8, 1, b"next")]
    assert guest.rearmed == 1, "the epoch that has passed is nobody's"


@pytest.mark.asyncio(loop_scope="module")
async def test_interrupts_at_any_moment_leave_the_worker_whole(lab: Lab) -> None:
    replica = await lab.start(REACTOR)
    hit = 0
    for _ in range(400):
        interrupted = begin(replica, b"e")
        head = replica._requests.head
        assert head is not None
        replica._control.say(Interrupt(request=head))
        answer = await interrupted
        hit += isinstance(answer, TargetTimeout)
        assert answer == b"e" or isinstance(answer, TargetTimeout)
        replica._control.say(Interrupt(request=head))
        assert await ask(replica, b"next") == b"next"
    assert replica.usage().traps == hit
    await replica.stop(1)
