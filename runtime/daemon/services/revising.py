"""Revising: what a new specification means for replicas that run. Pure."""

import msgspec

from runtime.daemon.services.records import REVISIONS_KEPT, Revision, ServiceRecord
from runtime.daemon.spec import Replicas, ServiceSpec

_OUTSIDE = ("networks", "ports", "replicas", "restart_policy", "labels", "depends_on", "egress_locked", "project")
"""What is settled in the daemon: a change of these leaves running replicas as they are."""


def rolls(old: ServiceSpec, new: ServiceSpec) -> bool:
    """Do replicas have to be replaced?"""
    return any(getattr(old, name) != getattr(new, name) for name in old.__struct_fields__ if name not in _OUTSIDE)


def count_after(count: int, old: Replicas, new: Replicas, most: int) -> int:
    """How many replicas there should be: what it was, within the new bounds; a new `min` alone sets it."""
    if new.max is None:
        return count if old == new else new.min
    return max(new.min, min(count, new.max, most))


def revised(record: ServiceRecord, spec: ServiceSpec, replicas: int, now_ns: int) -> ServiceRecord:
    """The record with `spec` as its newest revision, the oldest forgotten."""
    newest = Revision(number=record.revision.number + 1, spec=spec, at_ns=now_ns)
    revisions = (*record.revisions, newest)[-REVISIONS_KEPT:]
    return msgspec.structs.replace(record, revisions=revisions, replicas=replicas, updated_at_ns=now_ns)
