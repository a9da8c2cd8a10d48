"""Trust: whose certificates a controller may show: the system's authorities, or those of its own `ca_file`. Blocks."""

import ssl
from pathlib import Path

from catalog.errors import TargetFailed
from catalog.provider import Target
from runtime.plain_files import read_plain

LONGEST = 4 * 1024 * 1024
"""Bytes of a file of authorities; all those that a system trusts are a quarter of a MiB."""


def ca_file_of(target: Target | None) -> str:
    """The PEM file that the controller's settings name; empty where they name none."""
    named = "" if target is None else target.settings.get("ca_file", "")
    return named if isinstance(named, str) else ""


def trusting_only(ca_file: str) -> ssl.SSLContext:
    """Trusts the authorities of that file and nobody else. Raises TargetFailed EGRESS_TLS."""
    try:
        certificates = read_plain(Path(ca_file), LONGEST).decode()
        if not certificates.strip():
            # Of nothing, a context is made that trusts the system's.
            raise ValueError("empty")
        return ssl.create_default_context(cadata=certificates)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else "no PEM"
        raise TargetFailed(
            "EGRESS_TLS", f"The setting `ca_file` names no file of certificates that can be read: {reason}."
        ) from None
