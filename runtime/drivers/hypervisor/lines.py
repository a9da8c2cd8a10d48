"""Lines that need no relay: libvirt's client opens what is on this machine by itself."""

from urllib.parse import quote

from catalog.errors import FabricError
from runtime.drivers.hypervisor.place import Place


class LocalLine:
    """Implements Line. What hangs on it hangs until libvirtd answers or ends."""

    severable = False

    def __init__(self, place: Place, socket: str) -> None:
        self.uri = _uri(place, socket)

    async def why(self) -> FabricError | None:
        """libvirt's client knows best."""
        return None

    def close(self) -> None:
        """There is nothing to end."""


def unix_uri(place: Place, socket: str) -> str:
    """For libvirtd behind that socket."""
    return f"qemu+unix://{place.path}?socket={quote(socket)}"


def _uri(place: Place, socket: str) -> str:
    if place.transport == "test":
        return f"test://{quote(place.path)}"
    return unix_uri(place, socket) if socket else f"qemu://{place.path}"
