"""`firewall.search_alerts`: what a firewall found worth telling."""

import re
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.operations import OperationSet
from catalog.provider import Call
from runtime.drivers.firewall.face import Alert, Wanted, gateway_of
from runtime.drivers.firewall.settings import Severity
from runtime.providers.fields import ControllerId, Limit

MAX_ANSWER = 200 * 1024
"""Bytes of one answer; the oldest alerts of a longer one are left out."""

operations = OperationSet("firewall")


class AlertQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Search the firewall's alerts."""

    controller_id: ControllerId
    query: Annotated[
        str, Meta(description="Words that must all occur: of a signature, an address, a category.", max_length=256)
    ] = ""
    severity: Annotated[Severity | UnsetType, Meta(description="Only this severity.")] = UNSET
    since: Annotated[
        Annotated[datetime, Meta(tz=True)] | UnsetType, Meta(description="Only later ones; RFC 3339 with its zone.")
    ] = UNSET
    limit: Limit = 100


class Alerts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alerts, the latest first; `total` counts all that match."""

    alerts: list[Alert]
    total: Annotated[int, Meta(ge=0)]
    complete: Annotated[bool, Meta(description="False: the firewall has logged more than could be read in time.")]


@operations.read("search_alerts", permission="firewall.view_logs", title="Search the firewall's alerts")
async def search_alerts(query: AlertQuery, call: Call) -> Alerts:
    """Find alerts by words, severity and time, up to what the firewall has logged this moment."""
    wanted = Wanted(
        words=tuple(each for each in query.query.split() if re.search(r"\w", each)),
        severity=None if query.severity is UNSET else query.severity,
        after_us=None if query.since is UNSET else int(query.since.timestamp() * 1_000_000),
        limit=query.limit,
    )
    found = await gateway_of(call).search(wanted)
    kept: list[Alert] = []
    room = MAX_ANSWER
    for alert in found.alerts:
        room -= len(msgspec.json.encode(alert))
        if room < 0:
            break
        kept.append(alert)
    return Alerts(alerts=kept, total=found.total, complete=found.whole)
