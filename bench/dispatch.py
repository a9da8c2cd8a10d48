"""dispatch: match and run a chain of three `fabric.log` steps in process, without a store.

Floor: none is measured; the figure is events per second of this process's CPU time, beside `calibration`. The second
figure is the cost among 10,000 Connections on the same event type against the cost among one.
"""

import asyncio
import gc
import statistics
import time
from collections.abc import Callable

import uvloop

import connections
from bench.memory import MemoryLog, engine_without_store
from catalog.events import Event
from engine.dispatcher import holds
from engine.entries import Entry, routing_of
from engine.firing import Firing
from engine.index import Index
from engine.records import StoredConnection
from engine.runs import Run, RunState

MANY = 10_000
ROUNDS = 5
EVENTS = 20_000
TARGETS = 64

SOURCE = """
name: {name}
source_event: ingest.external
conditions:
  - {{field: trigger.name, operator: eq, value: {name}}}
steps:
  - operation_id: fabric.log
    params: {{message: "order {{{{trigger.payload.order}}}} of {{{{trigger.payload.customer}}}}"}}
  - operation_id: fabric.log
    params: {{message: "logged: {{{{steps.0.output.logged}}}}"}}
  - operation_id: fabric.log
    params: {{message: "done with {{{{trigger.payload.order}}}}"}}
"""


def run(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """The figures of Shows 4."""
    return uvloop.run(_measure(progress))


async def _measure(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    log = MemoryLog()
    engine = engine_without_store(log)
    few, many = _index(engine.entry, 1), _index(engine.entry, MANY)
    names_few, names_many = ["c0"], [f"c{number * (MANY // TARGETS)}" for number in range(TARGETS)]
    alone: list[float] = []
    crowded: list[float] = []
    gc.collect()
    gc.freeze()
    for index, names in ((few, names_few), (many, names_many)):
        await _seconds(engine.runner_run, index, names, 2000)
    for number in range(ROUNDS):
        alone.append(await _seconds(engine.runner_run, few, names_few, EVENTS))
        crowded.append(await _seconds(engine.runner_run, many, names_many, EVENTS))
        rates = (EVENTS / alone[-1], EVENTS / crowded[-1])
        progress(f"round {number + 1}/{ROUNDS}: {rates[0]:,.0f} events/s CPU alone, {rates[1]:,.0f} among {MANY:,}")
    if log.lines != 3 * 2 * (2000 + ROUNDS * EVENTS):
        raise RuntimeError(f"{log.lines} lines were logged")
    ratio = statistics.median(many / one for one, many in zip(alone, crowded, strict=True))
    return {
        "events_per_cpu_second": round(EVENTS / statistics.median(alone)),
        "cost_ratio_10000_to_1": round(ratio, 3),
        "us_per_event": round(statistics.median(alone) / EVENTS * 1e6, 2),
        "events": EVENTS,
        "rounds": ROUNDS,
    }


def _index(entry: Callable[[StoredConnection], Entry], count: int) -> Index:
    index = Index()
    for number in range(count):
        name = f"c{number}"
        source = SOURCE.format(name=name)
        routing = {"patterns": ["ingest.external"], "equals": [["name"], name]}
        stored = StoredConnection(
            id=name,
            organisation_id="org",
            name=name,
            author_id="author",
            source=connections.load(source).document() if number == 0 else _renamed(name),
            routing=routing,
        )
        made = entry(stored)
        index.put(made)
        if number == 0 and routing_of(made.plan()) != routing:
            raise RuntimeError("the routing written by hand is not the compiler's")
    return index


def _renamed(name: str) -> object:
    return connections.load(SOURCE.format(name=name)).document()


async def _seconds(run_one: "Callable[[Firing], object]", index: Index, names: list[str], count: int) -> float:
    """CPU seconds of this process for `count` events."""
    loop = asyncio.get_running_loop()
    began = time.process_time()
    for number in range(count):
        name = names[number % len(names)]
        event = Event(
            id=f"e{number}",
            organisation_id="org",
            type="ingest.external",
            payload={"name": name, "payload": {"order": number, "customer": "ada", "items": [1, 2, 3]}},
            time=1_763_740_800.0,
        )
        for entry in index.candidates("org", event.type, event.payload):
            plan = entry.plan()
            if not holds(plan, event):
                continue
            record = Run(
                id=f"r{number}",
                organisation_id="org",
                connection_id=entry.id,
                connection_name=entry.name,
                event=event,
                author_id=entry.author_id,
            )
            firing = Firing(record, plan, loop.time() + plan.timeout, {})
            await run_one(firing)  # type: ignore[misc]  # the runner's coroutine
            if record.state is not RunState.SUCCEEDED:
                raise RuntimeError(f"the run is {record.state}: {record.error}")
    return time.process_time() - began
