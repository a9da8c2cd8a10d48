"""Checking: a controller is really connected to, and what works and what does not is told in its driver's own steps."""

import asyncio
from collections.abc import Sequence

import msgspec

from catalog.errors import FabricError
from catalog.provider import Ports, Target
from runtime.drivers.driver import Check
from runtime.drivers.failures import timed_out
from runtime.drivers.masking import masked
from runtime.drivers.opening import link_of, load_drivers, open_peer
from runtime.threads import in_thread

CHECK_SECONDS = 25.0
"""All of it together; a caller over HTTP is still there then."""

_LONGEST = 2_000
"""Characters of a detail: a controller may answer anything."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it, and how long it took."""

    checks: tuple[Check, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Did everything work?"""
        return bool(self.checks) and all(each.ok for each in self.checks)


async def check_target(target: Target, ports: Ports, seconds: float = CHECK_SECONDS) -> Checked:
    """Try it, at most so long. Whatever is wrong with the controller is a Check that is not ok, never an error."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(seconds):
            checks = await _checks(target, ports, began + seconds)
    except TimeoutError:
        checks = (_failed("answer", timed_out(target, seconds)),)
    return Checked(checks=tuple(_shown(target, each) for each in checks), seconds=round(loop.time() - began, 3))


async def _checks(target: Target, ports: Ports, deadline: float) -> Sequence[Check]:
    # The import of a client library takes long and blocks.
    await in_thread(lambda: load_drivers([target.driver]), lambda: None, name=f"load-{target.driver}")
    try:
        peer = open_peer(link_of(target, ports, deadline))
    except FabricError as error:
        return (_failed("open", error),)
    try:
        return await peer.check()
    except FabricError as error:
        return (_failed("answer", error),)


def _failed(name: str, error: FabricError) -> Check:
    return Check(name=name, ok=False, detail=error.message, code=error.code, hint=error.hint)


def _shown(target: Target, check: Check) -> Check:
    hint = None if check.hint is None else masked(target, check.hint)[:_LONGEST]
    return msgspec.structs.replace(check, detail=masked(target, check.detail)[:_LONGEST], hint=hint)
