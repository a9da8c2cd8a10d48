"""Payloads: JSON from a file, from stdin, or from the command line itself."""

import sys
from pathlib import Path

from api.cli.files import read_bytes
from catalog.errors import Invalid
from catalog.jsonvalue import Json, parse_strict


def read_payload(source: str) -> Json:
    """JSON from a file, from stdin (`-`), or written out (it begins with `{` or `[`).

    Raises Invalid PAYLOAD, FILE_UNREADABLE.
    """
    if source == "-":
        content = sys.stdin.buffer.read()
    elif source.lstrip().startswith(("{", "[")):
        content = source.encode()
    else:
        content = read_bytes(Path(source))
    try:
        return parse_strict(content)
    except Invalid as error:
        reason = error.message.replace("The body", "The payload", 1)
        raise Invalid("PAYLOAD", reason, hint="Give a file of JSON, `-` for stdin, or the JSON itself.") from None
