"""The story of a machine that crashes, and of the one that lives on it: a snapshot is applied, a restart rejected."""

import shutil
import tempfile
from functools import partial
from pathlib import Path

from api.cli import terminal
from api.cli.change_view import show_change
from api.cli.demo.commanding import fabric
from api.cli.demo.process import ServerProcess
from api.cli.demo.telling import Teller
from api.cli.demo.vm.host import Host
from api.cli.run_view import show_run
from api.cli.server import Server
from api.settings import TOKEN_FILE
from catalog.jsonvalue import Json

CONNECTION = Path(__file__).parents[4] / "samples" / "vm-recovery" / "connection.yaml"
SAMPLE_CONTROLLER = "4d1a0e52-93c7-4b6f-8a10-7c2e5d9f0b31"
NAS, MEDIA = "nas", "media"
CONTROLLER = "host"
GREETING = """apiVersion: fabric/v1
kind: Connection
name: greeting
source_event: device.discovered
steps:
  - operation_id: fabric.log
    params: {message: "met {{trigger.data.name}}"}
"""
POLL_SECONDS = 1.0
STATE_SECONDS = 30.0
SETTINGS = {"ADAPTER_READ_ONLY": "false", "FABRICKS_MONITORING_PROMETHEUS_ENABLED": "false"}


class Story(Teller):
    """Two machines, a crash, and a person who agrees to one change and not to the other."""

    def __init__(self, place: Path, server: ServerProcess, host: Host, services: Path) -> None:
        super().__init__(place / "server.log")
        self._place = place
        self._process = server
        self._host = host
        self._services = services
        self._token = place / "data" / TOKEN_FILE

    def tell(self) -> None:
        """All of it."""
        self._power_on()
        self.say("start the server", "fabricksd start; what it writes is applied once a person agrees")
        self.note(f"ready after {self._process.start(FABRICKS_SOCKET=str(self._services)):.1f} s")
        person = Server(self._process.url, self._token.read_text().strip())
        self._connect(person)
        self._crash()
        changes = self._fired(person)
        self._waits(person, changes)
        self._decide(changes)
        self._confirmed(person, changes)
        self._process.stop()

    def _power_on(self) -> None:
        self.say("power on two machines", "a libvirtd of this demo's own; QEMU without a hypervisor's help")
        self._host.start()
        for name in (NAS, MEDIA):
            self._host.add(name)
            self.until(partial(self._up, name), f"the guest of `{name}`", STATE_SECONDS)
        self._listing("list", "--all")
        self.note(f"{MEDIA} lives on shares of {NAS}; each guest has said that it is up")

    def _connect(self, person: Server) -> None:
        self.say("make it known", "a controller with the driver `libvirt`, and samples/vm-recovery with its id")
        self._author(person, GREETING)
        site = next(person.pages("sites", 1))
        settings = {"uri": "qemu:///session", "socket": str(self._host.socket), "poll_seconds": POLL_SECONDS}
        body = {"site_id": site["id"], "name": CONTROLLER, "driver": "libvirt", "settings": settings}
        made = person.post("controllers", body)
        self.note(f"controller {made['name']} ({made['driver']}) {made['id']}, looked at every {POLL_SECONDS:g} s")
        self._author(person, CONNECTION.read_text().replace(SAMPLE_CONTROLLER, made["id"]))
        # What has never been seen running cannot be seen to stop.
        runs = self.until(lambda: _greeted(person), "the first look at the machines", STATE_SECONDS)
        self.note(f"device.discovered fired {len(runs)} times: the machines are known")

    def _author(self, person: Server, text: str) -> None:
        headers = {"Content-Type": "application/yaml"}
        made = person.send("POST", "connections", raw=text.encode(), headers=headers).body
        self.note(f"connection {made['name']}: on {made['source_event']}")

    def _crash(self) -> None:
        self.say(f"{NAS} crashes", "SIGKILL to its QEMU process")
        self._host.kill(NAS)
        state = self.until(lambda: self._off(NAS), f"libvirt to notice that `{NAS}` is gone", STATE_SECONDS)
        self.note(f"virsh domstate {NAS}: {state}")
        self.expect("libvirt's word for it", state, "shut off (crashed)")

    def _fired(self, person: Server) -> dict[str, str]:
        self.say("the Connection fires", "device.status.changed; the read runs at once, the writes only stage")
        run = self.until(lambda: _ended_run(person), "a run that has ended", STATE_SECONDS)
        show_run(run)
        self.expect("the run", run["state"], "succeeded")
        states = {step["id"]: step["state"] for step in run["steps"]}
        wanted = {"look": "succeeded", "keep": "staged", "again": "staged", "tell": "succeeded"}
        self.expect("its steps", states, wanted)
        return {step["id"]: step["change_ids"][0] for step in run["steps"] if step["state"] == "staged"}

    def _waits(self, person: Server, changes: dict[str, str]) -> None:
        self.say("both writes wait", "nothing has happened to the machine yet")
        for name, operation in (("keep", "hypervisor.vm.snapshot"), ("again", "hypervisor.vm.reboot")):
            change = person.get(f"changes/{changes[name]}")
            show_change(change)
            self.expect("the change", (change["operation_id"], change["state"]), (operation, "pending"))
        self.expect("its snapshots, as virsh lists them", self._snapshots(), [])
        self.expect("starts of its guest", self._host.starts(MEDIA), 1)

    def _decide(self, changes: dict[str, str]) -> None:
        self.say("a person decides", f"the snapshot: yes. The restart: no, not before {NAS} is back")
        self.note(self._fabric("changes", "apply", changes["keep"], "--yes").splitlines()[-1])
        note = f"not before {NAS} is back"
        self.note(self._fabric("changes", "reject", changes["again"], "--note", note, "--yes").splitlines()[-1])

    def _confirmed(self, person: Server, changes: dict[str, str]) -> None:
        self.say("libvirt's own listing confirms it", f"virsh snapshot-list {MEDIA}")
        states = {name: person.get(f"changes/{each}")["state"] for name, each in changes.items()}
        self.expect("the changes", states, {"keep": "applied", "again": "rejected"})
        wanted = person.get(f"changes/{changes['keep']}")["outcome"]["snapshot"]
        self.expect("its snapshots", self._snapshots(), [wanted])
        self._listing("snapshot-list", MEDIA)
        kept = "<memory snapshot='internal'/>" in self._host.virsh("snapshot-dumpxml", MEDIA, wanted)
        self.expect("its memory is in it", kept, True)
        self.expect("its state", self._host.virsh("domstate", MEDIA).strip(), "running")
        self.expect("starts of its guest", self._host.starts(MEDIA), 1)
        self.note(f"{MEDIA} runs on and was started once: the restart that was rejected has not happened")
        self.expect("the audit chain", person.get("audit/verify")["intact"], True)
        terminal.say("")
        terminal.say(f"applied: {changes['keep']}")
        terminal.say(f"rejected: {changes['again']}")

    def _up(self, name: str) -> Json:
        return self._host.starts(name) or None

    def _off(self, name: str) -> Json:
        state = self._host.virsh("domstate", name, "--reason").strip()
        return state if state.startswith("shut off") else None

    def _snapshots(self) -> list[str]:
        return self._host.virsh("snapshot-list", MEDIA, "--name").split()

    def _listing(self, *words: str) -> None:
        for line in self._host.virsh(*words).splitlines():
            if line.strip():
                self.note(line)

    def _fabric(self, *arguments: str) -> str:
        """The command line, as a person would use it; what it says."""
        environment = {
            "FABRIC_URL": self._process.url,
            "FABRIC_DATA_DIR": str(self._place / "data"),
            "FABRICKS_SOCKET": str(self._services),
        }
        return fabric(*arguments, environment=environment)


def play(place: Path) -> None:
    """Tell the story in `place`, which is emptied first and kept afterwards. Raises FabricError where it goes wrong."""
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(mode=0o700, parents=True)
    server = ServerProcess(place / "data", place / "server.log", SETTINGS)
    # A Unix socket's path has little room.
    with tempfile.TemporaryDirectory(prefix="fabvm-") as folder:
        host = Host(Path(folder))
        try:
            Story(place, server, host, Path(folder) / "fabricks.sock").tell()
        finally:
            server.kill()
            host.stop()


def _greeted(person: Server) -> Json:
    runs = [run for run in person.pages("runs", 20) if run["connection_name"] == "greeting" and run["ended_at"]]
    return runs if len(runs) == 2 else None


def _ended_run(person: Server) -> Json:
    for run in person.pages("runs", 20):
        if run["connection_name"] == "vm-recovery" and run["ended_at"] and run["state"] != "skipped":
            return person.get(f"runs/{run['id']}")
    return None
