"""The story of a ball that flies past a camera: its picture is in the event, waits, and is in the storage at last."""

import hashlib
import json
import secrets
import shutil
import tempfile
from pathlib import Path

from api.cli import terminal
from api.cli.change_view import show_change
from api.cli.demo.commanding import fabric
from api.cli.demo.porch.stream import BALL, Stream
from api.cli.demo.process import ServerProcess
from api.cli.demo.telling import Teller
from api.cli.run_view import show_run
from api.cli.server import Server
from api.settings import TOKEN_FILE
from catalog.jsonvalue import Json
from runtime.drivers.cameras.jpeg import measure

CONNECTION = Path(__file__).parents[4] / "samples" / "motion-to-store" / "connection.yaml"
SAMPLE_STORAGE = "3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0a01"
CAMERA = "cam-porch"
USER = "viewer"
SEEN_SECONDS = 30.0
SETTINGS = {"ADAPTER_READ_ONLY": "false", "FABRICKS_MONITORING_PROMETHEUS_ENABLED": "false"}


class Story(Teller):
    """From a stream to a file."""

    def __init__(self, place: Path, server: ServerProcess, services: Path, password: str) -> None:
        super().__init__(place / "server.log")
        self._place = place
        self._services = services
        self._process = server
        self._password = password
        self._token = place / "data" / TOKEN_FILE

    def tell(self, stream: Stream) -> None:
        """All of it."""
        self.say("a camera", "GStreamer's RTSP server; a ball flies through its picture, and it asks for a login")
        address = f"rtsp://127.0.0.1:{stream.start()}"
        self.note(f"{address}/porch, Digest login `{USER}`")
        self.say("start the server", "fabricksd start; what it writes is applied once a person agrees")
        self.note(f"ready after {self._process.start(FABRICKS_SOCKET=str(self._services)):.1f} s")
        person = Server(self._process.url, self._token.read_text().strip())
        self._prepare(person)
        self._look(person, address)
        run = self._fired(person)
        change = self._waits(person, run)
        self._apply(person, change)
        self._process.stop()

    def _prepare(self, person: Server) -> None:
        self.say("somewhere to keep pictures", "fabric controllers add nas; samples/motion-to-store with its id")
        store = self._place / "store"
        store.mkdir()
        self._fabric("controllers", "add", "nas", "--driver", "local", "--setting", f"directory={store}")
        text = CONNECTION.read_text().replace(SAMPLE_STORAGE, _named(person, "nas")["id"])
        made = person.send("POST", "connections", raw=text.encode(), headers={"Content-Type": "application/yaml"}).body
        self.note(f"connection {made['name']}: on {made['source_event']}")

    def _look(self, person: Server, address: str) -> None:
        self.say("watch the camera", "fabric controllers add porch --driver rtsp --credential password=@-")
        watched = {"path": "/porch", "name": "Porch", "motion": True, "zones": {"door": [0, 0, 1, 1]}}
        cameras = f"cameras={json.dumps({CAMERA: watched})}"
        settings = ["--setting", f"address={address}", "--setting", cameras]
        name = self._place / "username"
        name.write_text(USER)
        login = ["--credential", f"username=@{name}", "--credential", "password=@-"]
        self._fabric("controllers", "add", "porch", "--driver", "rtsp", *settings, *login, given=self._password)
        shown = self._fabric("controllers", "show", "porch", "--json")
        self.expect("the password in what is shown of it", self._password in shown, False)
        self.note(f"controller porch (rtsp) {_named(person, 'porch')['id']}; its password is sealed, and never shown")
        for line in self._fabric("controllers", "test", "porch").splitlines():
            self.note(line)

    def _fired(self, person: Server) -> Json:
        self.say("something moves", "cameras.event.motion, with the picture that showed it")
        run = self.until(lambda: _ended_run(person), "a run that has ended", SEEN_SECONDS)
        show_run(run)
        self.expect("the run", run["state"], "succeeded")
        states = {step["id"]: step["state"] for step in run["steps"]}
        self.expect("its steps", states, {"keep": "staged", "tell": "succeeded"})
        event = person.get(f"runs/{run['id']}")["event"]
        self.expect("its camera and zone", (event["payload"]["camera_id"], event["payload"]["zone"]), (CAMERA, "door"))
        self.expect("what came with it", event["artifact"]["media_type"], "image/jpeg")
        self.note(f"frame: {event['artifact']['size']} bytes, sha256 {event['artifact']['sha256']}")
        return run

    def _waits(self, person: Server, run: Json) -> Json:
        change_id = next(step["change_ids"][0] for step in run["steps"] if step["id"] == "keep")
        self.say("the picture waits", f"fabric changes show {change_id}")
        change = person.get(f"changes/{change_id}")
        show_change(change)
        self.expect("the change", (change["operation_id"], change["state"]), ("storage.store_blob", "pending"))
        self.expect("its picture", change["artifact"]["sha256"], run["event"]["artifact"]["sha256"])
        self.expect("files in the storage", _files(self._place / "store"), [])
        return change

    def _apply(self, person: Server, change: Json) -> None:
        self.say("a person applies it", f"fabric changes apply {change['id']} --yes")
        self.note(self._fabric("changes", "apply", change["id"], "--yes").splitlines()[-1])
        self.expect("the change", person.get(f"changes/{change['id']}")["state"], "applied")
        (file,) = _files(self._place / "store")
        content = file.read_bytes()
        self.expect("the file's sha256", hashlib.sha256(content).hexdigest(), change["artifact"]["sha256"])
        size = measure(content)
        self.expect("its size", (size.width, size.height), (320, 240))
        self.expect("the audit chain", person.get("audit/verify")["intact"], True)
        self.expect("the password in the server's log", self._password in self._log.read_text(), False)
        terminal.say("")
        terminal.say(f"change: {change['id']}")
        terminal.say(f"file: {file} sha256: {change['artifact']['sha256']}")

    def _fabric(self, *arguments: str, given: str = "") -> str:
        """The command line, as a person would use it; what it says."""
        environment = {
            "FABRIC_URL": self._process.url,
            "FABRIC_DATA_DIR": str(self._place / "data"),
        }
        return fabric(*arguments, environment=environment, given=given)


def play(place: Path) -> None:
    """Tell the story in `place`, which is emptied first and kept afterwards. Raises FabricError where it goes wrong."""
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(mode=0o700, parents=True)
    password = secrets.token_urlsafe(12)
    stream = Stream({"/porch": BALL}, user=USER, password=password, method="digest")
    server = ServerProcess(place / "data", place / "server.log", SETTINGS)
    # A Unix socket's path has little room.
    with tempfile.TemporaryDirectory(prefix="fabric-demo-") as folder:
        try:
            Story(place, server, Path(folder) / "services.sock", password).tell(stream)
        finally:
            server.kill()
            stream.stop()


def _named(person: Server, name: str) -> Json:
    return next(each for each in person.pages("controllers", 50) if each["name"] == name)


def _ended_run(person: Server) -> Json:
    for run in person.pages("runs", 20):
        if run["connection_name"] == "motion-to-store" and run["ended_at"] and run["state"] != "skipped":
            return person.get(f"runs/{run['id']}")
    return None


def _files(folder: Path) -> list[Path]:
    return sorted(each for each in folder.rglob("*") if each.is_file())
