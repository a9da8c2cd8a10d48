"""The driver `eve`: Suricata's EVE log. Its alerts are found; its other records only show that it is at work."""

import msgspec

from runtime.drivers.firewall.record import Record, Unfit, cut, end_of, moment
from runtime.drivers.firewall.settings import Severity
from runtime.drivers.firewall.watched_log import WatchedLog

SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
"""Suricata's 1 is the worst; what is beyond 4 is as 4."""


class _AlertPart(msgspec.Struct, frozen=True):
    signature: str
    severity: int
    signature_id: int = 0
    category: str | None = None
    action: str | None = None


class _Line(msgspec.Struct, frozen=True):
    timestamp: str
    event_type: str
    alert: _AlertPart | None = None
    src_ip: str | None = None
    src_port: int | None = None
    dest_ip: str | None = None
    dest_port: int | None = None
    proto: str | None = None
    app_proto: str | None = None
    in_iface: str | None = None


_DECODER = msgspec.json.Decoder(_Line)


def read_line(line: bytes) -> Record | None:
    """The alert of one line; None for a record of another type. Raises Unfit."""
    try:
        found = _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unfit(str(error)) from None
    if found.event_type != "alert":
        return None
    if found.alert is None:
        raise Unfit("an alert says nothing of itself")
    return Record(
        at_us=moment(found.timestamp),
        severity=SEVERITIES[min(max(found.alert.severity, 1), len(SEVERITIES)) - 1],
        signature=cut(found.alert.signature) or "",
        source=cut(end_of(found.src_ip, found.src_port)),
        destination=cut(end_of(found.dest_ip, found.dest_port)),
        protocol=cut(found.proto),
        category=cut(found.alert.category),
        action=cut(found.alert.action),
        more=f"{found.alert.signature_id} {cut(found.app_proto) or ''} {cut(found.in_iface) or ''}",
    )


class Eve(WatchedLog):
    """Implements Gateway."""

    def read_line(self, line: bytes) -> Record | None:
        """See WatchedLog."""
        return read_line(line)
