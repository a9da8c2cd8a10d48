"""Revisions: which edition of the protocol a message speaks, and whether its headers say what its body says.

The current one (2026-07-28) is stateless: each request names its revision, in a header and in `_meta`. Before it came
a handshake (`initialize`); those editions are served without sessions, which they allow. An edition that is older than
2025-06-18 is not spoken: its clients are answered with the newest that has a handshake.
"""

import base64
import binascii

from sanic.compat import Header

from api.mcp.rpc import HEADER_MISMATCH, UNSUPPORTED_VERSION, Message, ProtocolError, invalid_params
from catalog.jsonvalue import Json

CURRENT = "2026-07-28"
HANDSHAKE = ("2025-11-25", "2025-06-18")
SUPPORTED = (CURRENT, *HANDSHAKE)
UNNAMED = "2025-03-26"
"""What a request without the header speaks, as the editions with a handshake have it."""

VERSION_HEADER = "mcp-protocol-version"
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"

_ENCODED, _END = "=?base64?", "?="


def revision_of(headers: Header, message: Message) -> str:
    """The revision in which to answer `message`.

    Raises ProtocolError: HEADER_MISMATCH, UNSUPPORTED_VERSION, or INVALID_PARAMS where `_meta` lacks what each request
    of the current revision has.
    """
    named, inside = _only(headers, VERSION_HEADER), _meta(message).get(VERSION_KEY)
    if named is None and inside is None and message.method == "initialize":
        return HANDSHAKE[0]
    if named is None and inside is None:
        raise _unsupported(UNNAMED)
    if named is None or (inside is not None and inside != named):
        raise _mismatch(VERSION_HEADER)
    if named not in SUPPORTED:
        raise _unsupported(named)
    if named == CURRENT and message.id is not None:
        _check_current(headers, message)
    return named


def negotiated(params: dict[str, Json]) -> str:
    """The revision that `initialize` comes to: the one that is asked for, or the newest that has a handshake."""
    asked = params.get("protocolVersion")
    if not isinstance(asked, str):
        raise invalid_params("MCP_PARAMS", "`initialize` names no `protocolVersion`.")
    return asked if asked in HANDSHAKE else HANDSHAKE[0]


def _meta(message: Message) -> dict[str, Json]:
    meta = message.params.get("_meta")
    return meta if isinstance(meta, dict) else {}


def _check_current(headers: Header, message: Message) -> None:
    meta = _meta(message)
    if VERSION_KEY not in meta or not isinstance(meta.get(CAPABILITIES_KEY), dict):
        raise invalid_params(
            "MCP_PARAMS",
            f"`params._meta` has no `{VERSION_KEY}` or no `{CAPABILITIES_KEY}`.",
            hint="Each request of this revision carries both.",
        )
    if _only(headers, "mcp-method") != message.method:
        raise _mismatch("mcp-method")
    if message.method == "tools/call" and _decoded(_only(headers, "mcp-name")) != message.params.get("name"):
        raise _mismatch("mcp-name")


def _only(headers: Header, name: str) -> str | None:
    found = headers.getall(name, [])
    if len(found) > 1:
        raise _mismatch(name)
    return str(found[0]) if found else None


def _decoded(text: str | None) -> str | None:
    """What a header says that may be encoded; None for one that is encoded wrongly."""
    if text is None or not (text.startswith(_ENCODED) and text.endswith(_END)):
        return text
    try:
        return base64.b64decode(text[len(_ENCODED) : -len(_END)], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _mismatch(name: str) -> ProtocolError:
    return ProtocolError(
        HEADER_MISMATCH,
        "MCP_HEADER",
        f"The header `{name}` is missing, is there twice, or says something else than the body.",
        hint="Mirror the body's values as the protocol has it.",
    )


def _unsupported(requested: str) -> ProtocolError:
    return ProtocolError(
        UNSUPPORTED_VERSION,
        "MCP_VERSION",
        "Unsupported protocol version.",
        hint="Use one of `supported`.",
        details={"supported": list(SUPPORTED), "requested": requested[:64]},
    )
