"""Fields that many operations and events share, described once."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

ControllerId = Annotated[UUID, Meta(description="The controller it acts on, as `GET …/controllers` lists it.")]
SourceId = Annotated[UUID, Meta(description="The controller that reported it.")]
SiteId = Annotated[str, Meta(description="The site it belongs to.")]
Limit = Annotated[int, Meta(description="At most this many entries.", ge=1, le=1000)]
Moment = Annotated[str, Meta(description="A moment in RFC 3339, UTC.")]
Percent = Annotated[float, Meta(description="0 to 100.", ge=0, le=100)]
Bytes = Annotated[int, Meta(description="Bytes.", ge=0)]
Count = Annotated[int, Meta(ge=0)]
Cores = Annotated[float, Meta(description="CPU cores.", ge=0)]
Time = Annotated[str | None, Meta(description="RFC 3339, UTC; null where it has not been.")]
