"""What an eye could not see, in words for people."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from catalog.errors import FabricError
from catalog.provider import Target
from runtime.drivers.cameras.eye.job import Reason, Unseen
from runtime.drivers.failures import auth_failed, not_found, refused, timed_out, unreachable
from runtime.drivers.link import Link

CERTIFICATE = "Renew the certificate, or give its authority as the setting `ca_file`."

_REFUSED: dict[Reason, str] = {
    "hung_up": "it hung up",
    "not_rtsp": "its answer is not RTSP that can be read",
    "redirect": "it sends whoever asks to another place, where nobody follows",
    "no_video": "it sends no video",
    "broken": "what it sends cannot be decoded",
    "bug": "what it sends cannot be decoded",
}


@asynccontextmanager
async def seeing(link: Link, camera_id: str, what: str) -> AsyncIterator[None]:
    """Bound what is inside by the link's seconds and translate Unseen. Raises FabricError TARGET_*."""
    seconds = link.seconds
    try:
        async with link.reaching(what):
            yield
    except Unseen as unseen:
        raise translated(link.target, camera_id, unseen, seconds) from None


def translated(target: Target, camera_id: str, unseen: Unseen, seconds: float) -> FabricError:
    """Our error for it."""
    reason = unseen.reason
    if reason == "unreachable":
        return unreachable(target, "nobody answers there")
    if reason == "certificate":
        return unreachable(target, "its certificate is not trusted", CERTIFICATE)
    if reason == "silent":
        return timed_out(target, seconds, f"for `{camera_id}`")
    if reason == "login":
        return auth_failed(target)
    if reason == "login_wanted":
        return auth_failed(target, "it wants a user name and a password")
    if reason == "forbidden":
        return auth_failed(target, f"who signs in may not see `{camera_id}`")
    if reason == "no_stream":
        return not_found(target, f"no stream at the path of `{camera_id}`", "Correct its `path` in the settings.")
    if reason == "status":
        return refused(target, f"it answers {unseen.status} when asked for `{camera_id}`")
    return refused(target, f"for `{camera_id}`, {_REFUSED[reason]}")
