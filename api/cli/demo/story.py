"""The demo's story: an order comes in, its write waits, a person applies it, a file appears."""

import hashlib
import http.client
import json
import shutil
from pathlib import Path

from api.cli import terminal
from api.cli.change_view import show_change
from api.cli.demo.process import ServerProcess
from api.cli.demo.receiver import Shop, open_shop
from api.cli.demo.telling import WAIT_SECONDS, Teller
from api.cli.run_view import show_run
from api.cli.server import PREFIX, Server
from api.settings import TOKEN_FILE
from catalog.errors import Conflict, FabricError, Forbidden
from catalog.jsonvalue import Json, compact

SAMPLE = Path(__file__).parents[3] / "samples" / "order-desk" / "connection.yaml"
SAMPLE_CONTROLLER = "5b0c2d0e-8f3a-4b1e-9c55-2f1d7a3e9b10"
SAMPLE_SHOP = "https://shop.example.com"
SECRET = "the demo's own signing secret"  # noqa: S105 - shown on purpose: server and receiver share it
ORDER: Json = {"order": "A-17", "customer": "Ada", "total": 42.5}


class Story(Teller):
    """From an empty folder to a file."""

    def __init__(self, place: Path, server: ServerProcess, shop: Shop) -> None:
        super().__init__(place / "server.log")
        self._place = place
        self._process = server
        self._shop = shop

    def tell(self) -> None:
        """From an empty folder to a file."""
        self.say("start a server", f"fabricksd start, data in {self._place / 'data'}")
        self.note(f"ready at {self._process.url} after {self._process.start():.1f} s; ADAPTER_READ_ONLY is its default")
        person = Server(self._process.url, (self._place / "data" / TOKEN_FILE).read_text().strip())
        key = self._set_up(person)
        event_id = self._ingest(key)
        run = self._wait_for_run(person, event_id)
        change = self._pending(person, run)
        self._refuse_while_read_only(person, change, key)
        self._turn_off_read_only()
        path = self._apply(person, change)
        self._once_only(person, change)
        self._end(event_id, run, change, path)

    def _set_up(self, person: Server) -> str:
        self.say("prepare", "a storage that is a folder, a Connection, a key for the shop")
        store = self._place / "store"
        store.mkdir()
        site = next(person.pages("sites", 1))
        body = {"site_id": site["id"], "name": "desk", "driver": "local", "settings": {"directory": str(store)}}
        controller = person.post("controllers", body)
        text = SAMPLE.read_text().replace(SAMPLE_CONTROLLER, controller["id"]).replace(SAMPLE_SHOP, self._shop.url)
        headers = {"Content-Type": "application/yaml"}
        connection = person.send("POST", "connections", raw=text.encode(), headers=headers).body
        self.note(f"controller {controller['id']} → {store}")
        self.note(f"connection {connection['name']} (samples/order-desk, with this controller and this receiver)")
        made = person.post("keys", {"name": "shop", "kind": "key", "scopes": ["event:write"]})
        self.note("key `shop` with the one permission `event:write`")
        return str(made["text"])

    def _ingest(self, key: str) -> str:
        self.say("an order comes in", f"POST {PREFIX}/ingest with X-API-Key")
        status, answer = self._as_machine(key, "ingest", {"name": "Order-Received", "payload": ORDER})
        self.expect("the answer", status, 202)
        self.expect("its event type", answer["event_type"], "ingest.external")
        self.note(f"202 {json.dumps(answer)}")
        return str(answer["event_id"])

    def _wait_for_run(self, person: Server, event_id: str) -> Json:
        self.say("the Connection fires", "reads run at once; the write only stages")
        run = self.until(lambda: _run_of(person, event_id), "a run that has ended")
        show_run(run)
        self.expect("the run", run["state"], "succeeded")
        states = {step["id"]: step["state"] for step in run["steps"]}
        wanted = {"room": "succeeded", "document": "succeeded", "keep": "staged", "tell": "succeeded"}
        self.expect("its steps", states, wanted)
        return run

    def _pending(self, person: Server, run: Json) -> Json:
        change_id = next(step["change_ids"][0] for step in run["steps"] if step["id"] == "keep")
        delivery = self._shop.wait(WAIT_SECONDS)
        if delivery is None:
            raise self.mismatch("the webhook", "a delivery", "none")
        self.say("the shop is told", f"POST {delivery.path} reached {self._shop.url}")
        self.expect("its signature", delivery.verdict, "OK")
        self.expect("the change it names", delivery.body["waits_as"], change_id)
        self.note(f"signature verified; {json.dumps(delivery.body)}")
        self.say("the write waits", "nothing is written yet")
        change = person.get(f"changes/{change_id}")
        show_change(change)
        self.expect("the change", change["state"], "pending")
        self.expect("files in the storage", _files(self._place / "store"), [])
        return change

    def _refuse_while_read_only(self, person: Server, change: Json, key: str) -> None:
        self.say("it cannot be applied", "ADAPTER_READ_ONLY is on; and a machine never applies")
        status, answer = self._as_machine(key, f"changes/{change['id']}/apply", _decision(change))
        self.expect("the machine's answer", (status, answer["code"]), (403, "PERSON_REQUIRED"))
        self.note(f"the shop's key: 403 {answer['code']}: {answer['detail']}")
        refused = self._refusal(person, change)
        self.expect("the person's answer", (type(refused), refused.code), (Forbidden, "READ_ONLY"))
        self.note(f"the person: 403 {refused.code}: {refused.message}")
        self.expect("the change", person.get(f"changes/{change['id']}")["state"], "pending")

    def _turn_off_read_only(self) -> None:
        self.say("an operator turns read-only off", "SIGTERM, then ADAPTER_READ_ONLY=false fabricksd start")
        self._process.stop()
        self.note(f"ready again after {self._process.start(ADAPTER_READ_ONLY='false'):.1f} s")

    def _apply(self, person: Server, change: Json) -> Path:
        self.say("a person applies it", f"POST {PREFIX}/changes/{change['id']}/apply with force and the digest shown")
        done = person.post(f"changes/{change['id']}/apply", _decision(change))
        self.expect("the change", done["state"], "applied")
        path = self._place / "store" / "orders" / "A-17.json"
        if not path.is_file():
            raise self.mismatch("the file", str(path), _files(self._place / "store"))
        self.expect("its bytes", path.read_bytes(), compact(ORDER))
        self.expect("its sha256", _sha256(path), change["artifact"]["sha256"])
        self.note(f"applied; {path.read_text()}")
        return path

    def _once_only(self, person: Server, change: Json) -> None:
        again = self._refusal(person, change)
        self.expect("a second time", (type(again), again.code), (Conflict, "CHANGE_STATE"))
        self.note(f"a second time: 409 {again.code}: {again.message}")
        self.expect("the audit chain", person.get("audit/verify")["intact"], True)
        self.note("the audit chain is intact")

    def _end(self, event_id: str, run: Json, change: Json, path: Path) -> None:
        self._process.stop()
        terminal.say("")
        terminal.say(f"event: {event_id}")
        terminal.say(f"run: {run['id']}")
        terminal.say(f"change: {change['id']}")
        terminal.say(f"file: {path} sha256: {_sha256(path)}")

    def _refusal(self, person: Server, change: Json) -> FabricError:
        try:
            done = person.post(f"changes/{change['id']}/apply", _decision(change))
        except FabricError as error:
            return error
        raise self.mismatch("applying", "a refusal", done["state"])

    def _as_machine(self, key: str, path: str, body: Json) -> tuple[int, Json]:
        """One request as an outside system sends it: with its key, and nothing of ours in between."""
        place = self._process.url.removeprefix("http://")
        connection = http.client.HTTPConnection(place, timeout=WAIT_SECONDS)
        headers = {"X-API-Key": key, "Content-Type": "application/json"}
        try:
            connection.request("POST", f"{PREFIX}/{path}", json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


def play(place: Path) -> None:
    """Tell the story in `place`, which is emptied first and kept afterwards. Raises FabricError where it goes wrong."""
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(mode=0o700, parents=True)
    settings = {
        "FABRIC_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
        "FABRIC_WEBHOOK_SIGNING_SECRET": SECRET,
        "FABRIC_ARTIFACT_DURABLE_DIR": str(place / "artifacts"),
    }
    server = ServerProcess(place / "data", place / "server.log", settings)
    try:
        with open_shop(SECRET) as shop:
            Story(place, server, shop).tell()
    finally:
        server.kill()


def _decision(change: Json) -> Json:
    return {"force": True, "digest": change["digest"]}


def _run_of(person: Server, event_id: str) -> Json:
    for run in person.pages("runs", 20):
        if run["event"]["id"] == event_id and run["ended_at"]:
            return person.get(f"runs/{run['id']}")
    return None


def _files(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
