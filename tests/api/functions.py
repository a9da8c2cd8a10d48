"""A server with a services half, whose services export functions."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from api.daemon.hosting import Hosting
from catalog.jsonvalue import Json
from runtime.wasm.modules.building import build
from tests.api.daemon.guests import SERVICES
from tests.api.daemon.hosted import configured, short_folder
from tests.api.running import Reply, Running, running

SECONDS = 20.0

HOSTILE = """
fabrick_version = "1.0"
[info]
name = "hostile-functions"
version = "1.0.0"
type = "http"
[from]
path = "functions.wasm"
[config]
timeout = 2
resources = { memory = "16Mi" }
"""


class Floor:
    """The server, its services half, and what tests do with both."""

    def __init__(self, server: Running, folder: Path) -> None:
        self.server = server
        self._folder = folder

    @property
    def services(self) -> Hosting:
        """The services half."""
        found = self.server.server.services
        assert found is not None
        return found

    @property
    def socket(self) -> Path:
        """Where the services half listens."""
        return self._folder / "fabricks.sock"

    def daemon(self, method: str, path: str, body: Json = None) -> Json:
        """Ask the services API from within."""
        return self.server.run(self.services.inside.ask(method, path, body=body))

    def store(self, folder: Path) -> str:
        """Store a module as it lies there; its reference."""
        return self.server.run(build(folder, self.services.daemon.modules, run_build=False)).reference

    def store_hostile(self, functions: str, name: str = "hostile-functions") -> str:
        """Store the hostile guest with these `[function.…]` tables; its reference."""
        folder = self._folder / f"guest-{name}"
        folder.mkdir(exist_ok=True)
        shutil.copy(SERVICES / "hostile/functions.wasm", folder)
        (folder / "Fabrickfile").write_text(HOSTILE.replace("hostile-functions", name) + functions)
        return self.store(folder)

    def start(self, name: str, reference: str, **wanted: Json) -> str:
        """A running service; its id."""
        made = self.daemon("POST", "services", {"name": name, "image": f"wasm://{reference}", **wanted})
        self.until(lambda: self.state(name) == "running")
        return str(made["id"])

    def state(self, name: str) -> str:
        """The service's."""
        return str(self.daemon("GET", f"services/{name}")["state"])

    def pricing(self, name: str = "pricing") -> str:
        """The sample, running and in the catalog; the service's id."""
        service_id = self.start(name, self.store(SERVICES / "pricing"))
        self.refresh()
        return service_id

    def logs(self, name: str) -> list[Json]:
        """What is in the service's log."""
        found: list[Json] = self.daemon("GET", f"services/{name}/logs")["entries"]
        return found

    def refresh(self) -> None:
        """Have the catalog as it is now, not as it was up to three seconds ago."""

        async def work() -> None:
            self.server.server.application.registry.refresh()

        self.server.run(work())

    def functions(self, **more: Json) -> dict[str, Json]:
        """Service functions in the catalog as the asker sees it, by id."""
        found = self.server.get("/catalog", **more)["operations"]
        return {each["id"]: each for each in found if each["id"].startswith("service.")}

    def invoke(self, operation: str, params: Json = None, **more: Json) -> Reply:
        """Call it now."""
        return self.server.call("POST", f"/operations/{operation}/invoke", {"params": params or {}}, **more)

    def fire(self, steps: list[Json], payload: Json = None) -> Json:
        """A run of a Connection of these steps, once it is over."""
        name = f"c-{time.monotonic_ns()}"
        made = self.server.call(
            "POST", "/connections", {"name": name, "source_event": "probe.thing.happened", "steps": steps}
        )
        assert made.status == 201, made.content
        asked = self.server.call("POST", f"/connections/{name}/test", {"payload": payload or {}})
        assert asked.status == 200, asked.content
        return self.until(lambda: self._over(asked.body["id"]))

    def _over(self, run_id: str) -> Json:
        run = self.server.get(f"/runs/{run_id}")
        return run if run["ended_at"] else None

    def until(self, look: Callable[[], Json]) -> Json:
        """Look until there is something."""
        end = time.monotonic() + SECONDS
        while not (found := look()):
            assert time.monotonic() < end
            time.sleep(0.02)
        return found


@contextmanager
def floor(folder: Path | None = None) -> Iterator[Floor]:
    """Start both halves; stop them at the end."""
    if folder is None:
        with short_folder() as made, floor(made) as started:
            yield started
        return
    with running(folder / "f", services=configured(folder)[0]) as server:
        yield Floor(server, folder)
