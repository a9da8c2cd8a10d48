"""The loop of guests that answer requests: one after the other, each answered before the next begins."""

import os
from collections.abc import Callable
from typing import NoReturn

import wasmtime
from wasmtime.component import Component

from runtime.wasm.guest import traps
from runtime.wasm.guest.answering import AnsweringGuest, Nonsense, Overflow, Unfitting
from runtime.wasm.guest.situation import Situation
from runtime.wasm.wire import PAGE, START, Ended, Unfit

Guest = AnsweringGuest[wasmtime.Module] | AnsweringGuest[Component]


def serve(situation: Situation, make: Callable[[], Guest]) -> NoReturn:
    """Start a guest and answer requests until the daemon closes their socket; start another one after a trap."""
    guest = _start(situation, make)
    situation.say(situation.ready)
    turns, requests = situation.turns, situation.requests
    while (frame := requests.next()) is not None:
        number, request = frame
        turns.begin(number)
        failure = None
        try:
            answer = guest.answer(request)
        except (wasmtime.Trap, wasmtime.WasmtimeError, Nonsense, Overflow) as error:
            failure = traps.failure(error)
        interrupted = turns.end()
        pages = guest.memory() // PAGE
        if failure is not None:
            requests.fail(number, pages, failure)
            guest.close()
            guest = _start(situation, make)
            situation.say(situation.ready)
        else:
            requests.answer(number, pages, answer)
            if interrupted:
                guest.rearm()
    situation.say(Ended(code=0))
    os._exit(0)


def _start(situation: Situation, make: Callable[[], Guest]) -> Guest:
    guest = make()
    situation.turns.begin(START)
    try:
        guest.start(situation.launch, situation.engine, situation.code, situation.io)  # type: ignore[arg-type]  # by ABI
    except (wasmtime.Trap, wasmtime.WasmtimeError, Unfitting, Nonsense) as error:
        unfit(situation, error)
    if situation.turns.end():
        guest.rearm()
    return guest


def unfit(situation: Situation, error: Exception) -> NoReturn:
    """The guest cannot be started: say why, and end."""
    situation.say(Unfit(failure=traps.why_unfit(error)))
    os._exit(70)
