"""compile: 1,000 distinct YAML texts against our own catalog, read, type-checked and planned, as the server does it.

Floor: none; the figure is wall seconds of this process, beside `calibration`. Every round compiles texts that no round
before has seen, so nothing that is kept between two compilations can answer for the whole of one.
"""

import statistics
import time
from collections.abc import Callable

import connections
from bench.void import Void
from catalog.authority import Author
from catalog.registry import Registry
from runtime.providers import NATIVE

TEXTS = 1000
ROUNDS = 5
_CONTROLLER = "3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0a01"

_SHAPES = (
    """
name: porch-{n}
description: Keep a picture of every person at the porch
source_event: cameras.event.person
conditions:
  - {{field: trigger.camera_id, operator: in, value: [cam-porch, cam-{n}]}}
  - any:
      - {{field: trigger.confidence, operator: gte, value: 0.8}}
      - {{field: trigger.zone, operator: eq, value: door}}
cooldown_seconds: 60
steps:
  - id: snap
    operation_id: cameras.snapshot
    params: {{controller_id: "{{{{trigger.controller_id}}}}", camera_id: "{{{{trigger.camera_id}}}}"}}
    retry: {{max_attempts: 3, delay: 500ms, max_delay: 5s}}
  - id: keep
    operation_id: storage.store_blob
    params: {{controller_id: {controller}, path: "porch/{n}/{{{{run.id}}}}.jpg"}}
  - id: tell
    operation_id: fabric.notify
    needs: [snap, keep]
    continue_on_error: true
    params:
      channels: {{in_app: true}}
      title: "Person at {{{{trigger.camera_id}}}}"
      body: "Waiting for you: {{{{steps.keep.output.change_id}}}}"
""",
    """
apiVersion: fabric/v1
kind: Connection
name: order-{n}
source_event: ingest.external
conditions:
  - {{field: trigger.name, operator: eq, value: order-{n}}}
max_rate: 10/m
steps:
  - operation_id: fabric.webhook
    on_missing: error
    retry: {{max_attempts: 5, delay: 1s}}
    params:
      url: "https://n8n.example.com/webhook/{n}/{{{{trigger.name}}}}"
      headers: {{X-Order: "{{{{trigger.payload.order}}}}"}}
      payload: {{order: "{{{{trigger.payload.order}}}}", lines: "{{{{trigger.payload.lines}}}}"}}
  - id: each
    operation_id: fabric.log
    on_missing: skip
    foreach: {{in: "{{{{trigger.payload.lines}}}}", as: line}}
    params: {{message: "line {{{{line.article}}}} of {{{{trigger.payload.order}}}}"}}
  - operation_id: fabric.log
    if: [{{field: steps.0.output.ok, operator: eq, value: true}}]
    params: {{message: "answered {{{{steps.0.output.status}}}}"}}
""",
    """
name: machine-{n}
source_event: [device.status.changed, device.updated]
steps:
  - id: look
    operation_id: network.client.list
    needs: []
    params: {{controller_id: {controller}, limit: {n}}}
  - id: alerts
    operation_id: firewall.search_alerts
    needs: []
    params: {{controller_id: {controller}, severity: high, limit: 10}}
  - operation_id: hypervisor.vm.snapshot
    needs: [look, alerts]
    join: any
    params: {{controller_id: {controller}, vm_id: {n}, label: "before-{n}"}}
""",
)


class _Controllers:
    def owner(self, controller_id: str) -> str | None:
        return "org" if controller_id == _CONTROLLER else None


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """`seconds_per_1000`, the median of the rounds, and what one text takes in milliseconds."""
    catalog = Registry(NATIVE).current()
    permissions = frozenset(each.permission for each in catalog.operations.values() if each.permission)
    author = Author(identity="bench", organisation_id="org", org_admin=True, permissions=permissions)
    found: list[float] = []
    for number in range(ROUNDS):
        texts = _texts(number)
        began = time.perf_counter()
        plans = [connections.compile(each, catalog, author=author, targets=_Controllers()) for each in texts]
        found.append(time.perf_counter() - began)
        if any(plan.warnings for plan in plans):
            raise Void("a text gives warnings, so it is not the work that was meant")
        progress(f"round {number + 1}/{ROUNDS}: {TEXTS} texts in {found[-1]:.3f} s")
    median = statistics.median(found)
    return {
        "seconds_per_1000": round(median, 3),
        "ms_per_text": round(median / TEXTS * 1000, 3),
        "texts": TEXTS,
        "rounds": ROUNDS,
    }


def _texts(number: int) -> list[str]:
    first = number * TEXTS + 1
    names = range(first, first + TEXTS)
    return [
        _SHAPES[each % len(_SHAPES)].format(n=each % 1000 + 1, controller=_CONTROLLER) + f"# {each}\n" for each in names
    ]
