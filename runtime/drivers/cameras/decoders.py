"""Which decoders are installed: they are loaded in another process, so nobody notices here by importing them."""

from importlib.util import find_spec

from catalog.errors import Unsupported
from catalog.provider import Target
from runtime.drivers.failures import named


def need(*names: str) -> None:
    """Return if these packages are there. Raises ModuleNotFoundError naming the first that is not."""
    for name in names:
        if find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def required(target: Target, extra: str, *names: str) -> None:
    """The same for one controller. Raises Unsupported DRIVER_MISSING naming the extra that brings them."""
    try:
        need(*names)
    except ModuleNotFoundError as error:
        raise Unsupported(
            "DRIVER_MISSING",
            f"{named(target)} needs the library `{error.name}`, which is not installed.",
            hint=f'pip install "fabricksd[{extra}]" and start the server again.',
        ) from None
