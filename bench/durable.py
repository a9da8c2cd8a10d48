"""durable: complete runs of a three-step chain, from POST /fabric/ingest to the run's own commit.

A round pushes events for some seconds and then waits until the last of their runs has ended; the rate is all runs over
all of that time. The floor is the same server's route that answers 204.
"""

import statistics
import time
from collections.abc import Callable

from bench.ingest import BODY
from bench.load import ceiling, check_ceiling, wrk
from bench.server import INGEST_LIMIT, Server, server
from bench.void import Void

ROUNDS = 5
SECONDS = 3.0
SETTLE_SECONDS = 60.0

CONNECTION = {
    "name": "bench-chain",
    "source_event": "ingest.external",
    "conditions": [{"field": "trigger.name", "operator": "eq", "value": "order"}],
    "steps": [
        {"operation_id": "fabric.log", "params": {"message": "order {{trigger.payload.order}}"}},
        {"operation_id": "fabric.log", "params": {"message": "of {{trigger.payload.customer}}"}},
        {"operation_id": "fabric.log", "params": {"message": "logged {{steps.0.output.logged}}"}},
    ],
}


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """The figures of Shows 5."""
    top = ceiling()
    progress(f"ceiling of the load: {top:,.0f}/s; FABRIC_INGEST_LIMIT={INGEST_LIMIT}")
    floors, rates = [], []
    with server(bench_routes=True) as running:
        headers = {"X-API-Key": running.ingest_key(), "Content-Type": "application/json"}
        running.call("POST", "connections", CONNECTION)
        target = f"{running.url}/api/v1/fabric/ingest"
        wrk(target, 1.0, headers=headers, body=BODY)
        _settled(running)
        for number in range(ROUNDS):
            floors.append(wrk(f"{running.url}/bench/floor", SECONDS))
            before, began = _settled(running), time.perf_counter()
            wrk(target, SECONDS, headers=headers, body=BODY)
            rates.append((_settled(running) - before) / (time.perf_counter() - began))
            progress(f"round {number + 1}/{ROUNDS}: floor {floors[-1]:,.0f}/s, runs {rates[-1]:,.0f}/s")
    floor, rate = statistics.median(floors), statistics.median(rates)
    check_ceiling(floor, top)
    return {
        "runs_per_second": round(rate),
        "share_of_floor": round(statistics.median(b / a for a, b in zip(floors, rates, strict=True)), 3),
        "floor_per_second": round(floor),
        "ceiling_per_second": round(top),
        "rounds": ROUNDS,
    }


def _settled(running: Server) -> int:
    """How many runs have succeeded, once none is under way. Raises Void where that takes too long or one failed."""
    until = time.perf_counter() + SETTLE_SECONDS
    while time.perf_counter() < until:
        counts = running.counts()
        if counts.get("ended.failed") or counts.get("runs.dead_letter"):
            raise Void(f"runs failed: {counts}")
        if not any(counts.get(each) for each in ("runs.queued", "runs.running", "events.undispatched")):
            return counts.get("ended.succeeded", 0)
        time.sleep(0.1)
    raise Void("the runs did not settle")
