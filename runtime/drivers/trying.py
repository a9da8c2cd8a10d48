"""Trying: one thing that `fabric controllers test` does, told as a Check."""

from collections.abc import Awaitable, Callable

from catalog.errors import FabricError
from runtime.drivers.driver import Check


async def tried(name: str, work: Callable[[], Awaitable[str]]) -> Check:
    """Do it: `work` returns what there is to say of its success."""
    try:
        return Check(name=name, ok=True, detail=await work())
    except FabricError as error:
        return Check(name=name, ok=False, detail=error.message, code=error.code, hint=error.hint)


def counted(number: int, what: str) -> str:
    """`1 client`, `2 clients`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
