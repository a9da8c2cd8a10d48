"""ArtifactRef: a reference to bytes, and the matching of media types."""

import msgspec


class ArtifactRef(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes by reference: `token` names them, `sha256` (hex) proves them, `size` is in bytes.

    `durable` tells the durable store (kept until sign-off) from the broker (one hour).
    """

    token: str
    sha256: str
    size: int
    media_type: str
    durable: bool = False


def media_matches(offered: str, accepted: str) -> bool:
    """Does `offered` (`image/jpeg; q=1`) satisfy `accepted` (`image/jpeg`, `image/*` or `*/*`)?"""
    kind, _, name = offered.partition(";")[0].strip().lower().partition("/")
    wanted_kind, _, wanted_name = accepted.partition(";")[0].strip().lower().partition("/")
    if not (kind and name and wanted_kind and wanted_name):
        return False
    return wanted_kind in ("*", kind) and wanted_name in ("*", name)


def accepts_any(offered: tuple[str, ...], accepted: tuple[str, ...]) -> bool:
    """Does at least one offered type satisfy at least one accepted type?"""
    return any(media_matches(each, wanted) for each in offered for wanted in accepted)
