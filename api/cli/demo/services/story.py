"""The story of a shop: deployed, visited, hit, scaled, kept from what it may not do, and taken down."""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from api.cli.control import Control
from api.cli.demo.commanding import fabric
from api.cli.demo.process import ServerProcess, free_port
from api.cli.demo.services.visitors import SECONDS, Crowd, Door
from api.cli.demo.telling import Teller
from catalog.jsonvalue import Json

SAMPLES = Path(__file__).parents[4] / "samples"
PROJECT = SAMPLES / "mortar" / "shop" / "fabricks-mortar.toml"
SAMPLE_PORT = "18080:8080"
MODULES = ("python-http", "js-http", "gate", "catalogue", "cart", "ledger")
"""Layers of interpreters come before what is built on them."""
SERVICES = ("gate", "catalogue", "cart", "ledger")
PACE = {
    "FABRICKS_SCALING_EVALUATION_INTERVAL": "500ms",
    "FABRICKS_SCALING_CPU_STABILIZATION_WINDOW": "2s",
    "FABRICKS_MONITORING_PROMETHEUS_ENABLED": "false",
}
"""The scaler looks every half second, so that there is something to see; the default is 30 s."""
SOCKET_MOST = 100
VISITORS = 12
DEPLOY_SECONDS = 300.0
SCALE_SECONDS = 60.0


class Story(Teller):
    """From an empty folder to a shop, and back."""

    def __init__(self, place: Path, server: ServerProcess, socket: Path) -> None:
        super().__init__(place / "server.log")
        self._server = server
        self._socket = socket
        self._control = Control(socket, None)
        self._door = Door(free_port())

    def tell(self) -> None:
        """All of it."""
        self.say("start the daemon", f"fabricksd start; services behind {self._socket}")
        self.note(f"ready after {self._server.start(FABRICKS_SOCKET=str(self._socket)):.1f} s")
        self._build()
        self._deploy()
        self._visit()
        self._kill()
        self._scale()
        self._deny()
        self._undeploy()
        self._server.stop()

    def _build(self) -> None:
        self.say("build and store the modules", "fabric module build samples/services/…")
        for name in MODULES:
            self._fabric("module", "build", str(SAMPLES / "services" / name))
        for each in self._control.get("modules")["modules"]:
            self.note(f"{each['reference']}  {each['type']}  {each['size']:,} bytes  {each['digest'][:19]}…")

    def _deploy(self) -> None:
        self.say("deploy the shop", "POST /v1/mortar/deploy with samples/mortar/shop")
        text = PROJECT.read_text(encoding="utf-8").replace(SAMPLE_PORT, f"{self._door.port}:8080")
        body = {"mortar": text, "profile": "demo", "base_dir": str(PROJECT.parent)}
        done = self._control.post("mortar/deploy", body, seconds=DEPLOY_SECONDS)
        counts = {what: done[f"{what}_created"] for what in ("services", "networks", "volumes")}
        self.expect("what was created", counts, {"services": 4, "networks": 3, "volumes": 1})
        self.note(f"{done['deployment_id']}: 4 services, 3 networks, 1 volume, 1 policy")
        again = self._control.post("mortar/deploy", body, seconds=DEPLOY_SECONDS)
        self.expect("what a second deploy creates", again["services_created"], 0)
        self.note("deployed once more: nothing to do")
        self._whole()

    def _whole(self) -> None:
        def healthy() -> Json:
            found = self._control.get("mortar/status/shop")
            return found if (found["state"], found["health"]) == ("running", "healthy") else None

        found = self.until(healthy, "a healthy shop")
        self.note(f"running: {found['services']['running']} of {found['services']['total']}, {found['health']}")

    def _visit(self) -> None:
        self.say(
            "visit it", f"port {self._door.port}: gate (Go) asks catalogue (Python), cart (JavaScript), ledger (C)"
        )
        status, products = self._door.ask("GET", "/products")
        self.expect("the products", (status, sorted(products["products"])), (200, ["cups", "kettle", "tea"]))
        status, _ = self._door.ask("POST", "/carts/7", {"item": "tea", "count": 2})
        self.expect("a cart", status // 100, 2)
        status, entry = self._door.ask("POST", "/checkout/7")
        self.expect("a checkout", status, 201)
        status, receipts = self._door.ask("GET", "/receipts")
        self.expect("the receipts", status, 200)
        self.note(f"bought: {entry}; in the ledger, on its volume: {receipts}")
        volume = next(each for each in self._control.get("volumes")["volumes"] if each["name"] == "books")
        self.expect("the volume's users", volume["mount_count"], 1)

    def _kill(self) -> None:
        self.say("kill a guest", "kill -9 of the gate's worker")
        before = self._instance("gate")
        os.kill(before["pid"], signal.SIGKILL)

        def restarted() -> Json:
            now = self._instance("gate")
            return now if now["restarts"] > before["restarts"] and now["state"] == "running" else None

        after = self.until(restarted, "the gate's return")
        self.expect("the door", self._door.ask("GET", "/")[0], 200)
        stopped = self._control.get("events/history", types="service.stopped", limit=1)["events"][0]
        self.note(
            f"process {before['pid']} is gone, {after['pid']} answers; event {stopped['type']}: {stopped['data']}"
        )

    def _instance(self, service: str) -> Json:
        return self._control.get(f"services/{service}")["replicas"]["instances"][0]

    def _scale(self) -> None:
        self.say("a crowd comes", f"{VISITORS} visitors at once; the scaler may go from 1 to 4")
        crowd = Crowd(self._door, "/work?ms=40", VISITORS)
        with crowd.visiting():
            many = self.until(lambda: self._replicas_if(lambda count: count > 1), "more replicas", SCALE_SECONDS)
        self.note(f"{many} replicas; answers by status: {crowd.statuses}")
        self.expect("what the crowd was told", set(crowd.statuses), {200})
        self.until(lambda: self._replicas_if(lambda count: count == 1), "one replica again", SCALE_SECONDS)
        for each in reversed(self._control.get("events/history", types="service.scaled", limit=10)["events"]):
            told = each["data"]
            self.note(f"{told['previous_replicas']} → {told['new_replicas']}: {told['cause']}")

    def _replicas_if(self, fits: Callable[[int], bool]) -> Json:
        running = self._control.get("services/gate")["replicas"]["running"]
        return running if fits(running) else None

    def _deny(self) -> None:
        self.say("the catalogue tries the ledger", "the networks let it through, the policy `books` does not")
        status, answer = self._guest("services/catalogue/proxy/call", url="http://ledger/entries")
        self.expect("the catalogue's answer", (status, "FORBIDDEN" in answer["refused"]), (502, True))
        event = self._control.get("events/history", types="policy.violated", limit=1)["events"][0]
        self.expect("the policy", event["data"]["policy"], "books")
        self.note(f"the guest reads: {answer}")
        self.note(f"policy.violated: {event['data']}")

    def _guest(self, path: str, **query: str) -> tuple[int, Json]:
        """What a guest answers through the daemon: any status is its own, and no refusal of the daemon's."""
        connection = self._control.connect(SECONDS)
        try:
            connection.request("GET", self._control.target(path, query))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def _undeploy(self) -> None:
        self.say("take it down", "POST /v1/mortar/undeploy, with its volume")
        body = {"project_name": "shop", "remove_volumes": True, "timeout": "10s"}
        gone = self._control.post("mortar/undeploy", body, seconds=DEPLOY_SECONDS)
        counts = {what: gone[f"{what}_removed"] for what in ("services", "networks", "volumes")}
        self.expect("what was removed", counts, {"services": 4, "networks": 3, "volumes": 1})
        self.expect("services left", self._control.get("services")["total"], 0)
        self.note("4 services, 3 networks and 1 volume are gone")

    def _fabric(self, *arguments: str) -> str:
        """The command line, as a person would use it; what it says."""
        environment = {
            "FABRICKS_SOCKET": str(self._socket),
        }
        return fabric(*arguments, environment=environment)


def play(place: Path) -> None:
    """Tell the story in `place`, which is emptied first and kept afterwards. Raises FabricError where it goes wrong."""
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(mode=0o700, parents=True)
    server = ServerProcess(place / "data", place / "server.log", PACE)
    with tempfile.TemporaryDirectory(prefix="fabric-demo-") as folder:
        near = place / "fabricks.sock"
        # A Unix socket's path has little room.
        socket = near if len(str(near)) <= SOCKET_MOST else Path(folder) / near.name
        try:
            Story(place, server, socket).tell()
        finally:
            server.kill()
