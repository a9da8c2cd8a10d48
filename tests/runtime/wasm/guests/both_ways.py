"""`python -m tests.runtime.wasm.guests.both_ways CWASM`: a component's answers by the public way and by the fast one.

A process of its own, because the fast way patches wasmtime's types, and because tests make no engines.
"""

import sys
from pathlib import Path

from wasmtime.component import Component

from runtime.wasm.guest import fast_component
from runtime.wasm.guest.answering import GuestIo
from runtime.wasm.guest.component import ComponentGuest
from runtime.wasm.guest.engines import engine
from runtime.wasm.launch import Abi, Launch
from runtime.wasm.messages import encode_answer, encode_request
from runtime.wasm.settings import COMPONENT

REQUESTS = (
    encode_request(b"GET", b"/request?x=1", [(b"host", b"a"), (b"x-b", b"c")], b""),
    encode_request(b"POST", b"/echo", [], bytes(range(256)) * 100),
    encode_request(b"GET", b"/call?url=http://allowed/", [], b""),
    encode_request(b"GET", b"/call?url=http://other/", [], b""),
    encode_request(b"PURGE", b"/nothing", [], b""),
)


def _ask(message: bytes) -> bytes:
    return encode_answer(200, [(b"x", b"y")], b"hello") if b"allowed" in message else encode_answer(0, [], b"gone")


def _answers(code: Path) -> list[bytes]:
    made = engine(COMPONENT)
    launch = Launch(service="both", instance="both", abi=Abi.COMPONENT, compiled=code)
    guest = ComponentGuest()
    component = Component.deserialize_file(made, str(code))
    guest.start(launch, made, component, GuestIo(stdout="/dev/null", stderr="/dev/null", http=_ask))
    answers = [guest.answer(request) for request in REQUESTS]
    guest.close()
    return answers


def main() -> None:
    """Print `same` and which ways were taken, or what differs."""
    code = Path(sys.argv[1])
    chosen = fast_component.offer
    fast_component.offer = lambda: fast_component.plainly
    plain = _answers(code)
    fast_component.offer = chosen
    ways = [each.__name__ for each in (fast_component.plainly, fast_component.offer())]
    quick = _answers(code)
    print("same" if plain == quick else f"{plain} != {quick}", *ways)


main()
