"""A daemon in a process of its own, for tests that kill it: `python -m tests.runtime.daemon.killed_process FOLDER`.

It makes ten services if there are none, and tells on stdout, as a line of JSON, once all of them run: the pids of their
workers, and what the events and logs say. A line on stdin asks it to write to the volumes.
"""

import asyncio
import json
import sys
from pathlib import Path

from catalog.jsonvalue import Json
from runtime.daemon.reading import read_service
from runtime.daemon.spec import VolumeSpec
from runtime.wasm.messages import decode_answer, encode_request
from tests.runtime.daemon.house import House, house

WRITERS = ("store-a", "store-b", "store-c")
OTHERS = {
    "hello": "hello", "greeter": "greeter", "caller": "caller", "ledger": "ledger", "echo": "echo-tcp",
    "visitor": "visitor-cgi", "worker": "once",
}  # fmt: skip
NAMES = (*WRITERS, *OTHERS)


async def _fill(daemon: House) -> None:
    for name in WRITERS:
        await daemon.daemon.volumes.create(VolumeSpec(name=name, size=1 << 20))
        image = await daemon.module("hello")
        wanted = {"name": name, "image": image, "volumes": [f"{name}:/data"], "replicas": 1}
        await daemon.daemon.services.create(read_service(wanted))
    for name, module in OTHERS.items():
        args = ["stay", "50"] if module == "once" else []
        wanted = {"name": name, "image": await daemon.module(module), "args": args, "depends_on": ["store-a"]}
        await daemon.daemon.services.create(read_service(wanted))


async def _ask(daemon: House, name: str, path: str, body: bytes = b"") -> bytes:
    answered: asyncio.Future[bytes | Exception] = asyncio.get_running_loop().create_future()
    message = encode_request(b"POST" if body else b"GET", path.encode(), [], body)
    daemon.daemon.services.get(name).route.forward(message, answered.set_result)
    answer = await answered
    if not isinstance(answer, bytes):
        raise answer
    return decode_answer(answer).body


async def _told(daemon: House) -> Json:
    services = daemon.daemon.services.list()
    for service in services:
        await daemon.settled(service.id)
    return {
        "pids": {each.name: [slot.replica.pid for slot in each.slots if slot.replica] for each in services},
        "states": {each.name: each.state for each in services},
        "kept": {name: (await _ask(daemon, name, "/file?name=kept")).decode() for name in WRITERS},
        "events": daemon.events(),
        "logs": {each.name: daemon.log(each.id) for each in services},
    }


async def _main(folder: Path) -> None:
    async with house(folder, events__persist_events="true") as daemon:
        if not daemon.daemon.services.list():
            await _fill(daemon)
        print(json.dumps(await _told(daemon)), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            for name in WRITERS:
                await _ask(daemon, name, "/file?name=kept", line.strip().encode())
            print(json.dumps("written"), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
