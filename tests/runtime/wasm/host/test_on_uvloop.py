"""The daemon's loop is uvloop; all other tests run on asyncio's own."""

import asyncio
import os
from pathlib import Path

import uvloop

from runtime.wasm.launch import Abi
from runtime.wasm.messages import decode_answer
from tests.runtime.wasm.host.test_cgi_guests import REQUEST, writes
from tests.runtime.wasm.host.test_framed_guests import FRAMED
from tests.runtime.wasm.host.test_http_requests import upper
from tests.runtime.wasm.host.test_tcp_guests import ECHO, hang_up, say
from tests.runtime.wasm.lab import Lab, ask, begin, refusal
from tests.runtime.wasm.modules_in_wat import ASKS, REACTOR, command


async def every_kind(lab: Lab) -> None:
    reactor = await lab.start(REACTOR, limit=0.2)
    assert await asyncio.gather(*(begin(reactor, b"e%d" % each) for each in range(500))) == [
        b"e%d" % each for each in range(500)
    ]
    large = b"e" + os.urandom(3 << 20)
    assert await ask(reactor, large) == large
    assert (await refusal(reactor, b"u")).code == "GUEST_TRAPPED"
    assert (await refusal(reactor, b"l")).code == "GUEST_TIMEOUT"
    asleep = await lab.start(REACTOR, limit=0.2)
    assert (await refusal(asleep, b"s")).code == "GUEST_TIMEOUT"
    framed = await lab.start(FRAMED, Abi.FRAMED, limit=0.2, cpu=0.5)
    assert await ask(framed, large) == large
    assert (await refusal(framed, b"u")).code == "GUEST_TRAPPED"
    assert await ask(framed, b"e") == b"e"
    assert (await framed.stop(1)).good
    asks = await lab.start(ASKS, http_request=True, outgoing=upper)
    assert await ask(asks, b"ask") == b"ASK"
    cgi = await lab.start(writes("a: b\\n\\nbody"), Abi.CGI)
    assert decode_answer(await ask(cgi, REQUEST)).body == b"body"
    tcp = await lab.start(ECHO, Abi.TCP)
    pipes = await tcp.connect()
    assert await say(pipes, b"hello") == b"hello"
    hang_up(pipes)
    prints = await lab.start(command("(call $print (i32.const 2)) (call $exit (i32.const 5))"), Abi.COMMAND)
    assert (await prints.ended()).code == 5
    assert bytes(lab.output["stderr"]).endswith(b"printed\n")
    await lab.launcher.close()


def test_every_kind_of_guest_runs_on_uvloop(tmp_path: Path) -> None:
    async def main() -> None:
        await every_kind(Lab(tmp_path))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
