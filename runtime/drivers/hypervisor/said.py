"""Said: what libvirt's errors mean, as errors that name the controller."""

import libvirt

from catalog.errors import FabricError, TargetTimeout
from catalog.provider import Target
from runtime.drivers.failures import auth_failed, named, refused, unreachable

_AUTH = frozenset({libvirt.VIR_ERR_AUTH_FAILED, libvirt.VIR_ERR_AUTH_CANCELLED, libvirt.VIR_ERR_AUTH_UNAVAILABLE})
_WAY = frozenset(
    {
        libvirt.VIR_ERR_RPC,
        libvirt.VIR_ERR_SYSTEM_ERROR,
        libvirt.VIR_ERR_INTERNAL_ERROR,
        libvirt.VIR_ERR_INVALID_CONN,
        libvirt.VIR_ERR_NO_CONNECT,
    }
)
_PERMISSION = "Permission denied"
_LONGEST = 300
_QUOTING = frozenset({libvirt.VIR_ERR_XML_ERROR, libvirt.VIR_ERR_XML_DETAIL})


def told(target: Target, error: libvirt.libvirtError, *, sent: bool = False) -> FabricError:
    """libvirt's error as ours. `sent`: something was asked of it that may have been done although it hung up."""
    code, reason = error.get_error_code(), _reason(error)
    if code in _AUTH:
        return auth_failed(target, reason)
    if code in (libvirt.VIR_ERR_ACCESS_DENIED, libvirt.VIR_ERR_OPERATION_DENIED):
        return refused(
            target, reason, hint="Let the server's user manage machines there: see docs/modules/hypervisor.md."
        )
    if broke_off(error):
        if sent:
            return _lost(target, reason)
        if _PERMISSION in reason:
            return unreachable(target, reason, "Let the server's user use libvirt: usually the group `libvirt`.")
        return unreachable(target, reason, "Is libvirtd running there, and does it listen?")
    return refused(target, reason)


def broke_off(error: libvirt.libvirtError) -> bool:
    """Is it about the way to libvirtd, and not what libvirtd answered?"""
    if error.get_error_domain() not in (libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_REMOTE):
        return bool(error.get_error_code() == libvirt.VIR_ERR_INVALID_CONN)
    return error.get_error_code() in _WAY


def _lost(target: Target, reason: str) -> TargetTimeout:
    return TargetTimeout(
        "TARGET_TIMEOUT",
        f"{named(target)} hung up before it answered: {reason}.",
        hint="Look at the machine: it may have been done.",
    )


def _reason(error: libvirt.libvirtError) -> str:
    """Its own words, as the middle of a sentence."""
    message = str(error.get_error_message() or "it gives no reason")
    if error.get_error_code() in _QUOTING:
        # Below the first line stands what is wrong: a part of a file of this machine, whoever may read that.
        message = message.partition("\n")[0]
    words = " ".join(message.split())[:_LONGEST].rstrip(".")
    return words[:1].lower() + words[1:]
