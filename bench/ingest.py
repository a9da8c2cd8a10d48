"""ingest: POST /fabric/ingest → 202 after the commit, against the same server's route that answers 204.

No Connection matches; every accepted event is durable (fsync) before it is answered.
"""

import statistics
from collections.abc import Callable

from bench.load import ceiling, check_ceiling, wrk
from bench.server import INGEST_LIMIT, server

ROUNDS = 5
SECONDS = 3.0
BODY = '{"name": "order", "payload": {"order": 4711, "customer": "ada", "items": [1, 2, 3]}}'


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """The figures of Shows 5."""
    top = ceiling()
    progress(f"ceiling of the load: {top:,.0f}/s; FABRIC_INGEST_LIMIT={INGEST_LIMIT}")
    floors, cases = [], []
    with server(bench_routes=True) as running:
        headers = {"X-API-Key": running.ingest_key(), "Content-Type": "application/json"}
        target = f"{running.url}/api/v1/fabric/ingest"
        wrk(target, 1.0, headers=headers, body=BODY)
        for number in range(ROUNDS):
            floors.append(wrk(f"{running.url}/bench/floor", SECONDS))
            cases.append(wrk(target, SECONDS, headers=headers, body=BODY))
            progress(f"round {number + 1}/{ROUNDS}: floor {floors[-1]:,.0f}/s, ingest {cases[-1]:,.0f}/s")
    floor, case = statistics.median(floors), statistics.median(cases)
    check_ceiling(floor, top)
    return {
        "share_of_floor": round(statistics.median(b / a for a, b in zip(floors, cases, strict=True)), 3),
        "requests_per_second": round(case),
        "floor_per_second": round(floor),
        "ceiling_per_second": round(top),
        "connections": 32,
        "rounds": ROUNDS,
    }
