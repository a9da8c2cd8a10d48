"""`python -m bench.soak --minutes 5`: a table, then one flat JSON line; exit 1 unless nothing was lost or doubled."""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.server import INGEST_LIMIT, Server
from bench.soak.folder_watch import FolderWatch
from bench.soak.people import Person, Sender
from bench.soak.verdict import Verdict, judge
from bench.void import Void

SENDERS = 4
LEAST = {"kills": 10, "events": 1000, "applies": 10}
SETTLE_SECONDS = 120.0


def main() -> int:
    """0 where enough happened and all of it held."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=None, help="of the kills; printed, so that a run can be repeated")
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(2**32)
    _say(f"soak: {chosen.minutes:g} min, seed {seed}, FABRIC_INGEST_LIMIT={INGEST_LIMIT}")
    with tempfile.TemporaryDirectory(prefix="fabric-soak-") as folder:
        kills, verdict = _soak(Path(folder), chosen.minutes * 60, random.Random(seed))
    figures = {"kills": kills, **{name: getattr(verdict, name) for name in verdict.__struct_fields__}}
    for name, value in figures.items():
        print(f"{name:12} {value:>10,}")
    print(json.dumps(figures))
    enough = all(figures[name] >= least for name, least in LEAST.items())
    held = not (verdict.lost or verdict.doubled or verdict.unapproved)
    return 0 if enough and held else 1


def _soak(folder: Path, seconds: float, dice: random.Random) -> tuple[int, Verdict]:
    target = folder / "target"
    (target / "kept").mkdir(parents=True)
    watch = FolderWatch(target / "kept")
    server = Server(folder / "data", {"ADAPTER_READ_ONLY": "false", "FABRIC_LOG_LEVEL": "error"})
    server.start()
    key = _furnish(server, target)
    stop = threading.Event()
    senders = [Sender(server, key, number, stop) for number in range(SENDERS)]
    person = Person(server, stop)
    for each in (*senders, person):
        each.start()
    kills = _kill_for(server, seconds, dice, lambda: sum(len(each.acknowledged) for each in senders))
    stop.set()
    for each in (*senders, person):
        each.join(timeout=60)
    _settle(server)
    server.stop()
    acknowledged = [event for each in senders for event in each.acknowledged]
    return kills, judge(folder / "data" / "fabric.sqlite", acknowledged, person.asked, watch.arrivals)


def _furnish(server: Server, target: Path) -> str:
    site = server.call("GET", "sites")["items"][0]
    controller = server.call(
        "POST",
        "controllers",
        {"site_id": site["id"], "name": "soak", "driver": "local", "settings": {"directory": str(target)}},
    )
    server.call("POST", "connections", _connection("read", [_LOG, {**_LOG, "params": {"message": "{{run.id}}"}}, _LOG]))
    keep = {"controller_id": controller["id"], "path": "kept/{{event.id}}.json"}
    server.call(
        "POST",
        "connections",
        _connection(
            "keep",
            [
                {"operation_id": "storage.text_blob", "params": {"content": "{{trigger.payload}}"}},
                {"operation_id": "storage.store_blob", "params": keep},
            ],
        ),
    )
    return server.ingest_key()


_LOG: dict[str, object] = {"operation_id": "fabric.log", "params": {"message": "{{trigger.payload.count}}"}}


def _connection(name: str, steps: list[dict[str, object]]) -> dict[str, object]:
    condition = {"field": "trigger.name", "operator": "eq", "value": name}
    return {"name": f"soak-{name}", "source_event": "ingest.external", "conditions": [condition], "steps": steps}


def _kill_for(server: Server, seconds: float, dice: random.Random, acknowledged: object) -> int:
    """Kill and start again at random moments for so long; how often."""
    until = time.monotonic() + seconds
    kills = 0
    while time.monotonic() < until:
        time.sleep(min(dice.uniform(0.2, 4.0), max(until - time.monotonic(), 0.0)))
        server.kill()
        kills += 1
        server.start()
        if kills % 10 == 0:
            _say(f"soak: {kills} kills, {acknowledged():,} events acknowledged")  # type: ignore[operator]  # a callable
    return kills


def _settle(server: Server) -> None:
    until = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < until:
        counts = server.counts()
        if not any(counts.get(each) for each in ("runs.queued", "runs.running", "events.undispatched")):
            return
        time.sleep(0.2)
    raise Void("the runs did not settle")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
