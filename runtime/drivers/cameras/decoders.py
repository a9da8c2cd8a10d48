"""Which decoders are installed: they are loaded in another process, so nobody notices here by importing them."""

from importlib.util import find_spec


def need(*names: str) -> None:
    """Return if these packages are there. Raises ModuleNotFoundError naming the first that is not."""
    for name in names:
        if find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
