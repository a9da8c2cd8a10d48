"""Sessions that post and are killed: `python -m tests.engine.posting` forks one for each line it reads.

    line in:  FAILPOINT-or-dash FOLDER PORT DEED      lines out:  pid N, then end STATUS

`fire` makes an event happen, `resume` only starts; both live until every run is over. `replay` replays the first run.
"""

import asyncio
import contextlib
from pathlib import Path

from catalog.errors import Conflict
from catalog.jsonvalue import Json
from tests.engine.forking import fork_for_each_line
from tests.engine.house import House, house


def steps(port: int, controller_id: str) -> list[Json]:
    """A read, a write, a webhook, one for each of three items, and a notification over two channels."""

    def post(path: str) -> Json:
        return {"url": f"http://127.0.0.1:{port}/{path}/{{{{run.id}}}}", "payload": {"n": "{{trigger.n}}"}}

    each = {"in": "{{trigger.items}}", "as": "item", "max_parallel": 2}
    channels = {"in_app": True, "webhook": {"url": f"http://127.0.0.1:{port}/notify"}}
    return [
        {"operation_id": "probe.echo", "params": {"value": 1}},
        {"operation_id": "probe.set", "params": {"controller_id": controller_id, "value": 1}},
        {"operation_id": "fabric.webhook", "params": post("once")},
        {"operation_id": "fabric.webhook", "params": post("each-{{item}}"), "foreach": each},
        {"operation_id": "fabric.notify", "params": {"title": "{{run.id}}", "channels": channels}},
    ]


async def session(folder: Path, port: int, deed: str) -> None:
    """Do the deed and live until all is done."""
    allowed = ("127.0.0.1",)
    async with house(folder, webhook_allowed_hosts=allowed, shutdown_seconds=5.0) as home:
        if deed == "fire":
            with contextlib.suppress(Conflict):  # an earlier session was killed after it
                source = {"name": "posts", "source_event": "probe.thing.happened"}
                await home.connect({**source, "steps": steps(port, home.controller.id)})
            await home.happen({"n": 1, "items": ["a", "b", "c"]})
        elif deed == "replay":
            (first,) = (await home.app.store.list_runs(home.admin.organisation_id, 10, None)).items
            await home.app.trials.replay(home.admin, first.id)
            return
        await _done(home)


async def _done(home: House) -> None:
    busy = ("runs.queued", "runs.running", "events.undispatched")
    while counts := await home.app.store.counts():
        if not any(counts.get(each) for each in busy):
            return
        await asyncio.sleep(0.005)


def main() -> None:
    """Fork a session for each line `FAILPOINT FOLDER PORT DEED`."""
    fork_for_each_line(lambda words: session(Path(words[0]), int(words[1]), words[2]))


if __name__ == "__main__":
    main()
