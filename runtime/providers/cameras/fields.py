"""Fields that the operations and events of cameras share."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

JPEG = "image/jpeg"

CameraId = Annotated[str, Meta(description="The camera on its controller.", min_length=1, max_length=128)]


def moment(seconds: float) -> str:
    """Seconds since 1970 UTC as RFC 3339, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
