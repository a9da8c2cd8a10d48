"""What storage controllers are told: settings and credentials of each driver."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from runtime.drivers.driver import Patience


class Watching(Patience, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on a pool counts as full, and from where on no longer."""

    warn_percent: Annotated[float, Meta(gt=0, le=100, description="From here on a pool is told of as full.")] = 90.0
    clear_percent: Annotated[
        float | UnsetType, Meta(description="Below this it counts as roomy again; 5 under `warn_percent` by default.")
    ] = UNSET


class LocalSettings(Watching, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder of this machine."""

    directory: Annotated[str, Meta(pattern=r"^/[^\x00]*$", description="The folder that blobs lie in; absolute.")]
    mounts: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^/[^\x00]*$")], ...],
        Meta(max_length=64, description="Mount points that are watched besides the one that `directory` lies on."),
    ] = ()


class S3Settings(Watching, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bucket of a server that speaks S3. It is addressed by path: `address`/`bucket`/blob."""

    address: Annotated[str, Meta(pattern=r"^https?://[^/?#]+/?$", description="Such as `https://nas.lan:9000`.")]
    bucket: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="It must be there.")]
    region: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,64}$", description="As the server calls it.")] = "us-east-1"
    prefix: Annotated[
        str, Meta(max_length=256, pattern=r"^([^/\x00]+/)*$", description="Put before every path; ends in `/`.")
    ] = ""
    ca_file: Annotated[str, Meta(description="PEM file of the authority that signed the server's certificate.")] = ""
    quota_bytes: Annotated[int, Meta(ge=0, description="What the bucket may hold; 0: no bound is known.")] = 0


class S3Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key pair, and the token that belongs to it where it is a temporary one."""

    access_key_id: Annotated[str, Meta(description="Goes along with every request.")]
    secret_access_key: Annotated[str, Meta(description="Signs requests; never sent.")]
    session_token: Annotated[str, Meta(description="Of a temporary key.")] = ""
