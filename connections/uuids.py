"""UUIDs as Connections may write them: canonical, in lower case."""

import re

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def is_canonical_uuid(text: str) -> bool:
    """Is `text` a UUID in the one spelling that is accepted? No braces, no `urn:uuid:`, no upper case."""
    return _CANONICAL.match(text) is not None
