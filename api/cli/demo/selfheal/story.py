"""The story of a service that fails with a bad revision, and is healthy again once a person has agreed."""

import shutil
import tempfile
from pathlib import Path

from api.cli import terminal
from api.cli.change_view import show_change
from api.cli.control import Control
from api.cli.demo.commanding import fabric
from api.cli.demo.process import ServerProcess
from api.cli.demo.receiver import Shop, open_shop
from api.cli.demo.telling import WAIT_SECONDS, Teller
from api.cli.run_view import show_run
from api.cli.server import Server
from api.settings import TOKEN_FILE
from catalog.daemons import LOCAL_DAEMON
from catalog.jsonvalue import Json

SAMPLES = Path(__file__).parents[4] / "samples"
CONNECTION = SAMPLES / "self-healing" / "connection.yaml"
SAMPLE_ALERTS = "https://alerts.example.com"
SECRET = "the demo's own signing secret"  # noqa: S105 - shown on purpose: server and receiver share it
SERVICE = "web"
GOOD, BAD = "/data", "nowhere"
SPEC: Json = {
    "name": SERVICE,
    "image": "hello:1.0.0",
    "environment": {"STORE": GOOD},
    "restart_policy": {"policy": "always", "max_attempts": 2, "backoff": "100ms"},
}
SETTINGS = {
    "ADAPTER_READ_ONLY": "false",
    "FABRIC_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
    "FABRIC_WEBHOOK_SIGNING_SECRET": SECRET,
    "FABRICKS_MONITORING_PROMETHEUS_ENABLED": "false",
}
SOCKET_MOST = 100
STATE_SECONDS = 30.0


class Story(Teller):
    """From a healthy service to a failed one, and back."""

    def __init__(self, place: Path, server: ServerProcess, socket: Path, alerts: Shop) -> None:
        super().__init__(place / "server.log")
        self._place = place
        self._process = server
        self._socket = socket
        self._control = Control(socket, None)
        self._alerts = alerts

    def tell(self) -> None:
        """All of it."""
        self.say("start the server", f"fabricksd start; both halves, services behind {self._socket}")
        self.note(f"ready after {self._process.start(FABRICKS_SOCKET=str(self._socket)):.1f} s")
        person = Server(self._process.url, (self._place / "data" / TOKEN_FILE).read_text().strip())
        self._connect(person)
        self._create()
        self._break()
        change = self._fired(person)
        self._told(change)
        self._waits(person, change)
        self._apply(change)
        self._healed(person, change)
        self._process.stop()

    def _connect(self, person: Server) -> None:
        self.say("author the Connection", "samples/self-healing, with a receiver of this demo's")
        local = person.get(f"controllers/{LOCAL_DAEMON}")
        self.note(f"the daemon is a controller from the start: {local['name']} ({local['driver']}) {local['id']}")
        text = CONNECTION.read_text().replace(SAMPLE_ALERTS, self._alerts.url)
        made = person.send("POST", "connections", raw=text.encode(), headers={"Content-Type": "application/yaml"}).body
        self.note(f"connection {made['name']}: on {made['source_event']}")

    def _create(self) -> None:
        self.say("run a service", f"fabric module build samples/services/hello; POST /v1/services `{SERVICE}`")
        self._fabric("module", "build", str(SAMPLES / "services" / "hello"))
        self._control.post("services", SPEC)
        found = self._settled("running")
        self.note(f"{SERVICE} revision {found['revision']}: {found['state']}, {found['health']}; STORE={GOOD}")

    def _break(self) -> None:
        self.say("break it", f"a second revision with STORE={BAD}, which the guest does not start with")
        self._control.post(f"services/{SERVICE}/stop", {"force": True})
        self._control.ask("PATCH", f"services/{SERVICE}", {"environment": {"STORE": BAD}})
        self._control.post(f"services/{SERVICE}/start")
        found = self._settled("failed")
        self.expect("its revision", found["revision"], 2)
        last = self._control.get("events/history", types="service.failed", limit=1)["events"][0]
        self.expect("restarts before it is given up", last["data"]["restarts"], 2)
        self.note(f"{SERVICE} revision 2: {found['state']} after {last['data']['restarts']} restarts; {last['type']}")

    def _fired(self, person: Server) -> Json:
        self.say("the Connection fires", "runtime.service.failed; reads run at once, the write only stages")
        run = self.until(lambda: _ended_run(person), "a run that has ended")
        show_run(run)
        self.expect("the run", run["state"], "succeeded")
        states = {step["id"]: step["state"] for step in run["steps"]}
        wanted = {"look": "succeeded", "log": "succeeded", "undo": "staged", "tell": "succeeded"}
        self.expect("its steps", states, wanted)
        return next(step["change_ids"][0] for step in run["steps"] if step["id"] == "undo")

    def _told(self, change_id: str) -> None:
        delivery = self._alerts.wait(WAIT_SECONDS)
        if delivery is None:
            raise self.mismatch("the alert", "a delivery", "none")
        self.say("somebody is told", f"POST {delivery.path} reached {self._alerts.url}")
        self.expect("its signature", delivery.verdict, "OK")
        self.expect("the change it names", delivery.body["rollback_waits_as"], change_id)
        wanted = f'hello: STORE is "{BAD}", which is no absolute path; giving up'
        lines = str(delivery.body["log"]).splitlines()
        self.expect("the guest's own words in it", wanted in lines, True)
        self.note(f"signature verified; revision {delivery.body['revision']} of {delivery.body['service']}; it said:")
        self.note(f"  {wanted}")

    def _waits(self, person: Server, change_id: str) -> None:
        self.say("the rollback waits", f"fabric changes show {change_id}")
        change = person.get(f"changes/{change_id}")
        show_change(change)
        self.expect("the change", (change["operation_id"], change["state"]), ("services.rollback", "pending"))
        stores = change["before"]["environment"]["STORE"], change["after"]["environment"]["STORE"]
        self.expect("its difference", stores, (BAD, GOOD))
        self.expect("the service meanwhile", self._control.get(f"services/{SERVICE}")["state"], "failed")

    def _apply(self, change_id: str) -> None:
        self.say("a person applies it", f"fabric changes apply {change_id} --yes")
        said = self._fabric("changes", "apply", change_id, "--yes")
        self.note(said.splitlines()[-1])

    def _healed(self, person: Server, change_id: str) -> None:
        self.say("the service is healthy again", f"GET /v1/services/{SERVICE}")
        self.expect("the change", person.get(f"changes/{change_id}")["state"], "applied")
        found = self._settled("running")
        self.expect("its health", (found["health"], found["degraded"]), ("healthy", False))
        self.expect("its revision", (found["revision"], found["environment"]["STORE"]), (3, GOOD))
        self.note(f"{SERVICE} revision {found['revision']}: {found['state']}, {found['health']}; STORE={GOOD}")
        self.expect("the audit chain", person.get("audit/verify")["intact"], True)
        terminal.say("")
        terminal.say(f"change: {change_id}")

    def _settled(self, state: str) -> Json:
        """The service once it is in that state and, where it runs, healthy."""

        def look() -> Json:
            found = self._control.get(f"services/{SERVICE}")
            there = found["state"] == state and (state != "running" or found["health"] == "healthy")
            return found if there else None

        return self.until(look, f"`{SERVICE}` to be {state}", STATE_SECONDS)

    def _fabric(self, *arguments: str) -> str:
        """The command line, as a person would use it; what it says."""
        environment = {
            "FABRIC_URL": self._process.url,
            "FABRIC_DATA_DIR": str(self._place / "data"),
            "FABRICKS_SOCKET": str(self._socket),
        }
        return fabric(*arguments, environment=environment)


def play(place: Path) -> None:
    """Tell the story in `place`, which is emptied first and kept afterwards. Raises FabricError where it goes wrong."""
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(mode=0o700, parents=True)
    server = ServerProcess(place / "data", place / "server.log", SETTINGS)
    with tempfile.TemporaryDirectory(prefix="fabric-demo-") as folder, open_shop(SECRET) as alerts:
        near = place / "fabricks.sock"
        # A Unix socket's path has little room.
        socket = near if len(str(near)) <= SOCKET_MOST else Path(folder) / near.name
        try:
            Story(place, server, socket, alerts).tell()
        finally:
            server.kill()


def _ended_run(person: Server) -> Json:
    for run in person.pages("runs", 20):
        if run["connection_name"] == "self-healing" and run["ended_at"]:
            return person.get(f"runs/{run['id']}")
    return None
