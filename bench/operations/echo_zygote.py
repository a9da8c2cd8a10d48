"""A zygote whose workers echo: `runtime.wasm.guest.zygote` with another guest, and nothing else changed."""

from typing import NoReturn

from runtime.wasm.guest import serving, worker, zygote
from runtime.wasm.guest.situation import Situation
from runtime.wasm.launch import Abi


class EchoGuest:
    """`answering.AnsweringGuest` that calls nobody."""

    def start(self, *_: object) -> None:
        """Nothing to start."""

    def answer(self, request: bytes) -> bytes:
        """What it got."""
        return request

    def memory(self) -> int:
        """None."""
        return 0

    def rearm(self) -> None:
        """Nothing to rearm."""

    def close(self) -> None:
        """Nothing to close."""


def _plan(abi: Abi) -> worker.Plan:
    if abi is not Abi.REACTOR:
        raise LookupError(f"nothing echoes in the way of a guest of kind {abi}")

    def run(situation: Situation) -> NoReturn:
        serving.serve(situation, EchoGuest)

    return worker._alone(run)


if __name__ == "__main__":
    worker._plan = _plan
    zygote.main()
