"""A command: `_start` once; what it exits with is how the worker ends."""

import os
from typing import NoReturn

import wasmtime

from runtime.wasm.guest import traps, wasi
from runtime.wasm.guest.answering import Unfitting
from runtime.wasm.guest.prepared import COMMAND, demand, prepare
from runtime.wasm.guest.serving import unfit
from runtime.wasm.guest.situation import STDERR, STDOUT, Situation
from runtime.wasm.wire import START, TRAPPED, Ended


def run(situation: Situation) -> NoReturn:
    """Run it to its end."""
    store = situation.store()
    situation.turns.begin(START)
    try:
        demand(situation.module, COMMAND)
        pre = prepare(situation.engine, situation.module, situation.bindings, situation.http)
        store.set_wasi(wasi.launched(situation.launch, stdin=None, stdout=STDOUT, stderr=STDERR))
        instance = situation.bindings.instantiate(pre, store)
    except (wasmtime.Trap, wasmtime.WasmtimeError, Unfitting) as error:
        unfit(situation, error)
    situation.say(situation.ready)
    try:
        instance.call("_start")
        ended = Ended(code=0)
    except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
        ended = how_it_ended(error)
    situation.say(ended)
    os._exit(ended.code & 0xFF)


def how_it_ended(error: wasmtime.Trap | wasmtime.WasmtimeError) -> Ended:
    """What `_start` ended with, when it did not return."""
    code = traps.exit_code(error)
    return Ended(code=code) if code is not None else Ended(code=TRAPPED, failure=traps.failure(error))
