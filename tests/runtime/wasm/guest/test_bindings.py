"""Fast and plain bindings do the same; each is tried in a process of its own, because pytest's faulthandler would
take wasmtime's signals."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, os, sys
from pathlib import Path
import wasmtime
from runtime.wasm.settings import CORE
from runtime.wasm.guest import probe
from runtime.wasm.guest.answering import GuestIo, Nonsense, Overflow
from runtime.wasm.guest.bindings import choose
from runtime.wasm.guest.cgi import CgiGuest
from runtime.wasm.guest.engines import engine
from runtime.wasm.guest.reactor import ReactorGuest
from runtime.wasm.launch import Abi, Launch
from runtime.wasm.messages import encode_request
from tests.runtime.wasm.host.test_cgi_guests import ENVIRONMENT, writes
from tests.runtime.wasm.modules_in_wat import ASKS, REACTOR

verdict = probe.fast_bindings_work()  # it forks: nothing may have been compiled here
made = engine(CORE)
bindings = choose(fast=sys.argv[1] == "fast")
launch = Launch(service="s", instance="i", abi=Abi.REACTOR, compiled=Path("/"))

def http(request):
    if request == b"interrupted":
        raise InterruptedError
    if request == b"gone":
        raise ConnectionError
    return request.upper()

def outcome(guest, request):
    try:
        return guest.answer(request).hex()
    except (wasmtime.Trap, wasmtime.WasmtimeError, Nonsense, Overflow) as error:
        code = getattr(error, "trap_code", None)
        return [type(error).__name__, code.name if code else str(error)]

def reactor(text):
    guest = ReactorGuest(bindings)
    guest.start(launch, made, wasmtime.Module(made, text), GuestIo(stdout="/dev/null", stderr="/dev/null", http=http))
    return guest

def cgi(text):
    guest = CgiGuest(bindings)
    guest.start(launch, made, wasmtime.Module(made, text), GuestIo(stdout="/dev/null", stderr="/dev/null", http=None))
    return guest

outcomes = []
for request in (b"", b"echo", b"e" * 300_000, b"c", b"x", b"b"):
    guest = reactor(REACTOR)
    outcomes.append([outcome(guest, request), outcome(guest, b"e"), guest.memory()])
for request in (b"u", b"o", b"r", b"p"):
    outcomes.append(outcome(reactor(REACTOR), request))
for request in (b"ask", b"bad", b"small", b"interrupted", b"gone"):
    outcomes.append(outcome(reactor(ASKS), request))
free = "\\n  (func (export \\"fabric_free\\")"
bad = REACTOR.replace("(i32.const 4096))" + free, "(i32.const -1))" + free)
assert bad != REACTOR
outcomes.append(outcome(reactor(bad), b"e"))
question = encode_request(b"GET", b"/?a", [], b"stdin")
head = "a: b\\\\n\\\\n"
traps, exits = writes(head, then="unreachable"), writes(head, then="(call $exit (i32.const 4))")
for text in (ENVIRONMENT, writes("nothing"), traps, exits):
    guest = cgi(text)
    outcomes.append([outcome(guest, question), outcome(guest, question), guest.memory()])
print(json.dumps([type(guest._bindings).__name__, verdict, outcomes]))
sys.stdout.flush()
os._exit(0)
"""


def run(which: str) -> tuple[str, bool, list[object]]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, which],
        capture_output=True,
        cwd=Path(__file__).parents[4],
        timeout=60,
        check=False,
    )
    assert not done.returncode, done.stderr.decode()
    name, verdict, outcomes = json.loads(done.stdout)
    return name, verdict, outcomes


def test_both_ways_into_wasmtime_do_the_same() -> None:
    (fast, verdict, quick), (plain, _, slow) = run("fast"), run("plain")
    assert (fast, plain) == ("_Fast", "_Plain")
    assert verdict, "the fast bindings are made for the wasmtime that is installed"
    assert quick == slow
    assert len(quick) == 20


BROKEN = """
import sys
from runtime.wasm.guest import fast, probe
{}
print(probe.fast_bindings_work())
"""


@pytest.mark.parametrize(
    "harm",
    [
        "fast.VERSION = '50.0.0'",
        "fast._OF += 4",
        "import os; fast._call = lambda *arguments: os.abort()",
        "fast._string_at = lambda at, count: b'wrong'",
        "fast._view = lambda at, size, flags: memoryview(bytearray(size))",
        "fast._memory_size = lambda *arguments: 1 << 40",
    ],
)
def test_bindings_that_do_not_work_are_found_out_before_they_are_used(harm: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN.format(harm)],
        capture_output=True,
        cwd=Path(__file__).parents[4],
        timeout=60,
        check=False,
    )
    assert done.stdout == b"False\n", done.stderr.decode()
