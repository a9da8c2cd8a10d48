"""operations: what a step costs that calls a function of a warm service, against the bare way to its worker and back.

Floor: the same bytes, from the same loop through the same kind of socket to the same worker's loop, which gives back
what it got and never calls its guest. Native: a step of `fabric.log`. Floor, service and native take turns, one call
each, in one process: so each finds the machine as the others do.
"""

import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import structlog
import uvloop

import connections
from bench.memory import InProcess, MemoryLog, engine_without_store
from bench.operations.echo import echo
from bench.operations.service import Service, service
from bench.void import Void
from catalog.events import Event
from catalog.jsonvalue import Json
from connections.plan import Plan
from engine.firing import Firing
from engine.runs import Run, RunState

ROUNDS = 10
CALLS = 1000
"""A round's; ten rounds make the 10,000 whose median is told."""
WARM = 500

SERVICE = {"operation_id": "service.pricing.quote", "params": {"item": "{{trigger.payload.item}}", "quantity": 10}}
NATIVE = {"operation_id": "fabric.log", "params": {"message": "{{trigger.payload.item}}"}}
Once = Callable[[], Awaitable[float]]


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """The figures of operations."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    with tempfile.TemporaryDirectory(prefix="fb-", dir="/tmp") as folder:
        return uvloop.run(_measure(Path(folder), progress))


async def _measure(folder: Path, progress: Callable[[str], None]) -> dict[str, float | int | str]:
    async with service(folder) as running, echo(running.launch) as bare:
        engine = engine_without_store(MemoryLog(), running.functions)
        cases: dict[str, Once] = {
            "floor": lambda: bare.once(running.request),
            "service": _step(engine, SERVICE, running),
            "native": _step(engine, NATIVE, running),
        }
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(WARM):
            for once in cases.values():
                await once()
        gc.collect()
        gc.freeze()
        for number in range(ROUNDS):
            for _ in range(CALLS):
                for name, once in cases.items():
                    times[name].append(await once())
            told = ", ".join(f"{name} {statistics.median(each[-CALLS:]):.1f} µs" for name, each in times.items())
            progress(f"round {number + 1}/{ROUNDS}: {told}")
    return _figures(times)


def _figures(times: dict[str, list[float]]) -> dict[str, float | int | str]:
    middle = {name: statistics.median(each) for name, each in times.items()}
    return {
        "service_step_to_ipc_floor": round(middle["service"] / middle["floor"], 3),
        "service_step_us": round(middle["service"], 2),
        "native_step_us": round(middle["native"], 2),
        "ipc_floor_us": round(middle["floor"], 2),
        "service_step_over_floor_us": round(middle["service"] - middle["floor"], 2),
        "service_step_p99_us": round(statistics.quantiles(times["service"], n=100)[98], 2),
        "calls": ROUNDS * CALLS,
    }


def _step(engine: InProcess, step: Mapping[str, Json], running: Service) -> Once:
    plan: Plan = connections.compile(
        {"name": "c", "source_event": "ingest.external", "steps": [step]}, engine.catalog()
    )
    payload: Json = {"name": "c", "payload": {"item": running.item}}

    async def once() -> float:
        firing = _firing(plan, payload)
        began = time.perf_counter()
        await engine.runner_run(firing)
        took = (time.perf_counter() - began) * 1e6
        if firing.run.state is not RunState.SUCCEEDED:
            raise Void(f"the run is {firing.run.state}: {firing.run.error}")
        return took

    return once


def _firing(plan: Plan, payload: Json) -> Firing:
    event = Event(id="e", organisation_id="org", type="ingest.external", payload=payload, time=1_763_740_800.0)
    run = Run(id="r", organisation_id="org", connection_id="c", connection_name="c", event=event, author_id="author")
    return Firing(run, plan, asyncio.get_running_loop().time() + plan.timeout, {})
