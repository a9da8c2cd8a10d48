"""Revising: what a new specification means for replicas that run. Pure."""

import msgspec

from catalog.errors import Invalid, NotFound
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


def earlier(record: ServiceRecord, number: int | None) -> ServiceSpec:
    """The specification of an earlier revision, the one before for None. Raises NotFound REVISION_NOT_FOUND."""
    wanted = record.revision.number - 1 if number is None else number
    for revision in record.revisions[:-1]:
        if revision.number == wanted:
            return revision.spec
    kept = [each.number for each in record.revisions[:-1]]
    raise NotFound(
        "REVISION_NOT_FOUND",
        f"Service `{record.spec.name}` has no earlier revision {wanted}.",
        hint=f"There are: {', '.join(map(str, kept))}." if kept else "It was never changed.",
        details={"revisions": kept, "revision": record.revision.number},
    )


def check_scale(spec: ServiceSpec, replicas: int) -> None:
    """May it have so many replicas by its own bounds? Raises Invalid INVALID_REQUEST."""
    least, most = (spec.replicas.min, spec.replicas.max) if spec.replicas.max is not None else (1, None)
    if replicas >= least and (most is None or replicas <= most):
        return
    hint = "Stop the service to have none." if replicas < 1 else "Change `replicas` with PATCH to move the bounds."
    bounds = f"from {least} to {most}" if most is not None else "at least 1"
    raise Invalid(
        "INVALID_REQUEST",
        f"Service `{spec.name}` cannot have {replicas} replicas: it must be {bounds}.",
        hint=hint,
        details={"fields": [{"field": "replicas", "problem": f"must be {bounds}"}]},
    )
