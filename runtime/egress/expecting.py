"""Expecting: a body that waits until the other side wants it, so that who refuses can say so before it is sent."""

import asyncio

import aiohttp

GO_AHEAD_SECONDS = 1.0
"""Some servers never say 100; after this the body goes all the same."""

EXPECT = "100-continue"


class PatientRequest(aiohttp.ClientRequest):
    """aiohttp's own would wait for the go-ahead without end."""

    def update_expect_continue(self, expect: bool = False) -> None:
        """Called by aiohttp once the headers stand."""
        super().update_expect_continue(expect)
        if self._continue is not None:
            self.loop.call_later(GO_AHEAD_SECONDS, _go, self._continue)


def _go(waiting: "asyncio.Future[bool]") -> None:
    if not waiting.done():
        waiting.set_result(True)
