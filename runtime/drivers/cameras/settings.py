"""What a person writes about cameras: where they are, who may look, and what they are watched for."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from catalog.urls import Destination, parse_url
from runtime.drivers.driver import Patience

Part = Annotated[float, Meta(ge=0, le=1)]
Zone = tuple[Part, Part, Part, Part]
"""A rectangle of the picture: left, top, right and bottom, as parts of its width and height."""

Path = Annotated[str, Meta(pattern=r"^/[\x21-\x7e]*\Z", max_length=1024)]


class Watching(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One camera: its name, and what it is watched for. Nothing, unless it is written here."""

    name: Annotated[str, Meta(max_length=128, description="As people call it; its id where it has none.")] = ""
    motion: Annotated[bool, Meta(description="Tell of motion, `cameras.event.motion`.")] = False
    person: Annotated[bool, Meta(description="Tell of persons, `cameras.event.person`.")] = False
    sensitivity: Annotated[int, Meta(ge=1, le=100, description="How little must move: 100 is a leaf.")] = 50
    zones: Annotated[
        dict[str, Zone],
        Meta(max_length=16, description="Only in these: name → [left, top, right, bottom], each from 0 to 1."),
    ] = {}
    min_interval_seconds: Annotated[
        float, Meta(ge=1, le=86400, description="Seconds between two events of one kind.")
    ] = 10.0
    frames_per_second: Annotated[float, Meta(gt=0, le=10, description="How many pictures are looked at.")] = 2.0
    snapshot_every: Annotated[
        float, Meta(ge=0, description="Seconds between two kept pictures, `camera.snapshot.captured`; 0: none.")
    ] = 0.0

    def __post_init__(self) -> None:
        for name, (left, top, right, bottom) in self.zones.items():
            if not (left < right and top < bottom):
                raise ValueError(f"zone `{name}` is empty")


class HttpCamera(Watching, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera that answers a request with a JPEG."""

    path: Annotated[Path, Meta(description="Of its picture, below `address`: `/snapshot.jpg`.")]


class RtspCamera(Watching, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A camera that streams."""

    path: Annotated[Path, Meta(description="Of its stream, below `address`: `/stream1`.")]


class Trusting(Patience, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A controller that may show a certificate."""

    ca_file: Annotated[
        Path | UnsetType, Meta(description="PEM file with the authorities to trust; the system's where it is left out.")
    ] = UNSET


class HttpSettings(Trusting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A controller of the driver `http`: a camera, or a recorder with several."""

    address: Annotated[str, Meta(description="`http://10.0.0.20`, or `https://…`.")]
    cameras: Annotated[dict[str, HttpCamera], Meta(min_length=1, max_length=256, description="Id → camera.")]

    def __post_init__(self) -> None:
        check_address(self.address)


class RtspSettings(Trusting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A controller of the driver `rtsp`."""

    address: Annotated[str, Meta(description="`rtsp://10.0.0.20:554`, or `rtsps://…`.")]
    cameras: Annotated[dict[str, RtspCamera], Meta(min_length=1, max_length=256, description="Id → camera.")]

    def __post_init__(self) -> None:
        read_stream_url(self.address)


class OnvifSettings(Trusting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A controller of the driver `onvif`. Its cameras are asked for; only what is watched is written here."""

    address: Annotated[str, Meta(description="`http://10.0.0.20`, or `https://…`.")]
    device_path: Annotated[Path, Meta(description="Where its device service is.")] = "/onvif/device_service"
    cameras: Annotated[
        dict[str, Watching], Meta(max_length=256, description="Id (the video source's token) → what to watch for.")
    ] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_address(self.address)


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who looks. Nothing where the camera lets everybody look."""

    username: Annotated[str, Meta(description="Who signs in; left out where everybody may look.")] = ""
    password: Annotated[
        str, Meta(description="Sent to `address` alone, and as a digest where the camera asks for one.")
    ] = ""

    def __repr__(self) -> str:
        return "Login()"


STREAM_PORTS: Mapping[str, int] = {"rtsp": 554, "rtsps": 322}


class StreamPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stream is: the server, and path with query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def root(self) -> str:
        """Written out, without the path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def url(self) -> str:
        """Written out."""
        return self.root + self.path


def read_stream_url(text: str) -> StreamPlace:
    """Read `rtsp://host:port/path`. Raises ValueError with a message for people; it never quotes the URL."""
    scheme = text.partition(":")[0].lower()
    if scheme not in STREAM_PORTS:
        raise ValueError("the address is neither rtsp nor rtsps")
    # The rules for what a host may look like are those of every other address.
    found = _destination(f"http{text[len(scheme) :]}")
    port = urlsplit(text).port
    return StreamPlace(scheme=scheme, host=found.host, port=port or STREAM_PORTS[scheme], path=found.target)


def check_address(text: str) -> None:
    """Refuse what is no http(s) address. Raises ValueError with a message for people."""
    _destination(text)


def watching_of(settings: Mapping[str, Json], kind: type[msgspec.Struct]) -> Mapping[str, Watching]:
    """The cameras of a controller whose settings are of that kind, by id; empty where they do not fit."""
    try:
        found = msgspec.convert(dict(settings), kind)
    except msgspec.ValidationError:
        return {}
    cameras = getattr(found, "cameras", {})
    return {name: each for name, each in cameras.items() if isinstance(each, Watching)}


def _destination(text: str) -> Destination:
    try:
        return parse_url(text)
    except Invalid as error:
        raise ValueError(error.message.rstrip(".").replace("The URL", "the address", 1)) from None
