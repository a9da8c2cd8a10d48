"""A framed guest: `_start` once; its stdin and stdout are pipes that end in the daemon."""

import os
import socket
from typing import NoReturn

import wasmtime

from runtime.wasm.guest import wasi
from runtime.wasm.guest.answering import Unfitting
from runtime.wasm.guest.command import how_it_ended
from runtime.wasm.guest.prepared import COMMAND, demand, prepare
from runtime.wasm.guest.serving import unfit
from runtime.wasm.guest.situation import STDERR, Situation
from runtime.wasm.wire import START, Data, Ended, Failure, encode


def run(situation: Situation) -> NoReturn:
    """Run it to its end; after a trap begin again, with fresh pipes. The guest itself says that it is ready."""
    try:
        demand(situation.module, COMMAND)
        pre = prepare(situation.engine, situation.module, situation.bindings, None)
    except (wasmtime.WasmtimeError, Unfitting) as error:
        unfit(situation, error)
    situation.say(situation.ready)
    failure: Failure | None = None
    while True:
        stdin, stdout = _pipes(situation, failure)
        store = situation.store()
        situation.turns.begin(START)
        try:
            store.set_wasi(_streams(situation, stdin, stdout))
            situation.bindings.instantiate(pre, store).call("_start")
            ended = Ended(code=0)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            ended = how_it_ended(error)
        situation.turns.end()
        if ended.failure is None:
            situation.say(ended)
            os._exit(ended.code & 0xFF)
        failure = ended.failure
        store.close()


def _pipes(situation: Situation, failure: Failure | None) -> tuple[int, int]:
    """Give the daemon its ends; the guest's are left."""
    stdin, to_stdin = os.pipe()
    from_stdout, stdout = os.pipe()
    socket.send_fds(situation.control, [encode(Data(failure=failure))], [to_stdin, from_stdout])
    os.close(to_stdin)
    os.close(from_stdout)
    return stdin, stdout


def _streams(situation: Situation, stdin: int, stdout: int) -> wasmtime.WasiConfig:
    """WASI opens the pipes anew; ours are closed, so that the guest's end is the daemon's end of file."""
    try:
        return wasi.launched(
            situation.launch, stdin=f"/proc/self/fd/{stdin}", stdout=f"/proc/self/fd/{stdout}", stderr=STDERR
        )
    finally:
        os.close(stdin)
        os.close(stdout)
