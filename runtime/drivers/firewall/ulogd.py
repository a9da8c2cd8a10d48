"""The driver `ulogd`: what nftables logs to a group, as ulogd's JSON output writes it."""

import re
from collections.abc import Mapping
from typing import cast

import msgspec

from runtime.drivers.firewall.record import Record, Unfit, cut, end_of, moment
from runtime.drivers.firewall.settings import Severity, UlogdSettings
from runtime.drivers.firewall.watched_log import WatchedLog
from runtime.drivers.link import Link

_MARK = re.compile(r"\[(low|medium|high|critical)\]|^(low|medium|high|critical):", re.IGNORECASE)
_PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 47: "GRE", 50: "ESP", 58: "ICMPv6", 132: "SCTP"}


class _Line(msgspec.Struct, frozen=True):
    prefix: str | None = msgspec.field(name="oob.prefix", default=None)
    seconds: int | None = msgspec.field(name="oob.time.sec", default=None)
    microseconds: int = msgspec.field(name="oob.time.usec", default=0)
    timestamp: str | None = None
    other_timestamp: str | None = msgspec.field(name="@timestamp", default=None)
    src_ip: str | None = None
    src_port: int | None = None
    dest_ip: str | None = None
    dest_port: int | None = None
    protocol: int | None = msgspec.field(name="ip.protocol", default=None)
    next_header: int | None = msgspec.field(name="ip6.nexthdr", default=None)
    came_in: str | None = msgspec.field(name="oob.in", default=None)
    goes_out: str | None = msgspec.field(name="oob.out", default=None)
    hardware: str | None = msgspec.field(name="mac.saddr.str", default=None)


_DECODER = msgspec.json.Decoder(_Line)


def read_line(line: bytes, severities: Mapping[str, Severity], otherwise: Severity) -> Record | None:
    """The packet of one line; None for what is no logged packet, such as a flow. Raises Unfit."""
    try:
        found = _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unfit(str(error)) from None
    if found.prefix is None:
        return None
    prefix = (cut(found.prefix) or "").strip()
    number = found.protocol if found.protocol is not None else found.next_header
    return Record(
        at_us=_moment(found),
        severity=severity_of(prefix, severities, otherwise),
        signature=prefix or "packet",
        source=cut(end_of(found.src_ip, found.src_port)),
        destination=cut(end_of(found.dest_ip, found.dest_port)),
        protocol=None if number is None else _PROTOCOLS.get(number, str(number)),
        more=" ".join(cut(each) or "" for each in (found.came_in, found.goes_out, found.hardware)),
    )


def severity_of(prefix: str, severities: Mapping[str, Severity], otherwise: Severity) -> Severity:
    """Of the longest beginning that the settings name; else as the prefix itself says, such as `[high] …`."""
    fitting = [each for each in severities if prefix.startswith(each.strip())]
    if fitting:
        return severities[max(fitting, key=len)]
    mark = _MARK.search(prefix)
    return cast(Severity, (mark.group(1) or mark.group(2)).lower()) if mark else otherwise


def _moment(found: _Line) -> int:
    """The kernel's own time where it is told: the text beside it is in the machine's zone and does not say which."""
    if found.seconds is not None:
        return found.seconds * 1_000_000 + found.microseconds
    text = found.timestamp or found.other_timestamp
    if text is None:
        raise Unfit("it has no time")
    return moment(text)


class Ulogd(WatchedLog):
    """Implements Gateway."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._own = cast(UlogdSettings, link.settings)

    def read_line(self, line: bytes) -> Record | None:
        """See WatchedLog."""
        return read_line(line, self._own.severities, self._own.severity)
