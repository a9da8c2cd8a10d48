"""Looking with a real watch, look after look, as the pollers do: what one leaves behind the next is given."""

import asyncio
import time

import msgspec

from catalog.jsonvalue import Json
from catalog.provider import Ports, Target
from catalog.registry import Registry
from catalog.schemas import validator
from runtime.pollers.watch import Poll, Watched
from runtime.providers import NATIVE

Told = list[tuple[str, Json]]


class Looks:
    """One watch at one controller. `memory` goes through JSON, as it would through the disk."""

    def __init__(self, poll: Poll, target: Target, ports: Ports) -> None:
        self._poll, self.target, self._ports = poll, target, ports
        self._events = Registry(NATIVE).current().events
        self.memory: Json = None

    async def once(self) -> Told:
        """What has happened since the last look: event and payload; each fits its schema."""
        seen = await self._poll.look(
            Watched(
                target=self.target,
                ports=self._ports,
                memory=self.memory,
                now=time.time(),
                deadline=asyncio.get_running_loop().time() + 10,
            )
        )
        self.memory = msgspec.json.decode(msgspec.json.encode(seen.memory))
        keys = [each.key for each in seen.happenings]
        assert len(keys) == len(set(keys)), "two happenings of one look have the same key"
        for each in seen.happenings:
            spec = self._events[each.type]
            assert not spec.driver_missing
            assert validator(spec.payload_schema)(each.payload), each
        return [(each.type, each.payload) for each in seen.happenings]
