"""What gateways' controllers are told: the settings of each driver. Neither takes credentials: they read files."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from runtime.drivers.driver import Patience

Severity = Literal["low", "medium", "high", "critical"]


class LogSettings(Patience, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A log file that is followed, and what is kept of it."""

    file: Annotated[str, Meta(pattern=r"^/[^\x00]*$", description="The log that the gateway writes; absolute.")]
    pid_file: Annotated[
        str, Meta(pattern=r"^(/[^\x00]*)?$", description="Where the log's writer keeps its process id, if it does.")
    ] = ""
    keep_rows: Annotated[int, Meta(ge=100, le=10_000_000, description="Alerts that are kept at most.")] = 100_000
    keep_days: Annotated[float, Meta(gt=0, le=3650, description="Days that an alert is kept.")] = 30.0


class EveSettings(LogSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Suricata's EVE log. Its `stats` records come every few seconds, so that silence means that it is gone."""

    stale_seconds: Annotated[
        float, Meta(ge=0, description="Silence for so long means that the gateway is offline; 0: it means nothing.")
    ] = 120.0


class UlogdSettings(LogSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ulogd's JSON of what nftables logs. A quiet network logs nothing, so that silence means nothing by default."""

    stale_seconds: Annotated[
        float, Meta(ge=0, description="Silence for so long means that the gateway is offline; 0: it means nothing.")
    ] = 0.0
    severities: Annotated[
        Mapping[str, Severity],
        Meta(max_length=200, description="Beginnings of nftables' log prefixes, and how bad what they mark is."),
    ] = msgspec.field(default_factory=dict)
    severity: Annotated[Severity, Meta(description="How bad anything else is.")] = "low"
